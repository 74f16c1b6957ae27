// A DHCP client, RFC 2131 section 4.4: a state machine without clock, timer or disk.
//
//   start -> rebooting --ACK--> probing -> bound --T1--> renewing --T2--> rebinding --end--> selecting
//        \-> selecting --OFFER--> requesting --ACK--^      ^----- ACK -------'    |
//                 ^------------------ NAK, nobody answers, somebody has the address: DECLINE
//
// An address is probed for (RFC 5227) before it is used. What comes without being asked for changes nothing; who answers
// with NAKs for ever is asked ever more seldom.

import { arpProbe, buildArp, parseArp, REQUEST } from '../../wire/arp.ts';
import { OPTION } from '../../wire/dhcp4/codes.ts';
import { CLIENT_PORT, type DhcpFrame, parseDhcpFrame } from '../../wire/dhcp4/frame.ts';
import { readText, readUint32 } from '../../wire/dhcp4/values.ts';
import { isHost } from '../../wire/ipv4.ts';
import type { Mac } from '../../wire/mac.ts';
import { type ClientLease, type FormerLease, leaseOf } from './lease.ts';
import { type DhcpClientSettings, requestFrame, type Saying } from './requests.ts';

export interface DhcpClientUser {
  /** Sends an untagged frame. */
  send(frame: Uint8Array): void;
  /** The client has a lease, or a renewed one, or, with a reason for people, none any more. */
  changed(lease: ClientLease | undefined, reason: string): void;
  /** From 0 to less than 1. */
  random(): number;
}

export type DhcpClientState =
  | 'stopped'
  | 'waiting'
  | 'rebooting'
  | 'selecting'
  | 'requesting'
  | 'probing'
  | 'bound'
  | 'renewing'
  | 'rebinding';

/** RFC 2131 section 4.1: 4 s, then twice as long up to 64 s, each up to 1 s more or less. */
const FIRST_WAIT = 4000;
const LONGEST_WAIT = 64_000;
const JITTER = 1000;
/** Requests without an answer, after which the client begins anew. */
const MAX_REQUESTS = 4;
const MAX_REBOOTS = 2;
/** Section 4.4.5: half of what is left, but no less than that. */
const LEAST_RENEWAL = 60_000;
const FUZZ = 0.1;
/** Section 3.1, 5: after a DECLINE. */
const DECLINE_WAIT = 10_000;
/** Who answers on a link of today does so in less. */
const PROBES = 3;
const PROBE_INTERVAL = 200;

export class DhcpClient {
  state: DhcpClientState = 'stopped';
  /** What it has, and may use. */
  lease: ClientLease | undefined;
  private readonly settings: DhcpClientSettings;
  private readonly user: DhcpClientUser;
  private former: FormerLease | undefined;
  /** The lease that is probed for. */
  private promised: ClientLease | undefined;
  private offer: { address: number; server: number } | undefined;
  private xid = 0;
  private startedAt = 0;
  private askedAt = 0;
  private tries = 0;
  /** Times in a row that it had to begin anew. */
  private failures = 0;
  private dueAt = Number.POSITIVE_INFINITY;

  /** @param former what it had before */
  constructor(settings: DhcpClientSettings, user: DhcpClientUser, former?: FormerLease) {
    this.settings = settings;
    this.user = user;
    this.former = former;
  }

  /** Begins; or, if it has a lease, asks whether that still holds: the link was down, and may lead elsewhere. */
  start(now: number): void {
    const { former, lease } = this;
    const known = lease ?? former;
    this.startedAt = now;
    if (known !== undefined && known.until > now) {
      this.former = known;
      this.enter('rebooting', now);
    } else this.enter('selecting', now);
  }

  /** Gives its lease back, and stops. */
  release(now: number): void {
    const { lease } = this;
    this.state = 'stopped';
    this.dueAt = Number.POSITIVE_INFINITY;
    if (lease === undefined) return;
    this.xid = this.newXid();
    const { address, server, serverMac } = lease;
    this.say({ type: 'release', ciaddr: address, server, to: { address: server, mac: serverMac } }, now);
    this.former = lease;
    this.lose('released');
  }

