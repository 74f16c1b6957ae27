// From DISCOVER to OFFER, RFC 2131 section 4.3.1: an address is chosen, kept for the client, probed for if the client did not
// have it before, and offered.

import { OPTION } from '../../wire/dhcp4/codes.ts';
import { readUint32 } from '../../wire/dhcp4/values.ts';
import { formatMac, type Mac } from '../../wire/mac.ts';
import type { Allocation } from './allocation.ts';
import { answerFrame } from './answer.ts';
import type { Leases } from './leases.ts';
import type { DhcpOutcome } from './outcome.ts';
import type { Entry } from './pool.ts';
import { MAX_TRIES, type Probe, Probes } from './probes.ts';
import { holderOf, keyWithMac, type Request } from './request.ts';
import type { DhcpSettings } from './settings.ts';
import type { Voice } from './voice.ts';

/** So long an address is kept for a client that was offered it, ms: clients wait for the offers of several servers. */
export const OFFER_TIME = 30_000;

export class Offering {
  private readonly settings: DhcpSettings;
  private readonly leases: Leases;
  private readonly allocation: Allocation;
  private readonly voice: Voice;
  private readonly probes = new Probes();

  constructor(settings: DhcpSettings, leases: Leases, allocation: Allocation, voice: Voice) {
    this.settings = settings;
    this.leases = leases;
    this.allocation = allocation;
    this.voice = voice;
  }

  get next(): number {
    return this.probes.next;
  }

  discover(request: Request, now: number, out: DhcpOutcome): void {
    const entry = this.allocation.choose(request);
    if (typeof entry === 'string') this.voice.lack(entry, request, out);
    else this.propose(entry, request, now, out, 1);
  }

  /** Somebody behind `port` has `address`. */
  inUse(address: number, mac: Mac, port: string, now: number, out: DhcpOutcome): void {
    const probe = this.probes.of(address);
    if (probe === undefined) return;
    const who = formatMac(mac.hi, mac.lo);
    // The client itself may use what it asks for already.
    if (who === probe.request.client.mac) return;
    const { entry, tries } = probe;
    const isHolder = entry.state === 'bound' && entry.mac === who && entry.port === port;
    // Answers can make a pool empty, so of one port they are believed only so often.
    const isTrusted = isHolder || this.settings.relayPorts.includes(port);
    if (!isTrusted && this.allocation.isFull({ port, relayed: false })) return;
    this.probes.stop(probe);
    const isCopied = entry.state === 'bound' && entry.client === probe.request.key && who === entry.mac;
    // Not the machine of before with another card, but another one with its identifier.
    const request = isCopied ? { ...probe.request, key: keyWithMac(probe.request) } : probe.request;
    if (entry.state !== 'bound') {
      this.leases.decline(entry, who, port, now + 1000 * this.settings.lease.quarantine);
      this.voice.store(entry, out);
    }
    if (!isCopied) this.voice.tell('conflict', { ...entry, mac: who, port }, out);
    if (tries >= MAX_TRIES) return;
    const other = this.allocation.choose(request, address);
    if (typeof other === 'string') this.voice.lack(other, request, out);
    else this.propose(other, request, now, out, tries + 1);
  }

  /** Does one thing that is due; false = nothing is. */
  step(now: number, out: DhcpOutcome): boolean {
    const due = this.probes.take(now);
    if (due === undefined) return false;
    const { probe, what } = due;
    if (what === 'repeat') out.probes.push(probe.entry.address);
    else this.conclude(probe, now, out);
    return true;
  }

  /** Makes the lease the client's, and says so; `rapid`: in answer to a DISCOVER. */
  grant(entry: Entry, request: Request, now: number, out: DhcpOutcome, rapid = false): void {
    const isRenewal = entry.state === 'bound' && entry.client === request.key;
    const leaseTime = this.leaseTime(request);
    this.leases.bind(entry, holderOf(request), now, now + 1000 * leaseTime);
    this.voice.store(entry, out);
    this.voice.tell(isRenewal ? 'renewed' : 'bound', entry, out);
    const given = { type: 'ack', address: entry.address, leaseTime, rapid } as const;
    this.voice.answer(request, 'ack', answerFrame(this.settings, request, given), out);
  }

  private propose(entry: Entry, request: Request, now: number, out: DhcpOutcome, tries: number): void {
    const probe = this.probes.of(entry.address);
    if (probe !== undefined && probe.request.key === request.key) {
      // It asks again while it waits.
      probe.request = request;
      return;
    }
    const isOthers = entry.client !== request.key || entry.mac !== request.client.mac;
    // An address that another one has stays so until nobody answers for it.
    if (entry.state !== 'bound') this.leases.offer(entry, holderOf(request), now + OFFER_TIME);
    const isKnown = entry.verified && !(isOthers && entry.state === 'bound');
    if (isKnown || !this.settings.probe || request.relayed) this.give(entry, request, now, out);
    else if (this.probes.isFull) this.voice.ignore('busy');
    else {
      this.probes.start(entry, request, now, tries);
      out.probes.push(entry.address);
    }
  }

  /** Nobody answered. */
  private conclude({ entry, until, request }: Probe, now: number, out: DhcpOutcome): void {
    if (entry.until === until) this.give(entry, request, now, out);
  }

  private give(entry: Entry, request: Request, now: number, out: DhcpOutcome): void {
    const isItsOwn = entry.state === 'bound' && entry.client === request.key;
    if (!isItsOwn) this.leases.offer(entry, holderOf(request), now + OFFER_TIME);
    this.leases.verify(entry);
    if (this.settings.rapidCommit && request.frame.message.options.has(OPTION.rapidCommit)) {
      this.grant(entry, request, now, out, true);
      return;
    }
    const given = { type: 'offer', address: entry.address, leaseTime: this.leaseTime(request) } as const;
    this.voice.answer(request, 'offer', answerFrame(this.settings, request, given), out);
  }

  /** Seconds: the host's own, else what the client asks for within bounds. */
  private leaseTime({ host, frame }: Request): number {
    const { time, min, max } = this.settings.lease;
    const asked = readUint32(frame.message.options.get(OPTION.leaseTime));
    return host?.leaseTime ?? (asked === undefined ? time : Math.min(Math.max(asked, min), max));
  }
}
