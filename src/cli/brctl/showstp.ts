// `brctl showstp` as bridge-utils prints it. Where spanning tree is off a bridge is its own root, ports forward or are disabled,
// and no timer runs. ifupdown's bridge_maxwait reads the delays and the states.

import type { BridgeStatus, PortStatus, StpPortStatus } from '../../api.ts';
import type { BridgeConfig } from '../../config/schema.ts';
import { type BridgeStp, bridgeStp, portStp } from '../../config/stp.ts';
import { bridgeId, hex, timer } from './numbers.ts';

/** The kernel's port numbers have ten bits: BR_PORT_BITS. */
const PORT_BITS = 10;
const NO_TIMERS = { hello: 0, tcn: 0, topologyChange: 0, messageAge: 0, forwardDelay: 0, hold: 0 };

export function showstpText(
  status: BridgeStatus,
  config: BridgeConfig,
  ports: readonly PortStatus[],
): string {
  const own = bridgeStp(config);
  const id = bridgeId(own.priority, status.mac);
  const rows = ports.map((port) => portText(port, port.stp ?? withoutTree(port, config, id), config));
  return `${status.name}\n${bridgeText(id, own, status)}\n\n${rows.join('')}`;
}

function bridgeText(id: string, own: BridgeStp, { ageingTime, stp, ports }: BridgeStatus): string {
  const { root, rootPathCost, maxAge, helloTime, forwardDelay, timers } = stp ?? {
    root: id,
    rootPathCost: 0,
    maxAge: own.max_age,
    helloTime: own.hello_time,
    forwardDelay: own.forward_delay,
    timers: NO_TIMERS,
  };
  // bridge-utils reads what is in force and what the bridge itself would say from one file of /sys: what is in force.
  const both = (seconds: number, what: string) => [timer(seconds), what, timer(seconds)].join('');
  const rootPort = stp?.rootPort === undefined ? 0 : ports.indexOf(stp.rootPort) + 1;
  const flags = [
    ...(stp?.topologyChange ? ['TOPOLOGY_CHANGE '] : []),
    ...(stp?.topologyChangeDetected ? ['TOPOLOGY_CHANGE_DETECTED '] : []),
  ];
  return [
    ` bridge id\t\t${id}`,
    ` designated root\t${root}`,
    ` root port\t\t${String(rootPort).padStart(4)}\t\t\tpath cost\t\t${String(rootPathCost).padStart(4)}`,
    ` max age\t\t${both(maxAge, '\t\t\tbridge max age\t\t')}`,
    ` hello time\t\t${both(helloTime, '\t\t\tbridge hello time\t')}`,
    ` forward delay\t\t${both(forwardDelay, '\t\t\tbridge forward delay\t')}`,
    ` ageing time\t\t${timer(ageingTime)}`,
    ` hello timer\t\t${timer(timers.hello)}\t\t\ttcn timer\t\t${timer(timers.tcn)}`,
    ` topology change timer\t${timer(timers.topologyChange)}\t\t\tgc timer\t\t${timer(0)}`,
    ` flags\t\t\t${flags.join('')}\n`,
  ].join('\n');
}

type Shown = Omit<StpPortStatus, 'role' | 'isEdge' | 'protocol' | 'counters'>;

function portText({ name, number }: PortStatus, stp: Shown, { ports }: BridgeConfig): string {
  const { timers } = stp;
  const flags = [
    ...(stp.configPending ? ['CONFIG_PENDING '] : []),
    ...(stp.topologyChangeAck ? ['TOPOLOGY_CHANGE_ACK '] : []),
  ];
  return [
    `${name} (${number})`,
    ` port id\t\t${stp.id}\t\t\tstate\t\t${stp.state.padStart(15)}`,
    ` designated root\t${stp.designatedRoot}\tpath cost\t\t${String(stp.cost).padStart(4)}`,
    ` designated bridge\t${stp.designatedBridge}\tmessage age timer\t${timer(timers.messageAge)}`,
    ` designated port\t${stp.designatedPort}\t\t\tforward delay timer\t${timer(timers.forwardDelay)}`,
    ` designated cost\t${String(stp.designatedCost).padStart(4)}\t\t\thold timer\t\t${timer(timers.hold)}`,
    ` flags\t\t\t${flags.join('')}`,
    ...(ports[name].hairpin ? [' hairpin mode\t\t   1'] : []),
    '\n',
  ].join('\n');
}

function withoutTree(port: PortStatus, config: BridgeConfig, bridge: string): Shown {
  const { cost, priority } = portStp(config.ports[port.name], { protocol: 'stp' });
  const id = hex((priority << PORT_BITS) | port.number);
  return {
    id,
    state: port.state === 'up' ? 'forwarding' : 'disabled',
    cost,
    designatedRoot: bridge,
    designatedCost: 0,
    designatedBridge: bridge,
    designatedPort: id,
    configPending: false,
    topologyChangeAck: false,
    timers: NO_TIMERS,
  };
}
