import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';

function problems(port: object, bridge: object = {}, more: object = {}): string {
  try {
    parseConfig({ version: 1, bridges: { br0: { ports: { p1: port }, ...bridge } }, ...more });
    return '';
  } catch (error) {
    return String(error);
  }
}

test.each([
  [{ dscp_map: 'rfc8325' }, 'dscp_map: is asked only with trust: dscp'],
  [{ rewrite: { pcp: { 5: 6 } } }, 'rewrite: tags pass untouched in a bridge that filters no VLANs'],
  [{ rewrite: { dei: false } }, 'rewrite: tags pass untouched'],
  [{ rewrite: { dscp: { 8: 1 } } }, 'a priority (0-7)'],
  [{ trust: 'tos' }, 'pcp, dscp or none'],
  [{ shape: '1mbit', fair: 'port' }, 'true, false or ports'],
  [{ when_full: 'drop' }, 'when_full: is of uplinks: af_packet, veth, vxlan ports'],
  [
    { shape: '1mbit', classes: [{ name: 'a', match: { group: 'wbe' } }] },
    'classes[0].match.group: there is no group wbe, did you mean web?',
  ],
])('%j is refused', (qos, message) => {
  expect(problems({ type: 'memory', qos }, {}, { groups: { web: {} } })).toContain(message);
});

test('an uplink with a shape is asked nothing about being full', () => {
  const uplink = (qos: object) => problems({ type: 'af_packet', interface: 'eth0', qos });
  expect(uplink({ when_full: 'drop' })).toBe('');
  expect(uplink({ when_full: 'wait' })).toContain('share or drop');
  expect(uplink({ when_full: 'share', shape: '1gbit' })).toContain(
    'when_full: a port with a shape is never full',
  );
});

test('the same is checked in templates of listening sockets', () => {
  const qos = { fair: true };
  const socket = {
    type: 'stream',
    path: '/run/x.sock',
    template: { qos },
    users: { 5: { qos } },
  };
  const text = problems(socket);
  expect(text).toContain('ports.p1.template.qos.fair: frames wait only where a rate makes them');
  expect(text).toContain('ports.p1.users["5"].qos.fair: frames wait only where a rate makes them');
});

test('a member of an aggregate has no priorities of its own', () => {
  const member = { type: 'memory', qos: { trust: 'none' } };
  const text = problems({ type: 'aggregate', members: { m1: member } });
  expect(text).toContain("members.m1.qos.trust: frames are the aggregate's once they came in");
});

test('an aggregate and the interface of a bridge have none, and are told where it belongs', () => {
  const qos = { shape: '1mbit' };
  expect(problems({ type: 'aggregate', qos })).toContain(
    'ports.p1.qos: an aggregate has no queues of its own',
  );
  expect(problems({ type: 'memory' }, { local: { qos } })).toContain(
    'br0.local.qos: the interface of a bridge leads to this host',
  );
});

test('a list of policers has a match for all but the last, groups that there are, and bursts that fit', () => {
  const police = {
    in: [
      { rate: '1mbit', burst: 3 },
      { rate: '2mbit', match: { group: 'nobody' } },
      { rate: '3mbit', exceed: 'dei', match: {} },
    ],
  };
  const text = problems({ type: 'memory', qos: { police: { in: police.in.slice(0, 2) } } });
  expect(text).toContain('ports.p1.qos.police.in[0].burst: a rate in bits has a burst in bytes');
  expect(text).toContain('ports.p1.qos.police.in[0].match: missing; only the last policer of a list');
  expect(text).toContain('ports.p1.qos.police.in[1].match.group: there is no group nobody: add it to groups');
  expect(problems({ type: 'memory', qos: { police } })).toContain('expected pcp, dscp, vlan, group or mark');
});
