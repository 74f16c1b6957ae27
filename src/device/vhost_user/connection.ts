// One front end's connection: bytes to messages, and replies back. It reads a header and then exactly its payload, as
// descriptors come with the first byte of a message.

import { constants } from 'node:os';
import { closeFds, receiveRights, sendRights } from '../../sys/rights.ts';
import { closeFd } from '../../sys/wake.ts';
import { HEADER_LEN, type Header, REPLY, readHeader, VERSION, VERSION_MASK } from '../../wire/vhost_user.ts';
import { ProtocolError, type Session } from './session.ts';

const { EAGAIN, EINTR } = constants.errno;
/** Longer than any payload that we take: 8 regions of memory are 264 bytes, a configuration space 268. */
const MAX_PAYLOAD = 512;
/** Messages before others have their turn. */
const BURST = 64;

export class Connection {
  readonly session: Session;
  private readonly fd: number;
  private readonly message = Buffer.from(new ArrayBuffer(HEADER_LEN + MAX_PAYLOAD));
  private used = 0;
  private header: Header | undefined;
  /** Descriptors of the message that is being read. */
  private fds: number[] = [];

  /** @param fd of the connection, which this closes */
  constructor(fd: number, session: Session) {
    this.fd = fd;
    this.session = session;
  }

  /**
   * Takes what there is. False at the end of the connection.
   * @throws ProtocolError
   */
  read(): boolean {
    for (let n = 0; n < BURST; ) {
      const wanted = HEADER_LEN + (this.header?.size ?? 0) - this.used;
      if (wanted > 0) {
        const got = this.receive(wanted);
        if (got <= 0) return got !== 0 && (-got === EAGAIN || -got === EINTR);
      } else if (this.header !== undefined) n++;
      this.step();
    }
    return true;
  }

  private receive(wanted: number): number {
    const { message, used } = this;
    const { length, fds, isCut } = receiveRights(this.fd, message.subarray(used, used + wanted));
    this.fds.push(...fds);
    if (isCut) throw new ProtocolError('more descriptors than this process may have');
    if (length > 0) this.used += length;
    return length;
  }

  private step(): void {
    if (this.header === undefined) {
      if (this.used < HEADER_LEN) return;
      this.header = readHeader(this.message);
      const { flags, size } = this.header;
      if ((flags & VERSION_MASK) !== VERSION || (flags & REPLY) !== 0 || size > MAX_PAYLOAD)
        throw new ProtocolError('what is no message of this protocol');
    }
    if (this.used === HEADER_LEN + this.header.size) this.finish(this.header);
  }

  private finish(header: Header): void {
    const payload = this.message.subarray(HEADER_LEN, HEADER_LEN + header.size);
    let answer: Buffer | undefined;
    try {
      answer = this.session.take(header, payload, this.fds);
    } finally {
      this.closeFds();
    }
    this.used = 0;
    this.header = undefined;
    if (answer !== undefined && sendRights(this.fd, answer) !== answer.length)
      throw new ProtocolError('no room for an answer: it does not read them');
  }

  private closeFds(): void {
    closeFds(this.fds.splice(0));
  }

  close(): void {
    this.closeFds();
    this.session.end();
    closeFd(this.fd);
  }
}
