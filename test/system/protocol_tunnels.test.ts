// A customer's bridges at two sites of a provider, and a way of his own between them: a loop that only their BPDUs, through the
// provider's network, can close. The provider has a loop and a spanning tree of his own.
//
//           .------------------ back ------------------.
//   s1 [br0] --- p/cust --- p1 === core1, core2 === p2 --- cust/p --- [br0] s2

import { expect, test } from 'vitest';
import type { LldpNeighbor } from '../../src/api.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { Lldpd } from '../support/lldpd.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { settles } from '../support/spanning_tree.ts';
import { Taploomd } from '../support/taploomd.ts';
import { reaches } from '../support/traffic.ts';

needs('ping', 'lldpd', 'lldpcli');

/** By the tags of the provider's network: those of customers, where his tree has the address of theirs, or service tags. */
const PROVIDERS = {
  '802.1Q': { stp: { guard: 'filter' }, tunnel_protocols: ['stp', 'lldp'] },
  '802.1ad': { stp: { edge: true }, tunnel_protocols: ['lldp'] },
};

interface Site {
  netns: Netns;
  number: 1 | 2;
}

function startProvider(
  lab: Lab,
  { netns, number }: Site,
  protocol: keyof typeof PROVIDERS,
): Promise<Taploomd> {
  const core = { type: 'af_packet', vlan: { trunk: [100] }, lldp: false };
  const br0 = {
    vlan_filtering: true,
    vlan_protocol: protocol,
    stp: { protocol: 'rstp', priority: 4096 * number },
    local: { mac: `02:00:5e:20:00:0${number}` },
    ports: {
      cust: { type: 'af_packet', vlan: { tunnel: 100 }, ...PROVIDERS[protocol] },
      core1: core,
      core2: core,
    },
  };
  return Taploomd.start(lab, netns, { version: 1, bridges: { br0 } });
}

/** The way through the provider is the shorter one. */
async function startCustomer(lab: Lab, { netns, number }: Site): Promise<Taploomd> {
  const br0 = {
    stp: { protocol: 'rstp', priority: 8192 * number },
    local: { mac: `02:00:5e:10:00:0${number}` },
    ports: {
      p: { type: 'af_packet', lldp: true },
      back: { type: 'af_packet', lldp: false, stp: { cost: 1_000_000 } },
    },
  };
  const daemon = await Taploomd.start(lab, netns, { version: 1, bridges: { br0 } });
  await netns.up('br0', `192.0.2.${number}/24`);
  return daemon;
}

async function startKernelBridge({ netns, number }: Site): Promise<void> {
  const settings = `stp_state 1 forward_delay 200 hello_time 100 max_age 600 priority ${8192 * number}`;
  await netns.ip(
    `link add br0 type bridge ${settings}`,
    'link set dev p master br0',
    'link set dev back master br0',
    'link set dev back type bridge_slave cost 100',
  );
  await netns.up('br0', `192.0.2.${number}/24`);
}

/** Of a kernel bridge: the root port's number, and states. */
async function treeOf(netns: Netns): Promise<Record<string, unknown>> {
  const [{ linkinfo }] = JSON.parse(await netns.check(['ip', '-d', '-j', 'link', 'show', 'br0']));
  const links = JSON.parse(await netns.check(['bridge', '-j', 'link'])) as {
    ifname: string;
    state: string;
  }[];
  const states = Object.fromEntries(links.map(({ ifname, state }) => [ifname, state]));
  return { rootPort: linkinfo.info_data.root_port, ...states };
}

async function build(protocol: keyof typeof PROVIDERS) {
  const lab = await openLab();
  const [s1, s2, p1, p2] = await lab.netnsList(['s1', 's2', 'p1', 'p2']);
  for (const netns of [s1, s2, p1, p2]) await netns.withoutIpv6();
  await lab.veth(s1, 'back', s2, 'back');
  for (const core of ['core1', 'core2']) await lab.veth(p1, core, p2, core);
  await lab.veth(s1, 'p', p1, 'cust');
  await lab.veth(s2, 'p', p2, 'cust');
  const [first, second] = [
    await startProvider(lab, { netns: p1, number: 1 }, protocol),
    await startProvider(lab, { netns: p2, number: 2 }, protocol),
  ];
  return { lab, s1, s2, p2, first, second };
}

/** The sites reach each other, and the provider has a tree that knows nothing of theirs. */
async function expectApart({ s1, p2, first, second }: Awaited<ReturnType<typeof build>>): Promise<void> {
  expect(await reaches(s1, '192.0.2.2', 10_000)).toBe(true);
  const provider = { name: 'p2', netns: p2, ports: ['core1', 'core2'], daemon: second };
  await settles(provider, { core1: 'root forwarding', core2: 'alternate blocking' }, 10_000);
  for (const daemon of [first, second]) {
    const { stp, tunnelled = {}, counters } = await daemon.port('cust');
    expect(stp?.counters.bpdusReceived).toBe(0);
    for (const frames of Object.values(tunnelled)) expect(frames.transmitted).toBeGreaterThan(0);
    expect(counters.receiveDropped).not.toHaveProperty('tunnel_mac');
    await expectLaws(daemon);
  }
}

const neighboursOf = (daemon: Taploomd) => async () =>
  (await daemon.get<{ neighbors: LldpNeighbor[] }>('/v1/lldp')).neighbors.map(({ port }) => port);

test('two sites of a customer are one tree and see each other’s LLDP, through tunnels of both protocols', async () => {
  const network = await build('802.1Q');
  const { lab, s1, s2, first } = network;
  const speakers = [await Lldpd.start(lab, s1, 'p'), await Lldpd.start(lab, s2, 'p')];
  await startKernelBridge({ netns: s1, number: 1 });
  await startKernelBridge({ netns: s2, number: 2 });
  const tree = { rootPort: 1, p: 'forwarding', back: 'blocking' };
  await expect.poll(() => treeOf(s2), { timeout: 15_000, interval: 200 }).toEqual(tree);
  expect(await treeOf(s1)).toEqual({ rootPort: 0, p: 'forwarding', back: 'forwarding' });
  for (const speaker of speakers) await speaker.until((neighbors) => neighbors.length === 1);
  await expectApart(network);
  const { tunnelled } = await first.port('cust');
  expect(Object.keys(tunnelled ?? {})).toEqual(['stp', 'lldp']);
  const series = 'taploom_port_tunnel_receive_packets_total{bridge="br0",port="cust",protocol="lldp"}';
  expect((await first.metrics()).get(series)).toBeGreaterThan(0);
});

test('BPDUs of customers are frames like others to a provider with service tags', async () => {
  const network = await build('802.1ad');
  const { lab, s1, s2 } = network;
  const site1 = await startCustomer(lab, { netns: s1, number: 1 });
  const site2 = await startCustomer(lab, { netns: s2, number: 2 });
  const customer = { name: 's2', netns: s2, ports: ['p', 'back'], daemon: site2 };
  await settles(customer, { p: 'root forwarding', back: 'alternate blocking' }, 15_000);
  for (const site of [site1, site2])
    await expect.poll(neighboursOf(site), { timeout: 10_000 }).toEqual(['p']);
  await expectApart(network);
});
