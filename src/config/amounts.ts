// Rates, sizes and times as tc writes them: `100mbit`, `64kb`, `50ms`. See tc(8), "Parameters".

const BITS: Readonly<Record<string, number>> = {
  '': 1,
  bit: 1,
  kbit: 1e3,
  mbit: 1e6,
  gbit: 1e9,
  tbit: 1e12,
  kibit: 2 ** 10,
  mibit: 2 ** 20,
  gibit: 2 ** 30,
  tibit: 2 ** 40,
  // bytes a second
  bps: 8,
  kbps: 8e3,
  mbps: 8e6,
  gbps: 8e9,
  tbps: 8e12,
};
const FRAMES: Readonly<Record<string, number>> = { pps: 1, kpps: 1e3, mpps: 1e6 };
/** tc's `kb` is 1,024 bytes. */
const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kb: 2 ** 10,
  m: 2 ** 20,
  mb: 2 ** 20,
  g: 2 ** 30,
  gb: 2 ** 30,
};
const MILLISECONDS: Readonly<Record<string, number>> = {
  us: 1e-3,
  usec: 1e-3,
  ms: 1,
  msec: 1,
  s: 1e3,
  sec: 1e3,
};

export interface Rate {
  /** Of `amount`: bits, or frames, a second. */
  unit: 'bits' | 'frames';
  amount: number;
}

export function parseRate(text: string): Rate | undefined {
  const bits = amount(text, BITS);
  if (bits !== undefined) return { unit: 'bits', amount: bits };
  const frames = amount(text, FRAMES);
  return frames === undefined ? undefined : { unit: 'frames', amount: frames };
}

/** Four digits: `38.21mbit`. */
export function formatRate(bits: number): string {
  const [unit, of] = bits >= 1e9 ? ['gbit', 1e9] : bits >= 1e6 ? ['mbit', 1e6] : ['kbit', 1e3];
  return `${Number((bits / Number(of)).toPrecision(4))}${unit}`;
}

/** Bytes. */
export function parseSize(text: string): number | undefined {
  const size = amount(text, BYTES);
  return size === undefined ? undefined : Math.floor(size);
}

/** ms */
export function parseTime(text: string): number | undefined {
  return amount(text, MILLISECONDS);
}

function amount(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]*)$/i.exec(text);
  if (match === null) return undefined;
  const unit = match[2].toLowerCase();
  return Object.hasOwn(units, unit) ? Number(match[1]) * units[unit] : undefined;
}
