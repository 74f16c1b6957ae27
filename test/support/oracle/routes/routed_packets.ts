// Random packets for a scene of routers, each with bytes of its own, so that none is taken for another.

import { parseIp } from '../../../../src/wire/ip_address.ts';
import { be16, sumOf } from '../../engine/packets.ts';
import type { Random } from '../../engine/random.ts';
import type { RoutedScene, UsedNetwork } from './routed_scene.ts';
import {
  address4,
  address6,
  HOSTS,
  hostLinkLocal,
  hostMac,
  isEdge,
  routerHost,
  routerLinkLocal,
  routerMac,
} from './routed_world.ts';
import { type SuperPayload, superPayload } from './super_payload.ts';
import { toVnet } from './vnet_frames.ts';

/** Behind an IPv6 header, on any way: a router does not split an echo reply. */
const LEAST_ROOM = 1280 - 40;
const UDP = 17;
const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;

const FAR_4 = [
  '172.16.5.129',
  '172.16.5.130',
  '172.16.6.1',
  '172.20.0.1',
  '192.0.2.1',
  '192.0.2.65',
  '198.51.7.7',
];
const STRANGE_4 = ['203.0.113.5', '127.0.0.1', '0.0.0.0', '224.0.0.5', '239.1.2.3', '255.255.255.255'];
const FAR_6 = ['2001:db8::1', '2001:db8:1::1', '2001:db8:1:2::5', '2001:db8:1:2::6', '2001:db8:8000::1'];
const STRANGE_6 = ['2001:4860::1', '::1', 'ff02::5', 'ff0e::1', 'fd00:0:0:77::1'];

/** A packet that goes in a circle ends by its TTL, before Taploom ends it. */
const TTLS = [9, 10, 11, 12, 12, 12, 0, 1, 1, 2, 2, 3, 4];
/** Which no router has anything to do with: no-operations, router alert, one that nobody knows, the end, and some that contradict themselves. */
const OPTIONS = [
  [1, 1, 1, 1],
  [148, 4, 0, 0],
  [0x1e, 4, 9, 9],
  [0x9e, 4, 9, 9, 1, 0x1e, 3, 7],
  [0, 0, 0, 0],
  [1, 0x1e, 1, 0],
  [0x9e, 9, 0, 0],
  [1, 1, 1, 0x1e],
];

const FRAGMENTS = [0x4000, 0x4000, 0, 0, 0x2000, 0x2008, 0x0009, 0x8000];

interface Packet {
  /** IP's own. */
  header: number[];
  payload: number[];
  offloaded: SuperPayload | undefined;
}

export class RoutedPackets {
  private readonly random: Random;
  private readonly scene: RoutedScene;
  /** Linux checks no sources of IPv6. */
  private readonly isChecked: boolean;
  private readonly isHonest: boolean;
  private count = 0;
  private turn = 0;

  /** @param isHonest hosts send from their own addresses, and packets that are whole or forbid to be split */
  constructor(random: Random, scene: RoutedScene, { isHonest = false } = {}) {
    this.random = random;
    this.scene = scene;
    this.isHonest = isHonest;
    this.isChecked = scene.routers.some(({ reversePath }) =>
      Object.values(reversePath).some((one) => one !== 'off'),
    );
  }

  /** From a host of a network to its router, with what it asks of network cards. */
  next(network: UsedNetwork): Buffer {
    const { random } = this;
    const [r] = network.routers;
    const h = HOSTS[this.turn++ % HOSTS.length]; // all of them in turn: Linux limits errors by host
    const is4 = network.isNarrow || this.isChecked || random.chance(0.55);
    const macs = [routerMac(r, network.number), hostMac(network.number, h)].join('').replaceAll(':', '');
    const { header, payload, offloaded } = is4 ? this.packet4(network, h) : this.packet6(network, h);
    const before = Buffer.from([...Buffer.from(macs, 'hex'), ...(is4 ? [8, 0] : [0x86, 0xdd]), ...header]);
    const frame = Buffer.concat([before, Buffer.from(payload)]);
    if (offloaded === undefined) return toVnet(frame);
    const request = { ...offloaded.request, csumStart: before.length };
    return toVnet(frame, request, before.length + offloaded.header);
  }

