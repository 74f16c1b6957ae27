// One connection to a back end, from the front end's side: messages out, replies in. A back end answers in the order in
// which it was asked.

import { TaploomError } from '../../error.ts';
import { closeFds, receiveRights, sendRights } from '../../sys/rights.ts';
import { closeFd } from '../../sys/wake.ts';
import {
  HEADER_LEN,
  message,
  NEED_REPLY,
  REPLY,
  REQUEST,
  readHeader,
  readU64,
  U64_LEN,
} from '../../wire/vhost_user.ts';

const ROOM = 64 * 1024;
const EAGAIN = 11;
/** A reply that takes longer does not come. */
const PATIENCE_MS = 5000;
const NAMES = new Map<number, string>(Object.entries(REQUEST).map(([name, id]) => [id, name]));

export interface Reply {
  payload: Buffer;
  /** For whoever asked to close. */
  fds: number[];
}

interface Question {
  request: number;
  done(reply: Reply): void;
  failed(error: Error): void;
  timer: NodeJS.Timeout;
}

/** The back end said no, said something else, or is gone. */
export class BackEndError extends TaploomError {
  constructor(code: 'back_end_gone' | 'back_end_refused' | 'back_end_confused', text: string) {
    super(code, text);
    this.name = 'BackEndError';
  }
}

export class FrontEnd {
  readonly fd: number;
  /** The back end acknowledges what it is told. */
  hasReplyAck = false;
  /** Resolves when the connection is over. */
  readonly ended: Promise<void>;
  private end!: () => void;
  private readonly questions: Question[] = [];
  private readonly room = Buffer.from(new ArrayBuffer(ROOM));
  private bytes = Buffer.alloc(0);
  private fds: number[] = [];
  private isOver = false;
  private isRaw = false;

  /** Takes over a connected socket. */
  constructor(fd: number) {
    this.fd = fd;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  get isOpen(): boolean {
    return !this.isOver;
  }

  /** Bytes as they are, whatever they mean. What the back end answers to them is thrown away. */
  raw(bytes: Buffer, fds: readonly number[] = []): void {
    this.isRaw = true;
    this.send(bytes, fds);
  }

  private send(bytes: Buffer, fds: readonly number[] = []): void {
    if (this.isOver) throw new BackEndError('back_end_gone', 'The back end has closed the connection');
    const sent = sendRights(this.fd, bytes, fds);
    if (sent === bytes.length) return;
    this.close();
    throw new BackEndError('back_end_gone', `The back end does not take messages any more (${sent})`);
  }

  /** Asks what has an answer. Rejects with BackEndError. */
  ask(request: number, payload?: Buffer, fds?: readonly number[], flags = 0): Promise<Reply> {
    return new Promise((done, failed) => {
      this.send(message(request, payload, flags), fds);
      const timer = setTimeout(() => {
        this.close();
        failed(new BackEndError('back_end_confused', `The back end does not answer ${nameOf(request)}`));
      }, PATIENCE_MS);
      this.questions.push({ request, done, failed, timer });
    });
  }

  async askU64(request: number): Promise<bigint> {
    const { payload, fds } = await this.ask(request);
    closeFds(fds);
    if (payload.length < U64_LEN) {
      throw new BackEndError('back_end_confused', `The back end's answer to ${nameOf(request)} is too short`);
    }
    return readU64(payload);
  }

  /** Tells what has no answer; with `hasReplyAck` it is acknowledged. Rejects with BackEndError. */
  async tell(request: number, payload?: Buffer, fds?: readonly number[]): Promise<void> {
    if (!this.hasReplyAck) return this.send(message(request, payload), fds);
    const reply = await this.ask(request, payload, fds, NEED_REPLY);
    closeFds(reply.fds);
    if (reply.payload.length < U64_LEN || readU64(reply.payload) !== 0n) {
      throw new BackEndError('back_end_refused', `The back end refuses ${nameOf(request)}`);
    }
  }

  /** Reads what has come: to be called when the socket is readable. */
  poll(): void {
    while (!this.isOver) {
      const { length, fds } = receiveRights(this.fd, this.room);
      this.fds.push(...fds);
      if (length === -EAGAIN) return;
      if (length <= 0) {
        this.close();
        return;
      }
      this.bytes = Buffer.concat([this.bytes, this.room.subarray(0, length)]);
      this.answer();
    }
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    closeFd(this.fd);
    closeFds(this.fds);
    for (const { request, failed, timer } of this.questions.splice(0)) {
      clearTimeout(timer);
      failed(new BackEndError('back_end_gone', `The back end closed the connection at ${nameOf(request)}`));
    }
    this.end();
  }

  private answer(): void {
    while (this.bytes.length >= HEADER_LEN) {
      const { request, flags, size } = readHeader(this.bytes);
      if (this.bytes.length < HEADER_LEN + size) return;
      const payload = Buffer.from(this.bytes.subarray(HEADER_LEN, HEADER_LEN + size));
      this.bytes = this.bytes.subarray(HEADER_LEN + size);
      const question = this.questions[0];
      if (question === undefined && this.isRaw) {
        closeFds(this.fds.splice(0));
        continue;
      }
      if (question?.request !== request || (flags & REPLY) === 0) {
        this.close();
        return;
      }
      this.questions.shift();
      clearTimeout(question.timer);
      question.done({ payload, fds: this.fds.splice(0) });
    }
  }
}

function nameOf(request: number): string {
  return NAMES.get(request) ?? `request ${request}`;
}
