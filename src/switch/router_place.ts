// One interface of a router in the control plane: what it hears, whom it asks, and what becomes of packets that wait.

import type { RouterPort } from '../compile/router_ports.ts';
import type { EventFact } from '../event.ts';
import type { Learned } from '../protocol/autoconf/autoconf.ts';
import type { Host } from '../protocol/host.ts';
import { Announcer } from '../protocol/neighbours/announcer.ts';
import { NeighbourCache, REACHABLE } from '../protocol/neighbours/cache.ts';
import { isOwn, mayBeNeighbour, question } from '../protocol/neighbours/frames.ts';
import type { InterfaceSpec } from '../protocol/neighbours/spec.ts';
import { unreachable, whomToTell } from '../protocol/neighbours/unreachable.ts';
import type { WaitingRoom } from '../protocol/neighbours/waiting_room.ts';
import type { Neighbours } from '../table/neighbours.ts';
import type { RouterTable } from '../table/router_table.ts';
import { type Arp, parseArp, REPLY } from '../wire/arp.ts';
import * as ethernet from '../wire/ethernet.ts';
import * as ip from '../wire/ip.ts';
import { formatIp, type IpBytes, ipv4Bytes, isMulticastIp, isUnspecifiedIp } from '../wire/ip_address.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { formatMac, isGroupMac, type Mac, macAt, setMac } from '../wire/mac.ts';
import { type NeighbourMessage, parseNeighbourMessage } from '../wire/neighbour_frame.ts';
import { isSolicitation } from '../wire/router_discovery.ts';
import { RouterAdvertising } from './router_advertising.ts';
import { RouterAutoconf } from './router_autoconf.ts';
import { addressOf, hopOf, macOf, neighbourMac, pathOf } from './router_paths.ts';

export interface PlaceFacts {
  readonly neighbours: Neighbours;
  readonly host: Host;
  /** Numbers and names of ports. */
  portNumber(port: string): number | undefined;
  portName(port: number): string | undefined;
  /** In force. */
  table(): RouterTable | null;
  tell(fact: EventFact): void;
  /** What other routers tell the interface, where it has its address from them. */
  learned(port: RouterPort, learned: Learned): void;
  readonly room: WaitingRoom;
  /** 0 to 1. */
  random(): number;
}

const IP = ethernet.HEADER_LEN;
const SRC_MAC = 6;
const DST_4 = IP + 16;
const DST_6 = IP + ipv6.DST;

export class RouterPlace {
  port: RouterPort;
  private spec: InterfaceSpec;
  private readonly facts: PlaceFacts;
  readonly cache: NeighbourCache;
  private readonly announcer: Announcer;
  readonly advertising: RouterAdvertising;
  private readonly autoconf: RouterAutoconf;

  constructor(port: RouterPort, spec: InterfaceSpec, facts: PlaceFacts, now: number) {
    this.port = port;
    this.spec = spec;
    this.facts = facts;
    const { neighbours } = facts;
    const says = {
      ask: (address: IpBytes, to: Mac | undefined) => this.ask(address, to),
      found: (address: IpBytes, mac: Mac) => this.put(address, mac),
      lost: (slot: number) => neighbours.remove(slot),
      takeUsed: (slot: number) => neighbours.takeUsed(slot),
      deliver: (frame: Uint8Array) => void facts.host.relay(this.port.port, frame),
      unreachable: (_: IpBytes, frame: Uint8Array) => this.answer(frame),
      tell: (change: 'changed' | 'removed', address: IpBytes, mac: Mac, before: Mac | undefined) =>
        this.tell(change === 'changed' ? 'moved' : 'lost', address, mac, before),
    };
    this.cache = new NeighbourCache(spec, says, facts.room, now, REACHABLE * (0.5 + facts.random()));
    this.announcer = new Announcer(
      {
        say: (frame) => this.say(frame),
        duplicate: (address, mac) => this.tell('duplicate', address, mac, undefined),
      },
      facts.random,
    );
    this.announcer.configure(spec, now);
    this.advertising = new RouterAdvertising({
      say: (frame) => this.say(frame),
      leave: (frame) => this.facts.host.flood(this.port.config.bridge, this.port.vid, frame),
      mtu: () => this.mtu(),
      random: facts.random,
    });
    this.advertising.configure(port, spec, now);
    this.autoconf = new RouterAutoconf({
      send: (frame) => this.say(frame),
      changed: (learned) => facts.learned(this.port, learned),
      random: facts.random,
    });
    this.autoconf.configure(port, spec, now);
  }

  get deadline(): number {
    const { cache, announcer, advertising, autoconf } = this;
    return Math.min(cache.deadline, announcer.deadline, advertising.deadline, autoconf.deadline);
  }

  configure(port: RouterPort, spec: InterfaceSpec, now: number): void {
    this.port = port;
    this.spec = spec;
    this.cache.configure(spec, now);
    this.announcer.configure(spec, now);
    this.advertising.configure(port, spec, now);
    this.autoconf.configure(port, spec, now);
  }

  linkUp(now: number): void {
    this.autoconf.linkUp(now);
  }

  tick(now: number): void {
    this.advertising.tick(now);
    this.autoconf.tick(now);
    this.announcer.tick(now);
    this.cache.tick(now);
  }

  close(): void {
    this.advertising.close();
    this.autoconf.close();
    this.cache.close();
  }

