// One front end's connection: bytes to messages, and replies back.

import { constants } from 'node:os';
import { closeFds, sendRights } from '../../sys/rights.ts';
import { MessageReader } from '../../sys/vhost_message.ts';
import { closeFd } from '../../sys/wake.ts';
import { HEADER_LEN, REPLY, readHeader, VERSION, VERSION_MASK } from '../../wire/vhost_user.ts';
import { Patience } from './patience.ts';
import { ProtocolError, type Session } from './session.ts';

const { EAGAIN, EINTR } = constants.errno;
/** Longer than any payload that we take: 8 regions of memory are 264 bytes, a configuration space 268. */
const MAX_PAYLOAD = 512;
/** Messages before others have their turn. */
const BURST = 64;
/** Of all guests of this process. */
const patience = new Patience();

export class Connection {
  readonly session: Session;
  private readonly fd: number;
  private readonly reader: MessageReader;

  /** @param fd of the connection, which this closes */
  constructor(fd: number, session: Session) {
    this.fd = fd;
    this.session = session;
    this.reader = new MessageReader(fd, HEADER_LEN + MAX_PAYLOAD);
  }

  /**
   * Takes what there is. False at the end of the connection.
   * @throws ProtocolError
   */
  read(): boolean {
    for (let n = 0; n < BURST; n++) {
      // Not before the first one, which is there, nor when the guest is: what comes then comes now and then.
      const wait = n === 0 || this.session.isReady ? 0 : patience.grant(performance.now());
      const got = this.reader.read(wait);
      if (got <= 0) return got !== 0 && (-got === EAGAIN || -got === EINTR);
      this.take();
    }
    return true;
  }

  private take(): void {
    const { reader, session } = this;
    const header = readHeader(reader.bytes);
    const { flags, size } = header;
    if ((flags & VERSION_MASK) !== VERSION || (flags & REPLY) !== 0 || size > MAX_PAYLOAD)
      throw new ProtocolError('what is no message of this protocol');
    if (reader.isCut) throw new ProtocolError('more descriptors than this process may have');
    const payload = reader.bytes.subarray(HEADER_LEN, HEADER_LEN + size);
    const fds = reader.next();
    let answer: Buffer | undefined;
    try {
      answer = session.take(header, payload, fds);
    } finally {
      closeFds(fds);
    }
    if (answer !== undefined && sendRights(this.fd, answer) !== answer.length)
      throw new ProtocolError('no room for an answer: it does not read them');
  }

  close(): void {
    closeFds(this.reader.next());
    this.session.end();
    closeFd(this.fd);
  }
}
