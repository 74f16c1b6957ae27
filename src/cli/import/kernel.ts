// A Linux bridge, as iproute2 tells it in JSON, as a configuration of ours. Pure; run.ts asks.
//
// An interface that exists is attached as it is, a TAP that a virtual machine holds too; only a VXLAN device becomes a
// tunnel of the switch.

import { BRIDGE_STP, type BridgeStp, type Guard, PORT_PRIORITY } from '../../config/stp.ts';
import { carriesVlan } from '../../config/vlan_set.ts';
import { isGroupMac, parseMac } from '../../wire/mac.ts';
import {
  type Bridge,
  type Draft,
  isUsable,
  type Membership,
  type Port,
  type Ports,
  type Static,
  vlanOf,
  type Warn,
  withFittingStp,
} from './draft.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A row of `ip -d -j address`. */
export interface Link {
  readonly ifname: string;
  readonly address?: string;
  readonly mtu: number;
  readonly master?: string;
  /** What it stands on: of a VLAN device its interface. */
  readonly link?: string;
  readonly addr_info?: readonly { local: string; prefixlen: number; scope: string }[];
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: Fields;
    readonly info_slave_kind?: string;
    readonly info_slave_data?: Fields;
  };
}

/** A row of `bridge -j -compressvlans vlan`. */
export interface VlanRow {
  readonly ifname: string;
  readonly vlans: readonly { vlan: number; vlanEnd?: number; flags?: readonly string[] }[];
}

/** A row of `bridge -j fdb`. */
export interface FdbRow {
  readonly mac: string;
  readonly ifname: string;
  readonly master?: string;
  readonly vlan?: number;
  readonly dst?: string;
  readonly flags: readonly string[];
  readonly state?: string;
}

export interface Kernel {
  readonly links: readonly Link[];
  readonly vlans: readonly VlanRow[];
  readonly fdb: readonly FdbRow[];
}

/** Settings without a counterpart: what they are when nobody has touched them, and what to say else. */
type Lost = readonly (readonly [key: string, usual: unknown, message: string])[];

const LOST_OF_BRIDGES: Lost = [
  ['no_linklocal_learn', 0, 'it does not learn from link-local frames'],
  ['nf_call_iptables', 0, 'its frames pass iptables'],
  ['nf_call_ip6tables', 0, 'its frames pass ip6tables'],
  ['nf_call_arptables', 0, 'its frames pass arptables'],
];

const LOST_OF_PORTS: Lost = [
  ['mcast_to_unicast', false, 'mcast_to_unicast'],
  ['multicast_router', 1, 'mcast_router'],
  ['neigh_suppress', false, 'neigh_suppress'],
  ['proxy_arp', false, 'proxy ARP'],
  ['proxy_arp_wifi', false, 'proxy ARP'],
  ['vlan_tunnel', false, 'vlan_tunnel'],
  ['backup_port', undefined, 'backup_port'],
];

const LOST_OF_TUNNELS: Lost = [
  ['proxy', undefined, 'proxy ARP'],
  ['l2miss', undefined, 'l2miss'],
  ['l3miss', undefined, 'l3miss'],
  ['gbp', undefined, 'group policy (GBP)'],
  ['gpe', undefined, 'GPE headers'],
];

/** Without `only` all bridges; `local` is for tunnels that have no address of their own. */
export function fromKernel(kernel: Kernel, { only, local }: { only?: string; local?: string } = {}): Draft {
  const warnings: string[] = [];
  const bridges = kernel.links
    .filter(({ ifname, linkinfo }) => linkinfo?.info_kind === 'bridge' && (only ?? ifname) === ifname)
    .filter(({ ifname }) => isUsable(ifname, (message) => warnings.push(`${ifname}: ${message}`)))
    .map((link) => [link.ifname, new Import(kernel, link, warnings, local).bridge()]);
  return { config: { version: 1, bridges: Object.fromEntries(bridges) }, warnings };
}