  /** A frame of ARP, neighbour or router discovery that came to the interface's domain. */
  hear(frame: Uint8Array, now: number): void {
    const arp = parseArp(frame);
    if (arp !== undefined) this.hearArp(arp, frame, now);
    else {
      const message = parseNeighbourMessage(frame);
      if (message !== undefined) this.hearMessage(message, frame, now);
      else if (isSolicitation(frame)) this.advertising.hear(frame, this.port.port, now);
      else this.autoconf.hear(frame, now);
    }
  }

  private hearArp(arp: Arp, frame: Uint8Array, now: number): void {
    const { senderMac: mac } = arp;
    const sender = ipv4Bytes(arp.sender);
    if (isUnspecifiedIp(sender) || isMulticastIp(sender) || isGroupMac(mac.hi)) return;
    if (this.announcer.hear(sender, mac, now)) return;
    // A reply to all, as an announcement, says nothing of the way there (net/ipv4/arp.c).
    const isSolicited = arp.operation === REPLY && !isGroupMac(viewOf(frame).getUint16(0));
    const isToUs = isOwn(this.spec, ipv4Bytes(arp.target));
    const creates = isToUs && mayBeNeighbour(this.spec, sender);
    this.cache.hear(sender, { mac, isSolicited, overrides: true, creates }, now);
  }

  private hearMessage(message: NeighbourMessage, frame: Uint8Array, now: number): void {
    const { kind, source, target, mac, isSolicited, overrides } = message;
    if (kind === 'advertisement') {
      if (this.announcer.hear(target, mac ?? macAt(viewOf(frame), SRC_MAC), now)) return;
      this.cache.hear(target, { mac, isSolicited, overrides, creates: false }, now);
      return;
    }
    if (isUnspecifiedIp(source) || mac === undefined || this.announcer.hear(source, mac, now)) return;
    const creates = isOwn(this.spec, target) && mayBeNeighbour(this.spec, source);
    this.cache.hear(source, { mac, isSolicited: false, overrides: true, creates }, now);
  }

  /** A packet that leaves by the interface to next hop `hop`, whom the data plane does not know. */
  resolve(frame: Uint8Array, hop: number, now: number): void {
    const table = this.facts.table();
    if (table === null) return;
    const { port, via } = hopOf(table, hop);
    const address = via ?? destinationOf(frame);
    // Of a table that is in force no longer.
    if (port !== this.facts.portNumber(this.port.port) || address === undefined) return;
    if (isMulticastIp(address) || isUnspecifiedIp(address) || isOwn(this.spec, address)) return;
    this.cache.resolve(address, isWhole(frame) ? frame : undefined, now);
  }

  private ask(address: IpBytes, to: Mac | undefined): void {
    this.say(question(this.spec, address, to));
  }

  /** As if it came in by the interface: so the interface itself does not hear it. */
  private say(frame: Uint8Array): void {
    this.facts.host.relay(this.port.port, frame, true);
  }

  /** Of the largest packet that leaves there, as it is now. */
  private mtu(): number | undefined {
    const { table, portNumber } = this.facts;
    const routers = table();
    const port = portNumber(this.port.port);
    const own = routers === null || port === undefined ? 0 : routers.interfaceOf[port];
    return own === 0 ? undefined : routers?.mtu[own];
  }

  private put(address: IpBytes, { hi, lo }: Mac): number {
    const { neighbours, portNumber } = this.facts;
    const port = portNumber(this.port.port);
    if (port === undefined) return -1;
    const view = viewOf(address);
    return address.length === 4
      ? neighbours.set4(port, view.getInt32(0), hi, lo)
      : neighbours.set6(port, view, 0, hi, lo);
  }

  /** Tells the sender of a packet that its next hop is not there, if the way to him is known. */
  private answer(frame: Uint8Array): void {
    const { facts } = this;
    const table = facts.table();
    const port = facts.portNumber(this.port.port);
    const to = whomToTell(frame);
    if (table === null || port === undefined || to === undefined) return;
    const [hop] = pathOf(table, table.interfaceOf[port], to)?.hops ?? [];
    const name = hop && facts.portName(hop.port);
    if (hop === undefined || name === undefined) return;
    const mac = neighbourMac(facts.neighbours, hop.port, hop.via ?? to);
    const from = addressOf(table, hop.interface, to.length === 4 ? 4 : 16);
    if (mac === undefined || from === undefined) return;
    const answer = unreachable(frame, from, to);
    const view = viewOf(answer);
    const own = macOf(table, hop.interface);
    setMac(view, 0, mac.hi, mac.lo);
    setMac(view, SRC_MAC, own.hi, own.lo);
    facts.host.relay(name, answer);
  }

  private tell(
    change: 'moved' | 'lost' | 'duplicate',
    address: IpBytes,
    mac: Mac,
    before: Mac | undefined,
  ): void {
    const { port, config, vid } = this.port;
    this.facts.tell({
      type: 'address',
      change,
      bridge: config.bridge,
      port,
      vlan: vid,
      address: formatIp(address),
      mac: formatMac(mac.hi, mac.lo),
      ...(before !== undefined && { before: formatMac(before.hi, before.lo) }),
    });
  }
}

/** Undefined if the packet has none. */
function destinationOf(frame: Uint8Array): IpBytes | undefined {
  const isIpv4 = frame.length >= IP && ethernet.etherType(viewOf(frame), 0) === ethernet.TYPE_IPV4;
  const [at, length] = isIpv4 ? [DST_4, 4] : [DST_6, 16];
  return frame.length < at + length ? undefined : frame.slice(at, at + length);
}

/** What is longer than a slot of the ring, such as a super-frame, was cut on its way here. */
function isWhole(frame: Uint8Array): boolean {
  const view = viewOf(frame);
  return ip.packetLength(view, ethernet.etherType(view, 0), IP, frame.length) >= 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
