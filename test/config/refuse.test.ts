import { expect, test } from 'vitest';
import { diff } from '../../src/config/diff.ts';
import { refuseDependents } from '../../src/config/refuse.ts';
import { EMPTY_CONFIG, parseConfig } from '../../src/config/schema.ts';

const STATICS = 16_384;

test('what falls with a port is found at once, however many static entries there are', () => {
  const entries = Array.from({ length: STATICS }, (_, n) => ({
    mac: `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`,
    port: n % 2 === 0 ? 'lost' : 'there',
  }));
  const ports = { lost: { type: 'memory' }, there: { type: 'memory' } };
  const br0 = { local: false, fdb_limit: STATICS, static: entries, ports };
  const next = parseConfig({ version: 1, bridges: { br0 } });
  const results = diff(EMPTY_CONFIG, next).map((action) => ({
    ...action,
    ok: action.path !== 'bridges.br0.ports.lost',
  }));
  const from = performance.now();
  refuseDependents(results, next, false);
  expect(performance.now() - from).toBeLessThan(2000); // quadratic, it takes a minute
  const refused = results.filter(({ ok, kind }) => !ok && kind === 'fdb');
  expect(refused).toHaveLength(STATICS / 2);
  expect(refused[0]).toMatchObject({ code: 'port_missing', error: 'port lost could not be added' });
});
