// What a reconfiguration does to learned and static entries.

import { expect, test } from 'vitest';
import { PORT } from '../../src/table/counters.ts';
import { formatMac } from '../../src/wire/mac.ts';
import { configOf, openRig, ports } from '../support/engine/rig.ts';
import { lawViolations, openBench } from '../support/engine/stubs.ts';

const mac = (n: number) => formatMac(0x0200, n);

test('an ageing time of 300, 0, 300 s forgets what was learned, as in Linux', async () => {
  const bridge = (ageing_time: number) => ({ br0: { ageing_time, ports: ports(3) } });
  const rig = await openRig(bridge(300));
  rig.say('p1', 'a > *');
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a']);
  rig.now += 1000;
  await rig.taploom.apply(configOf(bridge(0)));
  expect(await rig.fdb()).toEqual([]);
  expect(rig.say('p1', 'a > *')).toHaveLength(2); // and is not learned
  await rig.taploom.apply(configOf(bridge(300)));
  expect(await rig.fdb()).toEqual([]);
  expect(rig.say('p2', 'b > a')).toEqual(['p1: b > a', 'p3: b > a']);
});

test('static entries find room behind a flood of addresses and a flush', async () => {
  const bridges = (entries: number) => ({
    br0: {
      fdb_limit: 130,
      static: Array.from({ length: entries }, (_, n) => ({ mac: mac(n), port: 'p1' })),
      ports: ports(2),
    },
  });
  const bench = openBench(bridges(0));
  const { engine, source } = bench;
  const at = bench.counters.port(bench.port('p1'));
  const refused = () => bench.counters.values[at + PORT.learnRefused];
  for (let n = 0; refused() === 0; n++) {
    source.add(bench.port('p1'), `${mac(0x1000 + n)} > *`);
    engine.poll(1000);
    if (n % 130 === 129) engine.flush(null, 0, 0, 0);
  }
  engine.flush(null, 0, 0, 0);
  engine.swap(bench.topology(bridges(380)));
  const out = new Int32Array(5 * 500);
  expect(engine.readFdb(0, out).entries).toBe(380);
});

test('a station seen behind a tunnel that cannot tell its remote is forgotten where it was', () => {
  const bench = openBench({
    br0: { ports: { ...ports(2), vx: { type: 'vxlan', vni: 7, local: '10.0.0.1', remotes: ['10.0.0.2'] } } },
  });
  const { engine, source, sink } = bench;
  source.add(bench.port('p1'), 'a > *');
  engine.poll(1000);
  source.add(bench.port('vx'), 'a > *'); // without a remote: its table is full
  engine.poll(1001);
  sink.sent.clear();
  source.add(bench.port('p2'), 'b > a');
  engine.poll(1002);
  expect([...sink.sent.keys()].sort()).toEqual([bench.port('p1'), bench.port('vx')].sort());
  const at = bench.counters.port(bench.port('vx'));
  expect(bench.counters.values[at + PORT.learnRefused]).toBe(1);
  expect(lawViolations(bench.counters)).toEqual([]);
});