/** Of one bridge. */
class Import {
  private readonly kernel: Kernel;
  private readonly link: Link;
  private readonly warnings: string[];
  private readonly local: string | undefined;
  private readonly name: string;
  private readonly data: Fields;
  private readonly filters: boolean;
  /** The VLAN of the devices (`eth0.10`) by which it reaches others; 0 = there are none, or of several VLANs. */
  private readonly uplinkVlan: number;

  constructor(kernel: Kernel, link: Link, warnings: string[], local: string | undefined) {
    this.kernel = kernel;
    this.link = link;
    this.warnings = warnings;
    this.local = local;
    this.name = link.ifname;
    this.data = link.linkinfo?.info_data ?? {};
    this.filters = this.data.vlan_filtering === 1;
    this.uplinkVlan = this.filters ? 0 : this.vlanOfUplinks();
  }

  bridge(): Bridge {
    const { data, filters } = this;
    const warn = this.warner();
    const isProvider = filters && data.vlan_protocol === '802.1ad';
    const group = `01:80:c2:00:00:0${isProvider ? 8 : 0}`;
    const groupAddress = ['group_addr', group, `its group address is another one than ${group}`] as const;
    tellLost([groupAddress, ...LOST_OF_BRIDGES], data, warn, (message) => message);
    const members = this.members();
    const ports: Ports = {};
    for (const member of members) {
      if (!isUsable(member.ifname, this.warner(member.ifname))) continue;
      const port = this.port(member);
      if (port !== undefined) ports[member.ifname] = port;
    }
    const bridge: Bridge = {
      ...((filters || this.uplinkVlan > 0) && { vlan_filtering: true }),
      ...(isProvider && { vlan_protocol: '802.1ad' as const }),
      ageing_time: Number(data.ageing_time ?? 30_000) / 100,
      ...(Number(data.fdb_max_learned ?? 0) > 0 && { fdb_limit: Number(data.fdb_max_learned) }),
      group_fwd_mask: Number(data.group_fwd_mask ?? 0),
      ...this.stp(),
      ...(Number(data.mcast_snooping ?? 0) === 1 && {
        multicast: { ...(Number(data.mcast_querier ?? 0) === 1 && { querier: true }) },
      }),
      local: this.own(members, warn),
      static: this.statics(ports),
      ports,
    };
    return withFittingStp(bridge, warn);
  }

  private members(): Link[] {
    return this.kernel.links.filter(
      ({ master, linkinfo }) => master === this.name && linkinfo?.info_slave_kind === 'bridge',
    );
  }

  /** Spanning tree is told with a tag there, and here without. */
  private vlanOfUplinks(): number {
    if (Number(this.data.stp_state ?? 0) !== 0) return 0;
    const vids = new Set(this.members().map((member) => uplinkOf(this.kernel, member)?.vid));
    vids.delete(undefined);
    const [vid = 0] = vids;
    return vids.size === 1 ? vid : 0;
  }

  private warner(port?: string): Warn {
    const what = port === undefined ? this.name : `${this.name}.${port}`;
    return (message) => this.warnings.push(`${what}: ${message}`);
  }

  /** The times are hundredths of seconds. */
  private stp(): { stp?: BridgeStp } {
    const { stp_state, priority, hello_time, max_age, forward_delay } = this.data;
    const times = {
      priority: Number(priority ?? BRIDGE_STP.priority),
      hello_time: Number(hello_time ?? 200) / 100,
      max_age: Number(max_age ?? 2000) / 100,
      forward_delay: Number(forward_delay ?? 1500) / 100,
    };
    const isOn = Number(stp_state ?? 0) !== 0;
    const keys = Object.keys(BRIDGE_STP) as (keyof typeof BRIDGE_STP)[];
    if (!isOn && keys.every((key) => times[key] === BRIDGE_STP[key])) return {};
    return { stp: { protocol: isOn ? 'stp' : 'off', ...times } };
  }

