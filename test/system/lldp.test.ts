// LLDP with lldpd, in both directions:
//
//   h1 [eth0] lldpd --- veth --- [up0] taploomd in sw

import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { LldpNeighbor, LldpPortStatus } from '../../src/api.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { Lldpd } from '../support/lldpd.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { check } from '../support/process.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture } from '../support/traffic.ts';

needs('lldpd', 'lldpcli', 'tcpdump', 'tshark');

const PEER_MAC = '02:00:00:00:0a:01';

interface Answer {
  neighbors: LldpNeighbor[];
  ports: LldpPortStatus[];
}
const lldpOf = (daemon: Taploomd) => daemon.get<Answer>('/v1/lldp');
const heardFrom = (daemon: Taploomd, count: number) =>
  daemon.until(`${count} neighbours`, async () => (await lldpOf(daemon)).neighbors.length === count, 10_000);
const saidTo = (lldpd: Lldpd, count: number) => lldpd.until((neighbors) => neighbors.length === count);

/** taploomd with an attached interface, and its other end in h1. */
async function attached(up0: object, bridge: object = {}, more: object = {}) {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  await connect(lab, sw, 'up0', h1);
  const ports = { up0: { type: 'af_packet', ...up0 }, ...more };
  const config = { version: 1, bridges: { br0: { ...bridge, ports } } };
  const daemon = await Taploomd.start(lab, sw, config);
  return { lab, sw, h1, daemon, config };
}

async function connect(lab: Lab, sw: Netns, port: string, host: Netns): Promise<void> {
  await lab.veth(sw, port, host, 'eth0');
  await host.ip(`link set dev eth0 address ${PEER_MAC}`);
}

describe('an attached interface', () => {
  test('as installed hears its neighbour, shows it everywhere, and says nothing', async () => {
    const { lab, h1, daemon } = await attached({});
    const lldpd = await Lldpd.start(lab, h1, 'eth0');
    await heardFrom(daemon, 1);
    const { neighbors, ports } = await lldpOf(daemon);
    const system = hostname();
    expect(neighbors).toMatchObject([
      {
        bridge: 'br0',
        port: 'up0',
        mac: PEER_MAC,
        chassisId: PEER_MAC,
        chassisIdType: 'mac',
        portId: PEER_MAC,
        systemName: system,
        portDescription: 'eth0',
      },
    ]);
    expect(ports).toMatchObject([{ port: 'up0', mode: 'receive', neighbors: 1, counters: { framesOut: 0 } }]);
    expect(await daemon.cli('lldp')).toMatch(new RegExp(`br0 +up0 +${system.slice(0, 20)}`));
    expect(await daemon.cli('lldp', 'br0', 'up0')).toContain(`chassis id            ${PEER_MAC} (mac)`);
    const metrics = await daemon.metrics();
    expect(metrics.get('taploom_lldp_neighbors{bridge="br0",port="up0"}')).toBe(1);
    expect(metrics.get('taploom_lldp_receive_frames_total{bridge="br0",port="up0"}')).toBeGreaterThanOrEqual(
      1,
    );

    // A goodbye is not waited for.
    await lldpd.process.stop();
    await heardFrom(daemon, 0);
    const { events } = await daemon.get<{ events: { change: string }[] }>(
      '/v1/events?follow=false&type=neighbour&port=up0',
    );
    expect([events[0].change, events.at(-1)?.change]).toEqual(['added', 'removed']);
    expect((await lldpOf(daemon)).ports[0].counters).toMatchObject({
      framesOut: 0,
      ageouts: 0,
      framesInErrors: 0,
    });
    await expectLaws(daemon);
  });

  test('that is asked to says who it is, until it is asked to be silent', async () => {
    const { lab, h1, daemon, sw } = await attached(
      { lldp: true, vlan: { trunk: [10, 20], native: 30 } },
      { vlan_filtering: true },
    );
    await sw.up('br0', '192.0.2.1/24');
    const lldpd = await Lldpd.start(lab, h1, 'eth0');
    await saidTo(lldpd, 1);
    const { bridges } = await daemon.get<{ bridges: { mac: string }[] }>('/v1/bridges');
    expect(await lldpd.neighbors()).toMatchObject([
      {
        chassis: `mac ${bridges[0].mac}`,
        port: 'ifname up0',
        name: hostname(),
        portDescription: 'port up0 of bridge br0',
        ttl: '121',
        maxFrameSize: '1522',
        pvid: '30',
        capabilities: ['Bridge'],
      },
    ]);
    await heardFrom(daemon, 1);
    await daemon.request('PATCH', '/v1/bridges/br0/ports/up0', { lldp: 'receive' });
    await saidTo(lldpd, 0);
    await heardFrom(daemon, 1);
    await daemon.request('PATCH', '/v1/bridges/br0/ports/up0', { lldp: true });
    await saidTo(lldpd, 1);
    // The port goes, with a goodbye while it is still there.
    await daemon.request('DELETE', '/v1/bridges/br0/ports/up0');
    await saidTo(lldpd, 0);
    expect(await lldpOf(daemon)).toEqual({ neighbors: [], ports: [] });
  });

  test('of a trunk without native VLAN hears and says the same', async () => {
    const { lab, h1, daemon } = await attached(
      { lldp: true, vlan: { trunk: [10] } },
      { vlan_filtering: true },
    );
    const lldpd = await Lldpd.start(lab, h1, 'eth0');
    await heardFrom(daemon, 1);
    await saidTo(lldpd, 1);
    await expectLaws(daemon);
  });

  test('says goodbye when taploomd ends', async () => {
    const { lab, h1, daemon } = await attached({ lldp: true });
    const lldpd = await Lldpd.start(lab, h1, 'eth0');
    await saidTo(lldpd, 1);
    expect(await daemon.process.stop()).toBe(0);
    await saidTo(lldpd, 0);
  });

  test('sends frames that tshark finds nothing wrong with', async () => {
    const { lab, h1, daemon, config } = await attached({ lldp: 'receive' });
    const file = `${lab.dir}/lldp.pcap`;
    const capture = await Capture.start(h1, 'eth0', file, 'ether', 'proto', '0x88cc');
    const { up0, ...others } = config.bridges.br0.ports;
    const ports = { ...others, up0: { ...up0, lldp: true } };
    await daemon.apply({ version: 1, bridges: { br0: { ports } } });
    await daemon.until('a frame', async () => (await lldpOf(daemon)).ports[0].counters.framesOut > 0);
    await daemon.apply({ version: 1, bridges: { br0: { ports: others } } });
    const read = (...args: string[]) => check(['tshark', '-r', file, ...args]);
    const fields = ['eth.dst', 'lldp.port.id', 'lldp.time_to_live'].flatMap((field) => ['-e', field]);
    const lines = async () => (await read('-T', 'fields', ...fields)).trim().split('\n');
    // tcpdump does not write what comes while it ends.
    await daemon.until('the goodbye', async () => (await lines().catch(() => [])).length === 2);
    await capture.stop();
    expect(await lines()).toEqual(['01:80:c2:00:00:0e\tup0\t121', '01:80:c2:00:00:0e\tup0\t0']);
    expect(await read('-Y', '_ws.expert || _ws.malformed')).toBe('');
  });
});

