// Files as the writer makes them, read by those for whom they are made.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DIRECTION,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  sectionHeader,
} from '../../src/wire/pcapng.ts';
import { PcapngReader, type ReadPacket } from '../../src/wire/pcapng_reader.ts';
import { needs } from '../support/needs.ts';

needs('tshark', 'tcpdump', 'capinfos');

/** 2026-11-28 00:00:00.123456789. */
const TIME = 1_795_824_000_123_456_789n;
const FRAME = Buffer.from(
  'ffffffffffff02000000000108060001080006040001020000000001c0000201000000000000c0000202',
  'hex',
);
const FILE = Buffer.concat([
  sectionHeader('taploom 1.2.3'),
  interfaceDescription('vm1', 262_144),
  enhancedPacket({
    interface: 0,
    time: TIME,
    direction: DIRECTION.inbound,
    length: FRAME.length,
    bytes: FRAME,
  }),
  interfaceDescription('übertragung', 262_144),
  // An odd length in both parts, so that padding counts.
  enhancedPacket({
    interface: 1,
    time: TIME + 1n,
    direction: DIRECTION.outbound,
    comment: 'dropped: too_big',
    length: 9000,
    bytes: FRAME.subarray(0, 41),
  }),
  interfaceStatistics(0, TIME + 2n, 5, 4),
  interfaceStatistics(1, TIME + 2n, 1, 0),
]);

describe('a capture of two interfaces', () => {
  let directory: string;
  let file: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tlpcap-'));
    file = join(directory, 'frames.pcapng');
    writeFileSync(file, FILE);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function output(command: string, args: string[], input?: Buffer): string {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', input });
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  }

  test('is read by tshark with names, direction, comment and nanoseconds', () => {
    const fields = ['interface_name', 'packet_flags_direction', 'time_epoch', 'len', 'cap_len', 'comment'];
    const args = fields.flatMap((field) => ['-e', field === 'comment' ? 'frame.comment' : `frame.${field}`]);
    const lines = output('tshark', ['-r', file, '-T', 'fields', '-E', 'separator=|', ...args])
      .trim()
      .split('\n');
    expect(lines).toEqual([
      'vm1|0x00000001|1795824000.123456789|42|42|',
      'übertragung|0x00000002|1795824000.123456790|9000|41|dropped: too_big',
    ]);
  });

  test('has its losses in the statistics of each interface', () => {
    const text = output('capinfos', ['-M', file]);
    expect(text).toMatch(/Number of packets:\s+2/);
    expect(text).toMatch(/Number of interfaces in file:\s+2/);
    expect(text).toMatch(/Capture application:\s+taploom 1.2.3/);
    const reports = output('capinfos', ['-I', file]);
    expect(reports.match(/Time precision = nanoseconds \(9\)/g)).toHaveLength(2);
    expect(reports.match(/Number of stat entries = 1/g)).toHaveLength(2);
  });

  test('is read by tcpdump from a pipe', () => {
    const text = output('tcpdump', ['-nn', '-tt', '--nano', '-r', '-'], FILE);
    expect(text).toContain('1795824000.123456789 ARP, Request who-has 192.0.2.2 tell 192.0.2.1');
    expect(text.trim().split('\n')).toHaveLength(2);
  });

  test('is read back by our own reader, wherever the stream is cut', () => {
    for (const size of [1, 7, 64, FILE.length]) {
      const reader = new PcapngReader();
      const blocks: Buffer[] = [];
      for (let at = 0; at < FILE.length; at += size)
        blocks.push(...reader.push(FILE.subarray(at, at + size)));
      expect(Buffer.concat(blocks).equals(FILE)).toBe(true);
      const read = blocks.map((block) => reader.read(block)).filter(({ kind }) => kind !== 'other');
      expect(read.slice(0, 2)).toMatchObject([
        { kind: 'packet', interface: 'vm1', time: TIME, direction: 'in', length: 42 },
        {
          kind: 'packet',
          interface: 'übertragung',
          time: TIME + 1n,
          direction: 'out',
          comment: 'dropped: too_big',
          length: 9000,
        },
      ]);
      expect(Buffer.from((read[1] as ReadPacket).bytes)).toEqual(FRAME.subarray(0, 41));
      expect(read.slice(2)).toEqual([
        { kind: 'statistics', interface: 'vm1', received: 5, dropped: 4 },
        { kind: 'statistics', interface: 'übertragung', received: 1, dropped: 0 },
      ]);
    }
  });

  test('and what is not pcapng is refused, not waited for', () => {
    expect(() => new PcapngReader().push(Buffer.from('HTTP/1.1 404 Not Found'))).toThrow(
      'Not a pcapng stream',
    );
    const reader = new PcapngReader();
    const big = Buffer.from(FILE);
    big.writeUInt32BE(0x1a2b_3c4d, 8);
    expect(() => reader.push(big).map((block) => reader.read(block))).toThrow('little-endian');
  });
});
