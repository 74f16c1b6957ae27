import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPTION } from '../../../src/wire/dhcp4/codes.ts';
import { buildMessage, type DhcpMessage, parseMessage } from '../../../src/wire/dhcp4/message.ts';
import { clientMessage } from './messages.ts';

const SNAME = 44;
const FILE = 108;
const OPTIONS = 240;

/** A request whose options field, `file` and `sname` have these bytes. */
function raw(options: number[], file: number[] = [], sname: number[] = []): Uint8Array {
  const { bytes } = buildMessage(clientMessage({}));
  const whole = new Uint8Array(OPTIONS + options.length);
  whole.set(bytes.subarray(0, OPTIONS));
  whole.set(options, OPTIONS);
  whole.set(file, FILE);
  whole.set(sname, SNAME);
  return whole;
}

const parsed = (bytes: Uint8Array) => parseMessage(bytes) as DhcpMessage;

test('a message that is written reads the same', () => {
  const message = clientMessage(
    {
      type: 'ack',
      isReply: true,
      xid: 0xdead_beef,
      secs: 513,
      hops: 2,
      broadcast: true,
      ciaddr: 0xc0a8_7a01,
      yiaddr: 0xc0a8_7a02,
      siaddr: 0xc0a8_7a03,
      giaddr: 0xc0a8_7a04,
      serverName: 'boot',
      bootFile: 'pxelinux.0',
    },
    [
      [OPTION.messageType, Uint8Array.of(5)],
      [OPTION.leaseTime, Uint8Array.of(0, 0, 14, 16)],
      [OPTION.relayAgent, Uint8Array.of(1, 1, 7)],
    ],
  );
  expect(parseMessage(buildMessage(message).bytes)).toEqual(message);
});

test('messages have at least the 300 bytes of BOOTP', () => {
  const { bytes } = buildMessage(clientMessage({}));
  expect(bytes.length).toBe(300);
  expect([...parsed(bytes).options.keys()]).toEqual([OPTION.messageType]);
});

test('options in file and sname count, and several of one code are joined in that order', () => {
  const bytes = raw([53, 1, 1, 52, 1, 3, 60, 2, 1, 2, 255], [60, 1, 3, 0, 255], [60, 1, 4, 12, 1, 65, 255]);
  const { options, serverName, bootFile } = parsed(bytes);
  expect([...(options.get(OPTION.vendorClass) ?? [])]).toEqual([1, 2, 3, 4]);
  expect([...(options.get(OPTION.hostName) ?? [])]).toEqual([65]);
  expect([serverName, bootFile]).toEqual(['', '']);
});

test('options in file and sname do not count unless option 52 says so', () => {
  const { options, bootFile } = parsed(raw([53, 1, 1, 255], [...Buffer.from('a.efi')], [12, 1, 65, 255]));
  expect(options.has(OPTION.hostName)).toBe(false);
  expect(bootFile).toBe('a.efi');
});

test('a long option is written in pieces and read as one', () => {
  const value = Uint8Array.from({ length: 600 }, (_, i) => i & 0xff);
  const { bytes, omitted } = buildMessage(clientMessage({}, [[OPTION.vendor, value]]), 1472);
  expect(omitted).toEqual([]);
  expect(parsed(bytes).options.get(OPTION.vendor)).toEqual(Buffer.from(value));
  // Pieces of whole addresses: 252, 252 and 96 bytes.
  expect(bytes.length).toBe(OPTIONS + 3 + 600 + 3 * 2 + 1);
  const short = buildMessage(clientMessage({}, [[OPTION.vendor, value.subarray(0, 255)]])).bytes;
  expect(short.length).toBe(OPTIONS + 3 + 255 + 2 + 1);
});

test('what does not fit into the options goes into file and sname, and what fits nowhere is told', () => {
  const options: [number, Uint8Array][] = [
    [100, new Uint8Array(250).fill(1)],
    [101, new Uint8Array(120).fill(2)],
    [102, new Uint8Array(60).fill(3)],
    [103, new Uint8Array(200).fill(4)],
  ];
  const { bytes, omitted } = buildMessage(clientMessage({}, options), 548);
  expect(bytes.length).toBeLessThanOrEqual(548);
  expect(omitted).toEqual([103]);
  const read = parsed(bytes).options;
  for (const [code, value] of options.slice(0, 3)) expect(read.get(code)).toEqual(value);
});

test('a boot file keeps its place, whatever else would like to be there', () => {
  const options: [number, Uint8Array][] = [
    [100, new Uint8Array(250)],
    [101, new Uint8Array(100)],
  ];
  const { bytes, omitted } = buildMessage(clientMessage({ bootFile: 'x', serverName: 'y' }, options), 548);
  expect(parsed(bytes)).toMatchObject({ bootFile: 'x', serverName: 'y' });
  expect(omitted).toEqual([101]);
});

test("the relay agent's option is the last one, and is there even if it is larger than the message should be", () => {
  const relay = new Uint8Array(900).fill(9);
  const { bytes } = buildMessage(
    clientMessage({}, [
      [OPTION.relayAgent, relay],
      [OPTION.leaseTime, new Uint8Array(4)],
    ]),
    300,
  );
  expect(parsed(bytes).options.get(OPTION.relayAgent)).toEqual(Buffer.from(relay));
});

describe('a malformed message says why', () => {
  const changed = (at: number, value: number) => {
    const bytes = raw([53, 1, 1, 255]);
    bytes[at] = value;
    return bytes;
  };
  test.each([
    ['too_short', raw([]).subarray(0, 239)],
    ['hardware', changed(1, 6)],
    ['hardware', changed(2, 16)],
    ['not_dhcp', changed(0, 3)],
    ['not_dhcp', changed(236, 0)],
    ['options', raw([53, 1, 1, 12])],
    ['options', raw([53, 1, 1, 12, 5, 65])],
    ['options', raw([53, 1, 1, 52, 1, 1, 255], [12, 200])],
    ['options', raw([53, 1, 1, 52, 1, 2, 255], [], [12, 64])],
    ['message_type', raw([255])],
    ['message_type', raw([53, 1, 9, 255])],
    ['message_type', raw([53, 1, 1, 53, 1, 3, 255])],
  ])('%s', (reason, bytes) => {
    expect(parseMessage(bytes)).toBe(reason);
  });

  test('but a missing end is forgiven', () => {
    expect(parseMessage(raw([53, 1, 1]))).toMatchObject({ type: 'discover' });
  });
});

test('any options that fit come back as they were', () => {
  const option = fc.tuple(
    fc
      .integer({ min: 1, max: 254 })
      .filter((code) => code !== OPTION.messageType && code !== OPTION.overload),
    fc.uint8Array({ maxLength: 300 }),
  );
  fc.assert(
    fc.property(fc.array(option, { maxLength: 8 }), fc.integer({ min: 0, max: 1472 }), (list, most) => {
      const options = new Map(list);
      const { bytes, omitted } = buildMessage(clientMessage({}, options), most);
      const read = parsed(bytes).options;
      for (const [code, value] of options) {
        const expected = omitted.includes(code) ? undefined : Buffer.from(value);
        expect(read.get(code)?.length).toBe(expected?.length);
        if (expected !== undefined) expect(Buffer.compare(read.get(code) as Uint8Array, expected)).toBe(0);
      }
    }),
    { numRuns: 500 },
  );
});
