// Messages of a vhost-user front end, whole and one at a time, with the descriptors that came with them:
// native/vhost_message.c. Control plane only.

import { aligned, native } from './native.ts';
import { MAX_FDS } from './rights.ts';

// Words of tl_vhost_message in native/taploom.h.
const USED = 0;
const COUNT = 1;
const CUT = 2;
const FDS = 3;

export class MessageReader {
  /** The message, from its header on. */
  readonly bytes: Buffer;
  private readonly fd: number;
  private readonly memory = aligned(4 * (FDS + MAX_FDS));
  private readonly words = new Int32Array(this.memory.buffer);

  /** @param room bytes of the longest message */
  constructor(fd: number, room: number) {
    this.fd = fd;
    this.bytes = aligned(room);
  }

  /**
   * 1: a message is there, or the header of one that is too long; 0: the connection is over; else -errno.
   * @param patience us to wait for it, once
   */
  read(patience: number): number {
    return native().tl_vhost_message(this.fd, this.bytes, this.bytes.length, this.memory, patience);
  }

  /** More descriptors came than this process, or a message, may have. */
  get isCut(): boolean {
    return this.words[CUT] !== 0;
  }

  /** Makes room for the next message. The descriptors of this one are the caller's. */
  next(): number[] {
    const fds = Array.from(this.words.subarray(FDS, FDS + this.words[COUNT]));
    this.words.fill(0, USED, FDS);
    return fds;
  }
}
