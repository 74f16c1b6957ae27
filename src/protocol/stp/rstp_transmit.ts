// Port transmit, IEEE 802.1D-2004 clause 17.26.

import type { Bpdu } from '../../wire/bpdu.ts';
import { type RstpBridge, SECOND } from './rstp_bridge.ts';
import type { RstpPort } from './rstp_port.ts';

/** Table 17-1. */
const TX_HOLD_COUNT = 6;

export function transmit(bridge: RstpBridge, port: RstpPort): void {
  const { now } = bridge;
  while (port.txCount > 0 && now >= port.txCountWhile) {
    port.txCount--;
    port.txCountWhile += SECOND;
  }
  if (!port.spec.isUp || !port.selected || port.updtInfo) return;
  if (now >= port.helloWhen) {
    port.helloWhen = bridge.nextHello();
    if (port.role === 'designated' || (port.role === 'root' && now < port.tcWhile)) port.newInfo = true;
  }
  if (!port.newInfo || port.txCount >= TX_HOLD_COUNT) return;
  port.newInfo = false;
  if (!port.sendRSTP && port.role !== 'designated' && port.role !== 'root') return;
  if (port.txCount++ === 0) port.txCountWhile = now + SECOND;
  const isTcn = !port.sendRSTP && port.role === 'root';
  if (isTcn && now >= port.tcWhile) return;
  bridge.output.send(port.spec.name, isTcn ? { kind: 'tcn' } : message(bridge, port));
  if (!isTcn) port.tcAck = false;
}

function message(bridge: RstpBridge, port: RstpPort): Bpdu {
  const { designatedPriority, designatedTimes, role } = port;
  return {
    kind: port.sendRSTP ? 'rst' : 'config',
    root: designatedPriority.root,
    rootPathCost: designatedPriority.cost,
    bridge: designatedPriority.bridge,
    port: designatedPriority.port,
    ...designatedTimes,
    topologyChange: bridge.now < port.tcWhile,
    topologyChangeAck: !port.sendRSTP && port.tcAck,
    role: role === 'root' || role === 'designated' ? role : 'alternate',
    proposal: role === 'designated' && port.proposing,
    agreement: role !== 'designated' && port.agree,
    learning: port.learning,
    forwarding: port.forwarding,
  };
}
