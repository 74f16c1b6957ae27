// Ports that are shaped alike have one row of settings, and each its own queues.

import { expect, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { storeRate } from '../../src/compile/qos.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { QOS, QOS_ROW, type QosTable } from '../../src/table/qos_table.ts';

function compile(shapes: Record<string, object>, compiler = new Compiler()) {
  const ports = Object.fromEntries(
    Object.entries(shapes).map(([name, qos]) => [name, { type: 'memory', qos }]),
  );
  const config = parseConfig({ version: 1, bridges: { br0: { local: false, ports } } });
  const qos = compiler.compile(config).topology.qos as QosTable;
  const cost = (name: string) => {
    const row = qos.rows[qos.ports.indexOf(compiler.ports.number(name))];
    return qos.settings[row * QOS_ROW + QOS.cost];
  };
  return { qos, cost, compiler };
}

test('a thousand ports with one rate have one row, and others their own', () => {
  const alike = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`p${n}`, { shape: '10mbit' }]));
  const { qos, cost } = compile({
    ...alike,
    other: { shape: '20mbit' },
    fair: { shape: '10mbit', fair: true },
  });
  expect(qos.settings).toHaveLength(3 * QOS_ROW);
  expect(new Set(qos.regions.map(({ memory, at }) => [memory, at])).size).toBe(1002);
  expect(cost('p0')).toBe(8000 / 10e6);
  expect(cost('p999')).toBe(8000 / 10e6);
  expect(cost('other')).toBe(8000 / 20e6);
});

test('what else is said of quality of service does not set them apart', () => {
  const shape = { shape: '10mbit' };
  expect(
    compile({ a: shape, b: { ...shape, trust: 'dscp' }, c: { ...shape, police: { in: '5mbit' } } }).qos
      .settings,
  ).toHaveLength(QOS_ROW);
});

test('a rate that is changed in place is that of one port', () => {
  const shared = { shape: '10mbit', classes: [{ name: 'shared', fair: 'ports' }] };
  const { qos, cost, compiler } = compile({ a: shared, b: shared });
  storeRate(qos, compiler.ports.number('a'), 7e6);
  expect(cost('a')).toBe(8000 / 7e6);
  expect(cost('b')).toBe(8000 / 10e6);
});

test('ports with more memory than others of their kind keep it, and the row says what all of them have', () => {
  const { compiler, qos: before } = compile({ a: { shape: '100mbit' } });
  const { qos } = compile({ a: { shape: '50mbit' }, b: { shape: '50mbit' } }, compiler);
  expect(qos.settings).toHaveLength(QOS_ROW);
  expect(qos.regions[0]).toBe(before.regions[0]);
  expect(qos.settings[QOS.memory]).toBe(312_500);
});
