// What `taploom lldp` prints. The daemon has made the neighbours' texts printable.

import type { LldpNeighbor } from '../api.ts';
import type { LldpAnswer } from '../control/client.ts';
import { table } from './table.ts';
import { fields, settingRows } from './views.ts';

const HEAD = ['BRIDGE', 'PORT', 'NEIGHBOUR', 'ITS PORT', 'EXPIRES', 'WHAT IT IS'];
/** A name may have 255 bytes; `--json` has all of it. */
const MAX_CELL = 24;

export function neighborsText({ neighbors, ports }: LldpAnswer, width: number): string {
  if (ports.length === 0)
    return 'LLDP runs on no port; `taploom port set BRIDGE PORT --lldp on` changes that\n';
  if (neighbors.length === 0) return 'no neighbours\n';
  const rows = neighbors.map((neighbor) => {
    const { bridge, port, systemName, chassisId, portId, expiresIn } = neighbor;
    const name = short(systemName || chassisId);
    return [bridge, port, name, short(portId), Math.round(expiresIn), whatItIs(neighbor)];
  });
  return `${table(HEAD, rows, { right: [4], width })}\n`;
}

/** All that the neighbours of one port say. */
export function lldpPortText({ neighbors, ports: [port] }: LldpAnswer): string {
  if (port === undefined) return 'LLDP does not run on this port\n';
  const { bridge, port: name, mode, counters } = port;
  return [
    ...neighbors.map((neighbor) => fields(`neighbour on port ${name} of bridge ${bridge}`, facts(neighbor))),
    fields(`LLDP on port ${name} of bridge ${bridge}`, [
      ['mode', mode === 'both' ? 'send and receive' : 'receive'],
      ...settingRows(counters),
    ]),
  ].join('');
}

function facts(neighbor: LldpNeighbor): string[][] {
  const { chassisIdType, portIdType, capabilities, enabledCapabilities, otherTlvs, ...rest } = neighbor;
  const { bridge: _, port: __, chassisId, portId, managementAddresses, ...plain } = rest;
  return [
    ['chassis id', `${chassisId} (${chassisIdType})`],
    ['port id', `${portId} (${portIdType})`],
    ...settingRows(plain),
    ...list('capabilities', capabilities),
    ...list('enabled capabilities', enabledCapabilities),
    ...list('management addresses', managementAddresses),
    ...otherTlvs.map(({ type, oui, subtype, length, hex }) => [
      oui === undefined ? `TLV ${type}` : `TLV ${oui} ${subtype}`,
      `${length} bytes: ${hex}`,
    ]),
  ];
}

function list(key: string, values: readonly string[] | undefined): string[][] {
  return values === undefined || values.length === 0 ? [] : [[key, values.join(' ')]];
}

function whatItIs({ enabledCapabilities = [], systemDescription }: LldpNeighbor): string {
  return [enabledCapabilities.join(' '), systemDescription].filter((text) => text).join(', ');
}

function short(text: string): string {
  return text.length <= MAX_CELL ? text : `${text.slice(0, MAX_CELL - 3)}...`;
}
