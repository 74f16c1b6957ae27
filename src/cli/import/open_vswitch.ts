// A database of Open vSwitch (ovs-vswitchd.conf.db(5)) as a configuration of ours. Pure.
//
// Its bridges always know VLANs, and untagged frames have a VLAN of their own, 0. A bridge where no port says anything of
// VLANs becomes one that does not filter; in others VLAN 0 is a VLAN that no port names.

import { rangesOf } from '../../config/range.ts';
import { bondOf, lacpOf, type Member } from './bond.ts';
import {
  type Bridge,
  type Draft,
  isUsable,
  type Mirrors,
  type Port,
  type Ports,
  vlanOf,
  type Warn,
  withFittingStp,
} from './draft.ts';
import { isTrue, map, number, numbers, type Row, set, type Tables, text, uuids } from './ovsdb.ts';

const MAX_VID = 4094;
/** 01:80:C2:00:00:03 to 0F: the others nobody may forward. */
const FORWARD_BPDU_MASK = 0xfff8;

type Lost = readonly (readonly [column: string, message: string])[];

/** Columns of which a bridge or a port that uses none has nothing. */
const LOST_OF_BRIDGES: Lost = [
  ['controller', 'an OpenFlow controller decides there what is forwarded: here the switch learns'],
  ['netflow', 'NetFlow has no counterpart'],
  ['sflow', 'sFlow has no counterpart'],
  ['ipfix', 'IPFIX has no counterpart'],
  ['flood_vlans', 'flood_vlans has no counterpart'],
];

/** Without `only` all bridges; `local` is for tunnels that have no address of their own. */
export function fromOpenVSwitch(
  tables: Tables,
  { only, local }: { only?: string; local?: string } = {},
): Draft {
  const warnings: string[] = [];
  const bridges = [...(tables.get('Bridge')?.values() ?? [])]
    .map((row) => new Import(tables, row, warnings, local))
    .filter(
      ({ name }) => (only ?? name) === name && isUsable(name, (what) => warnings.push(`${name}: ${what}`)),
    )
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((bridge) => [bridge.name, bridge.bridge()]);
  return { config: { version: 1, bridges: Object.fromEntries(bridges) }, warnings };
}

/** Of one bridge. */
class Import {
  readonly name: string;
  private readonly ports: readonly Row[];
  private readonly filters: boolean;
  /** What VLAN 0 becomes. */
  private readonly native: number;
  /** Tunnels by what they hear, for those that differ in the remote only. */
  private readonly tunnels = new Map<string, string>();
  /** The port that a port became: its own name, but for tunnels that became one. */
  private readonly became = new Map<string, string>();

  private readonly tables: Tables;
  private readonly row: Row;
  private readonly warnings: string[];
  private readonly local: string | undefined;

  constructor(tables: Tables, row: Row, warnings: string[], local: string | undefined) {
    this.tables = tables;
    this.row = row;
    this.warnings = warnings;
    this.local = local;
    this.name = text(row.name) ?? '';
    this.ports = this.rows('Port', row.ports);
    this.filters = this.ports.some(
      ({ tag, trunks, vlan_mode }) => [...set(tag), ...set(trunks), ...set(vlan_mode)].length > 0,
    );
    const named = new Set(this.ports.flatMap(({ tag, trunks }) => [...numbers(tag), ...numbers(trunks)]));
    this.native = 1;
    while (named.has(this.native)) this.native++;
  }

  /** By name: a set is in the order of its UUIDs, which is none. */
  private rows(table: string, references: unknown): Row[] {
    const all = this.tables.get(table);
    return uuids(references)
      .map((uuid) => all?.get(uuid))
      .filter((row) => row !== undefined)
      .sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
  }

  private warner(what?: string): Warn {
    const prefix = what === undefined ? this.name : `${this.name}.${what}`;
    return (message) => this.warnings.push(`${prefix}: ${message}`);
  }

