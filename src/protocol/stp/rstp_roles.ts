// Port role selection, IEEE 802.1D-2004 clause 17.28: of all ports at once.

import { aged, type RstpBridge } from './rstp_bridge.ts';
import { isSameTimes, type RstpPort } from './rstp_port.ts';
import { compareVectors, isSameBridge } from './tree.ts';

export function selectRoles(bridge: RstpBridge): void {
  selectRoot(bridge);
  for (const port of bridge.ports) {
    port.reselect = false;
    const { root, cost } = bridge.rootPriority;
    const { id } = port.spec;
    port.designatedPriority = { root, cost, bridge: bridge.spec.id, port: id };
    port.designatedTimes = { ...bridge.rootTimes, helloTime: bridge.spec.helloTime };
    selectRole(bridge, port);
  }
  for (const port of bridge.ports) port.selected = true;
}

function selectRoot(bridge: RstpBridge): void {
  bridge.rootPriority = bridge.ownPriority();
  bridge.rootTimes = bridge.ownTimes();
  bridge.rootPort = undefined;
  for (const port of bridge.ports) {
    const { portPriority, infoIs, spec } = port;
    if (infoIs !== 'received' || spec.guard.has('root')) continue;
    if (isSameBridge(portPriority.bridge, bridge.spec.id)) continue;
    const path = { ...portPriority, cost: portPriority.cost + spec.cost };
    const order = compareVectors(path, bridge.rootPriority);
    const isCloser = order === 0 && bridge.rootPort !== undefined && spec.id < bridge.rootPort.spec.id;
    if (order > 0 || (order === 0 && !isCloser)) continue;
    bridge.rootPriority = path;
    bridge.rootPort = port;
  }
  const times = bridge.rootPort?.portTimes;
  if (times !== undefined) bridge.rootTimes = { ...times, messageAge: aged(times.messageAge) };
}

function selectRole(bridge: RstpBridge, port: RstpPort): void {
  const { designatedPriority, portPriority } = port;
  port.updtInfo = false;
  if (port.infoIs === 'disabled') port.selectedRole = 'disabled';
  else if (port.isInconsistent) port.selectedRole = 'alternate';
  else if (port === bridge.rootPort) port.selectedRole = 'root';
  else if (port.infoIs === 'received' && compareVectors(designatedPriority, portPriority) >= 0) {
    port.selectedRole = isSameBridge(portPriority.bridge, bridge.spec.id) ? 'backup' : 'alternate';
  } else {
    port.selectedRole = 'designated';
    port.updtInfo =
      port.infoIs !== 'mine' ||
      compareVectors(portPriority, designatedPriority) !== 0 ||
      !isSameTimes(port.portTimes, port.designatedTimes);
  }
}
