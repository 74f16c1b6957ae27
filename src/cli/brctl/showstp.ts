// `brctl showstp` as bridge-utils prints it for a bridge without spanning tree: it is its own root, ports forward or are
// disabled, and no timer runs. ifupdown's bridge_maxwait reads the delays and the states.

import type { BridgeStatus, PortStatus } from '../../api.ts';
import type { BridgeConfig } from '../../config/schema.ts';
import { type BridgeStp, bridgeStp, portStp } from '../../config/stp.ts';
import { bridgeId, hex, timer } from './numbers.ts';

/** The kernel's port numbers have ten bits: BR_PORT_BITS. */
const PORT_BITS = 10;
const NO_TIMER = timer(0);

export function showstpText(
  status: BridgeStatus,
  config: BridgeConfig,
  ports: readonly PortStatus[],
): string {
  const stp = bridgeStp(config);
  const id = bridgeId(stp.priority, status.mac);
  const rows = ports.map((port) => portText(port, config.ports[port.name], id));
  return `${status.name}\n${bridgeText(id, stp, status.ageingTime)}\n\n${rows.join('')}`;
}

function bridgeText(id: string, stp: BridgeStp, ageingTime: number): string {
  const maxAge = timer(stp.max_age);
  const hello = timer(stp.hello_time);
  const delay = timer(stp.forward_delay);
  return [
    ` bridge id\t\t${id}`,
    ` designated root\t${id}`,
    ' root port\t\t   0\t\t\tpath cost\t\t   0',
    ` max age\t\t${maxAge}\t\t\tbridge max age\t\t${maxAge}`,
    ` hello time\t\t${hello}\t\t\tbridge hello time\t${hello}`,
    ` forward delay\t\t${delay}\t\t\tbridge forward delay\t${delay}`,
    ` ageing time\t\t${timer(ageingTime)}`,
    ` hello timer\t\t${NO_TIMER}\t\t\ttcn timer\t\t${NO_TIMER}`,
    ` topology change timer\t${NO_TIMER}\t\t\tgc timer\t\t${NO_TIMER}`,
    ' flags\t\t\t\n',
  ].join('\n');
}

function portText(port: PortStatus, config: BridgeConfig['ports'][string], id: string): string {
  const { cost, priority } = portStp(config);
  const portId = hex((priority << PORT_BITS) | port.number);
  const state = port.state === 'up' ? 'forwarding' : 'disabled';
  return [
    `${port.name} (${port.number})`,
    ` port id\t\t${portId}\t\t\tstate\t\t${state.padStart(15)}`,
    ` designated root\t${id}\tpath cost\t\t${String(cost).padStart(4)}`,
    ` designated bridge\t${id}\tmessage age timer\t${NO_TIMER}`,
    ` designated port\t${portId}\t\t\tforward delay timer\t${NO_TIMER}`,
    ` designated cost\t   0\t\t\thold timer\t\t${NO_TIMER}`,
    ' flags\t\t\t',
    ...(config.hairpin ? [' hairpin mode\t\t   1'] : []),
    '\n',
  ].join('\n');
}
