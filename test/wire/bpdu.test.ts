import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BAD_BPDU, type Bpdu, buildBpdu, parseBpdu } from '../../src/wire/bpdu.ts';

const SOURCE = { hi: 0x0200, lo: 0x5e10_0001 };
const HEAD = '0180c2000000 02005e100001';

/** What a kernel bridge sends: root 8000.02005e100001, port 8001, TC. */
const CONFIG = bytesOf(
  `${HEAD} 0026 424203 0000 00 00 01 800002005e100001 00000000 800002005e100001 8001 0000 1400 0200 0f00 ${'00'.repeat(8)}`,
);
/** What Open vSwitch sends in RSTP: designated, proposal, agreement. */
const RST = bytesOf(
  `${HEAD} 0027 424203 0000 02 02 4e 800002005e100001 000007d0 900002005e100002 8003 0100 1400 0200 0f00 00 ${'00'.repeat(7)}`,
);
const TCN = bytesOf(`${HEAD} 0007 424203 0000 00 80 ${'00'.repeat(39)}`);

const CONFIG_BPDU: Bpdu = {
  kind: 'config',
  root: 0x800002005e100001n,
  rootPathCost: 0,
  bridge: 0x800002005e100001n,
  port: 0x8001,
  messageAge: 0,
  maxAge: 20_000,
  helloTime: 2_000,
  forwardDelay: 15_000,
  topologyChange: true,
  topologyChangeAck: false,
  role: 'designated',
  proposal: false,
  agreement: false,
  learning: false,
  forwarding: false,
};
const RST_BPDU: Bpdu = {
  ...CONFIG_BPDU,
  kind: 'rst',
  rootPathCost: 2000,
  bridge: 0x900002005e100002n,
  port: 0x8003,
  messageAge: 1000,
  topologyChange: false,
  proposal: true,
  agreement: true,
};

test.each([
  ['configuration', CONFIG, CONFIG_BPDU],
  ['RST', RST, RST_BPDU],
  ['TCN', TCN, { kind: 'tcn' as const }],
])('%s BPDUs are built and parsed', (_, bytes, bpdu) => {
  expect(parseBpdu(bytes)).toEqual(bpdu);
  expect(buildBpdu(SOURCE, bpdu)).toEqual(bytes);
});

test.each([
  ['another LLC', CONFIG, 14, 0xaa, 'llc'],
  ['another protocol', CONFIG, 18, 1, 'protocol'],
  ['an unknown type', CONFIG, 20, 3, 'type'],
  ['an RST BPDU of version 1', RST, 19, 1, 'version'],
  ['a length without room for a configuration', CONFIG, 13, 37, 'too_short'],
  ['a length without room for a type', TCN, 13, 6, 'too_short'],
  ['a message as old as it may become', CONFIG, 44, 0x14, 'age'],
])('%s is none, and says why', (_, bytes, at, value, reason) => {
  const bad = bytes.slice();
  bad[at] = value;
  expect(parseBpdu(bad)).toBe(reason);
});

test('a frame that is cut off anywhere is too short', () => {
  for (const [frame, length] of [
    [CONFIG, 35],
    [RST, 36],
    [TCN, 4],
  ] as const)
    for (let end = 0; end < 17 + length; end++) expect(parseBpdu(frame.subarray(0, end))).toBe('too_short');
});

test('whatever the bytes are, nothing throws, and what is understood can be said again', () => {
  const mutated = fc
    .tuple(fc.constantFrom(CONFIG, RST, TCN), fc.array(fc.tuple(fc.nat(59), fc.nat(255)), { maxLength: 6 }))
    .map(([bytes, changes]) => {
      const frame = bytes.slice();
      for (const [at, value] of changes) frame[at] = value;
      return frame;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated), (frame) => {
      const bpdu = parseBpdu(frame);
      if (typeof bpdu === 'string') expect(BAD_BPDU).toContain(bpdu);
      else expect(parseBpdu(buildBpdu(SOURCE, bpdu))).toEqual(bpdu);
    }),
    { numRuns: 5_000 },
  );
});

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex')).slice(0, 60);
}
