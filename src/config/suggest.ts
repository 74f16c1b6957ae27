// "Did you mean": the word of a list that a mistyped one was probably meant to be.

/** Longer words are no slips of ours, and the distance would take long to find. */
const MAX_LENGTH = 64;

/** Undefined if nothing is near enough. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const typed = plain(word);
  let best: string | undefined;
  // A third of the letters may be wrong: more suggests nonsense, less misses real slips.
  let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const candidate of candidates) {
    const whole = plain(candidate);
    // `ageing` for `ageing_time`: half of a word is as good as one letter wrong.
    const distance = typed.length >= 3 && whole.startsWith(typed) ? 1 : editDistance(typed, whole);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `vlanFiltering` and `VLAN-filtering` are `vlan_filtering` in another spelling. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Optimal string alignment: insertions, deletions, substitutions, and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
      }
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}
