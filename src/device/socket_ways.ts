// How a port comes by its connections, one after the other: each way looks for the next one, and says why there is none.
//
//   stream, server   accepts; who comes while there is one waits in the kernel's queue until that has gone
//   stream, client   connects, and tries again
//   dgram, server    connects its own socket to `remote`, or to whoever sends first
//   dgram, client    connects, and says hello where the framing has a greeting

import type { DgramPortConfig, SocketPortConfig, StreamPortConfig } from '../config/schema.ts';
import { monotonicMs } from '../sys/clock.ts';
import { accept, greet, hasPeer, meet, reconnectUnix, socketError } from '../sys/socket.ts';
import type { SocketWatch } from '../sys/socket_watch.ts';
import { errnoName } from '../sys/sys_error.ts';
import { closeFd } from '../sys/wake.ts';
import { inodeOf, openClient, openServer, placeOf, removeSocketFile } from './socket_place.ts';

/** Between two tries, ms: who restarts is back soon, who is away costs a system call a second. */
const FIRST_PAUSE = 50;
const LAST_PAUSE = 1000;
/** Between two connections, ms: who comes and goes in a loop must not keep the control plane busy. */
const PACE = 20;
/** Between two looks whether the other end of a datagram socket is still there, which nobody tells, ms. */
const LOOK_PAUSE = 1000;
/** What vfkit says first, so that its server knows where to send. */
const VFKIT_HELLO = Buffer.from('VFKT');
const NO_HELLO = Buffer.alloc(0);
const EAGAIN = 11;

/** Who is told. `found` takes the descriptor. */
export interface Seeker {
  found(fd: number): void;
  waits(reason: string): void;
}

export interface Way {
  /** Looks for the next connection, of which it tells once. */
  seek(): void;
  /** Looks no longer, and closes what it has open itself. */
  close(): void;
}

/** Throws TaploomError if there can be no such socket. */
export function openWay(verb: string, config: SocketPortConfig, watch: SocketWatch, seeker: Seeker): Way {
  if (config.mode === 'client') return new ClientWay(config, watch, seeker);
  if (config.type === 'dgram') return new DatagramWay(verb, config, watch, seeker);
  return new ServerWay(verb, config, watch, seeker);
}

/** Calls again and again, with pauses that grow, until it is stopped. */
class Retry {
  private timer: NodeJS.Timeout | undefined;
  private pause = FIRST_PAUSE;

  later(act: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(act, this.pause).unref();
    this.pause = Math.min(2 * this.pause, LAST_PAUSE);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.pause = FIRST_PAUSE;
  }
}

class ServerWay implements Way {
  private readonly config: StreamPortConfig;
  private readonly watch: SocketWatch;
  private readonly seeker: Seeker;
  private readonly fd: number;
  private readonly inode: number | undefined;
  private readonly retry = new Retry();
  private timer: NodeJS.Timeout | undefined;
  /** Not before that, ms. */
  private nextAt = 0;

  constructor(verb: string, config: StreamPortConfig, watch: SocketWatch, seeker: Seeker) {
    this.config = config;
    this.watch = watch;
    this.seeker = seeker;
    this.fd = openServer(verb, config);
    this.inode = config.path === undefined ? undefined : inodeOf(config.path);
  }

  seek(): void {
    this.seeker.waits(`nobody is connected to ${placeOf(this.config)}`);
    clearTimeout(this.timer);
    const wait = this.nextAt - monotonicMs();
    if (wait > 0) this.timer = setTimeout(() => this.arm(), wait).unref();
    else this.arm();
  }

  close(): void {
    clearTimeout(this.timer);
    this.retry.stop();
    this.watch.drop(this.fd);
    closeFd(this.fd);
    if (this.config.path !== undefined) removeSocketFile(this.config.path, this.inode);
  }

  private arm(): void {
    this.watch.once(this.fd, () => this.take());
  }

  private take(): void {
    const fd = accept(this.fd);
    if (fd >= 0) {
      this.nextAt = monotonicMs() + PACE;
      this.retry.stop();
      this.seeker.found(fd);
      return;
    }
    // Out of descriptors the connection stays in the queue, and would be told of at once.
    if (fd === -EAGAIN) this.arm();
    else this.retry.later(() => this.arm());
    if (fd !== -EAGAIN) this.seeker.waits(`cannot accept at ${placeOf(this.config)}: ${errnoName(-fd)}`);
  }
}

