// Messages in a stream of TCP, each behind its length in two bytes: RFC 1035 section 4.2.2.

export class DnsStream {
  private readonly most: number;
  private rest = Buffer.alloc(0);

  /** `most`: bytes of the longest message that is taken. */
  constructor(most: number) {
    this.most = most;
  }

  /** The messages that are whole now; undefined: one would be too long. */
  push(chunk: Buffer): Buffer[] | undefined {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const messages: Buffer[] = [];
    while (bytes.length >= 2) {
      const end = 2 + bytes.readUInt16BE(0);
      if (end - 2 > this.most) return undefined;
      if (bytes.length < end) break;
      messages.push(bytes.subarray(2, end));
      bytes = bytes.subarray(end);
    }
    // A copy: what was read is not kept for its last bytes.
    this.rest = Buffer.from(bytes);
    return messages;
  }
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
