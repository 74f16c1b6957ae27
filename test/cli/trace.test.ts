// `taploom trace` against a simulated switch: what it asks, what it prints, and frames out of captures.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Trace } from '../../src/api.ts';
import { frameIn } from '../../src/cli/trace/pcap.ts';
import { simulatedCli } from './simulated_cli.ts';

const cli = simulatedCli({ version: 1, bridges: { br0: { ports: { vm1: { type: 'tap' } } } } });
const TRACE: Trace = {
  bridge: 'br0',
  port: 'vm1',
  frame: '00',
  bytes: 60,
  steps: [
    { stage: 'receive', verdict: 'received', message: '60 bytes on vm1 of br0' },
    {
      stage: 'classify',
      verdict: 'domain',
      message: `vm1 carries VLAN 10 (${'a.long.path '.repeat(6)}: 10)`,
    },
    { stage: 'egress', verdict: 'copy', message: 'vm2: untagged' },
    { stage: 'egress', verdict: 'copy', message: 'up0: tagged' },
  ],
  outcome: {
    verdict: 'forwarded',
    copies: [
      { port: 'vm2', bytes: 60 },
      { port: 'up0', tag: { vlan: 10, pcp: 0, dei: false }, bytes: 64 },
      { port: 'vm3', bytes: 60, dropped: 'too_big' },
    ],
  },
};
const at = ['trace', 'br0', '--in', 'vm1'];

test('fields become a request, and the answer a page that fits the terminal', async () => {
  cli.api.traces = [TRACE];
  const words = [
    '--src',
    '02::1',
    '--dst',
    'x',
    '--vlan',
    '10',
    '--ip-src',
    'a',
    '--ip-dst',
    'b',
    '--proto',
    'tcp',
    '--dport',
    '80',
  ];
  const { out, error, code } = await cli.run(...at, ...words);
  expect({ error, code }).toEqual({ error: '', code: 0 });
  const fields = { src: '02::1', dst: 'x', vlan: 10, ipSrc: 'a', ipDst: 'b', proto: 'tcp', dport: 80 };
  expect(cli.api.asked).toEqual([{ bridge: 'br0', port: 'vm1', fields }]);
  expect(out).toBe(
    [
      '60 bytes on vm1 of br0',
      '  classify   vm1 carries VLAN 10 (a.long.path a.long.path a.long.path',
      '             a.long.path a.long.path a.long.path : 10)',
      '  egress     vm2: untagged',
      '             up0: tagged',
      '=> forwarded to vm2, up0 tagged 10; not to vm3, too_big',
      '',
    ].join('\n'),
  );
});

test('hexadecimal, JSON, and live', async () => {
  cli.api.traces = [TRACE];
  expect(JSON.parse((await cli.run(...at, '--frame', '0102', '--json')).out)).toEqual(TRACE);
  await cli.run(...at, '--live', '-n', '3', '--vlan', '20', '--type', '0x806', '--timeout', '2');
  expect(cli.api.asked).toEqual([
    { bridge: 'br0', port: 'vm1', frame: '0102' },
    { bridge: 'br0', port: 'vm1', frames: 3, vlan: 20, etherType: 0x806, timeout: 2 },
  ]);
  cli.api.traces = [];
  expect((await cli.run(...at, '--live')).out).toBe('vm1 received no such frame in 10 s\n');
});

test.each([
  [['--frame', '00', '--src', 'a'], '--frame and --src exclude each other'],
  [['--frame', '00', '--pcap', 'x'], '--frame and --pcap exclude each other'],
  [['--live', '--frame', '00'], '--frame and --live exclude each other'],
  [['--live', '--ip-src', 'a'], '--live takes --src, --dst, --vlan and --type, not --ip-src'],
  [['--src', 'a', '-n', '2'], '-n belongs to --pcap or --live'],
  [['--src', 'a', '--timeout', '2'], '--timeout belongs to --live'],
  [[], 'Which frame? Give --frame HEX, --pcap FILE, or --src and --dst; or --live for real ones'],
  [['--pcap', '/nonexistent'], 'Cannot read /nonexistent'],
])('%j is refused', async (words, message) => {
  const { error, code } = await cli.run(...at, ...words);
  expect({ code, error }).toEqual({ code: 1, error: expect.stringContaining(message) });
  expect(cli.api.asked).toEqual([]);
});

