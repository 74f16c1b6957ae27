// The DHCP server of one network, RFC 2131: a state machine without clock, timer or disk. What it wants done it returns.
//
//   received -----+                              +--> leases to store, then frames to send
//   addressInUse -+--> Allocation, Offering -----+--> addresses to probe for
//   tick ---------+          Leases              +--> events
//
// Nothing that a guest sends makes it remember more than its port may have. A known client is answered at once, another
// one after a probe. Settings change by a new server with the `leases` of this one: who waits for an offer asks again.

import { OPTION } from '../../wire/dhcp4/codes.ts';
import { CLIENT_PORT, type DhcpFrame, parseDhcpFrame } from '../../wire/dhcp4/frame.ts';
import { readLinkSelection, readUint32 } from '../../wire/dhcp4/values.ts';
import { isGroupMac, isZeroMac, type Mac } from '../../wire/mac.ts';
import type { Punt } from '../host.ts';
import { Allocation } from './allocation.ts';
import { answerFrame, nakFrame } from './answer.ts';
import { clientKey, clientOf } from './client.ts';
import { Hosts } from './hosts.ts';
import type { Lease } from './lease.ts';
import { Leases } from './leases.ts';
import { Offering } from './offering.ts';
import { OtherServers } from './other_servers.ts';
import { type DhcpCounters, type DhcpOutcome, emptyOutcome, type Ignored } from './outcome.ts';
import type { Entry, Pool } from './pool.ts';
import type { Request } from './request.ts';
import type { DhcpSettings } from './settings.ts';
import { Voice } from './voice.ts';

/** Things that one tick does: no job of the control plane may be long. */
const MAX_STEPS = 1000;
const BROADCAST = 0xffff_ffff;

export class DhcpServer {
  private readonly settings: DhcpSettings;
  private readonly hosts: Hosts;
  private readonly table: Leases;
  private readonly allocation: Allocation;
  private readonly offering: Offering;
  private readonly others = new OtherServers();
  private readonly voice = new Voice();

  /** `leases` of addresses that are no longer its own are left out. `changed` hears of all others, and of each change. */
  constructor(
    settings: DhcpSettings,
    leases: Iterable<Lease>,
    now: number,
    changed?: (lease: Lease) => void,
  ) {
    this.settings = settings;
    this.hosts = new Hosts(settings.hosts);
    this.table = new Leases(settings, leases, now, changed);
    this.allocation = new Allocation(settings, this.table);
    this.offering = new Offering(settings, this.table, this.allocation, this.voice);
  }

  get counters(): DhcpCounters {
    return this.voice.counters;
  }

  /** All that is remembered of addresses. */
  leases(): Lease[] {
    return [...this.table.all()];
  }

  /** Where the guest is that has the address; undefined: nobody has it from here. */
  portOf(address: number): string | undefined {
    const entry = this.table.poolOf(address)?.get(address);
    return entry?.state === 'bound' ? entry.port : undefined;
  }

  /** A frame to UDP port 67 or 68 in this network. `mtu`: of its port, for the client; undefined = it is not told. */
  received(punt: Punt, mtu?: number): DhcpOutcome {
    const out = emptyOutcome();
    const frame = parseDhcpFrame(punt.bytes);
    if (typeof frame === 'string') this.voice.ignore(frame);
    else if (frame.message.isReply) this.hearServer(frame, punt.port, out);
    else this.hearClient(frame, punt, mtu, out);
    return out;
  }

  /** Somebody behind `port` says by ARP that it has `address`; matters only while that is probed for. */
  addressInUse(address: number, mac: Mac, port: string, now: number): DhcpOutcome {
    const out = emptyOutcome();
    this.offering.inUse(address, mac, port, now, out);
    return out;
  }

  /** When `tick` has something to do. */
  deadline(): number {
    return Math.min(this.table.next, this.offering.next);
  }