  bridge(): Bridge {
    const { row, filters } = this;
    const warn = this.warner();
    const more = map(row.other_config);
    for (const [column, message] of LOST_OF_BRIDGES) if (set(row[column]).length > 0) warn(message);
    if (text(row.fail_mode) === 'secure')
      warn('fail_mode is secure, only flows forward there: here the switch learns');
    const forwardsBpdus = more['forward-bpdu'] === 'true';
    if (forwardsBpdus) warn('forward-bpdu: STP, PAUSE and LACP frames are not forwarded all the same');
    let own: Row | undefined;
    const ports: Ports = {};
    for (const port of this.ports) {
      const name = String(port.name);
      if (name === this.name) own = port;
      else if (isUsable(name, this.warner(name))) this.addPort(ports, name, port);
    }
    if (filters && this.isZeroUsed(ports))
      warn(`untagged frames, there in VLAN 0, are in VLAN ${this.native} here`);
    const seconds = more['mac-aging-time'];
    const limit = more['mac-table-size'];
    const bridge: Bridge = {
      ...(filters && { vlan_filtering: true }),
      ...this.protocol(warn),
      ...(seconds !== undefined && { ageing_time: Number(seconds) }),
      ...(limit !== undefined && { fdb_limit: Number(limit) }),
      ...(forwardsBpdus && { group_fwd_mask: FORWARD_BPDU_MASK }),
      ...this.stp(more),
      ...(isTrue(row.mcast_snooping_enable) && { multicast: {} }),
      local: own === undefined ? false : this.own(own, more.hwaddr),
      mirrors: this.mirrors(ports),
      ports,
    };
    return withFittingStp(bridge, warn);
  }

  /** There the end of a tunnel says with which EtherType others are to see its frames, here the bridge says it of its trunks. */
  private protocol(warn: Warn): Pick<Bridge, 'vlan_protocol'> {
    const tunnels = this.ports.filter(({ vlan_mode }) => text(vlan_mode) === 'dot1q-tunnel');
    if (tunnels.length === 0) return {};
    const isPlain = (port: Row) => map(port.other_config)['qinq-ethtype'] === '802.1q';
    const plain = tunnels.filter(isPlain).length;
    if (plain === tunnels.length) return {};
    if (plain > 0)
      warn('its tunnels have different EtherTypes (qinq-ethtype): here all of its trunks have 802.1ad');
    const trunks = this.ports.some(
      ({ name, tag, vlan_mode }) => name !== this.name && !(text(vlan_mode) ?? text(tag)),
    );
    if (trunks)
      warn('its trunks carry service tags (0x88a8) only: say protocol: 802.1Q of one that carries others');
    return { vlan_protocol: '802.1ad' };
  }

  private isZeroUsed(ports: Ports): boolean {
    return Object.values(ports).some(
      ({ vlan }) => vlan !== undefined && 'native' in vlan && vlan.native === this.native,
    );
  }

  private stp(more: ReturnType<typeof map>): Pick<Bridge, 'stp'> {
    const on = isTrue(this.row.rstp_enable) ? 'rstp' : isTrue(this.row.stp_enable) ? 'stp' : undefined;
    if (on === undefined) return {};
    const value = (key: string) => {
      const found = more[`${on}-${key}`];
      return found === undefined ? undefined : Number(found);
    };
    return {
      stp: {
        protocol: on,
        priority: value('priority'),
        hello_time: value('hello-time'),
        max_age: value('max-age'),
        forward_delay: value('forward-delay'),
      },
    };
  }

  private own(port: Row, mac: string | undefined): Bridge['local'] {
    const [device] = this.rows('Interface', port.interfaces);
    const mtu = number(device?.mtu_request);
    return {
      ...this.vlan(port, this.warner(this.name)),
      ...(mtu !== undefined && { mtu }),
      ...(mac !== undefined && { mac }),
    };
  }

  private addPort(ports: Ports, name: string, row: Row): void {
    const warn = this.warner(name);
    const devices = this.rows('Interface', row.interfaces);
    const port =
      devices.length === 1
        ? this.port(ports, name, row, devices[0], warn)
        : this.aggregate(name, row, devices, warn);
    if (port === undefined) return;
    this.became.set(name, name);
    ports[name] = port;
  }

  /** What is said of a port, however many interfaces it has. */
  private common(row: Row, devices: readonly Row[], warn: Warn): Pick<Port, 'vlan' | 'stp' | 'isolated'> {
    if (set(row.qos).length > 0) warn('QoS has no counterpart');
    if (devices.some((device) => (number(device.ingress_policing_rate) ?? 0) > 0))
      warn('policing has no counterpart');
    return {
      ...this.vlan(row, warn),
      ...this.portStp(map(row.other_config)),
      isolated: isTrue(row.protected),
    };
  }

