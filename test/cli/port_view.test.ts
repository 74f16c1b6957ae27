import { expect, test } from 'vitest';
import type { AggregateStatus, PortStatus, StpPortStatus } from '../../src/api.ts';
import { portText } from '../../src/cli/port_view.ts';
import { counters, portStatus } from '../control/fake_switch.ts';

const END = {
  systemPriority: 32768,
  system: '02:00:00:00:00:01',
  key: 4,
  portPriority: 1,
  port: 5,
  state: 0x3d,
};
const LACPDUS = { lacpdusIn: 7, lacpdusOut: 0, lacpdusNotSent: 0, markersIn: 0, failures: 0, churns: 0 };

test('an aggregate and its members in words, and each malformed frame under its reason', () => {
  const member = { port: 'eth1', share: 1, actor: END, counters: { ...LACPDUS, malformed: { tlv: 3 } } };
  const aggregate: AggregateStatus = {
    lacp: 'active',
    mode: 'balance',
    minLinks: 1,
    partner: { ...END, state: 0 },
    members: [{ state: 'carries', ...member }],
  };
  const rows = rowsOf(portStatus('bond0', { type: 'aggregate', aggregate }));
  const end = '32768,02:00:00:00:00:01 key 4, port 1,5:';
  expect(rows).toContain(`partner ${end} passive`);
  expect(rows).toContain('member eth1');
  expect(rows).toContain(`actor ${end} active, aggregates, in step, collects, distributes`);
  expect(rows).toEqual(expect.arrayContaining(['lacpdus in 7', 'malformed tlv 3']));
});

test('what else has a reason has a line for each', () => {
  const stp = {
    role: 'root',
    counters: { bpdusReceived: 3, malformed: { age: 2 } },
  } as unknown as StpPortStatus;
  const status = portStatus('vm1', {
    stp,
    member: { state: 'waits', reason: 'no LACP partner answers' },
    disabledBy: { storm: 4 },
    counters: counters({ receiveDropped: { runt: 5 } }),
  });
  const heard = { bridge: 'br0', port: 'vm1', groups: 1, reports: 0, queries: 0, hellos: 0, refused: 0 };
  expect(rowsOf(status, { ...heard, malformed: { checksum: 6 } })).toEqual(
    expect.arrayContaining([
      'malformed age 2',
      'member waits: no LACP partner answers',
      'disabled by storm 4',
      'receive dropped runt 5',
      'groups 1',
      'malformed checksum 6',
    ]),
  );
});

function rowsOf(status: PortStatus, multicast?: Parameters<typeof portText>[2]): string[] {
  const text = portText(status, undefined, multicast);
  expect(text).not.toMatch(/[{}]/);
  return text.split('\n').map((line) => line.trim().replaceAll(/ +/g, ' '));
}
