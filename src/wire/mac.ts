// MAC addresses (EUI-48) between text, bytes, and the two numbers in which the switch keeps them:
//
//   aa:bb:cc:dd:ee:ff   hi = 0xaabb   lo = 0xccddeeff as int32
//
// int32, because that is what `DataView.getInt32` reads, what an Int32Array stores, and what V8 keeps unboxed.

export interface Mac {
  readonly hi: number;
  readonly lo: number;
}

const COLONS = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const HYPHENS = /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i;

/** Accepts `aa:bb:cc:dd:ee:ff` and IEEE's `AA-BB-CC-DD-EE-FF`; undefined for anything else. */
export function parseMac(text: string): Mac | undefined {
  if (!COLONS.test(text) && !HYPHENS.test(text)) return undefined;
  const digits = text.replaceAll(/[:-]/g, '');
  return { hi: Number.parseInt(digits.slice(0, 4), 16), lo: Number.parseInt(digits.slice(4), 16) | 0 };
}

/** `aa:bb:cc:dd:ee:ff`, lower case. */
export function formatMac(hi: number, lo: number): string {
  const digits = (hi & 0xffff).toString(16).padStart(4, '0') + (lo >>> 0).toString(16).padStart(8, '0');
  return digits.replaceAll(/..(?=.)/g, '$&:');
}

export function macAt(view: DataView, at: number): Mac {
  return { hi: view.getUint16(at), lo: view.getInt32(at + 2) };
}

export function setMac(view: DataView, at: number, hi: number, lo: number): void {
  view.setUint16(at, hi);
  view.setInt32(at + 2, lo);
}

/** Multicast or broadcast: the I/G bit of the first byte (IEEE 802-2014, 8.2.2). */
export function isGroupMac(hi: number): boolean {
  return (hi & 0x0100) !== 0;
}

export function isZeroMac(hi: number, lo: number): boolean {
  return hi === 0 && lo === 0;
}
