// What an interface of a router says of its own addresses.

import { beforeEach, expect, test } from 'vitest';
import { parseAddress } from '../../../src/config/router_address.ts';
import { Announcer } from '../../../src/protocol/neighbours/announcer.ts';
import type { InterfaceSpec } from '../../../src/protocol/neighbours/spec.ts';
import { parseArp } from '../../../src/wire/arp.ts';
import { formatIp, parseIp } from '../../../src/wire/ip_address.ts';
import { formatMac } from '../../../src/wire/mac.ts';
import { parseNeighbourMessage } from '../../../src/wire/neighbour_frame.ts';

const ip = (text: string) => parseIp(text) as Uint8Array;
const ME = { hi: 0x0200, lo: 1 };
const OTHER = { hi: 0x0200, lo: 2 };

function spec(addresses: string[], mac = ME): InterfaceSpec {
  return {
    mac,
    addresses: addresses.flatMap((text) => parseAddress(text) ?? []),
    linkLocal: addresses.some((text) => text.includes(':')) ? ip('fe80::1') : undefined,
    statics: new Map(),
    limit: 100,
  };
}

let said: string[];
let announcer: Announcer;

/** In a word. */
function describeFrame(frame: Uint8Array): string {
  const arp = parseArp(frame);
  const address = (number: number) =>
    formatIp(Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number));
  if (arp !== undefined) return `arp ${address(arp.sender)} -> ${address(arp.target)}`;
  const message = parseNeighbourMessage(frame);
  if (message === undefined) return 'broken';
  const option = message.mac === undefined ? '' : ` ${formatMac(message.mac.hi, message.mac.lo)}`;
  return `${message.kind} ${formatIp(message.source)} -> ${formatIp(message.target)}${option}`;
}

beforeEach(() => {
  said = [];
  announcer = new Announcer(
    {
      say: (frame) => said.push(describeFrame(frame)),
      duplicate: (address, { hi, lo }) => said.push(`duplicate ${formatIp(address)} ${formatMac(hi, lo)}`),
    },
    () => 0.5,
  );
});

function pass(until: number): string[] {
  while (announcer.deadline <= until) announcer.tick(announcer.deadline);
  return said.splice(0);
}

test('an address is probed once and announced twice', () => {
  announcer.configure(spec(['10.0.0.1/24']), 0);
  expect(pass(499)).toEqual([]);
  expect(pass(500)).toEqual(['arp 0.0.0.0 -> 10.0.0.1']);
  expect(pass(1500)).toEqual(['arp 10.0.0.1 -> 10.0.0.1']);
  expect(pass(100_000)).toEqual(['arp 10.0.0.1 -> 10.0.0.1']);
  expect(announcer.deadline).toBe(Number.POSITIVE_INFINITY);
});

test('so are IPv6 addresses, the link-local one too', () => {
  announcer.configure(spec(['fd00::1/64']), 0);
  expect(pass(500)).toEqual(['solicitation :: -> fd00::1', 'solicitation :: -> fe80::1']);
  expect(pass(1500)).toEqual([
    'advertisement fd00::1 -> fd00::1 02:00:00:00:00:01',
    'advertisement fe80::1 -> fe80::1 02:00:00:00:00:01',
  ]);
});

test('only what is new is announced', () => {
  announcer.configure(spec(['10.0.0.1/24']), 0);
  pass(10_000);
  announcer.configure(spec(['10.0.0.1/24', '10.0.0.2/24']), 10_000);
  expect(pass(20_000)).toEqual([
    'arp 0.0.0.0 -> 10.0.0.2',
    ...Array.from({ length: 2 }, () => 'arp 10.0.0.2 -> 10.0.0.2'),
  ]);
  announcer.configure(spec(['10.0.0.1/24'], OTHER), 20_000);
  expect(pass(30_000)).toHaveLength(3);
});

test('who else has the address is told of, and hears that it is ours, not again and again', () => {
  announcer.configure(spec(['10.0.0.1/24']), 0);
  pass(10_000);
  expect(announcer.hear(ip('10.0.0.1'), OTHER, 10_000)).toBe(true);
  expect(said.splice(0)).toEqual(['arp 10.0.0.1 -> 10.0.0.1', 'duplicate 10.0.0.1 02:00:00:00:00:02']);
  announcer.hear(ip('10.0.0.1'), OTHER, 11_000);
  expect(said).toEqual([]);
  announcer.hear(ip('10.0.0.1'), OTHER, 75_000);
  expect(said).toHaveLength(2);
});

test('an anycast gateway on another host is no duplicate, and another address none of ours', () => {
  announcer.configure(spec(['10.0.0.1/24']), 0);
  pass(10_000);
  expect(announcer.hear(ip('10.0.0.1'), ME, 10_000)).toBe(true);
  expect(announcer.hear(ip('10.0.0.9'), OTHER, 10_000)).toBe(false);
  expect(said).toEqual([]);
});
