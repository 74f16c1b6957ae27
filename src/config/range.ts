// Ranges of numbers as a configuration writes them: `100-199`, for VLAN ids and UDP ports.

export interface Range {
  from: number;
  to: number;
}

/** Undefined if `text` is not two decimal numbers with a hyphen. Says nothing about their order or limits. */
export function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,5}) ?- ?(\d{1,5})$/.exec(text);
  return match ? { from: Number(match[1]), to: Number(match[2]) } : undefined;
}

/** Ascending numbers as ranges. */
export function rangesOf(vids: readonly number[]): Range[] {
  const ranges: Range[] = [];
  for (const vid of [...vids].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && vid <= last.to + 1) last.to = vid;
    else ranges.push({ from: vid, to: vid });
  }
  return ranges;
}
