// Whose an address is behind a port if two sources differ.

import { expect, test } from 'vitest';
import { type Binding, PortBindings } from '../../src/switch/port_bindings.ts';
import { Bindings } from '../../src/table/bindings.ts';
import { Neighbours } from '../../src/table/neighbours.ts';
import { ipv4Number, parseIp } from '../../src/wire/ip_address.ts';
import { formatMac, type Mac } from '../../src/wire/mac.ts';

const PORT = 3;
const IP = '10.7.0.2';
const A: Mac = { hi: 0x0200, lo: 1 };
const B: Mac = { hi: 0x0200, lo: 2 };

function whose(bindings: readonly Binding[], isFiltering = true) {
  const table = new Bindings(new Neighbours(Neighbours.allocate(1)).bound);
  new PortBindings(table).set(PORT, bindings, isFiltering);
  const address = ipv4Number(parseIp(IP) as Uint8Array);
  return (vlan: number) => [A, B].filter(({ hi, lo }) => table.has4(PORT, vlan, address, hi, lo));
}

const of = (mac: Mac, from: Binding['from'], vlan?: number): Binding => ({
  mac: formatMac(mac.hi, mac.lo),
  ip: IP,
  from,
  vlan,
});

test('what is written for all VLANs is not another’s in one of them by a lease', () => {
  const inVlan = whose([of(B, 'dhcp', 10), of(A, 'static')]);
  expect([inVlan(10), inVlan(20)]).toEqual([[A], [A]]);
});

test('what is written for one VLAN stands beside what a lease says of another', () => {
  const inVlan = whose([of(B, 'dhcp', 20), of(A, 'static', 10)]);
  expect([inVlan(10), inVlan(20), inVlan(30)]).toEqual([[A], [B], []]);
});

test('where a bridge filters no VLANs, the first source has it', () => {
  const inVlan = whose([of(B, 'dhcp', 20), of(A, 'static', 10)], false);
  expect(inVlan(0)).toEqual([A]);
});
