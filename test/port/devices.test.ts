// Every device against the contract. VXLAN runs over loopback; over IPv6 it would need a second address, see
// test/system. TAPs and packet sockets need root: a kernel bridge joins the port's interface, or the other end of its veth
// pair, with a TAP that the test reads and that takes no offloads, so that the kernel itself does what a super-frame asks
// for.

import { describe, expect, onTestFinished, test } from 'vitest';
import { Switch } from '../../src/switch/switch.ts';
import { KIND } from '../../src/sys/burst.ts';
import { openTap } from '../../src/sys/tap.ts';
import { canBeDown, deviceContract, type Interface, type Subject } from '../../src/testing/index.ts';
import { configOf } from '../support/engine/rig.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { burst, inject, owned, received } from '../sys/rig.ts';

async function open(dev: Record<string, unknown>, peer: Record<string, unknown> = {}): Promise<Switch> {
  const config = configOf({ br0: { ports: { dev, peer } } });
  const taploom = await Switch.open(config, { threaded: false });
  onTestFinished(() => taploom.close());
  return taploom;
}

function takeFrom(taploom: Switch, port: string): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const memory = taploom.memoryPort(port);
  for (let frame = memory.receive(); frame !== undefined; frame = memory.receive()) frames.push(frame.bytes);
  return frames;
}

async function memory(keys: Record<string, unknown>): Promise<Subject> {
  const taploom = await open({ offloads: false, ...keys });
  return {
    taploom,
    inject: (bytes) => {
      taploom.memoryPort('dev').send(bytes);
    },
    take: () => takeFrom(taploom, 'dev'),
    maxFrame: 1514,
  };
}

deviceContract('memory', () => memory({}), test);
deviceContract(
  'memory behind a fault that never strikes',
  () => memory({ fault: { drop: 0, seed: 1 } }),
  test,
);
deviceContract('memory behind a delay', () => memory({ fault: { delay: 2 } }), test);

async function vxlan(keys: Record<string, unknown>): Promise<Subject> {
  const tunnel = (local: string, remote: string, peer = {}) =>
    open({ type: 'vxlan', vni: 5, local, remotes: [remote], dst_port: 14_800, ...keys }, peer);
  const taploom = await tunnel('127.0.0.21', '127.0.0.22');
  // Segments that were joined on arrival leave it as segments.
  const other = await tunnel('127.0.0.22', '127.0.0.21', { offloads: false });
  return {
    taploom,
    inject: (bytes) => {
      other.memoryPort('peer').send(bytes);
      other.poll(0);
    },
    take: () => {
      other.poll(0);
      return takeFrom(other, 'peer');
    },
    maxFrame: 1464,
  };
}

deviceContract('vxlan', () => vxlan({}), test);
deviceContract('vxlan with checksums', () => vxlan({ udp_checksum: true, tos: 'inherit' }), test);

async function tap(keys: Record<string, unknown>): Promise<Interface> {
  const lab = await openLab();
  const netns = await lab.netns('port');
  await netns.withoutIpv6();
  const taploom = await open({ type: 'tap', netns: netns.name, ...keys });
  return {
    taploom,
    ...(await farSide(netns, 'dev')),
    maxFrame: 1514,
    down: () => netns.ip('link set dev dev down'),
    up: () => netns.ip('link set dev dev up'),
  };
}

/** A kernel bridge joins `device` with a TAP that the test reads and that takes no offloads. */
async function farSide(netns: Netns, device: string): Promise<Pick<Subject, 'inject' | 'take'>> {
  const far = owned(openTap({ name: 'far', netns: netns.name, offloads: false }));
  await netns.ip(
    'link add sw type bridge mcast_snooping 0',
    'link set sw up',
    `link set dev ${device} master sw`,
    'link set dev far master sw',
  );
  const reader = burst();
  reader.add(far.fd, 1, KIND.tap);
  return {
    inject: (bytes) => inject(reader, far.fd, 1, Buffer.from(bytes)),
    take: () => {
      const count = reader.receive(0, 64, 0);
      return Array.from({ length: count }, (_, slot) => Uint8Array.from(received(reader, slot)));
    },
  };
}

async function afPacket(keys: Record<string, unknown>): Promise<Interface> {
  const lab = await openLab();
  const [here, there] = await lab.netnsList(['port', 'far']);
  await Promise.all([here, there].map((netns) => netns.withoutIpv6()));
  await lab.veth(here, 'eth0', there, 'peer0');
  const taploom = await open({ type: 'af_packet', interface: 'eth0', netns: here.name, ...keys });
  return {
    taploom,
    ...(await farSide(there, 'peer0')),
    maxFrame: 1514,
    down: () => here.ip('link set dev eth0 down'),
    up: async () => {
      await here.ip('link set dev eth0 up');
      await expect.poll(async () => (await there.link('peer0')).operstate, { timeout: 5000 }).toBe('UP');
    },
  };
}

describe('with root', () => {
  needs();
  for (const [name, keys] of [
    ['tap', {}],
    ['tap without offloads', { offloads: false }],
    ['tap behind a fault that never strikes', { fault: { drop: 0, seed: 1 } }],
  ] as const) {
    deviceContract(name, () => tap(keys), test);
    canBeDown(name, () => tap(keys), test);
  }
  for (const [name, keys] of [
    ['af_packet', {}],
    ['af_packet behind a fault that never strikes', { fault: { drop: 0, seed: 1 } }],
  ] as const) {
    deviceContract(name, () => afPacket(keys), test);
    canBeDown(name, () => afPacket(keys), test);
  }
});
