// A guest with addresses in several VLANs: `evil` is a trunk, whose bindings are each of one VLAN or of all.

import { expect, test } from 'vitest';
import { arp, dhcp, linkLocal, nd, tagged } from '../support/engine/attacker.ts';
import { packet } from '../support/engine/packets.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';

const A = '02:00:00:00:00:61';
const B = '02:00:00:00:00:62';
const GUARD = {
  source: 'strict',
  bindings: [
    { mac: A, ip: ['10.0.0.7', 'fd00::7'], vlan: 10 },
    { mac: B, ip: '10.0.0.7', vlan: 20 },
    { mac: A, ip: '10.0.0.9' },
  ],
};

async function open(guard: object = GUARD, vlan: object = { trunk: [10, 20], native: 30 }): Promise<Rig> {
  return openRig({
    br0: { vlan_filtering: true, ports: { evil: { guard, vlan }, good: { vlan: { trunk: ['1-100'] } } } },
  });
}

/** What came of a frame of the attacker: `passes`, or the reason of its drop. @param vlan 0 = no tag */
function fate(rig: Rig, frame: Uint8Array, vlan: number): string {
  const lines = rig.run(() => {
    rig.taploom.memoryPort('evil').send(vlan === 0 ? frame : tagged(frame, [0x8100, vlan]));
  });
  expect(lines).toHaveLength(1);
  return lines[0].startsWith('good: ') ? 'passes' : lines[0].replace('evil drops: ', '');
}

const from = (src: string, who = 'a') => packet({ from: who, to: 'g', src, dst: '10.0.0.1' });
const from6 = (src: string) => packet({ from: 'a', to: 'g', src, dst: 'fd00::1' });
const other = (who: string) => from('1.1.1.1', who).with(12, 0x99);

test('a binding of a VLAN holds there and nowhere else', async () => {
  const rig = await open();
  expect(fate(rig, from('10.0.0.7'), 10)).toBe('passes');
  expect(fate(rig, from('10.0.0.7'), 20)).toBe('spoofed_ip');
  expect(fate(rig, from('10.0.0.7'), 0)).toBe('spoofed_ip');
  expect(fate(rig, from('10.0.0.7', 'b'), 20)).toBe('passes');
  expect(fate(rig, from('10.0.0.7', 'b'), 10)).toBe('spoofed_mac');
  expect(fate(rig, from6('fd00::7'), 10)).toBe('passes');
  expect(fate(rig, from6('fd00::7'), 20)).toBe('spoofed_ip');
});

test('one without a VLAN holds in all, tagged or not', async () => {
  const rig = await open();
  for (const vlan of [10, 20, 0]) expect(fate(rig, from('10.0.0.9'), vlan)).toBe('passes');
});

test('so it is with what ARP and neighbour discovery tell', async () => {
  const rig = await open();
  const says = arp({ from: 'a', ip: '10.0.0.7', target: '10.0.0.1' });
  expect(fate(rig, says, 10)).toBe('passes');
  expect(fate(rig, says, 20)).toBe('arp_spoofed');
  const tells = nd({ from: 'a', src: linkLocal('a'), type: 136, target: 'fd00::7', option: 'a' });
  expect(fate(rig, tells, 10)).toBe('passes');
  expect(fate(rig, tells, 20)).toBe('nd_spoofed');
});

test('a station of one VLAN is none in another, and asks for no address there', async () => {
  const rig = await open();
  expect(fate(rig, other('b'), 20)).toBe('passes');
  expect(fate(rig, other('b'), 10)).toBe('spoofed_mac');
  expect(fate(rig, dhcp('b'), 20)).toBe('passes');
  expect(fate(rig, dhcp('b'), 10)).toBe('spoofed_mac');
  // The other's is bound in all.
  for (const vlan of [10, 20, 0]) expect(fate(rig, other('a'), vlan)).toBe('passes');
});

test('what is of a VLAN that the port does not carry is told as that', async () => {
  const rig = await open();
  expect(fate(rig, from('10.0.0.7'), 40)).toBe('vlan_not_allowed');
  expect(fate(rig, from('10.0.0.8'), 40)).toBe('vlan_not_allowed');
  expect(fate(rig, arp({ from: 'b', ip: '10.0.0.7', target: '10.0.0.1' }), 40)).toBe('vlan_not_allowed');
  await new Promise((resolve) => setImmediate(resolve));
  expect(rig.taploom.events.stored({ since: 0, types: ['guard'] })).toEqual([]);
});

test('it follows a VLAN that the port has by another number on the wire', async () => {
  const rig = await open(GUARD, { trunk: [10, 20], translate: { 110: 10, 120: 20 } });
  expect(fate(rig, from('10.0.0.7'), 110)).toBe('passes');
  expect(fate(rig, from('10.0.0.7'), 120)).toBe('spoofed_ip');
});

test('stations of a private VLAN are bound in its primary one', async () => {
  const bindings = [{ mac: A, ip: '10.0.0.7', vlan: 100 }];
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      vlans: { 100: { private: { isolated: 101 } } },
      ports: {
        evil: { guard: { source: 'strict', bindings }, vlan: { access: 101 } },
        good: { vlan: { access: 100 } },
      },
    },
  });
  expect(fate(rig, from('10.0.0.7'), 0)).toBe('passes');
  expect(fate(rig, from('10.0.0.8'), 0)).toBe('spoofed_ip');
});

test('a binding goes to another VLAN while frames flow', async () => {
  const rig = await open();
  await rig.change(({ bridges }) => {
    bridges.br0.ports.evil.guard?.bindings.splice(0, 2, { mac: A, ip: '10.0.0.7', vlan: 20 });
  });
  expect(fate(rig, from('10.0.0.7'), 10)).toBe('spoofed_ip');
  expect(fate(rig, from('10.0.0.7'), 20)).toBe('passes');
});
