import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildLldpFrame } from '../../../src/wire/lldp/build.ts';
import { lldpduStart, MAX_LLDPDU, parseLldpdu } from '../../../src/wire/lldp/lldpdu.ts';
import { MAX_ADDRESSES, MAX_OTHERS, MAX_SHOWN } from '../../../src/wire/lldp/optional_tlvs.ts';
import { bytesOf, ETHERNET_LEN, LLDPD, LLDPD_SHUTDOWN, lldpFrame, tlv } from './frames.ts';

const parse = (frame: Uint8Array) => parseLldpdu(frame, lldpduStart(frame));
const optional = (...tlvs: Uint8Array[]) => parse(lldpFrame({}, ...tlvs));
const BAD = { lldpdu: undefined };

describe('frames of lldpd', () => {
  test('all that it says is understood or shown', () => {
    const mac = { type: 'mac', text: '02:00:00:00:0a:01' };
    expect(parse(LLDPD)).toMatchObject({
      badTlvs: 0,
      unrecognizedTlvs: 3,
      lldpdu: {
        chassisId: mac,
        portId: mac,
        ttl: 120,
        systemName: 'golden',
        systemDescription: 'Golden system',
        portDescription: 'e0',
        capabilities: ['bridge', 'wlan_access_point', 'router', 'station'],
        enabledCapabilities: ['station'],
        managementAddresses: ['192.0.2.7', 'fe80::ff:fe00:a01'],
        others: [
          { type: 127, oui: '00:12:0f', subtype: 3, length: 5, hex: '0100000000' },
          { type: 127, oui: '00:12:0f', subtype: 1, length: 5, hex: '0080000036' },
          { type: 127, oui: '33:44:55', subtype: 44, length: 5, hex: '4545454545' },
        ],
      },
    });
  });

  test('its shutdown is one', () => {
    expect(parse(LLDPD_SHUTDOWN).lldpdu).toMatchObject({
      ttl: 0,
      chassisId: { text: '02:00:00:00:0a:01' },
    });
    expect(parse(LLDPD_SHUTDOWN).lldpdu?.chassisId.key).toBe(parse(LLDPD).lldpdu?.chassisId.key);
  });
});

describe('a frame', () => {
  test('is LLDP with any tag, or two, and not to another address or of another type', () => {
    expect(lldpduStart(lldpFrame())).toBe(14);
    expect(lldpduStart(lldpFrame({ tag: '8100e000' }))).toBe(18);
    expect(lldpduStart(lldpFrame({ tag: '88a800648100000a' }))).toBe(22);
    const other = lldpFrame();
    other[5] = 0;
    expect(lldpduStart(other)).toBe(-1);
    expect(lldpduStart(bytesOf('0180c200000e 020000000a01 88cd 0207'))).toBe(-1);
    expect(lldpduStart(lldpFrame().subarray(0, 13))).toBe(-1);
    expect(lldpduStart(bytesOf('0180c200000e 020000000a01 8100 00'))).toBe(-1);
  });

  test('is found in the middle of other bytes', () => {
    const around = Uint8Array.of(1, 2, 3, ...LLDPD, 9, 9).subarray(3, 3 + LLDPD.length);
    expect(parse(around)).toEqual(parse(LLDPD));
  });
});

