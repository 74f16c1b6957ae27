// Numbers for people.

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'];

/** Three to four digits: 950, 12.3k, 9.41G. */
export function si(value: number): string {
  let unit = 0;
  // 999.5 would print as 1000
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return value.toFixed(digits) + UNITS[unit];
}

/** The other way round: 1.5k is 1500. NaN if it is no number. */
export function parseSi(text: string): number {
  const match = /^(-?[\d.]+)([kMGTP]?)$/.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * 1000 ** UNITS.indexOf(match[2]);
}

/** Exact up to seven digits, then as `si`; `--json` is always exact. */
export function amount(value: number): string {
  return value < 10_000_000 ? String(value) : si(value);
}
