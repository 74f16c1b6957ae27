// What spanning tree asks of a bridge and its ports, where it is on.

import type { Problem } from './config_error.ts';
import type { PortConfig } from './port_shape.ts';
import type { BridgeConfig } from './shape.ts';
import { bridgeStp } from './stp.ts';

/** Linux' BR_MAX_PATH_COST: the 16 bits of 802.1D-1998. */
const MAX_STP_COST = 65_535;
/** BR_PORT_BITS. */
const MAX_PORTS = 1023;

export function checkSpanningTree(name: string, bridge: BridgeConfig, problems: Problem[]): void {
  const { protocol, hello_time, max_age, forward_delay } = bridgeStp(bridge);
  if (protocol === 'off') return;
  const path = ['bridges', name, 'stp'];
  const report = (message: string, ...keys: string[]) => problems.push({ path: [...path, ...keys], message });
  // Clause 17.14; Linux has the same range, and takes times that do not fit together.
  if (forward_delay < 2 || forward_delay > 30) {
    report(
      `${forward_delay} is not a forward delay (2-30 seconds) of a bridge with spanning tree`,
      'forward_delay',
    );
  } else if (protocol === 'rstp') {
    if (max_age > 2 * (forward_delay - 1)) {
      report(
        `${max_age} is too long for a forward delay of ${forward_delay} s: at most ${2 * (forward_delay - 1)}`,
        'max_age',
      );
    } else if (max_age < 2 * (hello_time + 1)) {
      report(
        `${max_age} is too short for a hello time of ${hello_time} s: at least ${2 * (hello_time + 1)}`,
        'max_age',
      );
    }
  }
  const ports = Object.entries(bridge.ports);
  if (ports.length > MAX_PORTS) report(`${ports.length} ports; spanning tree can have ${MAX_PORTS}`);
  for (const [port, config] of ports) {
    const portPath = ['bridges', name, 'ports', port];
    checkPort([...portPath, 'stp'], config, protocol, problems);
    if (config.loop_detection) {
      const message = 'the spanning tree of the bridge closes loops: one of the two is enough';
      problems.push({ path: [...portPath, 'loop_detection'], message });
    }
  }
}

function checkPort(path: string[], { type, stp }: PortConfig, protocol: string, problems: Problem[]): void {
  if (stp === undefined) return;
  const { cost, guard = [] } = stp;
  const report = (message: string, ...keys: string[]) => problems.push({ path: [...path, ...keys], message });
  if (type === 'vxlan') report('a tunnel takes no part in spanning tree: it always forwards');
  if (protocol === 'stp' && cost !== undefined && cost > MAX_STP_COST) {
    report(`${cost} is not a path cost (1-${MAX_STP_COST}) of protocol stp`, 'cost');
  }
  if (typeof guard === 'string') return;
  if (guard.includes('root') && guard.includes('loop')) {
    report('root and loop exclude each other: a port with a root guard is on no way to the root', 'guard');
  }
  if (guard.includes('filter') && guard.length > 1) report('a filtered port needs no other guard', 'guard');
}
