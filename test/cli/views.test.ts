import { expect, test } from 'vitest';
import type { PortStatus, StpPortStatus } from '../../src/api.ts';
import { portsText } from '../../src/cli/views.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { portStatus } from '../control/fake_switch.ts';

const CONFIG = parseConfig({
  version: 1,
  bridges: {
    br0: {
      mirrors: { m1: { to: 'mon' }, m2: { to: 'br0' } },
      ports: { vm1: { type: 'tap' }, mon: { type: 'tap' } },
    },
  },
});
const blocked = { role: 'alternate', state: 'blocking', reason: 'a second way' } as StpPortStatus;

/** The lines below the table. */
function why(...ports: PortStatus[]): string[] {
  const [, reasons = ''] = portsText(ports, CONFIG, 80).split('\n\n');
  return reasons.split('\n').filter((line) => line !== '');
}

test('each port that does not forward says why, once, and the others say nothing', () => {
  expect(
    why(
      portStatus('br0', { type: 'local' }),
      portStatus('vm1'),
      portStatus('mon'),
      portStatus('a', { stp: blocked }),
      portStatus('b', { state: 'disabled', reason: 'a storm', stp: blocked }),
      portStatus('c', { state: 'down', reason: 'no carrier' }),
      portStatus('d', { state: 'waiting', reason: 'there is none' }),
      portStatus('e', { state: 'gone', reason: 'deleted' }),
      portStatus('f', { state: 'failed', reason: 'busy' }),
    ),
  ).toEqual([
    'mon does not forward: it is the end of mirror m1',
    'a does not forward: a second way',
    'b is disabled: a storm',
    'c is down: no carrier',
    'd waits: there is none',
    'e is gone and is taken again: deleted',
    'f failed and is tried again: busy',
  ]);
});

test('a member that waits says why in its details', () => {
  const member = { state: 'waits' as const, reason: 'no LACP partner answers' };
  const text = portsText([portStatus('eth1', { memberOf: 'bond0', member })], CONFIG, 160);
  expect(text).toContain('member of bond0, waits: no LACP partner answers');
});
