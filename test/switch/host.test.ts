// The host of a whole switch: traps of protocols, punts, and what is sent and relayed.

import { expect, test } from 'vitest';
import type { Punt } from '../../src/protocol/host.ts';
import { SwitchHost } from '../../src/switch/switch_host.ts';
import { SlotRing } from '../../src/table/slot_ring.ts';
import { parse, show } from '../support/engine/frame_text.ts';
import { configOf, openRig, ports, type Rig } from '../support/engine/rig.ts';

const BPDU = '01:80:c2:00:00:00';
const TRUNKS = { vlan_filtering: true, ports: ports(3, { vlan: { trunk: [10] } }) };

/** Punts until now; they come in the control plane's own time. */
async function punts(heard: Punt[]): Promise<string[]> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return heard.splice(0).map(({ port, vlan, bytes }) => `${port} vlan ${vlan}: ${show(bytes)}`);
}

function listen(rig: Rig, reason: Parameters<Rig['taploom']['host']['onPunt']>[0]): Punt[] {
  const heard: Punt[] = [];
  rig.taploom.host.onPunt(reason, (punt) => heard.push(punt));
  return heard;
}

test('a BPDU on a trunk without a native VLAN reaches the host, and floods no more', async () => {
  const rig = await openRig({ br0: TRUNKS });
  const heard = listen(rig, 'bpdu');
  expect(rig.say('p1', `a > ${BPDU}`)).toEqual(['p1 drops: vlan_untagged']);
  await rig.taploom.host.trap('p1', 'bpdu', true);
  expect(rig.say('p1', `a > ${BPDU}`)).toEqual([]);
  expect(await punts(heard)).toEqual([`p1 vlan 0: a > ${BPDU}`]);
  await rig.taploom.host.trap('p1', 'bpdu', false);
  expect(rig.say('p1', `a > ${BPDU} vlan 10`)).toEqual([
    `p2: a > ${BPDU} vlan 10`,
    `p3: a > ${BPDU} vlan 10`,
  ]);
});

test('an EtherType is trapped behind a tag too, survives a reconfiguration, and goes with its port', async () => {
  const rig = await openRig({ br0: TRUNKS });
  const heard = listen(rig, 0x88b5);
  await rig.taploom.host.trap('p1', 0x88b5, true);
  await rig.taploom.apply(configOf({ br0: { ...TRUNKS, ageing_time: 7 } }));
  expect(rig.say('p1', 'a > b vlan 10')).toEqual([]);
  expect(rig.say('p2', 'b > a vlan 10')).toHaveLength(2);
  expect(await punts(heard)).toEqual(['p1 vlan 10: a > b']);
  const { p2, p3 } = TRUNKS.ports;
  await rig.taploom.apply(configOf({ br0: { ...TRUNKS, ports: { p2, p3 } } }));
  await rig.taploom.apply(configOf({ br0: TRUNKS }));
  expect(rig.say('p1', 'a > * vlan 10')).toHaveLength(2);
});

test('a trap that is on for the configuration stays when a protocol takes its own off', async () => {
  const rig = await openRig({ br0: { ports: { p1: { lldp: 'receive' }, p2: {} } } });
  const lldp = '01:80:c2:00:00:0e';
  await rig.taploom.host.trap('p1', 'lldp', true);
  await rig.taploom.host.trap('p1', 'lldp', false);
  expect(rig.say('p1', `a > ${lldp}`)).toEqual([]); // the host has it
  await expect(rig.taploom.host.trap('nosuch', 'lldp', true)).rejects.toThrow('There is no port nosuch');
});

test('eight EtherTypes can be trapped, and a ninth is refused', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  for (let type = 0x9001; type < 0x9009; type++) await rig.taploom.host.trap('p1', type, true);
  await rig.taploom.host.trap('p1', 0x9001, true);
  await expect(rig.taploom.host.trap('p1', 0x9010, true)).rejects.toThrow('more than 8 EtherTypes');
});

test('a protocol answers: out of a port, and as if received', async () => {
  const rig = await openRig({ br0: { ports: ports(3) } });
  const { host } = rig.taploom;
  expect(rig.run(() => expect(host.send('p2', parse('s > *'))).toBe(true))).toEqual(['p2: s > *']);
  expect(rig.run(() => expect(host.relay('p2', parse('a > *'))).toBe(true))).toEqual([
    'p1: a > *',
    'p3: a > *',
  ]);
  expect(await rig.fdb()).toEqual(['br0 vlan 0 02:00:00:00:00:61 p2']);
  expect(host.send('nosuch', parse('s > *'))).toBe(false);
  expect(host.send('p1', new Uint8Array(3000))).toBe(false);
});

test('what is said in one go wakes the data plane once, and every 64 frames', async () => {
  const ring = new SlotRing(SlotRing.allocate());
  const woken: number[] = [];
  const host = new SwitchHost({
    toHost: [],
    fromHost: () => ring,
    wake: (port) => woken.push(port),
    numberOf: (port) => Number(port),
    nameOf: String,
    vlanOf: () => 0,
    domainOf: () => undefined,
    bitOf: () => 0,
    trap: async () => {},
    now: () => 0,
    isPolled: true,
  });
  for (let port = 1; port <= 5; port++) expect(host.send(`${port}`, new Uint8Array(60))).toBe(true);
  expect(woken).toEqual([]);
  await Promise.resolve();
  expect(woken).toEqual([1]);
  for (let n = 0; n < 64; n++) host.send('7', new Uint8Array(60));
  expect(woken).toEqual([1, 7]);
  host.close();
});
