// Routers for the fuzzer: a few in random domains, packets that they may forward, neighbours that come and go, and which
// domains frames may get into by them.

import type { SwitchConfigInput } from '../../../src/config/schema.ts';
import { Neighbours } from '../../../src/table/neighbours.ts';
import { icmpMessage, type Packet, packet, sumOf } from './packets.ts';
import type { Random } from './random.ts';

type Bridges = Record<string, object>;
type Routers = NonNullable<SwitchConfigInput['routers']>;

interface Domain {
  /** As frames name it. */
  name: string;
  bridge: string;
  vid: number;
}

const HOSTS = 6;

export class FuzzRouters {
  readonly config: Routers = {};
  readonly neighbours = new Neighbours(Neighbours.allocate(3));
  private readonly random: Random;
  private readonly domains: Domain[];
  /** By name of a domain: the first of those that routers join with it. */
  private readonly joined = new Map<string, string>();
  private ports: number[] = [];

  /** @param vids of bridges that filter VLANs */
  constructor(
    random: Random,
    bridges: Bridges,
    vids: readonly number[],
    counts: readonly number[] = [0, 1, 1, 2, 3],
  ) {
    this.random = random;
    this.domains = Object.entries(bridges).flatMap(([bridge, settings]) =>
      (Reflect.get(settings, 'vlan_filtering') === true ? vids : [0]).map((vid) => ({
        name: `${bridge}/${vid}`,
        bridge,
        vid,
      })),
    );
    const count = random.pick(counts);
    for (let r = 0; r < count; r++) this.config[`r${r}`] = this.router(r);
  }

  private router(r: number): Routers[string] {
    const { random, domains } = this;
    const places = [...new Set([0, 1, 2].map(() => random.between(0, domains.length - 1)))];
    const mtus = places.map(() => random.pick([100, 576, 1500, 9000]));
    const interfaces = Object.fromEntries(
      places.map((d, n) => [
        `i${n}`,
        {
          bridge: domains[d].bridge,
          ...(domains[d].vid !== 0 && { vlan: domains[d].vid }),
          mac: `02:00:00:00:00:0${3 * r + n + 1}`,
          address: [`10.${d}.0.${r + 1}/16`, ...(mtus[n] < 1280 ? [] : [`fd00:${d}::${r + 1}/64`])],
          mtu: mtus[n],
          reverse_path: random.pick(['off', 'off', 'strict', 'loose'] as const),
          proxy_arp: random.chance(0.2),
        },
      ]),
    );
    for (const d of places) this.join(domains[places[0]].name, domains[d].name);
    const others = [1, 2, 3, 4, 5, HOSTS].filter((host) => host !== r + 1);
    const via = (d: number) => `10.${d}.0.${random.pick(others)}`;
    const routes = [
      { to: '0.0.0.0/0', via: places.map(via) },
      ...(mtus[0] < 1280 ? [] : [{ to: '::/0', via: `fd00:${places[0]}::${HOSTS}` }]),
      { to: '10.77.0.0/16', type: random.pick(['blackhole', 'unreachable', 'prohibit'] as const) },
    ];
    return { interfaces, routes: random.some(routes, 0.7) };
  }

  private join(a: string, b: string): void {
    const [to, from] = [this.groupOf(a), this.groupOf(b)];
    for (const { name } of this.domains) if (this.groupOf(name) === from) this.joined.set(name, to);
  }

  private groupOf(domain: string): string {
    return this.joined.get(domain) ?? domain;
  }

  /** Whether routers bring what was sent in one domain into another. */
  leads(from: string, to: string): boolean {
    return this.groupOf(from) === this.groupOf(to);
  }

  /** @param find numbers of ports */
  start(find: (name: string) => number | undefined): void {
    this.ports = Object.entries(this.config).flatMap(([name, { interfaces = {} }]) =>
      Object.keys(interfaces).map((one) => find(`${name}.${one}`) as number),
    );
  }

