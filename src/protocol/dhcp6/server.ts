// The DHCPv6 server of one network, RFC 8415: a state machine without clock, timer or disk. What it wants done it returns.
//
//   solicit -> advertise, or with rapid commit reply      confirm             -> reply: are the addresses of this link?
//   request, renew, rebind -> reply with leases           information request -> reply: resolvers
//   release, decline -> reply
//
// Clients ask by multicast; relay agents (relay forward -> relay reply) behind the ports that the configuration names. Nothing
// that a guest sends makes it remember more than its port may have. An offer is no promise: who asks for an address that somebody else took meanwhile gets another one.

import { OPTION6, STATUS } from '../../wire/dhcp6/codes.ts';
import { buildFrame6, CLIENT_PORT6, type Frame6, parseFrame6, SERVER_PORT6 } from '../../wire/dhcp6/frame.ts';
import {
  type Association,
  associationOption,
  buildMessage6,
  type Given6,
  statusData,
} from '../../wire/dhcp6/message.ts';
import { buildRelayed } from '../../wire/dhcp6/relay.ts';
import { type IpBytes, isMulticastIp } from '../../wire/ip_address.ts';
import { prefixContains } from '../../wire/ip_prefix.ts';
import { isGroupMac } from '../../wire/mac.ts';
import type { Punt } from '../host.ts';
import { Allocation6, type Refusal } from './allocation.ts';
import { settingOptions } from './answer.ts';
import type { Host6 } from './hosts.ts';
import { type Lease6, textOf } from './lease.ts';
import { Leases6 } from './leases.ts';
import {
  type Dhcp6Counters,
  type Dhcp6Event,
  type Dhcp6Outcome,
  type Dhcp6Settings,
  emptyOutcome6,
  type Ignored6,
} from './outcome.ts';
import { clientKey, type Request6, requestOf } from './request.ts';

type Option = readonly [number, Uint8Array];
/** Which messages name a server (section 16); `either` for an information request. */
const NAMES_SERVER: Readonly<Partial<Record<string, boolean | 'either'>>> = {
  solicit: false,
  confirm: false,
  rebind: false,
  request: true,
  renew: true,
  release: true,
  decline: true,
  information_request: 'either',
};

export class Dhcp6Server {
  private readonly settings: Dhcp6Settings;
  private readonly table = new Leases6();
  private readonly allocation: Allocation6;
  private readonly serverId: Uint8Array;
  /** Ports, and kinds of pools, of which it was told that there is no room. */
  private readonly told = new Set<string>();
  readonly counters: Dhcp6Counters = { received: {}, sent: {}, ignored: {} };

  /** `leases` of what is no longer its own are left out. */
  constructor(settings: Dhcp6Settings, leases: Iterable<Lease6>, now: number) {
    this.settings = settings;
    this.allocation = new Allocation6(settings, this.table);
    this.serverId = duidOf(settings.mac);
    for (const lease of leases) if (lease.until > now && this.allocation.isOurs(lease)) this.table.put(lease);
  }

  /** All that is remembered. */
  leases(): Lease6[] {
    return [...this.table.all()];
  }

  portOf(address: IpBytes): string | undefined {
    const lease = this.table.get({ address, bits: 128 });
    return lease?.state === 'bound' ? lease.port : undefined;
  }

  /** The host of the configuration whose address the lease is about. */
  hostOf(lease: Pick<Lease6, 'address' | 'bits'>): Host6 | undefined {
    return this.allocation.hostAt(lease);
  }

  macOf(address: IpBytes): string | undefined {
    return this.table.get({ address, bits: 128 })?.mac || undefined;
  }

  addressOf(mac: string): IpBytes | undefined {
    return this.table.ofMac(mac)?.address;
  }

  deadline(): number {
    return this.table.deadline();
  }

  /** A frame to UDP port 547 in this network. */
  received(punt: Pick<Punt, 'bytes' | 'port' | 'at'>): Dhcp6Outcome {
    const out = emptyOutcome6();
    const frame = parseFrame6(punt.bytes);
    if (typeof frame === 'string') {
      this.ignore(frame);
      return out;
    }
    add(this.counters.received, frame.message.type);
    const request = requestOf(frame, punt, this.settings);
    const reason = this.objection(frame, request);
    if (reason !== undefined) this.ignore(reason);
    else if (request !== undefined) this.answer(request, out);
    return out;
  }

  tick(now: number): Dhcp6Outcome {
    const out = emptyOutcome6();
    for (const lease of this.table.expire(now)) {
      this.relieve(lease);
      out.leases.push([lease, true]);
      if (lease.state === 'bound') out.events.push({ kind: 'expired', lease });
    }
    return out;
  }

  /** Takes a lease back, as if its client had released it. */
  end(lease: Pick<Lease6, 'address' | 'bits'>): Dhcp6Outcome {
    const out = emptyOutcome6();
    const known = this.table.get(lease);
    if (known !== undefined) this.forget(known, out);
    return out;
  }

