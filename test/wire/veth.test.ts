import { expect, test } from 'vitest';
import { attributesOf, messagesIn, textOf } from '../../src/wire/netlink.ts';
import { linkRequest, parsePeer, vethRequest } from '../../src/wire/veth.ts';

test('a request for a pair has each end in its place', () => {
  const peer = { name: 'eth0', netns: 7, mac: Uint8Array.of(2, 0, 0, 0, 0, 5) };
  const [{ type, body }] = messagesIn(vethRequest({ name: 'web', mtu: 1400, peer }));
  expect(type).toBe(16);
  const own = attributesOf(body.subarray(16));
  expect([textOf(own.get(3)), own.get(4)?.readUInt32LE()]).toEqual(['web', 1400]);
  const info = attributesOf(own.get(18));
  expect(textOf(info.get(1))).toBe('veth');
  const other = attributesOf(attributesOf(info.get(2)).get(1)?.subarray(16));
  expect([textOf(other.get(3)), other.get(4)?.readUInt32LE(), other.get(28)?.readUInt32LE()]).toEqual([
    'eth0',
    1400,
    7,
  ]);
  expect(other.get(1)?.toString('hex')).toBe('020000000005');
});

test('the other end is read from an answer, and from nothing else', () => {
  const link = Buffer.from('24000000100000000000000000000000', 'hex');
  const answer = Buffer.concat([link, Buffer.alloc(16), Buffer.from('0800050003000000', 'hex')]);
  answer.writeUInt32LE(answer.length);
  expect(parsePeer(answer)).toBe(3);
  expect(parsePeer(linkRequest(3))).toBeUndefined();
  for (let length = 0; length < answer.length; length++)
    expect(parsePeer(answer.subarray(0, length))).toBeUndefined();
});