describe('what is discarded', () => {
  const mandatory = (hex: string) => parse(bytesOf(`0180c200000e 020000000b01 88cc ${hex}`));

  test.each([
    ['nothing', ''],
    ['half a TLV header', '02'],
    ['port before chassis', '0407 03 020000000a01 0207 04 020000000a01 06020078 0000'],
    ['no chassis ID', '0407 03 020000000a01 06020078 0000'],
    ['no port ID', '0207 04 020000000a01 06020078 0000'],
    ['no time to live', '0207 04 020000000a01 0407 03 020000000a01 0000'],
    ['something before the time to live', '020204aa 040203aa 0a0161 06020078 0000'],
    ['an ID without bytes', '020104 040203aa 06020078 0000'],
    ['an ID of 257 bytes', `0301${'04'.repeat(257)} 040203aa 06020078 0000`],
    ['a time to live of one byte', '020204aa 040203aa 060178 0000'],
    ['a second chassis ID', '020204aa 040203aa 06020078 020204aa 0000'],
    ['a second time to live', '020204aa 040203aa 06020078 06020078 0000'],
    ['a TLV beyond the end', '020204aa 040203aa 06020078 0a0561'],
    ['half a TLV at the end', '020204aa 040203aa 06020078 0a'],
    ['a chassis ID beyond the end', '02ff04aa'],
  ])('the LLDPDU: %s', (_, hex) => {
    expect(mandatory(hex)).toMatchObject(BAD);
  });

  test('the LLDPDU: one that is longer than a jumbo frame', () => {
    const long = (length: number) => {
      const frame = new Uint8Array(ETHERNET_LEN + length);
      frame.set(lldpFrame());
      return parse(frame).lldpdu;
    };
    expect(long(MAX_LLDPDU)).toBeDefined();
    expect(long(MAX_LLDPDU + 1)).toBeUndefined();
  });

  test('not the LLDPDU without an End TLV, with longer mandatory TLVs, or with rubbish after its end', () => {
    expect(mandatory('020204aa 040203aa 06020078').lldpdu).toBeDefined();
    expect(mandatory('020204aa 040203aa 060400780000').lldpdu).toMatchObject({ ttl: 120 });
    expect(mandatory('020204aa 040203aa 06020078 0000 ffffff').lldpdu).toBeDefined();
    // After a time to live of zero nothing counts.
    expect(mandatory('020204aa 040203aa 06020000 ffff').lldpdu).toMatchObject({ ttl: 0 });
  });

  test.each([
    ['a text of 256 bytes', tlv(6, 'x'.repeat(256))],
    ['capabilities of 3 bytes', tlv(7, bytesOf('000400'))],
    ['an empty management address', tlv(8, bytesOf(''))],
    ['a management address without an address', tlv(8, bytesOf('0101020000000200'))],
    ['a management address of 32 bytes', tlv(8, bytesOf(`2101${'aa'.repeat(32)}02000000020000`))],
    ['a management address that is cut off', tlv(8, bytesOf('0501c0000207'))],
    ['an OID beyond the end', tlv(8, bytesOf('0501c0000207020000000205aa'))],
    ['an organisation of 3 bytes', tlv(127, bytesOf('0080c2'))],
    ['a port VLAN of 1 byte', tlv(127, bytesOf('0080c2010a'))],
    ['a frame size of 1 byte', tlv(127, bytesOf('00120f0405'))],
  ])('one TLV: %s', (_, bad) => {
    const { lldpdu, badTlvs } = optional(bad, tlv(5, 'kept'));
    expect(badTlvs).toBe(1);
    expect(lldpdu).toMatchObject({ systemName: 'kept', managementAddresses: [] });
  });

  test('the second of what may be there once', () => {
    const twice = (type: number, first: Uint8Array, second: Uint8Array) =>
      optional(tlv(type, first), tlv(type, second));
    const text = (word: string) => new TextEncoder().encode(word);
    expect(twice(5, text('a'), text('b'))).toMatchObject({ badTlvs: 1, lldpdu: { systemName: 'a' } });
    expect(twice(7, bytesOf('00040004'), bytesOf('00100010'))).toMatchObject({
      badTlvs: 1,
      lldpdu: { capabilities: ['bridge'] },
    });
    expect(twice(127, bytesOf('0080c201000a'), bytesOf('0080c201000b'))).toMatchObject({
      badTlvs: 1,
      lldpdu: { pvid: 10 },
    });
    expect(twice(127, bytesOf('00120f0405f2'), bytesOf('00120f0405f3'))).toMatchObject({
      badTlvs: 1,
      lldpdu: { maxFrameSize: 1522 },
    });
  });
});

describe('what is kept is bounded', () => {
  test('of unknown TLVs the first ones, and their first bytes', () => {
    const many = Array.from({ length: MAX_OTHERS + 5 }, () => tlv(99, new Uint8Array(200).fill(0xab)));
    const { lldpdu, unrecognizedTlvs } = optional(...many);
    expect(unrecognizedTlvs).toBe(MAX_OTHERS + 5);
    expect(lldpdu?.others).toHaveLength(MAX_OTHERS);
    expect(lldpdu?.others[0]).toEqual({ type: 99, length: 200, hex: 'ab'.repeat(MAX_SHOWN) });
  });

  test('of management addresses the first ones', () => {
    const address = tlv(8, bytesOf('0501c00002070200000002 00'));
    expect(optional(...Array.from({ length: 20 }, () => address)).lldpdu?.managementAddresses).toEqual(
      Array.from({ length: MAX_ADDRESSES }, () => '192.0.2.7'),
    );
  });
});