  private objection({ message, srcMac }: Frame6, request: Request6 | undefined): Ignored6 | undefined {
    const { type, options, associations } = message;
    const rule = NAMES_SERVER[type];
    const server = options.get(OPTION6.serverId);
    if (rule === undefined || isGroupMac(srcMac.hi)) return 'nonsense';
    if (request === undefined) return 'unknown_relay';
    const { clientId } = request;
    const reason = request.relayed ? this.objectionToRelay(request) : objectionToClient(request);
    if (reason !== undefined) return reason;
    if (rule !== 'either' && rule !== (server !== undefined)) return 'nonsense';
    if (server !== undefined && !isEqual(server, this.serverId)) return 'not_ours';
    if (type === 'information_request') return associations.length === 0 ? undefined : 'nonsense';
    return clientId === undefined ? 'nonsense' : undefined;
  }

  private objectionToRelay({ frame: { dst }, port }: Request6): Ignored6 | undefined {
    const { relayPorts, source, gateway } = this.settings;
    if (!relayPorts.includes(port)) return 'unknown_relay';
    return isMulticastIp(dst) || isEqual(dst, source) || isEqual(dst, gateway) ? undefined : 'not_ours';
  }

  private answer(request: Request6, out: Dhcp6Outcome): void {
    const { type, options, associations } = request.frame.message;
    switch (type) {
      case 'solicit': {
        const isRapid = options.has(OPTION6.rapidCommit) && this.canServe(request);
        const given = associations.map((one) => this.give(request, one, isRapid, out));
        const rapid: Option[] = isRapid ? [[OPTION6.rapidCommit, new Uint8Array()]] : [];
        this.reply(request, isRapid ? 'reply' : 'advertise', [...rapid, ...given], out);
        break;
      }
      case 'request':
      case 'renew':
      case 'rebind':
        this.reply(
          request,
          'reply',
          associations.map((one) => this.give(request, one, true, out)),
          out,
        );
        break;
      case 'confirm':
        this.confirm(request, out);
        break;
      case 'release':
      case 'decline':
        this.returned(request, type, out);
        break;
      default:
        this.reply(request, 'reply', [], out);
    }
  }

  /** Whether the client could have all that it asks for: then it need not ask twice (section 18.3.1). */
  private canServe(request: Request6): boolean {
    return request.frame.message.associations.every(
      (one) => typeof this.allocation.find(request, one) !== 'string',
    );
  }

  /** What a client has by one of its associations, or will have when it asks for it: the option that says so. */
  private give(request: Request6, one: Association, isBinding: boolean, out: Dhcp6Outcome): Option {
    const found = this.allocation.find(request, one);
    const { leaseTime } = this.settings;
    if (typeof found === 'string') {
      this.lack(found, request, one, out);
      const code = one.kind === 'address' ? STATUS.noAddrsAvail : STATUS.noPrefixAvail;
      const status = statusData(code, found === 'port_full' ? 'your port has too many' : 'none is left');
      return associationOption(one, { given: outdated(request, one, undefined), t1: 0, t2: 0, status });
    }
    if (isBinding) this.bind(found, out);
    const { address, bits } = found;
    const given = [
      { address, bits, preferred: leaseTime, valid: leaseTime },
      ...outdated(request, one, found),
    ];
    return associationOption(one, {
      given,
      t1: Math.floor(leaseTime / 2),
      t2: Math.floor(leaseTime * 0.8),
      status: undefined,
    });
  }

  private bind(lease: Lease6, out: Dhcp6Outcome): void {
    const isNew = this.table.get(lease)?.client !== lease.client;
    const before = this.table.ofClient(lease.client, lease.bits);
    if (before !== undefined && textOf(before) !== textOf(lease)) this.forget(before, out);
    this.table.put(lease);
    out.leases.push([lease, false]);
    if (isNew) out.events.push({ kind: 'bound', lease });
  }

  /** Section 18.3.3: whoever may have moved asks whether its addresses are of this link. */
  private confirm(request: Request6, out: Dhcp6Outcome): void {
    const items = request.frame.message.associations.flatMap((one) => one.items);
    if (items.length === 0) {
      this.ignore('nonsense');
      return;
    }
    const isHere = items.every(({ address }) => prefixContains(request.link.subnet, address));
    const status = isHere
      ? statusData(STATUS.success, 'these are of this link')
      : statusData(STATUS.notOnLink, 'these are of another link');
    this.reply(request, 'reply', [[OPTION6.statusCode, status]], out);
  }