  /** Offers what nobody was found to have, and ends what is over. What came before `now` has to be given to it first. */
  tick(now: number): DhcpOutcome {
    const out = emptyOutcome();
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      if (!this.offering.step(now, out) && !this.expireOne(now, out)) break;
    }
    return out;
  }

  /** Takes an address back, as if its client had released it. */
  end(address: number, now: number): DhcpOutcome {
    const out = emptyOutcome();
    const entry = this.table.poolOf(address)?.get(address);
    if (entry !== undefined && entry.state !== 'ended') this.release(entry, now, out);
    return out;
  }

  private expireOne(now: number, out: DhcpOutcome): boolean {
    const over = this.table.endOne(now);
    if (over === undefined) return false;
    this.voice.relieve(over.entry);
    // What is stored says by itself that it is over.
    if (over.was === 'bound') this.voice.tell('expired', over.entry, out);
    return true;
  }

  private hearServer(frame: DhcpFrame, port: string, out: DhcpOutcome): void {
    const isOurs = frame.src === this.settings.address;
    const other = isOurs ? undefined : this.others.notice(frame);
    this.voice.ignore('other_server');
    if (other !== undefined) out.events.push({ kind: 'other_server', ...other, port, hostName: '' });
  }

  private hearClient(frame: DhcpFrame, punt: Punt, mtu: number | undefined, out: DhcpOutcome): void {
    this.voice.heard(frame.message.type);
    const request = this.identify(frame, punt, mtu);
    if (typeof request === 'string') {
      this.voice.ignore(request);
      return;
    }
    const now = punt.at;
    switch (frame.message.type) {
      case 'discover':
        this.offering.discover(request, now, out);
        break;
      case 'request':
        this.request(request, now, out);
        break;
      case 'decline':
        this.decline(request, now, out);
        break;
      case 'release':
        this.released(request, now, out);
        break;
      case 'inform':
        this.inform(request, out);
        break;
      default:
        this.voice.ignore('nonsense');
    }
  }

  private identify(frame: DhcpFrame, { port, vlan, tag }: Punt, mtu: number | undefined): Request | Ignored {
    const { message, srcMac, dst, dstPort } = frame;
    if (dstPort === CLIENT_PORT || isGroupMac(message.mac.hi) || isZeroMac(message.mac.hi, message.mac.lo))
      return 'nonsense';
    if (dst !== BROADCAST && dst !== this.settings.address) return 'not_ours';
    const mayRelay = this.settings.relayPorts.includes(port);
    // What checks addresses of guests sees those of frames: a lease is not to be had, or released, past that.
    const isSender = srcMac.hi === message.mac.hi && srcMac.lo === message.mac.lo;
    if (!isSender && !mayRelay) return 'not_sender';
    const pool = this.poolFor(frame, mayRelay);
    if (pool === undefined) return 'unknown_relay';
    const relayed = mayRelay && (message.giaddr !== 0 || pool !== this.table.pools[0]);
    const client = clientOf(message);
    return {
      frame,
      client,
      key: clientKey(client, port, relayed, pool),
      pool,
      host: this.hosts.find(client, port),
      relayed,
      port,
      vlan,
      tag,
      mtu,
    };
  }

  /** The subnet that the client is in: that of its relay agent, or of its address if it asks through a router. */
  private poolFor({ message }: DhcpFrame, mayRelay: boolean): Pool | undefined {
    const [segment] = this.table.pools;
    if (message.giaddr === 0) {
      return (mayRelay && message.ciaddr !== 0 ? this.table.poolOf(message.ciaddr) : undefined) ?? segment;
    }
    const link = readLinkSelection(message.options.get(OPTION.relayAgent)) || message.giaddr;
    return mayRelay ? this.table.poolOf(link) : undefined;
  }

  /** RFC 2131 section 4.3.2: in answer to an offer, or to go on with an address that it had. */
  private request(request: Request, now: number, out: DhcpOutcome): void {
    const { pool, key, frame } = request;
    const { options, ciaddr } = frame.message;
    const server = readUint32(options.get(OPTION.serverId));
    if (server !== undefined && server !== this.settings.address) {
      const offered = pool.ofClient(key);
      if (offered?.state === 'offered') this.table.end(offered, now);
      this.voice.ignore('not_ours');
      return;
    }
    const address = ciaddr !== 0 ? ciaddr : readUint32(options.get(OPTION.requestedAddress));
    const entry = address === undefined ? 'nonsense' : this.allocation.confirm(request, address);
    if (entry === 'nonsense') this.voice.ignore(entry);
    else if (typeof entry === 'string') this.voice.lack(entry, request, out);
    else if (entry !== undefined && (server !== undefined || !isOfOtherCard(entry, request)))
      this.offering.grant(entry, request, now, out);
    else if (server !== undefined || this.settings.authoritative)
      this.refuse(request, address as number, now, out);
    else this.voice.ignore('not_theirs');
  }

  private refuse(request: Request, address: number, now: number, out: DhcpOutcome): void {
    const { pool, key } = request;
    const entry = pool.get(address);
    // It was its own until the configuration changed.
    const isOwn = entry?.state === 'bound' && entry.client === key;
    if (isOwn && !isOfOtherCard(entry, request)) this.release(entry, now, out);
    const why = pool.contains(address) ? 'address is not yours' : 'address is of another network';
    this.voice.answer(request, 'nak', nakFrame(this.settings, request, why), out);
  }

  /** RFC 2131 section 4.3.3: the client found somebody else with the address that it got. */
  private decline(request: Request, now: number, out: DhcpOutcome): void {
    const address = readUint32(request.frame.message.options.get(OPTION.requestedAddress));
    const entry = this.own(request, address);
    if (entry === undefined) return;
    this.voice.tell('declined', entry, out);
    this.table.decline(entry, '', entry.port, now + 1000 * this.settings.lease.quarantine);
    this.voice.store(entry, out);
  }

  private released(request: Request, now: number, out: DhcpOutcome): void {
    const entry = this.own(request, request.frame.message.ciaddr);
    if (entry !== undefined) this.release(entry, now, out);
  }

  /** A lease that its client gives back; nobody can do so for one behind another port. */
  private own({ pool, key, port, frame }: Request, address: number | undefined): Entry | undefined {
    const server = readUint32(frame.message.options.get(OPTION.serverId));
    const entry = address === undefined ? undefined : pool.get(address);
    const isActive = entry?.state === 'bound' || entry?.state === 'offered';
    if (server !== undefined && server !== this.settings.address) this.voice.ignore('not_ours');
    else if (isActive && entry.client === key && entry.port === port) return entry;
    else this.voice.ignore('not_theirs');
    return undefined;
  }

  private release(entry: Entry, now: number, out: DhcpOutcome): void {
    this.voice.relieve(entry);
    this.voice.tell('released', entry, out);
    this.table.end(entry, now);
    this.voice.store(entry, out);
  }

  /** RFC 2131 section 4.3.5: it has an address, and wants to know the rest. */
  private inform(request: Request, out: DhcpOutcome): void {
    const { ciaddr } = request.frame.message;
    if (ciaddr === 0) {
      this.voice.ignore('nonsense');
      return;
    }
    const given = { type: 'ack', address: ciaddr, leaseTime: undefined } as const;
    this.voice.answer(request, 'ack', answerFrame(this.settings, request, given), out);
  }
}

/** Whether the lease lasts, and is of another MAC: the offer's probe tells whether that is the same machine. */
function isOfOtherCard({ state, mac }: Entry, { client, relayed }: Request): boolean {
  return state === 'bound' && mac !== client.mac && !relayed;
}
