// Numbers as bridge-utils reads and writes them: what follows a number does not matter.

/** Seconds as strtod reads them, cut to hundredths, in which the kernel takes times from user space (USER_HZ). */
export function seconds(text: string): number | undefined {
  const value = Number.parseFloat(text);
  return Number.isNaN(value) ? undefined : Math.trunc(Math.round(value * 1e6) / 1e4) / 100;
}

/** As scanf's %i: decimal, octal with a 0, hexadecimal with 0x; 32 bits. */
export function integer(text: string): number | undefined {
  const [, sign, digits] = /^\s*([+-]?)(0x[0-9a-f]+|\d+)/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const base = /^0x/i.test(digits) ? 16 : digits.startsWith('0') ? 8 : 10;
  const value = Number.parseInt(digits, base);
  return (sign === '-' ? -value : value) | 0;
}

/** `%4i.%.2i`: hundredths, cut off. */
export function timer(seconds: number): string {
  // a hair more, or 0.29 would be 28 of them
  const hundredths = Math.floor(seconds * 100 + 1e-6);
  const fraction = String(hundredths % 100).padStart(2, '0');
  return `${String(Math.floor(hundredths / 100)).padStart(4)}.${fraction}`;
}

/** `%.4x.` and the address. */
export function bridgeId(priority: number, mac: string): string {
  return `${hex(priority)}.${mac.replaceAll(':', '')}`;
}

export function hex(value: number): string {
  return value.toString(16).padStart(4, '0');
}