  private aggregate(name: string, row: Row, devices: readonly Row[], warn: Warn): Port | undefined {
    const members = devices.flatMap((device): [Row, Member][] => {
      const member = String(device.name);
      if (!isUsable(member, this.warner(`${name}.${member}`))) return [];
      const type = memberType(device);
      if (type === undefined)
        this.warner(`${name}.${member}`)(`a member of type ${text(device.type)}: left out`);
      return type === undefined ? [] : [[device, { type, ...lldpOf(device) }]];
    });
    if (members.length === 0) {
      warn('a bond of nothing that can be a member: left out');
      return undefined;
    }
    const common = this.common(row, devices, warn);
    const mtu = devices.map((device) => number(device.mtu_request)).find((size) => size !== undefined);
    return { ...bondOf(row, members, warn), ...common, ...(mtu !== undefined && { mtu }) };
  }

  private port(ports: Ports, name: string, row: Row, device: Row, warn: Warn): Port | undefined {
    const common = this.common(row, [device], warn);
    if (lacpOf(row) !== 'off')
      warn('LACP of a single interface: left out; an aggregate of another name has it');
    const lldp = lldpOf(device);
    const mtu = number(device.mtu_request);
    const size = mtu === undefined ? {} : { mtu };
    const mac = text(device.mac);
    switch (text(device.type) ?? 'system') {
      case 'system':
        return { type: 'af_packet', ...common, ...size, ...lldp };
      case 'internal':
      case 'tap':
        return { type: 'tap', ...common, ...size, ...lldp, ...(mac !== undefined && { mac }) };
      case 'vxlan':
        return this.tunnel(ports, name, { ...common, ...size }, map(device.options), warn);
      case 'patch':
        warn(`a patch to ${map(device.options).peer ?? 'another bridge'}: left out`);
        return undefined;
      default:
        warn(`a port of type ${text(device.type)}: left out`);
        return undefined;
    }
  }

  private portStp(more: ReturnType<typeof map>): Pick<Port, 'stp'> {
    const cost = more['rstp-path-cost'] ?? more['stp-path-cost'];
    return cost === undefined ? {} : { stp: { cost: Number(cost) } };
  }

  /** The column vlan_mode, and what it is when empty. */
  private vlan({ tag, trunks, vlan_mode, cvlans }: Row, warn: Warn): Pick<Port, 'vlan'> {
    if (!this.filters) return {};
    const vid = number(tag) ?? 0;
    const pvid = vid === 0 ? this.native : vid;
    const mode = text(vlan_mode) ?? (number(tag) === undefined ? 'trunk' : 'access');
    if (mode === 'dot1q-tunnel') return { vlan: tunnelOf(pvid, numbers(cvlans)) };
    if (mode === 'access') return this.member(vlanOf({ pvid, tagged: [], untagged: [pvid] }, warn));
    const named = numbers(trunks);
    const all = named.length === 0;
    const tagged = all
      ? [{ from: 1, to: MAX_VID }]
      : rangesOf(named.filter((item) => item >= 1 && item <= MAX_VID));
    if (mode === 'native-tagged') {
      warn(`untagged frames belong to VLAN ${vid}, which leaves tagged: here untagged frames are dropped`);
      return this.member(
        vlanOf({ pvid: 0, tagged: all ? tagged : rangesOf([...named, vid]), untagged: [] }, warn),
      );
    }
    const hasNative = mode === 'native-untagged' || all || named.includes(0);
    return this.member(
      vlanOf({ pvid: hasNative ? pvid : 0, tagged, untagged: hasNative ? [pvid] : [] }, warn),
    );
  }

  private member(vlan: Port['vlan']): Pick<Port, 'vlan'> {
    return vlan === undefined ? {} : { vlan };
  }

