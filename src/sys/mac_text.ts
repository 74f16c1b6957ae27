// MAC addresses cross this layer's border as text, aa:bb:cc:dd:ee:ff. (wire/mac is not importable from here.)

/** Throws TypeError on anything but six pairs of hex digits with colons. */
export function macBytes(text: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw new TypeError(`${text} is not a MAC address`);
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

export function macText(bytes: Buffer): string {
  return bytes.toString('hex', 0, 6).replace(/..(?!$)/g, '$&:');
}

/** A name that C wrote into a zeroed field. */
export function cText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
