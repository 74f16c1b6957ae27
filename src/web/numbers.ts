// Numbers for people, as the page writes them.

import { si } from '../amount.ts';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function count(value: number): string {
  return whole.format(value);
}

/** `12.3 Mb/s` */
export function bits(perSecond: number): string {
  return `${si(perSecond).replace(/(?=[a-z]?$)/i, ' ')}b/s`;
}

/** `3 d 4 h`, `12 s`: the two largest units. */
export function duration(seconds: number): string {
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  let rest = Math.floor(seconds);
  const parts = units.map(([length, name]) => {
    const times = Math.floor(rest / length);
    rest %= length;
    return times === 0 ? '' : `${times} ${name}`;
  });
  const first = parts.findIndex((part) => part !== '');
  return first === -1
    ? '0 s'
    : parts
        .slice(first, first + 2)
        .filter((part) => part !== '')
        .join(' ');
}
