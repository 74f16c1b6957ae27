// One front end's connection: bytes to messages, and replies back. It reads a header and then exactly its payload, as
// descriptors come with the first byte of a message.

import { constants } from 'node:os';
import type { MessageSocket } from '../../sys/message_socket.ts';
import { closeFd } from '../../sys/wake.ts';
import { HEADER_LEN, type Header, MAX_PAYLOAD, parseHeader } from '../../wire/vhost_user.ts';
import { ProtocolError, type Session } from './session.ts';

const { EAGAIN, EINTR } = constants.errno;
/** Messages before others have their turn. */
const BURST = 64;

export class Connection {
  readonly session: Session;
  private readonly socket: MessageSocket;
  private readonly message = Buffer.alloc(HEADER_LEN + MAX_PAYLOAD);
  private readonly view = new DataView(this.message.buffer, this.message.byteOffset, HEADER_LEN);
  private used = 0;
  private header: Header | undefined;
  /** Descriptors of the message that is being read. */
  private fds: number[] = [];

  constructor(socket: MessageSocket, session: Session) {
    this.socket = socket;
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
    const { socket, message, used } = this;
    const got = socket.receive(message.subarray(used), wanted);
    this.fds.push(...socket.fds);
    if (got > 0) this.used += got;
    return got;
  }

  private step(): void {
    if (this.header === undefined) {
      if (this.used < HEADER_LEN) return;
      this.header = parseHeader(this.view);
      if (this.header === undefined) throw new ProtocolError('what is no message of this protocol');
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
    if (answer !== undefined && this.socket.send(answer) !== answer.length)
      throw new ProtocolError('no room for an answer: it does not read them');
  }

  private closeFds(): void {
    for (const fd of this.fds.splice(0)) closeFd(fd);
  }

  close(): void {
    this.closeFds();
    this.session.end();
    closeFd(this.socket.fd);
  }
}
