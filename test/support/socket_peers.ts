// The other end of a port's socket, as a virtual machine has it: frames behind their length on a stream, or one a message.

import { closeSync, mkdtempSync, readSync, rmSync, writeSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { accept, connectUnix, listenUnix, reconnectUnix, type SocketType } from '../../src/sys/socket.ts';

/** A folder for sockets that the current test owns. */
export function socketDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'tlsock-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function framed(frame: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + frame.length);
  bytes.writeUInt32BE(frame.length);
  bytes.set(frame, 4);
  return bytes;
}

/** What came in through a stream, as frames. */
export class StreamPeer {
  readonly socket: Socket;
  readonly frames: Buffer[] = [];
  isClosed = false;
  private rest = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => this.take(bytes));
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
  }

  static async connect(to: string | NetConnectOpts): Promise<StreamPeer> {
    const socket = connect(to as NetConnectOpts);
    await new Promise((done, fail) => socket.once('connect', done).once('error', fail));
    return new StreamPeer(socket);
  }

  send(...frames: Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames.map(framed)));
  }

  private take(bytes: Buffer): void {
    let all = Buffer.concat([this.rest, bytes]);
    while (all.length >= 4 && all.length >= 4 + all.readUInt32BE()) {
      const end = 4 + all.readUInt32BE();
      this.frames.push(Buffer.from(all.subarray(4, end)));
      all = all.subarray(end);
    }
    this.rest = all;
  }
}

/** A server as QEMU is one: `peers` are those who came. */
export async function streamServer(at: string | { port: number; host: string }) {
  const peers: StreamPeer[] = [];
  const server = createServer((socket) => peers.push(new StreamPeer(socket)));
  await new Promise<void>((done) => void server.listen(at as never, done));
  const close = () => new Promise<void>((done) => void server.close(() => done()));
  onTestFinished(() => {
    if (server.listening) server.close();
  });
  return { peers, close, server: server as Server };
}

/** A socket whose messages are frames. */
export class MessagePeer {
  readonly fd: number;
  private isOpen = true;

  constructor(fd: number) {
    this.fd = fd;
    onTestFinished(() => this.close());
  }

  static connect(path: string, type: SocketType): MessagePeer {
    return new MessagePeer(connectUnix(path, type));
  }

  static bind(path: string): MessagePeer {
    return new MessagePeer(listenUnix(path, 'dgram', { mode: 0o600, uid: -1, gid: -1 }));
  }

  send(bytes: Uint8Array): void {
    writeSync(this.fd, bytes);
  }

  /** Of one that is bound: connects to `path` first. */
  sendTo(path: string, bytes: Uint8Array): void {
    if (reconnectUnix(this.fd, path) < 0) throw new Error(`nobody is at ${path}`);
    this.send(bytes);
  }

  /** All that is there. */
  receive(): Buffer[] {
    const frames: Buffer[] = [];
    const room = Buffer.alloc(70_000);
    for (;;) {
      try {
        const length = readSync(this.fd, room);
        if (length === 0) return frames;
        frames.push(Buffer.from(room.subarray(0, length)));
      } catch {
        return frames;
      }
    }
  }

  close(): void {
    if (this.isOpen) closeSync(this.fd);
    this.isOpen = false;
  }
}

/** A server whose connections are of messages. */
export function packetServer(path: string) {
  const fd = listenUnix(path, 'seqpacket', { mode: 0o600, uid: -1, gid: -1 });
  onTestFinished(() => closeSync(fd));
  return {
    accept: (): MessagePeer | undefined => {
      const connection = accept(fd);
      return connection < 0 ? undefined : new MessagePeer(connection);
    },
  };
}