test('a request that makes no sense is answered with what is wrong', async () => {
  const { error } = await cli.run(...at, '--src', 'a', '--dst', 'b', '--vlan', '5000');
  expect(error).toContain('--vlan: ');
});

const be = (value: number, bytes = 4) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};
const le = (value: number, bytes = 4) => Buffer.from(be(value, bytes)).reverse();
const FRAMES = ['010203', 'ffee', 'aabbccddee'];

/** @param put numbers in the file's byte order */
function pcap(put: typeof be, magic: number, { link = 1, cut = 0 } = {}): Buffer {
  const records = FRAMES.map((frame) => {
    const bytes = Buffer.from(frame, 'hex');
    return Buffer.concat([put(1), put(2), put(bytes.length), put(bytes.length + cut), bytes]);
  });
  return Buffer.concat([
    put(magic),
    put(2, 2),
    put(4, 2),
    put(0),
    put(0),
    put(65_535),
    put(link),
    ...records,
  ]);
}

function pcapng(put: typeof be): Buffer {
  const block = (type: number, body: Buffer) => {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    return Buffer.concat([put(type), put(padded.length + 12), padded, put(padded.length + 12)]);
  };
  const section = Buffer.concat([put(0x1a2b_3c4d), put(1, 2), put(0, 2), put(0xffff_ffff), put(0xffff_ffff)]);
  const packets = FRAMES.map((frame, n) => {
    const bytes = Buffer.from(frame, 'hex');
    return n === 1
      ? block(3, Buffer.concat([put(bytes.length), bytes]))
      : block(6, Buffer.concat([put(0), put(0), put(0), put(bytes.length), put(bytes.length), bytes]));
  });
  const interfaces = block(1, Buffer.concat([put(1, 2), put(0, 2), put(0)]));
  return Buffer.concat([block(0x0a0d_0d0a, section), interfaces, block(5, Buffer.alloc(12)), ...packets]);
}

const FILES: [string, Buffer][] = [
  ['pcap, little-endian', pcap(le, 0xa1b2_c3d4)],
  ['pcap, big-endian, ns', pcap(be, 0xa1b2_3c4d)],
  ['pcapng, little-endian', pcapng(le)],
  ['pcapng, big-endian', pcapng(be)],
];

describe.each(FILES)('%s', (_, bytes) => {
  test('gives each of its frames', () => {
    expect(FRAMES.map((_, n) => frameIn(bytes, n + 1, 'x'))).toEqual(FRAMES);
    expect(() => frameIn(bytes, 4, 'x')).toThrow('x has 3 frames, there is no frame 4');
    expect(() => frameIn(bytes, 0, 'x')).toThrow('counted from 1');
  });

  test('cut or broken anywhere it gives an error that says so, or the frame', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => frameIn(bytes.subarray(0, length), 3, 'x')).toThrow(/^x /);
    }
    for (let n = 0; n < bytes.length; n++) {
      for (const value of [0, 0x7f, 0xff]) {
        const broken = Buffer.from(bytes);
        broken[n] = value;
        try {
          frameIn(broken, 3, 'x');
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_pcap' });
        }
      }
    }
  });
});

test('frames that are not whole, or not of Ethernet, are refused; a file goes to the switch', async () => {
  expect(() => frameIn(pcap(le, 0xa1b2_c3d4, { link: 113 }), 1, 'x')).toThrow('its link type is 113');
  expect(() => frameIn(pcap(le, 0xa1b2_c3d4, { cut: 9 }), 1, 'x')).toThrow('was cut to 3 of 12 bytes');
  cli.api.traces = [TRACE];
  const file = join(cli.directory, 'a.pcap');
  writeFileSync(file, pcap(le, 0xa1b2_c3d4));
  expect((await cli.run(...at, '--pcap', file, '-n', '3')).error).toBe('');
  expect(cli.api.asked).toEqual([{ bridge: 'br0', port: 'vm1', frame: 'aabbccddee' }]);
});
