import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_PROTOCOLS } from '../../src/table/protocol_tunnels.ts';
import { L2CP, L2CP_NAMES, NONE, protocolOf } from '../../src/wire/l2cp.ts';
import { bytesOf, controlFrame, groupOf } from '../support/l2cp_frames.ts';

const MACS = 12;
const ask = (bytes: Uint8Array, end = bytes.length) =>
  protocolOf(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), MACS, end);

test.each(L2CP_NAMES)('%s is known by what follows the addresses, behind tags, too', (name) => {
  expect(L2CP_NAMES[ask(controlFrame(name))]).toBe(name);
  expect(ask(controlFrame(name, { tags: '8100000a' }))).toBe(L2CP[name]);
  expect(ask(controlFrame(name, { tags: '88a80064 8100000a' }))).toBe(L2CP[name]);
  expect(ask(controlFrame(name, { dst: '01:00:0c:cd:cd:d0' }))).toBe(L2CP[name]);
});

test('each has the address that it has on a link', () => {
  expect(['stp', 'lacp', 'eapol', 'lldp', 'cdp', 'pvst'].map((name) => groupOf(name as 'stp'))).toEqual([
    '01:80:c2:00:00:00',
    '01:80:c2:00:00:02',
    '01:80:c2:00:00:03',
    '01:80:c2:00:00:0e',
    '01:00:0c:cc:cc:cc',
    '01:00:0c:cc:cc:cd',
  ]);
  expect(L2CP_NAMES.length).toBeLessThanOrEqual(MAX_PROTOCOLS);
});

test.each([
  ['another EtherType', '0800 4500'],
  ['another slow protocol', '8809 03 00'],
  ['another LLC', '0026 e0e003 0000'],
  ['SNAP of somebody else', '0020 aaaa03 00000d 2000'],
  ['a type of Cisco that no tunnel carries', '0020 aaaa03 00000c 2005'],
  ['an EtherType that looks like LLC', '8000 424203 0000'],
])('%s is none of them', (_, body) => {
  expect(ask(bytesOf(`0180c2000000 020000000061 ${body} ${'00'.repeat(44)}`))).toBe(NONE);
});

test('what is cut short is none, and nothing beyond its end is read', () => {
  for (const name of L2CP_NAMES) {
    const frame = controlFrame(name, { tags: '8100000a' });
    const least = Array.from({ length: frame.length - MACS }, (_, n) => ask(frame, MACS + n));
    expect(new Set(least)).toEqual(new Set([NONE, L2CP[name]]));
    expect(least.lastIndexOf(NONE)).toBeLessThan(least.indexOf(L2CP[name]));
  }
  // LLC and not a byte more.
  expect(ask(Uint8Array.from([...Array(MACS).fill(2), 0, 3, 0x42, 0x42, 3]))).toBe(L2CP.stp);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: MACS, maxLength: 40 }), (bytes) => {
      const known = ask(bytes);
      expect(known === NONE || known in L2CP_NAMES).toBe(true);
    }),
  );
});
