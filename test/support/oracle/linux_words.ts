// What a scene's bridge is in the words of iproute2, for whoever drives a kernel's bridge: arguments and lines of batches.

import type { VlanConfig } from '../../../src/config/schema.ts';
import { type Scene, type ScenePort, type SceneStatic, vidsOf } from './scene.ts';

/** What 802.1Q lets a bridge of customers forward: all but STP, which passes anyway, PAUSE and LACP. */
const GROUP_FWD_MASK = '0xfff8';

const onOff = (value: boolean) => (value ? 'on' : 'off');

/** Behind `type bridge`. */
export function bridgeWords({ isAware }: Scene, ageingSeconds: number): string {
  const filtering = isAware ? 'vlan_filtering 1 ' : '';
  return `${filtering}ageing_time ${ageingSeconds * 100} mcast_snooping 0 group_fwd_mask ${GROUP_FWD_MASK}`;
}

/** Behind `type bridge_slave`, or `bridge link set dev NAME`. */
export function flagWords(port: ScenePort): string {
  const flags = ['hairpin', 'isolated', 'learning', 'flood', 'mcast_flood', 'bcast_flood', 'locked'] as const;
  return flags.map((flag) => `${flag} ${onOff(port[flag])}`).join(' ');
}

/** Of `bridge -batch`: takes a port from one set of VLANs to another. What is in both stays, and so do its stations. */
export function vlanLines(device: string, from: VlanConfig, to: VlanConfig): string[] {
  const gone = [...vidsOf(from)].filter((vid) => !vidsOf(to).has(vid));
  const tagged = 'trunk' in to ? (to.trunk as number[]) : [];
  const untagged = 'access' in to ? to.access : to.native;
  const line = (what: 'add' | 'del', vid: number, flags = '') =>
    `vlan ${what} dev ${device} vid ${vid}${flags}`;
  return [
    ...gone.map((vid) => line('del', vid)),
    ...tagged.map((vid) => line('add', vid)),
    ...(untagged === undefined ? [] : [line('add', untagged, ' pvid untagged')]),
  ];
}

/** Of `bridge -batch`. */
export function staticLine({ mac, vlan }: SceneStatic, device: string, isSticky: boolean): string {
  const words = ['fdb', 'replace', mac, 'dev', device, 'master', 'static'];
  if (isSticky) words.push('sticky');
  if (vlan !== 0) words.push('vlan', String(vlan));
  return words.join(' ');
}
