// Who may ask for TAPs of a bridge through taploom-bridge-helper, how many, and what ports they make: what /etc/qemu/bridge.conf
// is for qemu-bridge-helper.

import { z } from 'zod';
import type { Problem } from './config_error.ts';
import { expecting, integer, mapping } from './leaves.ts';
import { checkPortControls } from './port_controls.ts';
import { type AfPacketPortConfig, account, portTemplate } from './port_shape.ts';

export const bridgeHelper = mapping({
  users: z
    .union(
      [z.literal('all'), z.array(account('a user'))],
      expecting('all, or a list of users by name or number'),
    )
    .default([]),
  groups: z.array(account('a group'), expecting('a list of groups by name or number')).default([]),
  limit: integer('a number of TAPs (1-4000)', 1, 4000).default(256),
  template: portTemplate.prefault({}),
});

export type BridgeHelperConfig = z.output<typeof bridgeHelper>;

/** What a TAP of a guest is for the switch: its holder is QEMU, and the port goes with it. */
export function guestPort({ template }: BridgeHelperConfig): AfPacketPortConfig {
  return {
    type: 'af_packet',
    host_stack: false,
    stacked_tags: false,
    when_deleted: 'forget',
    lldp: false,
    ...template,
  };
}

interface Asked {
  vlan_filtering: boolean;
  bridge_helper?: BridgeHelperConfig;
}

export function checkBridgeHelper(name: string, bridge: Asked, problems: Problem[]): void {
  if (bridge.bridge_helper === undefined) return;
  const path = ['bridges', name, 'bridge_helper', 'template'];
  const port = guestPort(bridge.bridge_helper);
  checkPortControls(path, port, problems);
  if (port.vlan === undefined || bridge.vlan_filtering) return;
  problems.push({
    path: [...path, 'vlan'],
    message: `bridge ${name} does not filter VLANs: set its vlan_filtering to true, or remove this key`,
  });
}