  private packet4(network: UsedNetwork, h: number): Packet {
    const { random } = this;
    const src = this.source4(network, h);
    const dst = this.destination4();
    const isForRouter = this.isOfRouter(dst);
    const options = !isForRouter && random.chance(0.1) ? random.pick(OPTIONS) : [];
    const offloaded = this.offloaded(network, src, dst, 20 + options.length);
    const isWhole = isForRouter || (offloaded !== undefined && offloaded.request.gsoType !== 0);
    const fragment =
      isWhole || this.isHonest ? 0x4000 : random.pick(offloaded === undefined ? FRAGMENTS : [0x4000, 0]);
    const room = network.mtu - 20 - options.length;
    const [protocol, payload] = offloaded
      ? [offloaded.protocol, offloaded.bytes]
      : this.payload(src, dst, this.size(room), isForRouter);
    const length = 20 + options.length + payload.length;
    const ttl = random.pick(TTLS);
    const tos = random.pick([0, 0, 0, 0x10, 0x2e, 0xb9, 0xff]);
    const head = [0x45 + options.length / 4, tos, ...be16(length), ...be16(random.between(0, 65_535))];
    const header = [...head, ...be16(fragment), ttl, protocol, 0, 0, ...ip(src), ...ip(dst), ...options];
    const isBroken = random.chance(0.02);
    header.splice(10, 2, ...be16(~sumOf(header) ^ (isBroken ? 0x40 : 0)));
    return { header, payload, offloaded };
  }

  private packet6(network: UsedNetwork, h: number): Packet {
    const { random } = this;
    const src = this.source6(network, h);
    const dst = this.destination6(network);
    const isForRouter = this.isOfRouter(dst);
    const offloaded = this.offloaded(network, src, dst, 40);
    const isPlain = isForRouter || offloaded !== undefined || random.chance(0.8);
    const extensions = isPlain ? [] : this.extensions();
    const room = network.mtu - 40 - extensions.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const [protocol, payload] = offloaded
      ? [offloaded.protocol, offloaded.bytes]
      : this.payload(src, dst, this.size(isForRouter ? LEAST_ROOM : room), isForRouter);
    const kinds = [...extensions.map(({ kind }) => kind), protocol];
    const chain = extensions.flatMap(({ bytes }, n) => [kinds[n + 1], ...bytes.slice(1)]);
    const body = [...chain, ...payload];
    const first = random.pick([0x6000_0000, 0x6000_0000, 0x6b8a_bcde]);
    const words = Buffer.alloc(8);
    words.writeUInt32BE(first, 0);
    words.set([...be16(body.length), kinds[0], random.pick(TTLS)], 4);
    return { header: [...words, ...ip(src), ...ip(dst)], payload: body, offloaded };
  }

  /** One packet of some leaves work to network cards. Not for a router itself, which would put nothing together. */
  private offloaded(
    network: UsedNetwork,
    src: string,
    dst: string,
    header: number,
  ): SuperPayload | undefined {
    const { random } = this;
    if (this.isOfRouter(dst) || !random.chance(0.12)) return undefined;
    const room = { near: network.mtu - header, far: random.pick(this.scene.networks).mtu - header };
    return superPayload(random, src, dst, ++this.count, room);
  }

  /** Destination options that may be skipped, routing headers that are used up, fragments. */
  private extensions(): { kind: number; bytes: number[] }[] {
    const { random } = this;
    const options = { kind: 60, bytes: [0, 0, 1, 4, 0, 0, 0, 0] };
    const routing = { kind: 43, bytes: [0, 0, 4, 0, 0, 0, 0, 0] };
    const word = random.pick([0, 1, 8, 0x0101]);
    const fragment = { kind: 44, bytes: [0, 0, ...be16(word), 1, 2, 3, 4] };
    return random.some([options, routing, fragment], 0.5);
  }

  /** Around what fits through some way, or any. */
  private size(room: number): number {
    const { random } = this;
    if (random.chance(0.6)) return random.between(24, 80);
    const { mtu } = random.pick(this.scene.networks);
    return Math.max(
      24,
      Math.min(room, random.chance(0.5) ? random.between(0, room) : mtu - random.between(15, 75)),
    );
  }

