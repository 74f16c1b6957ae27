// A vhost-user port: waits for a front end at a socket, or looks for one, and lets a session of each set up the rings.
// Forwarding goes on in the workers meanwhile, which know the device by its number.
//
//   server: listen -> connection -> session ... end -> listen       client: connect, again each second -> ...

import { constants } from 'node:os';
import type { VhostUserPortConfig } from '../../config/port_shape.ts';
import type { VhostUserDeviceSpec } from '../../port/spec.ts';
import { unixAccept, unixConnect } from '../../sys/rights.ts';
import type { SocketWatch } from '../../sys/socket_watch.ts';
import { errnoName } from '../../sys/sys_error.ts';
import { type QueueState, VhostRings } from '../../sys/vhost.ts';
import { closeFd } from '../../sys/wake.ts';
import { FEATURE } from '../../wire/virtio.ts';
import type { Device, GuestDetails, GuestStatus } from '../device.ts';
import { inodeOf, openSocketFile, removeSocketFile } from '../socket_place.ts';
import { breakageText } from './breakage.ts';
import { Connection } from './connection.ts';
import { has, offeredFeatures, offloadsOf } from './features.ts';
import { ProtocolError, Session } from './session.ts';

const { ENOENT, ECONNREFUSED } = constants.errno;
/** Between two tries to reach a front end, ms. */
const REDIAL = 1000;

export interface VhostUserParts {
  watch: SocketWatch;
  /** The port is up or down now, or broken. */
  onChange: () => void;
}

export class VhostUserPort {
  readonly rings: VhostRings;
  readonly spec: VhostUserDeviceSpec;
  private readonly config: VhostUserPortConfig;
  private readonly parts: VhostUserParts;
  private readonly mtu: number;
  /** What workers read: see VhostSink. */
  private readonly words: Int32Array;
  private listener = -1;
  /** Of the listener's file. */
  private inode: number | undefined;
  private connection: { fd: number; connection: Connection } | undefined;
  private redial: NodeJS.Timeout | undefined;
  /** Why there is no connection. */
  private reason = '';
  private told: GuestStatus = { state: 'down' };
  private isClosed = false;

  constructor(port: number, config: VhostUserPortConfig, mtu: number, parts: VhostUserParts) {
    this.config = config;
    this.parts = parts;
    this.mtu = mtu;
    this.rings = new VhostRings(config.queues);
    const state = new SharedArrayBuffer(4);
    this.words = new Int32Array(state);
    const { waitFd: fd, device } = this.rings;
    this.spec = { kind: 'vhost_user', port, fd, device, state, fault: config.fault };
    parts.watch.add(this.rings.alarmFd, () => this.alarm());
  }

  /** @throws TaploomError if there can be no such socket */
  begin(verb: string): void {
    const { path, mode } = this.config;
    this.reason = mode === 'server' ? `no front end has connected to ${path}` : `nobody listens at ${path}`;
    if (mode === 'client') this.dial();
    else {
      this.listener = openSocketFile(verb, this.config, 'stream');
      this.inode = inodeOf(path);
      this.parts.watch.add(this.listener, () => this.accept());
    }
    this.look();
  }

  get status(): GuestStatus {
    return this.told;
  }

  get offloads(): number {
    return this.words[0];
  }

