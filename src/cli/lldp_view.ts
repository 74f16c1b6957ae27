// What `taploom lldp` prints. The daemon has made the neighbours' texts printable.

import type { LldpNeighbor } from '../api.ts';
import type { LldpAnswer } from '../control/client.ts';
import { fields, settingRows } from './views.ts';

/** Why there is nobody in the list. */
export function noNeighbors(ports: LldpAnswer['ports']): string {
  if (ports.length > 0) return 'no neighbours';
  return 'LLDP runs on no port; `taploom port set BRIDGE PORT --lldp on` changes that';
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
