// What the switch tells about a port: its configuration, its device, its counters and the kernel's view, together.

import type {
  AggregateStatus,
  HookStatus,
  PortCounters,
  PortStatus,
  StpPortStatus,
  Underlay,
} from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import { portViews } from '../compile/port_view.ts';
import { aggregateOf } from '../config/members.ts';
import { carriedProtocols } from '../config/protocol_tunnels.ts';
import type { BridgeConfig, LocalConfig, MemberConfig, PortConfig, SwitchConfig } from '../config/schema.ts';
import { portIn } from '../config/without_ports.ts';
import type { Device } from '../device/device.ts';
import { type Look, NO_CARRIER } from '../device/link_watch.ts';
import type { Disabled } from '../protocol/disabled_ports.ts';
import type { CounterView } from './counter_view.ts';
import { isUpBy } from './link_up.ts';
import type { Missing } from './missing_ports.ts';
import type { OpenPorts } from './open_ports.ts';

interface PortFacts {
  bridge: string;
  name: string;
  /** brctl's, within the bridge. */
  number: number;
  /** The data plane's; undefined: it is missing. */
  index: number | undefined;
  config: BridgeConfig;
  device: Device | undefined;
  mtu: number | undefined;
  underlay: Underlay | undefined;
  isGone: boolean;
  missing: Missing | undefined;
  disabled: Disabled | undefined;
  disabledBy: Record<string, number> | undefined;
  look: Look;
  isDeadEnd: boolean;
  counters: CounterView;
  stp: StpPortStatus | undefined;
  hooks: HookStatus[];
  aggregate: AggregateStatus | undefined;
  /** Of a member. */
  member: PortStatus['member'];
}

function portStatus(facts: PortFacts): PortStatus {
  const { bridge, name, number, index, config, device, mtu, look, counters } = facts;
  const port = portIn(config, name);
  const memberOf = aggregateOf(config, name);
  const local = port === undefined ? config.local : false;
  return {
    bridge,
    name,
    type: port?.type ?? 'local',
    number,
    ...stateOf(facts),
    ...(look.name !== undefined && look.name !== deviceOf(facts) && { interface: look.name }),
    ...(port !== undefined && 'tenant' in port && port.tenant !== undefined && { tenant: port.tenant }),
    mtu: mtu ?? 0,
    underlay: facts.underlay,
    mac: device?.mac,
    netns: port !== undefined && 'netns' in port ? port.netns : local === false ? undefined : local.netns,
    offloads: device?.offloads,
    guest: device?.guestDetails?.(),
    queueDropped: look.queueDropped,
    disabledBy: facts.disabledBy,
    ...(memberOf !== undefined && { memberOf, member: facts.member }),
    ...(port?.type === 'aggregate' && { aggregate: facts.aggregate }),
    learnedAddresses: index === undefined ? 0 : counters.learnedOn(index),
    stp: facts.stp,
    ...(facts.hooks.length > 0 && { hooks: facts.hooks }),
    ...tunnelledOf(port, facts),
    ...(device?.connection !== undefined && { socket: device.connection.status() }),
    ...(port?.type === 'vxlan' && { learnedRemotes: index === undefined ? 0 : counters.remotesOf(index) }),
    counters: index === undefined ? structuredClone(NOTHING) : counters.port(index),
  };
}

function tunnelledOf(
  port: PortConfig | MemberConfig | undefined,
  { index, counters }: PortFacts,
): Pick<PortStatus, 'tunnelled'> {
  const protocols = port !== undefined && 'vlan' in port ? carriedProtocols(port) : [];
  if (protocols.length === 0) return {};
  return { tunnelled: index === undefined ? {} : counters.tunnelled(index, protocols) };
}

function stateOf(facts: PortFacts): Pick<PortStatus, 'state' | 'reason'> {
  const { index, isGone, missing, disabled, look, counters } = facts;
  if (missing !== undefined) return { state: missing.state, reason: missing.reason };
  if (isGone || index === undefined) return { state: 'gone', reason: 'its device was deleted' };
  const guest = facts.device?.guest?.();
  if (guest?.state === 'broken') return { state: 'broken', reason: guest.reason };
  if (facts.isDeadEnd) return { state: 'down', reason: NO_CARRIER };
  if (facts.device?.connection?.listens) return { state: 'up' };
  // The data plane knows only how the last frame fared.
  if (isUpBy(guest) ?? look.up ?? counters.isUp(index)) {
    return disabled === undefined ? { state: 'up' } : { state: 'disabled', reason: disabled.text };
  }
  if (guest !== undefined) return { state: 'down', reason: guest.reason };
  const unconnected = facts.device?.connection?.reason;
  if (unconnected !== undefined) return { state: 'down', reason: unconnected };
  if (facts.aggregate !== undefined) return { state: 'down', reason: idleReason(facts.aggregate) };
  return { state: 'down', reason: `its interface is not up: \`${upCommand(facts)}\` helps` };
}