  /** When `tick` has something to do. */
  deadline(): number {
    return Math.min(this.dueAt, this.lease?.until ?? Number.POSITIVE_INFINITY);
  }

  tick(now: number): void {
    if (this.lease !== undefined && this.lease.until <= now) this.expire(now);
    if (this.dueAt > now) return;
    switch (this.state) {
      case 'waiting':
        this.startedAt = now;
        this.enter('selecting', now);
        break;
      case 'rebooting':
        if (this.tries >= MAX_REBOOTS) this.enter('selecting', now);
        else this.ask(now);
        break;
      case 'requesting':
        if (this.tries >= MAX_REQUESTS) this.beginAnew(now);
        else this.ask(now);
        break;
      case 'probing':
        if (this.tries >= PROBES) this.bind(now);
        else this.probe(now);
        break;
      case 'bound':
        this.startedAt = now;
        this.enter('renewing', now);
        break;
      case 'renewing':
        if (this.lease !== undefined && now >= this.lease.rebindAt) this.enter('rebinding', now);
        else this.ask(now);
        break;
      case 'selecting':
      case 'rebinding':
        this.ask(now);
        break;
      case 'stopped':
        this.dueAt = Number.POSITIVE_INFINITY;
    }
  }

  /** A frame that may be a server's answer. */
  received(bytes: Uint8Array, now: number): void {
    const frame = parseDhcpFrame(bytes);
    if (typeof frame === 'string' || frame.dstPort !== CLIENT_PORT) return;
    const { message } = frame;
    const { mac } = this.settings;
    const isOurs = message.mac.hi === mac.hi && message.mac.lo === mac.lo;
    if (!message.isReply || message.xid !== this.xid || !isOurs) return;
    if (message.type === 'offer') this.hearOffer(frame, now);
    else if (message.type === 'ack') this.hearAck(frame, now);
    else if (message.type === 'nak') this.hearNak(frame, now);
  }

  /** ARP that the link carries: somebody has the address that it is about to use, or is about to use it, too (RFC 5227 section 2.1.1). */
  hearArp(bytes: Uint8Array, now: number): void {
    const { promised, settings } = this;
    const arp = promised === undefined ? undefined : parseArp(bytes);
    if (promised === undefined || arp === undefined || this.state !== 'probing') return;
    const isOurs = arp.senderMac.hi === settings.mac.hi && arp.senderMac.lo === settings.mac.lo;
    const isProbe = arp.sender === 0 && arp.operation === REQUEST && arp.target === promised.address;
    if (isOurs || (arp.sender !== promised.address && !isProbe)) return;
    const { address, server } = promised;
    this.say({ type: 'decline', requested: address, server }, now);
    this.promised = undefined;
    this.former = undefined;
    if (this.lease?.address === address) this.lose('somebody else has the address');
    this.waitFor(DECLINE_WAIT, now);
  }

  private hearOffer({ message }: DhcpFrame, now: number): void {
    const server = readUint32(message.options.get(OPTION.serverId));
    if (this.state !== 'selecting' || server === undefined || !isHost(message.yiaddr)) return;
    // The first one: what others offer is as good, and they hear in the request that it is not theirs.
    this.offer = { address: message.yiaddr, server };
    this.enter('requesting', now);
  }

  private hearAck(frame: DhcpFrame, now: number): void {
    const { state } = this;
    if (state !== 'requesting' && state !== 'rebooting' && state !== 'renewing' && state !== 'rebinding')
      return;
    const lease = leaseOf(frame, this.askedAt);
    if (lease === undefined || lease.until <= now) return;
    if (state === 'requesting' && lease.server !== this.offer?.server) return;
    if (this.lease?.address === lease.address) this.use(lease, now);
    else {
      this.promised = lease;
      this.state = 'probing';
      this.tries = 0;
      this.probe(now);
    }
  }

  private hearNak({ message }: DhcpFrame, now: number): void {
    const { state, lease, offer } = this;
    const server = readUint32(message.options.get(OPTION.serverId));
    // Whom it has asked alone. After a reboot, and when its own server is silent, it asks all.
    const asked = state === 'requesting' ? offer?.server : state === 'renewing' ? lease?.server : server;
    const isAsking =
      state === 'requesting' || state === 'renewing' || state === 'rebooting' || state === 'rebinding';
    if (!isAsking || server === undefined || server !== asked) return;
    this.former = undefined;
    this.lose(readText(message.options.get(OPTION.message)) || 'the server refuses it');
    this.beginAnew(now);
  }

