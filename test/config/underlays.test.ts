import { expect, test } from 'vitest';
import { validate } from '../../src/config/schema.ts';

const TUNNEL = {
  type: 'vxlan',
  vni: 1,
  local: '192.0.2.1',
  remote_learning: true,
  udp_checksum: false,
  underlay_tap: 'up0',
};

const problems = (ports: Record<string, object>) =>
  validate({ version: 1, bridges: { br0: { ports } } }).problems.map(
    ({ path, message }) => `${path.slice(3).join('.')}: ${message}`,
  );

test('tunnels of one address and UDP port share a TAP', () => {
  expect(problems({ x: TUNNEL, y: { ...TUNNEL, vni: 2 } })).toEqual([]);
  expect(problems({ x: TUNNEL, y: { ...TUNNEL, local: '192.0.2.2', underlay_tap: 'up1' } })).toEqual([]);
});

test('a TAP under tunnels has one address and UDP port, and the address has one TAP', () => {
  const other = (y: object) => problems({ x: TUNNEL, y: { ...TUNNEL, vni: 2, ...y } });
  const refusal = 'y.underlay_tap: port x uses up0 for 192.0.2.1 UDP port 4789';
  expect(other({ local: '192.0.2.2' })).toEqual([refusal]);
  expect(other({ dst_port: 8472 })).toEqual([refusal]);
  expect(other({ underlay_tap: 'up1' })).toEqual([refusal]);
  expect(other({ underlay_tap: undefined })).toEqual([refusal]);
  expect(problems({ x: { ...TUNNEL, underlay_tap: undefined }, y: { ...TUNNEL, vni: 2 } })).toEqual([
    'y.underlay_tap: port x uses sockets for 192.0.2.1 UDP port 4789',
  ]);
});

test('a tunnel over a TAP is an IPv4 one without outer checksums, and leaves room for its headers', () => {
  expect(problems({ x: { ...TUNNEL, local: '2001:db8::1' } })).toEqual([
    'x.local: port x has an underlay_tap, which is for IPv4 only',
  ]);
  expect(problems({ x: { ...TUNNEL, udp_checksum: undefined } })).toEqual([
    'x.udp_checksum: through an underlay_tap the outer checksum is zero: set this to false',
  ]);
  expect(problems({ x: { ...TUNNEL, mtu: 65_477 } })).toEqual([]);
  expect(problems({ x: { ...TUNNEL, mtu: 65_478 } })).toEqual([
    'x.mtu: an MTU over an underlay_tap is at most 65477',
  ]);
});

test('a TAP under a tunnel is no other interface of the switch, and not attached', () => {
  expect(problems({ x: TUNNEL, up0: { type: 'tap' } })).toEqual([
    'x.underlay_tap: up0 is port up0 of this switch',
  ]);
  expect(problems({ x: { ...TUNNEL, underlay_tap: 'br0' } })).toEqual([
    'x.underlay_tap: br0 is the local interface of bridge br0 of this switch',
  ]);
  expect(problems({ a: { type: 'af_packet', interface: 'up0' }, x: TUNNEL })).toEqual([
    'a.interface: up0 is the TAP under port x of this switch',
  ]);
  expect(problems({ x: TUNNEL, up0: { type: 'tap', netns: 'h1' } })).toEqual([]);
});