/** Why no member carries frames. */
function idleReason({ members }: AggregateStatus): string {
  if (members.length === 0) return 'it has no members';
  return `no member carries frames: ${members.map(({ port, reason }) => `${port}: ${reason}`).join('; ')}`;
}

/** What the configuration says about it. */
function settingsOf({ name, config }: PortFacts): PortConfig | MemberConfig | LocalConfig | undefined {
  return portIn(config, name) ?? (config.local || undefined);
}

/** The name under which its interface was found. */
function deviceOf(facts: PortFacts): string {
  const settings = settingsOf(facts);
  if (settings !== undefined && 'interface' in settings) return settings.interface ?? facts.name;
  if (isPair(settings)) return facts.name;
  return settings !== undefined && 'ifname' in settings ? (settings.ifname ?? facts.name) : facts.name;
}

/** Its end for the switch is here, whatever its `netns` is. */
function isPair(settings: ReturnType<typeof settingsOf>): boolean {
  return settings !== undefined && 'type' in settings && settings.type === 'veth';
}

/** What brings its interface up. */
function upCommand(facts: PortFacts): string {
  const settings = settingsOf(facts);
  const device = facts.look.name ?? deviceOf(facts);
  const netns =
    settings !== undefined && 'netns' in settings && !isPair(settings) ? settings.netns : undefined;
  if (netns?.startsWith('/')) return `nsenter --net=${netns} ip link set ${device} up`;
  return `ip ${netns === undefined ? '' : `-n ${netns} `}link set ${device} up`;
}

function occurred(counts: Record<string, number>): Record<string, number> | undefined {
  const all = Object.entries(counts).filter(([, count]) => count > 0);
  return all.length === 0 ? undefined : Object.fromEntries(all);
}

/** Of a port that is missing. */
/** Counters of a port that is not there. */
export const NOTHING: PortCounters = {
  receivedFrames: 0,
  receivedBytes: 0,
  receivedSegments: 0,
  forwarded: 0,
  copies: 0,
  transmittedFrames: 0,
  transmittedBytes: 0,
  transmittedSegments: 0,
  held: 0,
  learnRefused: 0,
  stationMoves: 0,
  generated: 0,
  injected: 0,
  recirculated: 0,
  consumed: 0,
  punted: 0,
  receiveDropped: {},
  transmitDropped: {},
};

/** @param config what is wanted */
export function portStatuses(
  config: SwitchConfig,
  compiler: Compiler,
  open: OpenPorts,
  stpOf: (port: string) => StpPortStatus | undefined,
  aggregateStatus: (name: string) => AggregateStatus | undefined,
  hooksOf: (bridge: string, port: string) => HookStatus[],
): PortStatus[] {
  const { counters, devices, mtus, underlays, goneNames, missing, disabled, linkWatch } = open;
  return Object.entries(config.bridges).flatMap(([bridge, config]) => {
    const views = portViews(bridge, config);
    const aggregates = new Map(
      views.flatMap(({ name }) => {
        const aggregate = aggregateStatus(name);
        return aggregate === undefined ? [] : [[name, aggregate] as const];
      }),
    );
    const members = new Map(
      [...aggregates.values()].flatMap((one) =>
        one.members.map(({ port, state, reason }) => [port, { state, ...(reason && { reason }) }] as const),
      ),
    );
    return views.flatMap(({ name }, place) => {
      const index = devices.has(name) ? compiler.ports.find(name) : undefined;
      if (index === undefined && missing.get(name) === undefined) return []; // on its way in or out
      return portStatus({
        bridge,
        name,
        number: config.local === false ? place + 1 : place,
        index,
        config,
        device: devices.get(name),
        mtu: mtus.get(name),
        underlay: underlays.get(name),
        isGone: goneNames.has(name),
        missing: missing.get(name),
        disabled: disabled.get(name),
        disabledBy: occurred(disabled.countsOf(name)),
        look: linkWatch.at(name),
        isDeadEnd: linkWatch.isDeadEnd(name),
        counters,
        stp: stpOf(name),
        hooks: hooksOf(bridge, name),
        aggregate: aggregates.get(name),
        member: members.get(name),
      });
    });
  });
}
