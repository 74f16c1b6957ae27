// Which frames claim an address of others.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { claimsOthers } from '../../src/engine/address_claims.ts';
import { FrameBatch } from '../../src/frame/frame_batch.ts';
import { Neighbours } from '../../src/table/neighbours.ts';
import { OwnedAddresses } from '../../src/table/owned_addresses.ts';
import { buildArp, REPLY, REQUEST } from '../../src/wire/arp.ts';
import { ipv4Number, parseIp } from '../../src/wire/ip_address.ts';
import * as neighbour from '../../src/wire/neighbour.ts';

const DOMAIN = 7;
const OWNER = { hi: 0x0200, lo: 1 };
const THIEF = { hi: 0x0200, lo: 9 };
const NOBODY = { hi: 0, lo: 0 };
const ip = (text: string) => ipv4Number(parseIp(text) as Uint8Array);
const GATEWAY = ip('10.0.0.1');
const GATEWAY_6 = 'fe80::1';

function setUp() {
  const table = new Neighbours(Neighbours.allocate(5));
  const owned = new OwnedAddresses(table, DOMAIN);
  owned.set(GATEWAY, OWNER.hi, OWNER.lo);
  const bytes = parseIp(GATEWAY_6) as Uint8Array;
  table.set6(DOMAIN, new DataView(bytes.buffer), 0, OWNER.hi, OWNER.lo);
  const batch = new FrameBatch(2, 4096);
  const claims = (frame: Uint8Array, domain = DOMAIN) => {
    batch.clear();
    const row = batch.append(1, frame.length);
    batch.bytes.set(frame, batch.frameAt(row));
    return claimsOthers(batch, row, 0, domain, table);
  };
  return { table, owned, claims };
}

const arp = (from: typeof OWNER, sender: number, operation = REQUEST) =>
  buildArp(
    { hi: 0xffff, lo: -1 },
    { operation, senderMac: from, sender, targetMac: NOBODY, target: ip('10.0.0.3') },
  );

function nd(type: number, from: typeof OWNER, source: string, target: string, option = from): Uint8Array {
  const frame = new Uint8Array(neighbour.FRAME_LEN);
  const view = new DataView(frame.buffer);
  const words = (at: number, text: string) => frame.set(parseIp(text) as Uint8Array, at);
  words(14 + 8, source);
  words(14 + 24, 'ff02::1');
  words(neighbour.targetAt(14), target);
  neighbour.write(view, 0, type, 0, option.hi, option.lo, 0x3333, 1);
  view.setUint16(6, from.hi);
  view.setInt32(8, from.lo);
  return frame;
}

test('any ARP from the address but by its owner claims it, except a probe', () => {
  const { claims, owned } = setUp();
  expect(claims(arp(THIEF, GATEWAY, REPLY))).toBe(true);
  expect(claims(arp(THIEF, GATEWAY))).toBe(true);
  expect(claims(arp(OWNER, GATEWAY))).toBe(false);
  expect(claims(arp(THIEF, 0))).toBe(false);
  expect(claims(arp(THIEF, ip('10.0.0.2')))).toBe(false);
  expect(claims(arp(THIEF, GATEWAY), DOMAIN + 1)).toBe(false);
  owned.set(GATEWAY, THIEF.hi, THIEF.lo);
  expect(claims(arp(THIEF, GATEWAY))).toBe(false);
  owned.delete(GATEWAY);
  expect(claims(arp(OWNER, GATEWAY))).toBe(false);
});

test('so does neighbour discovery: the source of a solicitation, the target of an advertisement', () => {
  const { claims } = setUp();
  const { SOLICITATION, ADVERTISEMENT } = neighbour;
  expect(claims(nd(ADVERTISEMENT, THIEF, 'fe80::9', GATEWAY_6))).toBe(true);
  expect(claims(nd(ADVERTISEMENT, OWNER, GATEWAY_6, GATEWAY_6))).toBe(false);
  // The MAC that neighbours would note is that of the option.
  expect(claims(nd(ADVERTISEMENT, OWNER, GATEWAY_6, GATEWAY_6, THIEF))).toBe(true);
  expect(claims(nd(SOLICITATION, THIEF, GATEWAY_6, 'fe80::3'))).toBe(true);
  expect(claims(nd(SOLICITATION, THIEF, 'fe80::9', GATEWAY_6))).toBe(false);
  expect(claims(nd(SOLICITATION, THIEF, '::', GATEWAY_6))).toBe(false);
});

test('an option behind others, or a message behind an extension header, hides nothing', () => {
  const { claims } = setUp();
  const honest = nd(neighbour.ADVERTISEMENT, OWNER, GATEWAY_6, GATEWAY_6);
  const AT = 14 + 40;
  // A nonce (RFC 3971) first.
  const nonce = Uint8Array.of(
    ...honest.subarray(0, AT + 24),
    14,
    1,
    1,
    2,
    3,
    4,
    5,
    6,
    2,
    1,
    2,
    0,
    0,
    0,
    0,
    9,
  );
  expect(claims(nonce)).toBe(true);
  const thief = nd(neighbour.ADVERTISEMENT, THIEF, 'fe80::9', GATEWAY_6);
  const behind = Uint8Array.of(...thief.subarray(0, AT), 58, 0, 1, 4, 0, 0, 0, 0, ...thief.subarray(AT));
  behind[14 + 6] = 60; // destination options
  expect(claims(behind)).toBe(true);
  // An option without a length ends them.
  expect(claims(Uint8Array.of(...honest.subarray(0, AT + 24), 1, 0, 2, 0, 0, 0, 0, 9))).toBe(false);
});

test('no bytes are too much', () => {
  const { claims } = setUp();
  const types = fc.constantFrom([8, 6], [0x86, 0xdd]);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 14, maxLength: 100 }), types, (bytes, type) => {
      bytes.set(type, 12);
      claims(bytes);
    }),
  );
});