  /** The bridge as an interface. Its address is kept if somebody chose it: else it is that of a port. */
  private own(members: readonly Link[], warn: Warn): Bridge['local'] {
    const { address, mtu, addr_info = [] } = this.link;
    const addresses = addr_info.filter(({ scope }) => scope !== 'link');
    if (addresses.length > 0) {
      const list = addresses.map((one) => `${one.local}/${one.prefixlen}`).join(', ');
      warn(`it has addresses: give them, and its routes, to the new ${this.name}: ${list}`);
    }
    for (const { ifname, link, linkinfo } of this.kernel.links) {
      if (link !== this.name || linkinfo?.info_kind !== 'vlan') continue;
      warn(`the VLAN device ${ifname} goes with it: make it again on the new ${this.name}`);
    }
    const isChosen = members.length > 0 && members.every((member) => member.address !== address);
    const least = Math.min(1500, ...members.map((member) => member.mtu));
    return {
      ...this.vlan(this.name, warn),
      ...(isChosen && { mac: address }),
      ...(members.length > 0 && mtu !== least && { mtu }),
    };
  }

  private port(link: Link): Port | undefined {
    const { ifname, linkinfo } = link;
    const warn = this.warner(ifname);
    const data = linkinfo?.info_slave_data ?? {};
    tellLost(LOST_OF_PORTS, data, warn, (message) => `${message} has no counterpart`);
    if (linkinfo?.info_kind === 'bond') warn('stays a bond of the kernel, and is attached as one interface');
    const common = {
      ...this.vlan(ifname, warn),
      ...this.portStp(data),
      group_fwd_mask: Number(data.group_fwd_mask ?? 0),
      hairpin: data.hairpin === true,
      isolated: data.isolated === true,
      learning: data.learning !== false,
      flood: data.flood !== false,
      bcast_flood: data.bcast_flood !== false,
      mcast_flood: data.mcast_flood !== false,
      locked: data.locked === true,
      mab: data.mab === true,
      ...(data.fastleave === true && { mcast_fast_leave: true }),
    };
    const uplink = this.uplinkVlan > 0 ? uplinkOf(this.kernel, link) : undefined;
    if (uplink !== undefined) {
      const { device, vid } = uplink;
      warn(`becomes VLAN ${vid} of ${device}, whose other frames stay the host's: ip link del ${ifname}`);
      return { type: 'af_packet', interface: device, host_stack: true, ...common, vlan: { trunk: [vid] } };
    }
    if (linkinfo?.info_kind === 'vlan') warn('stays a VLAN device, and is attached as it is');
    if (linkinfo?.info_kind !== 'vxlan') return { type: 'af_packet', ...common };
    const tunnel = this.tunnel(link, warn);
    return tunnel && { ...tunnel, ...common };
  }

  /** The kernel gives each port a cost by its speed, which nobody has to keep. */
  private portStp(data: Fields): Pick<Port, 'stp'> {
    const cost = Number(data.cost ?? 100);
    const priority = Number(data.priority ?? PORT_PRIORITY);
    const guard: Guard[] = [
      ...(data.guard ? ['bpdu' as const] : []),
      ...(data.root_block ? ['root' as const] : []),
    ];
    const isChosen = ![2, 4, 19, 100].includes(cost);
    if (!isChosen && priority === PORT_PRIORITY && guard.length === 0) return {};
    return { stp: { ...(isChosen && { cost }), priority, ...(guard.length > 0 && { guard }) } };
  }

  private vlan(ifname: string, warn: Warn): Pick<Port, 'vlan'> {
    if (!this.filters) return this.uplinkVlan > 0 ? { vlan: { access: this.uplinkVlan } } : {};
    const rows = this.kernel.vlans.find((row) => row.ifname === ifname)?.vlans ?? [];
    const has = (flag: string) => (row: (typeof rows)[number]) => row.flags?.includes(flag) === true;
    const isUntagged = has('Egress Untagged');
    const membership: Membership = {
      pvid: rows.find(has('PVID'))?.vlan ?? 0,
      tagged: rows
        .filter((row) => !isUntagged(row))
        .map(({ vlan, vlanEnd }) => ({ from: vlan, to: vlanEnd ?? vlan })),
      untagged: rows
        .filter(isUntagged)
        .flatMap(({ vlan, vlanEnd = vlan }) =>
          Array.from({ length: vlanEnd - vlan + 1 }, (_, i) => vlan + i),
        ),
    };
    const vlan = vlanOf(membership, warn);
    return vlan === undefined ? {} : { vlan };
  }

