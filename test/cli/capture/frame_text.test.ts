import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameText, printable, timeText } from '../../../src/cli/capture/frame_text.ts';
import { lastDropsText } from '../../../src/cli/capture/last_drops_text.ts';
import { frames } from '../../support/random_frames.ts';

const MACS = '0200000000020200000000 01'.replaceAll(' ', '');
const AT = '02:00:00:00:00:01 > 02:00:00:00:00:02';
const IP4 = (protocol: string, rest: string, fragment = '0000') =>
  `${MACS}0800450000280001${fragment}40${protocol}00000a0000010a000002${rest}`;
const IP6 = (next: string, rest: string) =>
  `${MACS}86dd6000000000 14${next}40${'fd00'.padEnd(31, '0')}1${'fd00'.padEnd(31, '0')}2${rest}`.replaceAll(
    ' ',
    '',
  );

test.each([
  [
    `${MACS}08060001080006040001020000000001c0000201000000000000c0000202`,
    'ARP who has 192.0.2.2, tell 192.0.2.1',
  ],
  [
    `${MACS}08060001080006040002020000000001c0000201020000000002c0000202`,
    'ARP 192.0.2.1 is at 02:00:00:00:00:01',
  ],
  [IP4('06', '04d2005000000000000000005012ffff00000000'), '10.0.0.1:1234 > 10.0.0.2:80 TCP [SYN ACK]'],
  [IP4('11', '04d2003500080000'), '10.0.0.1:1234 > 10.0.0.2:53 UDP'],
  [IP4('11', '04d2003500080000', '2005'), '10.0.0.1 > 10.0.0.2 UDP fragment at 40'],
  [IP4('01', '0800000000010001'), '10.0.0.1 > 10.0.0.2 ICMP echo request'],
  [IP4('63', ''), '10.0.0.1 > 10.0.0.2 protocol 99'],
  [IP6('06', '04d20050000000000000000050020000'), '[fd00::1]:1234 > [fd00::2]:80 TCP [SYN]'],
  [IP6('00', '3a00050200000000870000000000'), 'fd00::1 > fd00::2 ICMP6 neighbour solicitation'],
  [IP6('2c', '0600000000000001'), 'fd00::1 > fd00::2 fragment'],
  [`${MACS}8100600a0806`, 'vlan 10 p 3 ARP'],
  [`${MACS}88a80014 8100000a 88cc`.replaceAll(' ', ''), 'vlan 20 vlan 10 LLDP'],
  [`${MACS}0026424203`, 'STP'],
  [`${MACS}88b5`, 'type 0x88b5'],
])('%s', (hex, text) => {
  const bytes = Buffer.from(hex, 'hex');
  expect(frameText(bytes, bytes.length)).toBe(`${AT} ${text}, length ${bytes.length}`);
});

test('whatever bytes come, and wherever they are cut, a line of plain ASCII comes out', () => {
  const anything = fc.oneof(
    frames,
    fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(anything, fc.nat(100), (bytes, cut) => {
      const text = frameText(bytes.subarray(0, cut), bytes.length);
      expect(text).toMatch(/^[\x20-\x7e]+$/);
      expect(text.length).toBeLessThan(250);
    }),
    { numRuns: 3000 },
  );
});

test('names cannot steer a terminal', () => {
  expect(printable('vm1')).toBe('vm1');
  expect(printable('a\u001b[2Jb\u202ec\n')).toBe('a\\u001b[2Jb\\u202ec\\u000a');
});

test('times have nine digits', () => {
  expect(timeText(1_795_824_000_000_000_042n)).toMatch(/^\d\d:\d\d:\d\d\.000000042$/);
});

test('the last drops are in the order of time, also those without bytes or port', () => {
  const drop = { side: 'receive' as const, reason: 'runt', help: '', length: 9, head: '' };
  const text = lastDropsText([
    { ...drop, time: 2000.5, port: 'vm1' },
    { ...drop, time: 1000.25, port: '', reason: 'vxlan_unknown_vni', length: 16, head: `${MACS}88cc` },
  ]);
  expect(text.split('\n').map((line) => line.replace(/^\S+/, 'T'))).toEqual([
    `T  -    receive   vxlan_unknown_vni  ${AT} LLDP, length 16`,
    'T  vm1  receive   runt               its bytes are gone, length 9',
    '',
  ]);
  expect(lastDropsText([])).toBe('nothing was dropped\n');
});