test('on a TAP lldpd hears the switch, whose frames do not seem to be its own', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const ports = { vm1: { type: 'tap', netns: h1.name, lldp: true } };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await h1.up('vm1');
  const lldpd = await Lldpd.start(lab, h1, 'vm1');
  await saidTo(lldpd, 1);
  await heardFrom(daemon, 1);
  expect(await lldpd.neighbors()).toMatchObject([{ port: 'ifname vm1', maxFrameSize: '1522' }]);
});

test('a port out of which an access list lets nothing says LLDP all the same, and its policer counts none of it', async () => {
  const lab = await openLab();
  const [sw, h1] = await lab.netnsList(['sw', 'h1']);
  const qos = { police: { out: '1pps' } };
  const ports = { vm1: { type: 'tap', netns: h1.name, lldp: true, acls: { out: ['none'] }, qos } };
  const acls = { none: [{ deny: 'any' }] };
  const daemon = await Taploomd.start(lab, sw, { version: 1, acls, bridges: { br0: { ports } } });
  await h1.up('vm1');
  const lldpd = await Lldpd.start(lab, h1, 'vm1');
  await saidTo(lldpd, 1);
  const { policers } = await daemon.get<{ policers: object[] }>('/v1/qos');
  expect(policers).toMatchObject([{ port: 'vm1', direction: 'out', green: 0, red: 0 }]);
});

test('where the bridge forwards LLDP, two hosts hear each other and not the switch', async () => {
  const lab = await openLab();
  const [sw, h1, h2] = await lab.netnsList(['sw', 'h1', 'h2']);
  await lab.veth(sw, 'up1', h1, 'eth0');
  await lab.veth(sw, 'up2', h2, 'eth0');
  const port = { type: 'af_packet', lldp: true };
  const config = (mask: number) => ({
    version: 1,
    bridges: { br0: { group_fwd_mask: mask, ports: { up1: port, up2: port } } },
  });
  const daemon = await Taploomd.start(lab, sw, config(0x4000));
  const [one, two] = [await Lldpd.start(lab, h1, 'eth0'), await Lldpd.start(lab, h2, 'eth0')];
  await saidTo(one, 1);
  await saidTo(two, 1);
  const mac = async (host: Netns) => `mac ${(await host.link('eth0')).address}`;
  expect((await one.neighbors())[0].chassis).toBe(await mac(h2));
  expect((await two.neighbors())[0].chassis).toBe(await mac(h1));
  expect(await lldpOf(daemon)).toEqual({ neighbors: [], ports: [] });

  // The switch steps between them: it is who they hear from now on.
  await daemon.apply(config(0));
  await heardFrom(daemon, 2);
  await one.until((neighbors) => neighbors.some(({ port }) => port === 'ifname up1'));
  await expectLaws(daemon);
});