  /** Sections 18.3.7 and 18.3.8. Nobody can give back what somebody behind another port has. */
  private returned(request: Request6, type: 'release' | 'decline', out: Dhcp6Outcome): void {
    const { associations } = request.frame.message;
    const strange: Option[] = [];
    for (const one of associations) {
      const client = clientKey(request, one);
      for (const item of one.items) {
        const lease = this.table.get(item);
        if (lease === undefined || lease.client !== client || lease.port !== request.port) {
          const status = statusData(STATUS.noBinding, 'it is not yours');
          strange.push(associationOption(one, { given: [], t1: 0, t2: 0, status }));
        } else if (type === 'release') this.forget(lease, out);
        else this.quarantine(lease, request.now, out);
      }
    }
    const status: Option = [OPTION6.statusCode, statusData(STATUS.success, 'noted')];
    this.reply(request, 'reply', [status, ...strange], out);
  }

  private forget(lease: Lease6, out: Dhcp6Outcome): void {
    this.table.remove(lease);
    this.relieve(lease);
    out.leases.push([lease, true]);
    out.events.push({ kind: 'released', lease });
  }

  private quarantine(lease: Lease6, now: number, out: Dhcp6Outcome): void {
    const until = now + 1000 * this.settings.quarantine;
    const declined: Lease6 = { ...lease, client: '', mac: '', hostName: '', state: 'declined', until };
    this.table.put(declined);
    out.leases.push([declined, false]);
    out.events.push({ kind: 'declined', lease });
  }

  /** There was nothing for a client; nobody is told twice that it is so. What is not there at all is no news. */
  private lack(what: Refusal, request: Request6, one: Association, out: Dhcp6Outcome): void {
    const { port, mac, hostName } = request;
    this.ignore(what);
    const { subnet, addresses } = request.link;
    const pool = one.kind === 'address' ? addresses : this.settings.prefixes;
    const about = what === 'port_full' ? `port ${port}` : one.kind;
    if (pool === undefined || this.told.has(about)) return;
    this.told.add(about);
    const kind: Dhcp6Event['kind'] = what === 'port_full' ? 'port_full' : 'exhausted';
    const lease = { address: subnet.address, bits: subnet.bits, mac, port, hostName };
    out.events.push({ kind, lease });
  }

  private relieve({ port, bits }: Lease6): void {
    this.told.delete(`port ${port}`);
    this.told.delete(bits === 128 ? 'address' : 'prefix');
  }

  private reply(
    request: Request6,
    type: 'advertise' | 'reply',
    options: readonly Option[],
    out: Dhcp6Outcome,
  ): void {
    const { frame, clientId, port, link } = request;
    const all: Option[] = [[OPTION6.serverId, this.serverId]];
    if (clientId !== undefined) all.push([OPTION6.clientId, clientId]);
    all.push(...options, ...settingOptions(link, this.settings, frame.message));
    const { mac: srcMac, source, gateway } = this.settings;
    const src = isLinkLocal(frame.src) ? source : gateway;
    const way = { srcMac, src, dstMac: frame.srcMac, dst: frame.src };
    const message = buildRelayed(frame, buildMessage6(type, frame.message.transaction, all));
    add(this.counters.sent, type);
    // Relay agents listen where servers do (section 7.2).
    const to = request.relayed ? SERVER_PORT6 : CLIENT_PORT6;
    out.frames.push({ port, frame: buildFrame6(way, SERVER_PORT6, to, message) });
  }

  private ignore(reason: Ignored6): void {
    add(this.counters.ignored, reason);
  }
}

/** Nobody was told that it may send to the server alone (section 16). */
function objectionToClient({ frame: { src, dst } }: Request6): Ignored6 | undefined {
  if (!isLinkLocal(src)) return 'nonsense';
  return isMulticastIp(dst) ? undefined : 'not_ours';
}

/** What a client wants to go on with and has not: with no time left, so that it stops using it (section 18.3.4). */
function outdated({ frame }: Request6, { items, kind }: Association, lease: Lease6 | undefined): Given6[] {
  const { type } = frame.message;
  if (type !== 'renew' && type !== 'rebind') return [];
  return items
    .filter(({ bits }) => (bits === 128) === (kind === 'address'))
    .filter(({ address, bits }) => bits !== lease?.bits || !isEqual(address, lease.address))
    .map(({ address, bits }) => ({ address, bits, preferred: 0, valid: 0 }));
}

/** DUID-LL, section 11.4: type 3 | hardware type 1 | MAC. */
function duidOf({ hi, lo }: Dhcp6Settings['mac']): Uint8Array {
  const duid = Buffer.from([0, 3, 0, 1, 0, 0, 0, 0, 0, 0]);
  duid.writeUInt16BE(hi, 4);
  duid.writeInt32BE(lo, 6);
  return Uint8Array.from(duid);
}

function isLinkLocal(address: Uint8Array): boolean {
  return address[0] === 0xfe && (address[1] & 0xc0) === 0x80;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function add<K extends string>(counters: Partial<Record<K, number>>, key: K): void {
  counters[key] = (counters[key] ?? 0) + 1;
}
