// Stations as `bridge fdb` tells them. As the kernel has one for each, a station behind a tunnel is told twice: as an entry of
// the bridge (`master`), and with its remote as an entry of the tunnel (`self`), where the address of zeros is all the remotes.

import type { FdbEntry } from '../../api.ts';
import { jsonText } from './json.ts';
import type { Context, Device } from './scene.ts';

export const ZERO = '00:00:00:00:00:00';
const TYPES = { learned: '', static: 'static', local: 'permanent' } as const;

export interface Station {
  readonly mac: string;
  readonly ifname: string;
  readonly dst?: string;
  readonly vlan?: number;
  readonly used?: number;
  readonly updated?: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly state: string;
}

/** The remotes that a tunnel floods to. */
export function floods({ name, config }: Device): Station[] {
  if (config?.type !== 'vxlan') return [];
  return config.remotes.map((dst) => ({ mac: ZERO, ifname: name, dst, flags: ['self'], state: 'permanent' }));
}

type Entry = Omit<FdbEntry, 'age'> & { readonly age?: number };

/** @param statistics also when it was seen */
export function stationsOf(entry: Entry, statistics = false): Station[] {
  const { mac, port, bridge, vlan, type, age = 0, remote, locked } = entry;
  const used = Math.floor(age);
  const station = {
    mac,
    ifname: port,
    ...(vlan !== 0 && { vlan }),
    ...(statistics && { used, updated: used }),
    flags: locked === true ? ['locked'] : [],
    master: bridge,
    state: TYPES[type],
  };
  if (remote === undefined) return [station];
  const { vlan: _, master: __, ...self } = station;
  const state = type === 'static' ? 'permanent' : '';
  return [station, { ...self, dst: remote, flags: ['self'], state }];
}

/** @param withName one port is meant, and need not be named */
export function stationText(
  { options }: Pick<Context, 'options'>,
  stations: readonly Station[],
  withName = true,
): string {
  if (!options.json) return stations.map((station) => lineOf(station, withName)).join('');
  const told = stations.map(({ mac, ifname, dst, vlan, ...rest }) => ({
    mac,
    ...(withName && { ifname }),
    ...(dst !== undefined && { dst }),
    ...(vlan !== undefined && { vlan }),
    ...rest,
  }));
  return jsonText(told, options.pretty);
}

function lineOf(
  { mac, ifname, dst, vlan, used, updated, flags, master, state }: Station,
  withName: boolean,
): string {
  return `${[
    mac,
    ...(withName ? ['dev', ifname] : []),
    ...(dst === undefined ? [] : ['dst', dst]),
    ...(vlan === undefined ? [] : ['vlan', vlan]),
    ...(used === undefined ? [] : ['used', `${used}/${updated}`]),
    ...flags,
    ...(master === undefined ? [] : ['master', master]),
    state,
  ].join(' ')}\n`;
}
