/**
 * All ones if `x` is 0, else 0; `x` is not negative. For choices that traffic makes at random: `a & maskIfZero(x)` costs
 * three instructions, and a branch that the processor guesses wrong every other time 5 ns (tagged or not, 256 stations).
 */
export function maskIfZero(x: number): number {
  return (x - 1) >> 31;
}
