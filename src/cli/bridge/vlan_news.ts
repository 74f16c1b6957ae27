// What `bridge monitor` tells of VLANs that a port has got, has lost, or has in another way: a row for each range, with details.

import { rangesOf } from '../../config/range.ts';
import type { Device } from './scene.ts';
import { NAME_WIDTH, rangeText, rowsOf, rowText, type VlanRow } from './vlan.ts';

export function vlanNews(before: Device, after: Device): string[] {
  const [was, is] = [before, after].map(
    (device) => new Map(device.bridgeConfig.vlan_filtering ? rowsOf(device, false).map(keyed) : []),
  );
  const name = after.name.padEnd(NAME_WIDTH);
  const gone = [...was.keys()].filter((vid) => !is.has(vid));
  const fresh = [...is].filter(([vid, row]) => !isEqual(row, was.get(vid))).map(([, row]) => row);
  return [
    ...rangesOf(gone).map(
      (range) => `Deleted ${name}${rangeText(range)}\n${' '.repeat(NAME_WIDTH + 2)}state disabled \n`,
    ),
    ...merged(fresh).map((row) => `${name}${rowText(row, true)}`),
  ];
}

function keyed(row: VlanRow): [number, VlanRow] {
  return [row.from, row];
}

function isEqual(row: VlanRow, other: VlanRow | undefined): boolean {
  const { from: _, to: __, ...rest } = row;
  return Object.entries(rest).every(
    ([key, value]) => JSON.stringify(value) === JSON.stringify(other?.[key as keyof VlanRow]),
  );
}

/** Neighbours that are alike as one row. */
function merged(rows: readonly VlanRow[]): VlanRow[] {
  const all: VlanRow[] = [];
  for (const row of rows) {
    const last = all.at(-1);
    if (last !== undefined && last.to + 1 === row.from && isEqual(row, last))
      all[all.length - 1] = { ...last, to: row.to };
    else all.push(row);
  }
  return all;
}
