import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OPTION6 } from '../../../src/wire/dhcp6/codes.ts';
import { parseFrame6 } from '../../../src/wire/dhcp6/frame.ts';
import { buildMessage6, fqdnLabel, parseMessage6 } from '../../../src/wire/dhcp6/message.ts';
import { clientFrame6, ip } from './messages.ts';

const MAC = { hi: 0x0200, lo: 7 };

test('a solicitation with an address and a prefix is what it says', () => {
  const items = [{ address: ip('fd00::7'), bits: 128 }];
  const frame = parseFrame6(clientFrame6({ mac: MAC, iaid: 0xdeadbeef, items }));
  expect(frame).toMatchObject({
    srcMac: MAC,
    src: ip('fe80::7'),
    dst: ip('ff02::1:2'),
    message: {
      type: 'solicit',
      transaction: 0xabcdef,
      associations: [{ kind: 'address', iaid: 0xdeadbeef, items }],
    },
  });
  const prefixes = [{ address: ip('fd00:7::'), bits: 56 }];
  const other = parseFrame6(clientFrame6({ mac: MAC, kind: 'prefix', items: prefixes }));
  expect(other).toMatchObject({ message: { associations: [{ kind: 'prefix', items: prefixes }] } });
});

test.each([
  ['too_short', Uint8Array.of(1, 0, 0)],
  ['type', Uint8Array.of(12, 0, 0, 1)],
  ['type', Uint8Array.of(99, 0, 0, 1)],
  ['options', Uint8Array.of(1, 0, 0, 1, 0, 1, 0, 9, 0)],
  ['client_id', Uint8Array.of(1, 0, 0, 1, 0, 1, 0, 0)],
  ['client_id', buildMessage6('solicit', 1, [[OPTION6.clientId, new Uint8Array(131)]])],
  [
    'options',
    buildMessage6(
      'solicit',
      1,
      Array.from({ length: 65 }, () => [99, new Uint8Array()]),
    ),
  ],
  [
    'options',
    buildMessage6(
      'solicit',
      1,
      Array.from({ length: 9 }, () => [3, new Uint8Array(12)]),
    ),
  ],
  ['options', buildMessage6('solicit', 1, [[3, new Uint8Array(11)]])],
])('%s: %j', (reason, bytes) => {
  expect(parseMessage6(bytes)).toBe(reason);
});

test('a checksum that is wrong, or none, is not read', () => {
  const frame = clientFrame6({ mac: MAC });
  frame[60] ^= 1;
  expect(parseFrame6(frame)).toBe('checksum');
  const without = clientFrame6({ mac: MAC });
  without.fill(0, 60, 62);
  expect(parseFrame6(without)).toBe('checksum');
});

test('the first label of a name counts', () => {
  expect(fqdnLabel(Uint8Array.of(0, 3, 0x57, 0x65, 0x62, 0))).toBe('web');
  for (const bad of [[], [0], [0, 64], [0, 3, 0x57]]) expect(fqdnLabel(Uint8Array.from(bad))).toBe('');
});

test('nothing makes the parser throw', () => {
  const frame = clientFrame6({ mac: MAC, items: [{ address: ip('fd00::7'), bits: 128 }] });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const result = parseMessage6(bytes);
      expect(typeof result === 'string' || result.associations.length <= 8).toBe(true);
    }),
  );
  fc.assert(
    fc.property(fc.nat(frame.length - 1), fc.nat(255), fc.nat(frame.length), (at, value, length) => {
      const changed = frame.slice(0, length);
      if (at < length) changed[at] = value;
      parseFrame6(changed);
      parseMessage6(changed.subarray(62));
    }),
    { numRuns: 2000 },
  );
});