class ClientWay implements Way {
  private readonly config: SocketPortConfig;
  private readonly watch: SocketWatch;
  private readonly seeker: Seeker;
  private readonly retry = new Retry();
  /** A connection on its way, -1 = none. */
  private fd = -1;

  constructor(config: SocketPortConfig, watch: SocketWatch, seeker: Seeker) {
    this.config = config;
    this.watch = watch;
    this.seeker = seeker;
  }

  seek(): void {
    const { config } = this;
    try {
      this.fd = openClient(config);
    } catch (error) {
      this.failed((error as NodeJS.ErrnoException).code ?? String(error));
      return;
    }
    if (config.path === undefined) this.watch.once(this.fd, () => this.settle(), { write: true });
    else this.settle();
  }

  close(): void {
    this.retry.stop();
    if (this.fd < 0) return;
    this.watch.drop(this.fd);
    closeFd(this.fd);
    this.fd = -1;
  }

  private settle(): void {
    const { fd } = this;
    this.fd = -1;
    const error = socketError(fd);
    const greeted = error === 0 && this.config.framing === 'vfkit' ? greet(fd, VFKIT_HELLO) : 0;
    if (error === 0 && greeted >= 0) {
      this.retry.stop();
      this.seeker.found(fd);
      return;
    }
    closeFd(fd);
    this.failed(errnoName(error === 0 ? -greeted : error));
  }

  private failed(code: string): void {
    const why = code === 'ENOENT' || code === 'ECONNREFUSED' ? 'nobody listens there' : code;
    this.seeker.waits(`cannot connect to ${placeOf(this.config)}: ${why}; it is tried again every second`);
    this.retry.later(() => this.seek());
  }
}

/** The socket is the connection itself: the next one takes a new socket. */
class DatagramWay implements Way {
  private readonly verb: string;
  private readonly config: DgramPortConfig;
  private readonly watch: SocketWatch;
  private readonly seeker: Seeker;
  private readonly retry = new Retry();
  private fd = -1;
  private inode: number | undefined;

  constructor(verb: string, config: DgramPortConfig, watch: SocketWatch, seeker: Seeker) {
    this.verb = verb;
    this.config = config;
    this.watch = watch;
    this.seeker = seeker;
    this.bind();
  }

  seek(): void {
    const { config } = this;
    try {
      if (this.fd < 0) this.bind();
    } catch (error) {
      this.seeker.waits((error as Error).message);
      this.retry.later(() => this.seek());
      return;
    }
    if (config.path === undefined && config.remote !== undefined) this.give();
    else if (config.remote !== undefined) this.connect(config.remote);
    else this.await();
  }

  close(): void {
    this.retry.stop();
    if (this.fd >= 0) {
      this.watch.drop(this.fd);
      closeFd(this.fd);
      this.fd = -1;
    }
    if (this.config.path !== undefined) removeSocketFile(this.config.path, this.inode);
  }

  private bind(): void {
    const { path } = this.config;
    if (path !== undefined) removeSocketFile(path, this.inode); // of the connection before
    this.fd = openServer(this.verb, this.config);
    this.inode = path === undefined ? undefined : inodeOf(path);
  }

  private connect(remote: string): void {
    if (reconnectUnix(this.fd, remote) === 0) {
      this.give();
      return;
    }
    this.seeker.waits(`nobody has a socket at ${remote}; it is tried again every second`);
    this.retry.later(() => this.connect(remote));
  }

  private await(): void {
    const greeting = this.config.framing === 'vfkit' ? VFKIT_HELLO : NO_HELLO;
    this.seeker.waits(`nobody has sent anything to ${placeOf(this.config)}`);
    this.watch.once(this.fd, () => {
      if (meet(this.fd, greeting) === 0) this.give();
      else this.await();
    });
  }

  private give(): void {
    const { fd } = this;
    this.watch.drop(fd);
    this.fd = -1;
    this.retry.stop();
    this.seeker.found(fd);
  }
}

/** Looks whether the other end of a datagram socket is there, which nobody tells; of any other it hears at once. */
export class PeerLook {
  private readonly isNeeded: boolean;
  private timer: NodeJS.Timeout | undefined;

  constructor({ type, path }: SocketPortConfig) {
    this.isNeeded = type === 'dgram' && path !== undefined;
  }

  begin(fd: number, gone: () => void): void {
    this.end();
    if (!this.isNeeded) return;
    this.timer = setInterval(() => {
      if (!hasPeer(fd)) gone();
    }, LOOK_PAUSE).unref();
  }

  end(): void {
    clearInterval(this.timer);
  }
}
