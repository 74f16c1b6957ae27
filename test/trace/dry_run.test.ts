// What no configuration makes yet, and stages can do already: rows that come in anew, lists as destinations, a punt.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { COLUMN } from '../../src/frame/frame_batch.ts';
import { DEST_DROP, DEST_LIST, PORT_MASK } from '../../src/frame/hop.ts';
import { Counters, MAX_BRIDGES } from '../../src/table/counters.ts';
import { tickAt } from '../../src/table/fdb_entry.ts';
import { FIRST_LIST } from '../../src/table/lists.ts';
import { TRAP } from '../../src/table/traps.ts';
import { DryRun, type Flight } from '../../src/trace/dry_run.ts';
import { parse } from '../support/engine/frame_text.ts';
import { configOf } from '../support/engine/rig.ts';

const vlan = (...vids: number[]) => ({ vlan: { trunk: vids } });
const PORTS = { p1: vlan(10), p2: vlan(20), p3: vlan(10), router: vlan(10, 20) };

function prepare() {
  const compiler = new Compiler();
  const bridges = { br0: { vlan_filtering: true, ports: PORTS } };
  const { topology } = compiler.compile(parseConfig(configOf(bridges)));
  const port = (name: string) => compiler.ports.find(name) as number;
  const gauges = Counters.allocate(64, MAX_BRIDGES).memory;
  const flight = (from: string, line: string): Flight => {
    const bytes = parse(line);
    const none = new Int32Array(0);
    const knowledge = {
      keys: none,
      entries: none,
      tick: tickAt(1e6),
      isFull: false,
      giver: { count: 0, key: 0, lo: 0 },
      lists: [],
    };
    return { bytes, length: bytes.length, ingress: port(from), topology, gauges, knowledge };
  };
  const names = (hops: { hop: number }[]) => hops.map(({ hop }) => compiler.ports.name(hop & PORT_MASK));
  return { compiler, topology, port, flight, names };
}

test('a row that comes in anew asks for keys of its own, and its copies are seen', () => {
  const { port, flight, names, compiler } = prepare();
  const dryRun = new DryRun((batch) => (_topology, from, to) => {
    for (let n = from; n < to; n++) {
      const row = batch.list[n];
      if ((batch.rows[row + COLUMN.tci] & 0xfff) === 20) continue;
      const next = batch.recirculate(row, port('router'), 8);
      batch.rows[next + COLUMN.tci] = 20;
    }
  });
  for (let again = 0; again < 2; again++) {
    const { rows, copies, keys } = dryRun.run(flight('p1', 'a > b vlan 10'));
    expect(rows).toHaveLength(2);
    expect(names(copies)).toEqual(['p2']);
    const domains = keys.map(([domain]) => compiler.domain(domain)?.vid);
    expect(domains).toEqual([10, 10, 20, 20]);
  }
});

test('an entry whose value is a list, and nothing of it is left for the next run', () => {
  const { port, flight, names, compiler } = prepare();
  const dryRun = new DryRun();
  const one = flight('p1', 'a > b vlan 10');
  const domain = compiler.domains.find('br0', 10) as number;
  const stamp = one.knowledge.tick << 8;
  one.knowledge = {
    ...one.knowledge,
    keys: Int32Array.of(domain, 0x0200, 0x62),
    entries: Int32Array.of((domain << 16) | 0x0200, 0x62, DEST_LIST | FIRST_LIST, stamp),
    lists: [{ row: FIRST_LIST, members: [port('p3')], isByFlow: false }],
  };
  expect(names(dryRun.run(one).copies)).toEqual(['p3']);
  expect(names(dryRun.run(flight('p1', 'a > b vlan 10')).copies)).toEqual(['p3', 'router']);
});

test('a trap takes the frame every time: an allowance is whole at the begin of each run', () => {
  const { port, flight, topology } = prepare();
  topology.traps[port('p1')] = 1 << TRAP.lldp;
  topology.pvid[port('p1')] |= 0x4000;
  const dryRun = new DryRun();
  for (let n = 0; n < 100; n++) {
    const { punts, drops, copies } = dryRun.run(flight('p1', 'a > 01:80:c2:00:00:0e'));
    expect({ punts, drops, copies }).toEqual({ punts: [TRAP.lldp], drops: [], copies: [] });
  }
});

test('a row that was dropped is one drop, and no copy', () => {
  const { flight } = prepare();
  const { rows, drops, copies } = new DryRun().run(flight('p1', 'a > b vlan 30'));
  expect(rows[0].columns[COLUMN.dest] & DEST_DROP).not.toBe(0);
  expect([drops.length, copies.length]).toEqual([1, 0]);
});