  private probe(now: number): void {
    this.tries++;
    this.dueAt = now + PROBE_INTERVAL;
    if (this.promised !== undefined) this.user.send(arpProbe(this.settings.mac, this.promised.address));
  }

  /** Nobody has it: it is announced (RFC 5227 section 2.3). */
  private bind(now: number): void {
    const { promised } = this;
    if (promised === undefined) return;
    this.promised = undefined;
    const { mac } = this.settings;
    const about = { senderMac: mac, sender: promised.address, targetMac: NOBODY, target: promised.address };
    this.user.send(buildArp(EVERYBODY, { operation: REQUEST, ...about }));
    this.use(promised, now);
  }

  private use(lease: ClientLease, now: number): void {
    this.lease = lease;
    this.former = lease;
    this.failures = 0;
    this.state = 'bound';
    // Machines that were started together need not renew together.
    this.dueAt = now + (lease.renewAt - now) * (1 - FUZZ * this.user.random());
    this.user.changed(lease, '');
  }

  private expire(now: number): void {
    this.lose('its time is over, and no server has answered');
    if (this.state === 'bound' || this.state === 'renewing' || this.state === 'rebinding') {
      this.startedAt = now;
      this.enter('selecting', now);
    }
  }

  private lose(reason: string): void {
    if (this.lease === undefined) return;
    this.lease = undefined;
    this.user.changed(undefined, reason);
  }

  /** At once the first time, then after 2 s, 4 s ... 64 s. */
  private beginAnew(now: number): void {
    const wait = this.failures === 0 ? 0 : Math.min(LONGEST_WAIT, 1000 * 2 ** Math.min(this.failures, 6));
    this.failures++;
    this.waitFor(wait, now);
  }

  private waitFor(ms: number, now: number): void {
    this.state = 'waiting';
    this.dueAt = now + ms;
  }

  private enter(state: DhcpClientState, now: number): void {
    this.state = state;
    this.tries = 0;
    // An answer to an offer is part of the same exchange (RFC 2131 section 4.4.1).
    if (state !== 'requesting') this.xid = this.newXid();
    this.ask(now);
  }

  /** Says what the state is about, and when it is said again. */
  private ask(now: number): void {
    const { former, lease, offer, state } = this;
    this.askedAt = now;
    this.tries++;
    this.dueAt = now + this.patience(now);
    if (state === 'selecting') this.say({ type: 'discover', requested: former?.address }, now);
    else if (state === 'requesting' && offer !== undefined)
      this.say({ type: 'request', requested: offer.address, server: offer.server }, now);
    else if (state === 'rebooting') this.say({ type: 'request', requested: former?.address }, now);
    else if (lease !== undefined) {
      const to = state === 'renewing' ? { address: lease.server, mac: lease.serverMac } : undefined;
      this.say({ type: 'request', ciaddr: lease.address, to }, now);
    }
  }

  /** How long it waits for an answer, ms. */
  private patience(now: number): number {
    const { lease, state } = this;
    if (lease !== undefined && (state === 'renewing' || state === 'rebinding')) {
      const left = (state === 'renewing' ? lease.rebindAt : lease.until) - now;
      return Math.min(left, Math.max(left / 2, LEAST_RENEWAL));
    }
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.tries - 1));
    return wait + (2 * this.user.random() - 1) * JITTER;
  }

  private say(saying: Omit<Saying, 'xid' | 'secs'>, now: number): void {
    const secs = Math.floor((now - this.startedAt) / 1000);
    this.user.send(requestFrame(this.settings, { ...saying, xid: this.xid, secs }));
  }

  private newXid(): number {
    return Math.floor(this.user.random() * 2 ** 32);
  }
}

const EVERYBODY: Mac = { hi: 0xffff, lo: -1 };
const NOBODY: Mac = { hi: 0, lo: 0 };