describe('IDs', () => {
  const chassis = (hex: string) => {
    const value = bytesOf(hex);
    const frame = Uint8Array.of(
      ...bytesOf('0180c200000e 020000000b01 88cc'),
      ...tlv(1, value),
      ...tlv(2, value),
      ...bytesOf('06020078'),
    );
    const { chassisId, portId } = parse(frame).lldpdu ?? {};
    return [chassisId?.type, chassisId?.text, portId?.type, portId?.text];
  };

  test.each([
    ['04 aabbccddee0f', ['mac', 'aa:bb:cc:dd:ee:0f', 'network_address', '0xaabbccddee0f']],
    ['04 aabb', ['mac', '0xaabb', 'network_address', '0xaabb']],
    ['05 01c0000201', ['network_address', '192.0.2.1', 'interface_name', '0x01c0000201']],
    ['05 06c0', ['network_address', '0x06c0', 'interface_name', '0x06c0']],
    ['06 65746830', ['interface_name', 'eth0', 'agent_circuit_id', '0x65746830']],
    ['07 c3bc31', ['local', 'ü1', 'local', 'ü1']],
    ['07 1b5b324a', ['local', '0x1b5b324a', 'local', '0x1b5b324a']],
    ['00 61', ['reserved', '0x61', 'reserved', '0x61']],
    ['ff 61', ['reserved', '0x61', 'reserved', '0x61']],
  ])('%s', (hex, expected) => {
    expect(chassis(hex)).toEqual(expected);
  });

  test('that look alike are different', () => {
    const key = (hex: string) =>
      parse(bytesOf(`0180c200000e 020000000b01 88cc ${hex} 040203aa 06020078`)).lldpdu?.chassisId;
    const [plain, zero] = [key('0203 07 6161'), key('0204 07 616100')];
    expect(plain?.text).toBe(zero?.text);
    expect(plain?.key).not.toBe(zero?.key);
    expect(key('0203 06 6161')?.key).not.toBe(plain?.key);
  });
});

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

describe('any bytes', () => {
  test('never throw, and give only printable text', () => {
    const anyTlv = fc
      .tuple(fc.integer({ min: 0, max: 127 }), fc.uint8Array({ maxLength: 300 }))
      .map(([type, value]) => tlv(type, value));
    const frames = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((rest) => Uint8Array.of(...LLDPD.subarray(0, 14), ...rest)),
      fc.array(anyTlv, { maxLength: 40 }).map((tlvs) => lldpFrame({}, ...tlvs)),
      fc
        .tuple(
          fc.nat({ max: LLDPD.length - 1 }),
          fc.integer({ min: 0, max: 255 }),
          fc.nat({ max: LLDPD.length }),
        )
        .map(([at, byte, length]) => {
          const frame = LLDPD.slice(0, length);
          if (at < length) frame[at] = byte;
          return frame;
        }),
    );
    fc.assert(
      fc.property(frames, (frame) => {
        const at = lldpduStart(frame);
        const { lldpdu } = parseLldpdu(frame, at < 0 ? 0 : at);
        for (const text of textsIn(lldpdu)) expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: 3000 },
    );
  });

  test('that were built are parsed to what they were built of', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .map((one) => one.replaceAll(/\s/g, '_'));
    const mac = fc.record({ hi: fc.integer({ min: 0, max: 0xffff }), lo: fc.integer() });
    const own = fc.record({
      chassis: mac,
      portName: text,
      ttl: fc.integer({ min: 1, max: 0xffff }),
      portDescription: text,
      systemName: text,
      systemDescription: text,
      capabilities: fc.integer({ min: 0, max: 0x7ff }),
      managementAddresses: fc.subarray(['192.0.2.1', '2001:db8::1', '10.0.0.1']),
      pvid: fc.integer({ min: 0, max: 4094 }),
      maxFrameSize: fc.integer({ min: 64, max: 65_535 }),
    });
    fc.assert(
      fc.property(mac, own, (source, said) => {
        const { frame, omitted } = buildLldpFrame(source, said);
        const { lldpdu, badTlvs, unrecognizedTlvs } = parse(frame);
        expect([omitted, badTlvs, unrecognizedTlvs]).toEqual([0, 0, 0]);
        const { ttl, pvid, maxFrameSize, managementAddresses } = said;
        expect(lldpdu).toMatchObject({ ttl, pvid, maxFrameSize, managementAddresses });
        expect(lldpdu?.chassisId.key).toBe(
          `04${said.chassis.hi.toString(16).padStart(4, '0')}${(said.chassis.lo >>> 0).toString(16).padStart(8, '0')}`,
        );
        expect(lldpdu?.portId.key).toBe(`05${Buffer.from(said.portName).toString('hex')}`);
        const bits = (lldpdu?.capabilities ?? []).length;
        expect(bits).toBe(said.capabilities.toString(2).replaceAll('0', '').length);
      }),
    );
  });
});
