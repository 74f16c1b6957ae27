// Frames made of fields: the lengths and checksums of their headers are right, summed here the slow way.

import { describe, expect, test } from 'vitest';
import { buildFrame } from '../../src/trace/trace_frame.ts';
import { sumWords } from '../engine/offload_frames.ts';

const MACS = { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' };
const V4 = { ...MACS, ipSrc: '192.0.2.1', ipDst: '192.0.2.2' };
const V6 = { ...MACS, ipSrc: '2001:db8::1', ipDst: '2001:db8::2' };
const word = (value: number) => [value >>> 8, value & 255];

describe.each([
  ['IPv4', V4, 0x0800, 20, { tcp: 6, udp: 17, icmp: 1 }],
  ['IPv6', V6, 0x86dd, 40, { tcp: 6, udp: 17, icmp: 58 }],
] as const)('%s', (_, base, etherType, header, protocols) => {
  test.each(['tcp', 'udp', 'icmp'] as const)(
    '%s with a checksum that verifies, of even and odd length',
    (proto) => {
      for (const size of [60, 61, 777]) {
        const ports = proto === 'icmp' ? {} : { sport: 1234, dport: 80 };
        const frame = buildFrame({ ...base, proto, ...ports, size });
        expect(frame.length).toBe(Math.max(size, 14 + header + (proto === 'tcp' ? 20 : 8)));
        const view = new DataView(frame.buffer);
        expect(view.getUint16(12)).toBe(etherType);
        const packet = frame.subarray(14);
        const segment = packet.subarray(header);
        const isV4 = etherType === 0x0800;
        expect(packet[isV4 ? 9 : 6]).toBe(protocols[proto]);
        if (isV4) {
          expect(view.getUint16(16)).toBe(packet.length);
          expect(sumWords(packet.subarray(0, 20))).toBe(0xffff);
        } else expect(view.getUint16(18)).toBe(segment.length);
        const addresses = isV4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
        const pseudo =
          isV4 && proto === 'icmp' ? [] : [...addresses, ...word(protocols[proto]), ...word(segment.length)];
        expect(sumWords([...pseudo, ...segment])).toBe(0xffff);
        if (proto !== 'icmp')
          expect([view.getUint16(14 + header), view.getUint16(16 + header)]).toEqual([1234, 80]);
      }
    },
  );
});

test('a tag, a priority tag, and an EtherType', () => {
  const hex = (fields: object) => Buffer.from(buildFrame({ ...MACS, ...fields })).toString('hex');
  expect(hex({ vlan: 20, pcp: 5 })).toMatch(/^0200000000020200000000018100a01488b5(00)+$/);
  expect(hex({ pcp: 3 })).toMatch(/^0200000000020200000000018100600088b5/);
  expect(hex({ etherType: 0x0806 })).toMatch(/^0200000000020200000000010806/);
  expect(buildFrame({ ...MACS, vlan: 20 }).length).toBe(64);
  expect(buildFrame(MACS).length).toBe(60);
});

test.each([
  [{ vlan: 5000 }, 'vlan: 5000 is not a number from 0 to 4095'],
  [{ pcp: 8 }, 'pcp: 8 is not'],
  [{ size: 13 }, 'size: 13 is not'],
  [{ src: 'x' }, 'x is not a MAC address'],
  [{ ipSrc: '1.2.3.4' }, 'both ipSrc and ipDst'],
  [{ ipSrc: '1.2.3.4', ipDst: '::1' }, 'different IP versions'],
  [{ ipSrc: '1.2.3', ipDst: '1.2.3.4' }, '1.2.3 is not an IPv4 or IPv6 address'],
  [{ dport: 80 }, 'need ipSrc and ipDst'],
  [{ ...V4, proto: 'icmp' as const, dport: 80 }, 'ICMP has no ports'],
])('%j is refused', (fields, message) => {
  expect(() => buildFrame({ ...MACS, ...fields })).toThrow(message);
});
