import { expect, test } from 'vitest';
import { lldpMode } from '../../src/config/lldp_mode.ts';
import { parseConfig, validate } from '../../src/config/schema.ts';

const bridgeOf = (port: object, bridge: object = {}) =>
  parseConfig({ version: 1, bridges: { b: { ...bridge, ports: { p: port } } } }).bridges.b;
const modeOf = (port: object, bridge?: object) => {
  const config = bridgeOf(port, bridge);
  return lldpMode(config.ports.p, config);
};

test('attached interfaces receive unless told otherwise, other ports do nothing', () => {
  expect(modeOf({ type: 'af_packet' })).toBe('receive');
  for (const type of ['tap', 'memory']) {
    expect(modeOf({ type })).toBe('off');
    expect(modeOf({ type, lldp: true })).toBe('both');
    expect(modeOf({ type, lldp: 'receive' })).toBe('receive');
  }
  expect(modeOf({ type: 'af_packet', lldp: true })).toBe('both');
  expect(modeOf({ type: 'af_packet', lldp: false })).toBe('off');
  expect(modeOf({ type: 'vxlan', vni: 1, local: '192.0.2.1', remote_learning: true })).toBe('off');
});

test('where the bridge forwards LLDP frames, the switch has no part in it', () => {
  for (const lldp of [true, 'receive']) {
    expect(modeOf({ type: 'tap', lldp }, { group_fwd_mask: 0x4000 })).toBe('off');
    expect(modeOf({ type: 'tap', lldp }, { group_fwd_mask: 0xbff8 })).not.toBe('off');
    expect(modeOf({ type: 'tap', lldp, group_fwd_mask: 0x4000 })).toBe('off');
    expect(modeOf({ type: 'tap', lldp, group_fwd_mask: 0xbffd })).not.toBe('off');
  }
});

test('a wrong value and a tunnel with the key are explained', () => {
  const problem = (port: object) =>
    validate({ version: 1, bridges: { b: { ports: { p: port } } } }).problems.map(({ message }) => message);
  expect(problem({ type: 'tap', lldp: 'send' })).toEqual(['"send" is not true, false or receive']);
  expect(problem({ type: 'vxlan', vni: 1, local: '192.0.2.1', remote_learning: true, lldp: true })).toEqual([
    'unknown key: only tap and veth and af_packet and stream and dgram and vhost_user and memory ports have it, this is a vxlan port',
  ]);
});
