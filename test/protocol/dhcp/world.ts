// A server, its disk and its clock, and clients that speak to it: each answer as a client reads it.

import { type Lease, leaseKey, storedLease, storedLeases } from '../../../src/protocol/dhcp/lease.ts';
import type { DhcpOutcome } from '../../../src/protocol/dhcp/outcome.ts';
import { DhcpServer } from '../../../src/protocol/dhcp/server.ts';
import { DHCP_DEFAULTS, type DhcpSettings, type DhcpSubnet } from '../../../src/protocol/dhcp/settings.ts';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { type DhcpFrame, parseDhcpFrame } from '../../../src/wire/dhcp4/frame.ts';
import type { DhcpMessage } from '../../../src/wire/dhcp4/message.ts';
import { readUint32, uint32 } from '../../../src/wire/dhcp4/values.ts';
import { ipv4Number, parseIp } from '../../../src/wire/ip_address.ts';
import type { Mac } from '../../../src/wire/mac.ts';
import { clientFrame, clientMessage, guestMac, PARAMETERS } from '../../wire/dhcp4/messages.ts';

export function ip(text: string): number {
  return ipv4Number(parseIp(text) as Uint8Array);
}

export const SERVER = ip('192.168.122.1');
const SERVER_MAC: Mac = { hi: 0x0200, lo: 0x5e10_0001 };

export const SUBNET: DhcpSubnet = {
  network: ip('192.168.122.0'),
  prefix: 24,
  ranges: [{ first: ip('192.168.122.100'), last: ip('192.168.122.199') }],
  excluded: [],
  options: { routers: [SERVER], dns: [SERVER] },
};

export const SETTINGS: DhcpSettings = {
  ...DHCP_DEFAULTS,
  address: SERVER,
  mac: SERVER_MAC,
  subnets: [SUBNET],
  hosts: [],
  classes: [],
  relayPorts: [],
};

export interface Asking {
  port?: string;
  mac?: Mac;
  ciaddr?: number;
  giaddr?: number;
  broadcast?: boolean;
  xid?: number;
  dst?: number;
  srcMac?: Mac;
  options?: Iterable<readonly [number, Uint8Array]>;
}

export interface Answer extends DhcpFrame {
  port: string;
}

export class World {
  now: number;
  server: DhcpServer;
  readonly settings: DhcpSettings;
  /** What a restart finds, by address. */
  readonly disk = new Map<number, unknown>();
  readonly events: string[] = [];
  /** Who answers ARP probes, by address. */
  readonly squatters = new Map<number, { mac: Mac; port: string }>();
  probed: number[] = [];
  private answers: Answer[] = [];
  private unixOffset = 1.7e12;

  constructor(settings: Partial<DhcpSettings> = {}, now = 1000) {
    this.settings = { ...SETTINGS, ...settings };
    this.now = now;
    this.server = new DhcpServer(this.settings, [], now);
  }

  /** Kills the server, and starts another one that has nothing but the disk, and another monotonic clock. */
  restart(settings: Partial<DhcpSettings> = {}, changed?: (lease: Lease) => void): void {
    this.unixOffset += this.now - 5;
    this.now = 5;
    const stored = new Map([...this.disk].map(([address, value]) => [leaseKey('br0', address), value]));
    const leases = storedLeases('br0', stored, this.unixOffset);
    if (leases.length !== stored.size) throw new Error('a stored lease cannot be read');
    this.server = new DhcpServer({ ...this.settings, ...settings }, leases, this.now, changed);
  }

  /** The answers to a message of guest `n`, at once. */
  say(type: DhcpMessage['type'], n: number, asking: Asking = {}): Answer[] {
    const { port = `p${n}`, mac = guestMac(n), options = [], dst, srcMac, ...fields } = asking;
    const message = clientMessage({ type, mac, ...fields }, [[OPTION.parameters, PARAMETERS], ...options]);
    return this.hear(clientFrame(message, { dst, srcMac }), port);
  }

  hear(bytes: Uint8Array, port: string, mtu?: number): Answer[] {
    this.take(this.server.received({ port, vlan: 0, tag: 0, bytes, at: this.now }, mtu));
    return this.answers.splice(0);
  }

  take(outcome: DhcpOutcome): void {
    for (const lease of outcome.leases) {
      this.disk.set(lease.address, JSON.parse(JSON.stringify(storedLease(lease, this.unixOffset))));
    }
    this.events.push(
      ...outcome.events.map(({ kind, address, port }) => `${kind} ${dotted(address)} ${port}`),
    );
    for (const { port, frame } of outcome.frames) {
      const parsed = parseDhcpFrame(frame);
      if (typeof parsed === 'string') throw new Error(`the server sent a bad frame: ${parsed}`);
      this.answers.push({ ...parsed, port });
    }
    for (const address of outcome.probes) {
      this.probed.push(address);
      const squatter = this.squatters.get(address);
      if (squatter === undefined) continue;
      this.take(this.server.addressInUse(address, squatter.mac, squatter.port, this.now));
    }
  }

  /** Lets `ms` pass, from deadline to deadline; returns what was sent meanwhile. */
  pass(ms: number): Answer[] {
    const end = this.now + ms;
    for (let next = this.server.deadline(); next <= end; next = this.server.deadline()) {
      this.now = Math.max(this.now, next);
      this.take(this.server.tick(this.now));
    }
    this.now = end;
    return this.answers.splice(0);
  }

  /** The offer to a client, whenever within a second; undefined = none. */
  offer(n: number, asking: Asking = {}): Answer | undefined {
    return [...this.say('discover', n, asking), ...this.pass(1000)].at(-1);
  }

  /** DISCOVER, OFFER, REQUEST, ACK: the address that guest `n` has then, 0 = none. */
  join(n: number, asking: Asking = {}): number {
    const offer = this.offer(n, asking);
    if (offer === undefined) return 0;
    const answer = this.select(n, offer.message.yiaddr, asking);
    return answer?.message.type === 'ack' ? answer.message.yiaddr : 0;
  }

  select(n: number, address: number, asking: Asking = {}, server = SERVER): Answer | undefined {
    const options: [number, Uint8Array][] = [
      [OPTION.serverId, uint32(server)],
      [OPTION.requestedAddress, uint32(address)],
    ];
    return this.say('request', n, { ...asking, options: [...(asking.options ?? []), ...options] })[0];
  }

  /** RENEWING: straight to the server. */
  renew(n: number, address: number, asking: Asking = {}): Answer | undefined {
    return this.say('request', n, { ciaddr: address, dst: SERVER, ...asking })[0];
  }

  /** INIT-REBOOT. */
  reboot(n: number, address: number, asking: Asking = {}): Answer | undefined {
    const options = [...(asking.options ?? []), [OPTION.requestedAddress, uint32(address)] as const];
    return this.say('request', n, { ...asking, options })[0];
  }

  release(n: number, address: number, asking: Asking = {}): void {
    this.say('release', n, { ciaddr: address, dst: SERVER, ...asking });
  }

  decline(n: number, address: number, asking: Asking = {}): void {
    const options: [number, Uint8Array][] = [[OPTION.requestedAddress, uint32(address)]];
    this.say('decline', n, { ...asking, options: [...(asking.options ?? []), ...options] });
  }
}

export function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

export function number(answer: Answer | undefined, code: number): number | undefined {
  return readUint32(answer?.message.options.get(code));
}

export function bytes(answer: Answer | undefined, code: number): number[] | undefined {
  const value = answer?.message.options.get(code);
  return value && [...value];
}
