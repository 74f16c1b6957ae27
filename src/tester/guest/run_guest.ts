// A fake guest at work: it answers ARP and pings, pings others, sends test frames, counts, and comes back when its back end
// does.

import * as ethernet from '../../wire/ethernet.ts';
import type { Mac } from '../../wire/mac.ts';
import type { FakeGuest } from './fake_guest.ts';
import { BackEndError } from './front_end.ts';
import { IpHost } from './ip_host.ts';

export interface GuestPlan {
  mac: Mac;
  /** An unsigned number; without one the guest has no IP. */
  address?: number;
  /** Whom to ping; needs an address. */
  ping?: number;
  /** How many echo requests. */
  count: number;
  intervalMs: number;
  /** Test frames to send, their length, destination, and how many a second. */
  frames: number;
  size: number;
  to: Mac;
  rate: number;
  /** When to end; without it as soon as all was sent, or never if nothing was to be sent. */
  seconds?: number;
}

export interface GuestTally {
  connections: number;
  sent: number;
  received: number;
  receivedBytes: number;
  /** Pings of others that were answered. */
  echoed: number;
  pings: { sent: number; answered: number; rttMs: number[] };
}

/** IEEE 802: local experimental. */
const TEST_TYPE = 0x88b5;
const LOOK_MS = 100;
/** For the last answers. */
const LAST_MS = 1000;
/** Of one turn, so that what comes in is looked at. */
const MOST_AT_ONCE = 64;
const MOST_RTTS = 100_000;

export interface Listener {
  /** A line for people. */
  say(text: string): void;
  signal: AbortSignal;
}

export async function runGuest(guest: FakeGuest, plan: GuestPlan, listener: Listener): Promise<GuestTally> {
  const run = new Run(guest, plan, listener);
  await run.loop();
  return run.tally;
}

class Run {
  readonly tally: GuestTally = {
    connections: 1,
    sent: 0,
    received: 0,
    receivedBytes: 0,
    echoed: 0,
    pings: { sent: 0, answered: 0, rttMs: [] },
  };
  private readonly guest: FakeGuest;
  private readonly plan: GuestPlan;
  private readonly listener: Listener;
  private readonly host: IpHost | undefined;
  private readonly begun = performance.now();
  private readonly askedAt = new Map<number, number>();
  private readonly frame: Uint8Array;
  private frames = 0;
  private nextPing = 0;
  private lastSent = 0;

  constructor(guest: FakeGuest, plan: GuestPlan, listener: Listener) {
    this.guest = guest;
    this.plan = plan;
    this.listener = listener;
    this.frame = testFrame(plan);
    const { mac, address } = plan;
    if (address !== undefined)
      this.host = new IpHost(mac, address, process.pid, (bytes) => void this.send(bytes));
  }

  async loop(): Promise<void> {
    this.host?.announce();
    while (!this.listener.signal.aborted && !this.isDone()) {
      if (!this.guest.isConnected) {
        await this.comeBack();
        continue;
      }
      this.sendDue();
      const frame = await this.guest.next(this.frames < this.plan.frames ? 1 : this.untilPing());
      if (frame !== undefined) this.take(frame.bytes);
    }
  }

  private isDone(): boolean {
    const now = performance.now();
    const { seconds, ping, count, frames } = this.plan;
    if (seconds !== undefined) return now - this.begun >= seconds * 1000;
    if (ping === undefined && frames === 0) return false;
    if (this.frames < frames) return false;
    const { pings } = this.tally;
    if (ping === undefined || pings.answered >= count) return true;
    return pings.sent >= count && now - this.lastSent > LAST_MS;
  }

  private async comeBack(): Promise<void> {
    this.listener.say('the back end is gone; waiting for it');
    while (!this.listener.signal.aborted && !this.isDone()) {
      try {
        await this.guest.connect();
        this.tally.connections++;
        this.listener.say('connected again');
        this.host?.announce();
        return;
      } catch (error) {
        if (!(error instanceof BackEndError) && !isAbsent(error)) throw error;
      }
    }
  }

  private untilPing(): number {
    if (this.plan.ping === undefined) return LOOK_MS;
    return Math.min(LOOK_MS, Math.max(1, this.nextPing - performance.now()));
  }

  private sendDue(): void {
    const now = performance.now();
    const { ping, count, intervalMs, frames, rate } = this.plan;
    const due = Math.min(frames, Math.ceil(((now - this.begun) / 1000) * rate));
    for (let n = 0; n < MOST_AT_ONCE && this.frames < due; n++) {
      if (!this.send(this.frame)) break;
      this.frames++;
    }
    const { pings } = this.tally;
    if (ping === undefined || this.host === undefined || pings.sent >= count || now < this.nextPing) return;
    this.nextPing = now + intervalMs;
    this.lastSent = now;
    pings.sent++;
    this.askedAt.set(pings.sent & 0xffff, now);
    this.host.ping(ping, pings.sent & 0xffff);
  }

  private send(bytes: Uint8Array): boolean {
    const isSent = this.guest.send(bytes);
    if (isSent) this.tally.sent++;
    return isSent;
  }

  private take(bytes: Uint8Array): void {
    const { tally } = this;
    tally.received++;
    tally.receivedBytes += bytes.length;
    const heard = this.host?.take(bytes) ?? 'other';
    if (heard === 'echo request') tally.echoed++;
    if (heard === 'arp') this.pingAgain();
    if (typeof heard === 'object') this.answered(heard.reply);
  }

  /** The first question was who has the address; now that is known, it is the ping's turn, whose clock starts again. */
  private pingAgain(): void {
    const { ping } = this.plan;
    const { sent, answered } = this.tally.pings;
    if (ping === undefined || sent !== 1 || answered > 0 || this.host?.knows(ping) !== true) return;
    this.askedAt.set(1, performance.now());
    this.host.ping(ping, 1);
  }

  private answered(sequence: number): void {
    const asked = this.askedAt.get(sequence);
    if (asked === undefined) return;
    this.askedAt.delete(sequence);
    const { pings } = this.tally;
    pings.answered++;
    const rtt = performance.now() - asked;
    if (pings.rttMs.length < MOST_RTTS) pings.rttMs.push(rtt);
    this.listener.say(`answer ${sequence}: ${rtt.toFixed(3)} ms`);
  }
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ECONNREFUSED', 'EAGAIN'].includes((error as { code?: string }).code ?? '');
}

function testFrame({ mac, to, size }: GuestPlan): Uint8Array {
  const frame = new Uint8Array(size);
  const view = new DataView(frame.buffer);
  ethernet.setDst(view, 0, to.hi, to.lo);
  ethernet.setSrc(view, 0, mac.hi, mac.lo);
  ethernet.setEtherType(view, 0, TEST_TYPE);
  return frame;
}