  /** There a port for each remote, here one for all of them. */
  private tunnel(
    ports: Ports,
    name: string,
    common: object,
    options: ReturnType<typeof map>,
    warn: Warn,
  ): Port | undefined {
    const { remote_ip, local_ip = this.local, key, in_key = key ?? '0', out_key = key ?? '0' } = options;
    if ([remote_ip, local_ip, in_key, out_key].includes('flow')) {
      warn('a tunnel whose address or key comes from flows: left out');
      return undefined;
    }
    if (remote_ip === undefined || local_ip === undefined) {
      warn('a tunnel without a local address: left out; say --local ADDRESS');
      return undefined;
    }
    if (in_key !== out_key) warn(`it sends with key ${out_key}: here it sends with that which it receives`);
    if (options.exts !== undefined) warn(`the extension ${options.exts} has no counterpart`);
    const dstPort = Number(options.dst_port ?? 4789);
    const hears = `${local_ip} ${dstPort} ${in_key}`;
    const first = this.tunnels.get(hears);
    const other = first === undefined ? undefined : ports[first];
    if (first !== undefined && other?.type === 'vxlan') {
      warn(
        `became a remote of ${first}: one port has all remotes of a VNI, which do not forward to each other`,
      );
      (other.remotes as string[]).push(remote_ip);
      this.became.set(name, first);
      return undefined;
    }
    this.tunnels.set(hears, name);
    const { tos, ttl, csum } = options;
    return {
      type: 'vxlan',
      vni: Number(in_key),
      local: local_ip,
      remotes: [remote_ip],
      dst_port: dstPort,
      ...(tos !== undefined && { tos: tos === 'inherit' ? tos : Number(tos) }),
      ...(ttl !== undefined && ttl !== 'inherit' && { ttl: Number(ttl) }),
      ...(csum !== undefined && { udp_checksum: csum === 'true' }),
      ...common,
    };
  }

  private mirrors(ports: Ports): Mirrors {
    const mirrors: Mirrors = {};
    for (const row of this.rows('Mirror', this.row.mirrors)) {
      const name = (text(row.name) ?? 'mirror').replaceAll(/[^\w-]/g, '_').slice(0, 28);
      const warn = this.warner(`mirrors.${name}`);
      const to = this.mirrorTo(row, ports);
      if (to === undefined) {
        warn('its output is not there: left out');
        continue;
      }
      const vlans = numbers(row.select_vlan).filter((vid) => vid >= 1 && vid <= MAX_VID);
      const snaplen = number(row.snaplen);
      const rest = {
        ...(vlans.length > 0 && this.filters && { vlans }),
        ...(snaplen !== undefined && { snaplen }),
        to,
      };
      const named = (column: string) =>
        this.rows('Port', row[column]).flatMap(
          (port) => this.became.get(String(port.name)) ?? this.ownName(port),
        );
      const [ins, outs] = [named('select_src_port'), named('select_dst_port')];
      if (isTrue(row.select_all)) mirrors[name] = rest;
      else if (ins.length > 0 && String(ins) === String(outs)) mirrors[name] = { from: ins, ...rest };
      else {
        if (ins.length > 0)
          mirrors[outs.length > 0 ? `${name}-in` : name] = { from: ins, direction: 'in', ...rest };
        if (outs.length > 0)
          mirrors[ins.length > 0 ? `${name}-out` : name] = { from: outs, direction: 'out', ...rest };
        if (ins.length > 0 && outs.length > 0) warn('became two: what passes both gives two copies');
        if (ins.length + outs.length === 0) warn('it selects no port: left out');
      }
    }
    return mirrors;
  }

  private ownName({ name }: Row): string[] {
    return name === this.name ? [this.name] : [];
  }

  private mirrorTo(row: Row, ports: Ports): Mirrors[string]['to'] | undefined {
    const vid = number(row.output_vlan);
    const [output] = this.rows('Port', row.output_port);
    if (output === undefined) return vid === undefined || !this.filters ? undefined : { vlan: vid };
    const name = this.became.get(String(output.name)) ?? this.ownName(output)[0];
    const port = name === undefined ? undefined : ports[name];
    // a mirror into a tunnel names the remote
    if (port?.type === 'vxlan') return { port: name, remote: port.remotes?.[0] as string };
    return name;
  }
}

/** VLAN 0 of the customer, untagged frames, is ours to say as the native VLAN. */
function tunnelOf(vid: number, customers: readonly number[]): NonNullable<Port['vlan']> {
  if (customers.length === 0) return { tunnel: vid };
  const list = rangesOf(customers.filter((item) => item >= 1 && item <= MAX_VID));
  return {
    tunnel: { [vid]: list.map(({ from, to }) => (from === to ? from : `${from}-${to}`)) },
    ...(customers.includes(0) && { native: vid }),
  };
}

function lldpOf(device: Row): { lldp?: true } {
  return map(device.lldp).enable === 'true' ? { lldp: true } : {};
}

function memberType(device: Row): 'af_packet' | 'tap' | undefined {
  const type = text(device.type) ?? 'system';
  if (type === 'system') return 'af_packet';
  return type === 'internal' || type === 'tap' ? 'tap' : undefined;
}