  details(): GuestDetails {
    const states = this.rings.states();
    const features = this.connection?.connection.session.features ?? 0n;
    const sum = (of: (queue: QueueState) => number) => states.reduce((total, one) => total + of(one), 0);
    return {
      path: this.config.path,
      rings: !states[0].isRunning ? 'none' : has(features, FEATURE.ringPacked) ? 'packed' : 'split',
      queues: states.filter(({ isRunning }, queue) => isRunning && queue % 2 === 0).length,
      interrupts: sum(({ calls }) => calls),
      full: sum(({ full }) => full),
    };
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.redial);
    this.hangUp('');
    const { watch } = this.parts;
    if (this.listener >= 0) {
      watch.drop(this.listener);
      closeFd(this.listener);
      removeSocketFile(this.config.path, this.inode);
    }
    watch.drop(this.rings.alarmFd);
    this.rings.close();
  }

  private dial(): void {
    const fd = unixConnect(this.config.path);
    if (fd >= 0) this.greet(fd);
    else {
      if (-fd !== ENOENT && -fd !== ECONNREFUSED)
        this.reason = `cannot connect to ${this.config.path}: ${errnoName(-fd)}`;
      this.redial = setTimeout(() => this.dial(), REDIAL).unref();
      this.look();
    }
  }

  /** A port has one guest: who comes while it has one is turned away. */
  private accept(): void {
    for (let fd = unixAccept(this.listener); fd >= 0; fd = unixAccept(this.listener)) {
      if (this.connection === undefined) this.greet(fd);
      else closeFd(fd);
    }
  }

  private greet(fd: number): void {
    const { queues, offloads } = this.config;
    const options = { pairs: queues, features: offeredFeatures(queues, offloads), mtu: this.mtu };
    const session = new Session(this.rings, options);
    this.connection = { fd, connection: new Connection(fd, session) };
    this.reason = 'its guest has not set up the device yet';
    this.listen(fd);
    this.look();
  }

  /** Once: while messages are read, the thread that tells of them has nothing to tell. */
  private listen(fd: number): void {
    this.parts.watch.once(fd, () => this.read());
  }

  private read(): void {
    if (this.connection === undefined) return;
    let end: string | undefined;
    try {
      const next = this.config.mode === 'server' ? 'waiting for the next one' : 'it is tried again';
      if (!this.connection.connection.read()) end = `the front end has gone, ${next}`;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      end = `the front end broke the protocol: ${error.message}`;
    }
    if (end !== undefined) this.hangUp(end);
    else {
      this.listen(this.connection.fd);
      this.look();
    }
  }

  private hangUp(reason: string): void {
    this.reason = reason;
    const { connection: one, parts, config } = this;
    this.connection = undefined;
    if (one !== undefined) {
      parts.watch.drop(one.fd);
      one.connection.close();
    }
    if (this.isClosed) return;
    if (config.mode === 'client') this.redial = setTimeout(() => this.dial(), REDIAL).unref();
    this.look();
  }

  /** A worker found that a ring lies, or that its memory has vanished. */
  private alarm(): void {
    this.rings.takeAlarm();
    this.look();
  }

  /** What has become of the port, for the workers and for whoever asks. */
  private look(): void {
    const session = this.connection?.connection.session;
    Atomics.store(this.words, 0, session === undefined ? 0 : offloadsOf(session.features));
    const before = this.told;
    this.told = this.find(session);
    if (session !== undefined) session.needsReset = this.told.state === 'broken';
    if (before.state !== this.told.state || before.reason !== this.told.reason) this.parts.onChange();
  }

  private find(session: Session | undefined): GuestStatus {
    if (session === undefined) return { state: 'down', reason: this.reason };
    const states = this.rings.states();
    const broken = states.findIndex((queue) => queue.broken !== 0);
    if (broken >= 0) return { state: 'broken', reason: breakageText(broken, states[broken].broken) };
    if (states[0].isRunning && states[1].isRunning) return { state: 'up' };
    return { state: 'down', reason: session.trouble ?? this.reason };
  }
}

export function openVhostUser(
  port: number,
  name: string,
  config: VhostUserPortConfig,
  mtu: number,
  parts: VhostUserParts,
): Device {
  const guest = new VhostUserPort(port, config, mtu, parts);
  try {
    guest.begin(`Cannot attach port ${name}`);
  } catch (error) {
    guest.close();
    throw error;
  }
  const close = () => guest.close();
  return {
    spec: guest.spec,
    guest: () => guest.status,
    guestDetails: () => guest.details(),
    get offloads() {
      return guest.offloads;
    },
    setMtu() {},
    close,
    undo: close,
  };
}