  /** Protocol and payload, with a checksum that is right. */
  private payload(src: string, dst: string, size: number, isForRouter: boolean): [number, number[]] {
    const { random } = this;
    const is6 = src.includes(':');
    const icmp = is6 ? ICMPV6 : ICMP;
    const protocol = random.pick(isForRouter ? [UDP, icmp] : [UDP, UDP, TCP, icmp, icmp, 89]);
    const payload = Array.from({ length: size }, (_, n) => (n * 7) & 0xff);
    const mark = ++this.count;
    payload.splice(size - 4, 4, mark >>> 24, (mark >>> 16) & 0xff, (mark >>> 8) & 0xff, mark & 0xff);
    if (protocol === UDP) payload.splice(0, 8, ...be16(40_000), ...be16(33_434), ...be16(size), 0, 0);
    if (protocol === icmp) {
      const queries = is6 ? [128] : [8];
      const types = is6 ? [128, 128, 129, 1, 2, 3, 4, 127, 200] : [8, 8, 0, 3, 11, 12, 4, 5, 13, 17, 40];
      payload.splice(0, 4, random.pick(isForRouter ? queries : types), 0, 0, 0);
    }
    const at = protocol === UDP ? 6 : 2;
    if (protocol === UDP || protocol === icmp) {
      const pseudo =
        is6 || protocol === UDP ? [...ip(src), ...ip(dst), ...be16(protocol), ...be16(size)] : [];
      payload.splice(at, 2, ...be16(~sumOf([...pseudo, ...payload]) || 0xffff));
    }
    return [protocol, payload];
  }

  private source4(network: UsedNetwork, h: number): string {
    const { random } = this;
    if (this.isHonest || random.chance(0.8)) return address4(network.number, h);
    return random.pick([
      this.host4(),
      this.host4(),
      random.pick(FAR_4),
      random.pick(STRANGE_4),
      this.router4(),
    ]);
  }

  private destination4(): string {
    const { random } = this;
    const broadcast = address4(random.pick(this.scene.networks).number, 255);
    const kinds = [
      this.host4(),
      this.host4(),
      this.host4(),
      random.pick(FAR_4),
      random.pick(FAR_4),
      this.router4(),
    ];
    return random.chance(0.06) ? random.pick([...STRANGE_4, broadcast]) : random.pick(kinds);
  }

  private source6(network: UsedNetwork, h: number): string {
    const { random } = this;
    if (this.isHonest || random.chance(0.8)) return address6(network.number, h);
    const kinds = [this.host6(), this.host6(), random.pick(FAR_6), '::1', 'ff02::5', '2001:4860::1'];
    return random.pick([...kinds, hostLinkLocal(h)]);
  }

  private destination6(network: UsedNetwork): string {
    const { random } = this;
    const [r] = network.routers;
    const kinds = [
      this.host6(),
      this.host6(),
      this.host6(),
      random.pick(FAR_6),
      random.pick(FAR_6),
      this.router6(),
    ];
    if (random.chance(0.06)) return random.pick([...STRANGE_6, routerLinkLocal(r, network.number)]);
    return random.pick(kinds);
  }

  private host4(): string {
    return address4(this.random.pick(this.scene.networks.filter(isEdge)).number, this.random.pick(HOSTS));
  }

  private host6(): string {
    const networks = this.scene.networks.filter((one) => isEdge(one) && !one.isNarrow);
    return address6(this.random.pick(networks).number, this.random.pick(HOSTS));
  }

  private router4(): string {
    const { number, routers } = this.random.pick(this.scene.networks);
    return address4(number, routerHost(this.random.pick(routers)));
  }

  private router6(): string {
    const { number, routers } = this.random.pick(this.scene.networks.filter(({ isNarrow }) => !isNarrow));
    return address6(number, routerHost(this.random.pick(routers)));
  }

  private isOfRouter(address: string): boolean {
    const own = this.scene.networks.flatMap(({ number: n, routers }) =>
      routers.flatMap((r) => [address4(n, routerHost(r)), address6(n, routerHost(r)), routerLinkLocal(r, n)]),
    );
    return own.includes(address);
  }
}

const ip = (text: string) => [...(parseIp(text) as Uint8Array)];
