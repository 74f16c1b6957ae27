// Messages of rtnetlink(7), as the kernel lays them out.

/** An attribute, padded. */
export function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(4 + value.length);
  head.writeUInt16LE(type, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

/** With its header. */
export function message(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length);
  head.writeUInt16LE(type, 4);
  return Buffer.concat([head, body]);
}
