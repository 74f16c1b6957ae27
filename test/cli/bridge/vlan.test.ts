// `bridge vlan` of iproute2 6.1 on a bridge of Linux 6.1 that filters VLANs, command by command: the golden files have what it
// printed in a guest, and ours must print the same, byte for byte. How they were recorded: vlan_golden.sh.

import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BridgeFixture } from './fixture.ts';

const taps = { tlb1: { type: 'tap' }, tlb2: { type: 'tap' }, tlb3: { type: 'tap' } };

let bridge: BridgeFixture;
beforeEach(async () => {
  const aware = { vlan_filtering: true, ports: taps };
  bridge = new BridgeFixture({
    version: 1,
    bridges: { tlbr: aware, tlbu: { ports: { tlb9: { type: 'tap' } } } },
  });
  await bridge.start();
});
afterEach(() => bridge.stop());

/** Defaults of Linux; its clock ticks in 4 ms. */
const LINUX = { igmp_version: 2, mld_version: 1, startup_query_interval: 31.24 };

test.each(['vlan', 'vlan_options'])('says what bridge of iproute2 says: %s.golden', async (name) => {
  const golden = readFileSync(new URL(`${name}.golden`, import.meta.url), 'utf8');
  const steps = golden.split(/^(?=\$ )/m);
  const { tlbr } = bridge.api.config.bridges;
  await bridge.api.apply({ version: 1, bridges: { tlbr: { ...tlbr, multicast: LINUX } } });
  expect(steps.length).toBeGreaterThan(50);
  for (const step of steps) {
    const command = step.slice('$ bridge '.length, step.indexOf('\n'));
    expect(await bridge.transcript(command)).toBe(step);
  }
});

test('a port has one untagged VLAN: it leaves the one before, and says so', async () => {
  const { code, error } = await bridge.run(...'vlan add dev tlb1 vid 10 pvid untagged'.split(' '));
  expect({ code, error }).toEqual({
    code: 0,
    error: 'taploom-bridge: tlb1 leaves VLAN 1: one VLAN of a port is untagged\n',
  });
  // as the script goes on
  expect((await bridge.run(...'vlan del dev tlb1 vid 1'.split(' '))).code).toBe(0);
  expect(bridge.api.config.bridges.tlbr.ports.tlb1.vlan).toEqual({ access: 10 });
});

test('details tell of tunnels and of other VIDs on the wire, of which Linux has no words', async () => {
  const { tlbr } = bridge.api.config.bridges;
  tlbr.ports.tlb1.vlan = { tunnel: { 100: ['10-20', 30], 200: [40] }, native: 100 };
  tlbr.ports.tlb2.vlan = { trunk: ['108-111'], translate: { 10: 110 } };
  const { out } = await bridge.run('-d', 'vlan');
  const line = (vlan: string, more = '') => [vlan, `state forwarding mcast_router 1${more}`];
  const lines = out.split('\n').map((text) => text.trim().replace(/^tlb\d +/, ''));
  expect(lines).toEqual(
    expect.arrayContaining([
      ...line('100 PVID Egress Untagged', ' customer_vlans 10-20,30'),
      ...line('200 Egress Untagged', ' customer_vlans 40'),
      ...line('110', ' wire_vid 10'),
    ]),
  );
  const { code, error } = await bridge.run(...'vlan add dev tlb1 vid 10'.split(' '));
  expect({ code, error }).toEqual({
    code: 255,
    error: expect.stringMatching(/^Error: tlb1 is the end of a customer's tunnel/),
  });
});

test.each([
  ['vlan add dev tlb1 vid 10 pvid', /say "pvid untagged", or neither of them\.$/],
  ['vlan add dev tlb1 vid 10 untagged', /say "pvid untagged", or neither of them\.$/],
  ['vlan add dev tlb1 vid 10 tunnel_info id 5', /^Error: A VXLAN port carries one VNI: add one for each/],
  ['vlan add dev tlb9 vid 10', /^Error: bridge tlbu does not filter VLANs/],
  ['-s vlan', 'Error: Taploom counts by port, not by VLAN: taploom stats tells what it has.'],
])('what cannot be said is refused: %s', async (command, message) => {
  const { code, error } = await bridge.run(...command.split(' '));
  expect({ code, error: error.trim() }).toEqual({
    code: 255,
    error: typeof message === 'string' ? message : expect.stringMatching(message),
  });
});

test('in a private VLAN what leaves untagged is told beside the VLAN that a port sends in', async () => {
  await bridge.stop();
  const ports = {
    tlb1: { type: 'tap', vlan: { access: 100 } },
    tlb2: { type: 'tap', vlan: { access: 101 } },
    tlb3: { type: 'tap', vlan: { trunk: ['100-101'] } },
  };
  const vlans = { 100: { private: { isolated: 101 } } };
  bridge = new BridgeFixture({
    version: 1,
    bridges: { tlbr: { vlan_filtering: true, local: false, vlans, ports } },
  });
  await bridge.start();
  expect((await bridge.run('vlan')).out).toBe(
    `port              vlan-id  
tlb1              100 PVID Egress Untagged
                  101 Egress Untagged
tlb2              100 Egress Untagged
                  101 PVID Egress Untagged
tlb3              100
                  101
`,
  );
  expect((await bridge.run('fdb', 'add', '02:00:00:00:00:01', 'dev', 'tlb2', 'master', 'static')).code).toBe(
    0,
  );
  expect(bridge.api.config.bridges.tlbr.static).toMatchObject([{ vlan: 100, port: 'tlb2' }]);
});
