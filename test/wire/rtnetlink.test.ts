import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRtnetlink } from '../../src/wire/rtnetlink.ts';
import { attribute, message } from '../support/rtnetlink.ts';

function ifinfo({ family = 0, index = 7, flags = 0 }): Buffer {
  const body = Buffer.alloc(16);
  body[0] = family;
  body.writeInt32LE(index, 4);
  body.writeUInt32LE(flags, 8);
  return body;
}

const name = attribute(3, Buffer.from('eth0\0'));
const mtu = attribute(4, Buffer.from([0x8c, 0x05, 0, 0]));
const mac = attribute(1, Buffer.from('020000aabbcc', 'hex'));
const parse = (bytes: Buffer) => [...parseRtnetlink(bytes)];

test('an interface that came or changed has its name, MTU, address and whether it is up', () => {
  const body = Buffer.concat([ifinfo({ flags: 0x1043 }), name, mtu, mac]);
  expect(parse(message(16, body))).toEqual([
    { kind: 'link', index: 7, name: 'eth0', up: true, mtu: 1420, mac: '02:00:00:aa:bb:cc' },
  ]);
});

test('an interface that went is told, a port that left a bridge is not one', () => {
  const body = (family: number) => Buffer.concat([ifinfo({ family }), name]);
  expect(parse(message(17, body(0)))).toEqual([{ kind: 'unlink', index: 7, name: 'eth0', moved: false }]);
  expect(parse(message(17, body(7)))).toEqual([]);
});

test('of a VLAN device its tag and its lower interface are told, unless that is elsewhere', () => {
  const data = Buffer.concat([attribute(1, Buffer.from([10, 0])), attribute(5, Buffer.from([0x81, 0x00]))]);
  const kind = (text: string) =>
    attribute(18, Buffer.concat([attribute(1, Buffer.from(`${text}\0`)), attribute(2 | 0x8000, data)]));
  const lower = attribute(5, Buffer.from([3, 0, 0, 0]));
  const elsewhere = attribute(37, Buffer.from([1, 0, 0, 0]));
  const moved = attribute(45, Buffer.from([0, 0, 0, 0]));
  const vlanOf = (type: number, ...attributes: Buffer[]) => {
    const [one] = parse(message(type, Buffer.concat([ifinfo({}), name, ...attributes])));
    return 'vlan' in one ? one.vlan : undefined;
  };
  expect(vlanOf(16, lower, kind('vlan'))).toEqual({ on: 3, tag: 0x8100_000a | 0 });
  expect(vlanOf(17, lower, kind('vlan'))).toEqual({ on: 3, tag: 0x8100_000a | 0 });
  expect(vlanOf(16, lower, kind('macvlan'))).toBeUndefined();
  expect(vlanOf(16, lower, elsewhere, kind('vlan'))).toBeUndefined();
  expect(parse(message(17, Buffer.concat([ifinfo({}), name, moved])))).toMatchObject([{ moved: true }]);
});

test('an address is usable when it is there and not on probation', () => {
  const ifaddr = (family: number, flags: number) => Buffer.from([family, 24, flags, 0, 7, 0, 0, 0]);
  const v4 = Buffer.concat([ifaddr(2, 0x80), attribute(1, Buffer.from([10, 0, 0, 9]))]);
  const pointToPoint = Buffer.concat([v4, attribute(2, Buffer.from([10, 0, 0, 1]))]);
  const v6 = attribute(1, Buffer.from('20010db8000000000000000000000001', 'hex'));
  expect(parse(message(20, v4))).toEqual([{ kind: 'address', address: '10.0.0.9', usable: true }]);
  expect(parse(message(21, pointToPoint))).toEqual([{ kind: 'address', address: '10.0.0.1', usable: false }]);
  const tentative = Buffer.concat([ifaddr(10, 0), v6, attribute(8, Buffer.from([0x40, 0, 0, 0]))]);
  expect(parse(message(20, tentative))).toEqual([{ kind: 'address', address: '2001:db8::1', usable: false }]);
});

test('several messages of one datagram come in order', () => {
  const route = message(24, Buffer.alloc(12));
  const link = message(16, Buffer.concat([ifinfo({}), name]));
  expect(parse(Buffer.concat([route, link, route])).map(({ kind }) => kind)).toEqual([
    'route',
    'link',
    'route',
  ]);
});

test('whatever bytes there are, nothing is read beyond them and nothing throws', () => {
  const cut = Buffer.concat([
    message(16, Buffer.concat([ifinfo({}), name, mtu, mac])),
    message(20, Buffer.alloc(8)),
  ]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(cut.length), fc.nat(255), (bytes, at, value) => {
      parse(Buffer.from(bytes));
      const damaged = Buffer.from(cut);
      if (at < damaged.length) damaged[at] = value;
      parse(damaged.subarray(0, at));
      parse(damaged);
    }),
  );
});
