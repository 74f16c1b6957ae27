// Which member each flow takes. A flow's hash names one of BUCKETS, and a bucket a member: when a member goes, only its
// own buckets move, and when one comes, it gets its share and no other flow moves.

/** So many that the shares of up to 16 members differ by 6 % at most. */
export const BUCKETS = 256;

/** By bucket; undefined = nobody carries frames. `before`: as it was, of any length. */
export function spread(
  before: readonly (string | undefined)[],
  members: readonly string[],
): (string | undefined)[] {
  if (members.length === 0) return new Array(BUCKETS).fill(undefined);
  const counts = new Map(members.map((name) => [name, 0]));
  const most = Math.ceil(BUCKETS / members.length);
  const take = (name: string) => counts.set(name, (counts.get(name) as number) + 1);
  const after = Array.from({ length: BUCKETS }, (_, n) => {
    const name = before[n];
    if (name === undefined || (counts.get(name) ?? most) >= most) return undefined;
    take(name);
    return name;
  });
  return after.map((name) => {
    if (name !== undefined) return name;
    const least = members.reduce((a, b) => ((counts.get(b) as number) < (counts.get(a) as number) ? b : a));
    take(least);
    return least;
  });
}