  /** Makes all hosts known behind all interfaces. */
  introduce(neighbours: Neighbours): void {
    for (const port of this.ports) {
      for (const d of this.domains.keys()) {
        for (let host = 1; host <= HOSTS; host++) {
          neighbours.set4(port, 0x0a00_0000 | (d << 16) | host, 0x0200, host);
          const address = Uint8Array.from([0xfd, 0, 0, d, ...new Array(11).fill(0), host]);
          neighbours.set6(port, new DataView(address.buffer), 0, 0x0200, host);
        }
      }
    }
  }

  /** Between two polls. */
  step(): void {
    const { random, neighbours, ports } = this;
    if (ports.length === 0) return;
    for (let n = random.between(0, 3); n > 0; n--) {
      const port = random.pick(ports);
      const address = new DataView(Uint8Array.from(this.address(random.pick([4, 6]))).buffer);
      const lo = random.between(1, 12);
      const isIpv4 = address.byteLength === 4;
      const slot = isIpv4
        ? neighbours.set4(port, address.getInt32(0), 0x0200, lo)
        : neighbours.set6(port, address, 0, 0x0200, lo);
      if (random.chance(0.2)) neighbours.remove(slot);
    }
    if (random.chance(0.02)) neighbours.clear(random.pick(ports));
  }

  private address(version: number): number[] {
    const { random } = this;
    const d = random.between(0, this.domains.length - 1);
    const host = random.between(1, HOSTS);
    if (version === 6) return [0xfd, 0, 0, d, ...new Array(11).fill(0), host];
    return random.chance(0.9)
      ? [10, d, 0, host]
      : random.pick([
          [10, d, 255, 255],
          [10, 77, 1, 1],
          [127, 0, 0, 1],
          [8, 8, 8, 8],
        ]);
  }

  /** Gives an untagged or tagged IP frame addresses that routers know, and hops; its IPv4 header stays right. */
  direct(bytes: Uint8Array, l3: number): void {
    const { random } = this;
    if (this.ports.length === 0 || random.chance(0.2)) return;
    const isIpv4 = bytes[l3] >>> 4 === 4;
    const at = l3 + (isIpv4 ? 12 : 8);
    const source = this.address(isIpv4 ? 4 : 6);
    bytes.set([...source, ...this.address(isIpv4 ? 4 : 6)], at);
    bytes[l3 + (isIpv4 ? 8 : 7)] = random.pick([0, 1, 2, 64, 255]);
    if (!isIpv4) return;
    if (random.chance(0.3)) bytes[l3 + 6] = 0; // may be fragmented
    bytes.set([0, 0], l3 + 10);
    const sum = ~sumOf(bytes, l3, l3 + (bytes[l3] & 15) * 4);
    bytes.set([(sum >>> 8) & 0xff, sum & 0xff], l3 + 10);
  }

  /** A question for an address, or a ping: what interfaces answer. */
  question(macs: readonly number[]): Uint8Array {
    const { random } = this;
    const [sender, target] = [this.address(4), this.address(4)];
    const kind = random.between(0, 2);
    if (kind === 0) {
      const operation = random.pick([1, 1, 2]);
      const body = [0, 1, 8, 0, 6, 4, 0, operation, ...macs.slice(6), ...sender, 0, 0, 0, 0, 0, 0, ...target];
      return Uint8Array.from([...macs, 8, 6, ...body]);
    }
    const text = (bytes: readonly number[]) =>
      bytes.length === 4 ? bytes.join('.') : `fd00:${bytes[3].toString(16)}::${bytes[15].toString(16)}`;
    const spec: Packet = { from: 'a', to: 'a', src: text(sender), dst: text(target), protocol: 1 };
    if (kind === 1) spec.payload = icmpMessage(spec.src, spec.dst, 8, [0, 1, 0, 1]);
    else {
      const own = this.address(6);
      Object.assign(spec, { src: text(this.address(6)), dst: 'ff02::1:ff00:1', protocol: 58, ttl: 255 });
      const option = [1, 1, ...macs.slice(6)];
      spec.payload = icmpMessage(spec.src, spec.dst, random.pick([135, 136]), [
        0,
        0,
        0,
        0,
        ...own,
        ...option,
      ]);
    }
    const frame = packet(spec);
    frame.set(macs);
    return frame;
  }
}
