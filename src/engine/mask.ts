/**
 * All ones if `x` is 0, else 0; `x` is not negative. For choices that traffic makes at random: `a & maskIfZero(x)` costs
 * three instructions, and a branch that the processor guesses wrong every other time 3 ns (tagged or not, half of each).
 */
export function maskIfZero(x: number): number {
  return (x - 1) >> 31;
}
