import { expect, test } from 'vitest';
import { buildLldpFrame } from '../../../src/wire/lldp/build.ts';
import { lldpduStart, parseLldpdu } from '../../../src/wire/lldp/lldpdu.ts';
import { bytesOf } from './frames.ts';

const SOURCE = { hi: 0x0200, lo: 0x5e10_0001 };
const OWN = {
  chassis: { hi: 0x0200, lo: 0x5e10_0002 },
  portName: 'vm1',
  ttl: 121,
  portDescription: 'port vm1 of bridge br0',
  systemName: 'host-7',
  systemDescription: 'Taploom',
  capabilities: 4,
  managementAddresses: ['192.0.2.1', '2001:db8::1'],
  pvid: 10,
  maxFrameSize: 1522,
};
const parse = (frame: Uint8Array) => parseLldpdu(frame, lldpduStart(frame)).lldpdu;

test('the frame is the one that tshark decodes to just that, without a warning', () => {
  expect(Buffer.from(buildLldpFrame(SOURCE, OWN).frame).toString('hex')).toBe(
    Buffer.from(
      bytesOf(`
        0180c200000e 02005e100001 88cc
        0207 04 02005e100002  0404 05 766d31  0602 0079
        0e04 0004 0004  fe06 0080c2 01 000a  fe06 00120f 04 05f2
        100c 05 01 c0000201 01 00000000 00
        1018 11 02 20010db8000000000000000000000001 01 00000000 00
        0a06 686f73742d37  0816 706f727420766d31206f662062726964676520627230  0c07 5461706c6f6f6d
        0000`),
    ).toString('hex'),
  );
});

test('a shutdown has the two IDs and a time to live of zero, and is padded', () => {
  const { frame } = buildLldpFrame(SOURCE, { ...OWN, ttl: 0 });
  expect(frame).toHaveLength(60);
  expect(frame.subarray(14, 35)).toEqual(bytesOf('0207 04 02005e100002  0404 05 766d31  0602 0000 0000'));
  expect(frame.subarray(35).every((byte) => byte === 0)).toBe(true);
});

test('what does not fit is left out and counted; the mandatory TLVs never are', () => {
  const all = buildLldpFrame(SOURCE, OWN).frame.length;
  for (let most = 0; most <= all; most++) {
    const { frame, omitted } = buildLldpFrame(SOURCE, OWN, most);
    expect(frame.length).toBeLessThanOrEqual(Math.max(60, most));
    expect(parse(frame)).toMatchObject({ ttl: 121, portId: { text: 'vm1' } });
    expect(omitted > 0).toBe(most < all);
  }
});

test('long texts are cut between two characters', () => {
  const { frame } = buildLldpFrame(SOURCE, { ...OWN, systemName: `a${'ü'.repeat(200)}` });
  expect(parse(frame)?.systemName).toBe(`a${'ü'.repeat(127)}`);
});