  private tunnel({ ifname, linkinfo }: Link, warn: Warn): Port | undefined {
    const data = linkinfo?.info_data ?? {};
    if (data.external === true || data.id === undefined) {
      warn('a VXLAN device that takes its VNI from elsewhere (external): left out');
      return undefined;
    }
    const local = (data.local ?? data.local6 ?? this.local) as string | undefined;
    if (local === undefined) {
      warn('a tunnel without a local address: left out; say --local ADDRESS');
      return undefined;
    }
    const group = data.group ?? data.group6;
    if (group !== undefined) warn(`it reaches others by the multicast group ${group}: list them as remotes`);
    tellLost(LOST_OF_TUNNELS, data, warn, (message) => `${message} has no counterpart`);
    const first = (data.remote ?? data.remote6) as string | undefined;
    const floods = this.kernel.fdb.filter(
      (row) => row.ifname === ifname && row.mac === '00:00:00:00:00:00' && row.dst !== undefined,
    );
    const remotes = new Set([
      ...(first === undefined ? [] : [first]),
      ...floods.map(({ dst }) => dst as string),
    ]);
    if (group !== undefined) remotes.delete(group as string);
    const { low = 0, high = 0 } = (data.port_range ?? {}) as { low?: number; high?: number };
    const ttl = Number(data.ttl ?? 0);
    return {
      type: 'vxlan',
      vni: Number(data.id),
      local,
      remotes: [...remotes],
      dst_port: Number(data.port ?? 8472),
      ...(low > 0 && { source_ports: `${low}-${high}` }),
      // a tunnel without remotes has to learn them
      remote_learning: data.learning === true || remotes.size === 0,
      ...(ttl > 0 && { ttl }),
      // the kernel's 1 is `inherit`
      ...(data.tos !== undefined && { tos: Number(data.tos) === 1 ? 'inherit' : Number(data.tos) }),
      udp_checksum: local.includes(':') ? data.udp_zero_csum6_tx !== true : data.udp_csum !== false,
    };
  }

  /** A bridge that filters has an entry for each VLAN, and one without. */
  private statics(ports: Ports): Static {
    const rows = this.kernel.fdb.filter(
      (row) => row.master === this.name && row.state === 'static' && Object.hasOwn(ports, row.ifname),
    );
    return rows.flatMap(({ mac, ifname, vlan }) => {
      const port = ports[ifname];
      if (this.filters ? vlan === undefined || !carriesVlan(port.vlan, vlan) : vlan !== undefined) return [];
      const warn = this.warner(ifname);
      if (isGroupMac(parseMac(mac)?.hi ?? 0)) {
        warn(`${mac} is a group address: static entries are for single stations`);
        return [];
      }
      const inVlan = vlan ?? this.uplinkVlan;
      const entry = { mac, port: ifname, ...(inVlan > 0 && { vlan: inVlan }) };
      if (port.type !== 'vxlan') return [entry];
      const { dst: remote } =
        this.kernel.fdb.find((row) => row.mac === mac && row.ifname === ifname && row.dst) ?? {};
      if (remote === undefined) warn(`nobody knows behind which remote ${mac} is: left out`);
      return remote === undefined ? [] : [{ ...entry, remote }];
    });
  }
}

/** What a VLAN device stands on, if nobody else has that whole. */
function uplinkOf({ links }: Kernel, { link, linkinfo }: Link): { device: string; vid: number } | undefined {
  const { protocol, id } = linkinfo?.info_data ?? {};
  const device = links.find(({ ifname }) => ifname === link);
  if (linkinfo?.info_kind !== 'vlan' || protocol !== '802.1Q') return undefined;
  if (device === undefined || device.master !== undefined) return undefined;
  return { device: device.ifname, vid: Number(id) };
}

function tellLost(lost: Lost, data: Fields, warn: Warn, sentence: (message: string) => string): void {
  for (const [key, usual, message] of lost) {
    if (data[key] !== undefined && data[key] !== usual) warn(sentence(message));
  }
}
