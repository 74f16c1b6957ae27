// A hostile host on one TAP, with a guard and rates on its port: two neighbours keep their connection, their rate, and what they
// know of each other. Frame by frame: test/engine/attacks.test.ts.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ATTACKS, MAC, PORTS } from '../support/engine/attacks.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { ping, tcp } from '../support/traffic.ts';

needs('ping', 'python3');

const ATTACK = fileURLToPath(new URL('../../bench/traffic/attack.py', import.meta.url));
/** Python's most, on most machines. */
const RATE = 40_000;
/** Less than the bench asks for: other tests run beside this one. */
const LEAST_SHARE = 0.5;
const SECONDS = 3;
const VXLAN_FROM_STRANGER = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(100):
    s.sendto(bytes.fromhex('0800000000002a00' + 'ffffffffffff' + '020000000061' + '88b5' + '00' * 46), ('192.0.2.1', 4789))
`;

interface Scene {
  evil: Netns;
  a: Netns;
  b: Netns;
  daemon: Taploomd;
  /** Evil on br0, or on a bridge of its own. */
  configure(isIn: boolean): Promise<void>;
}

async function open(lab: Lab): Promise<Scene> {
  const [sw, evil, a, b] = await lab.netnsList(['sw', 'evil', 'a', 'b']);
  await lab.veth(sw, 'u0', evil, 'u1');
  await sw.ip('addr add 192.0.2.1/24 dev u0');
  await evil.ip('addr add 192.0.2.9/24 dev u1');
  const tap = (name: 'a' | 'b' | 'evil', netns: Netns) => ({
    ...PORTS[name],
    type: 'tap',
    netns: netns.name,
    mac: MAC(name[0]),
  });
  const config = (isIn: boolean) => {
    const tunnel = {
      type: 'vxlan',
      vni: 42,
      local: '192.0.2.1',
      remotes: ['192.0.2.2'],
      vlan: { access: 10 },
    };
    const all = { a: tap('a', a), b: tap('b', b), vx: tunnel };
    const bridge = { vlan_filtering: true, local: false, stp: { protocol: 'rstp' } };
    const own = { ...bridge, ports: { evil: tap('evil', evil) } };
    if (isIn)
      return { version: 1, bridges: { br0: { ...bridge, ports: { ...all, evil: tap('evil', evil) } } } };
    return { version: 1, bridges: { br0: { ...bridge, ports: all }, br1: own } };
  };
  const daemon = await Taploomd.start(lab, sw, config(true));
  const configure = async (isIn: boolean) => {
    const failed = (await daemon.apply(config(isIn))).filter(({ ok }) => !ok);
    expect(failed).toEqual([]);
    await evil.up('evil', '10.0.0.6/24', 'fd00::6/64');
  };
  await evil.up('evil', '10.0.0.6/24', 'fd00::6/64');
  await a.up('a', '10.0.0.1/24', 'fd00::1/64');
  await b.up('b', '10.0.0.2/24', 'fd00::2/64');
  return { evil, a, b, daemon, configure };
}

/** All of the list but BPDUs, which close the port, in turn. */
const FRAMES = Object.entries(ATTACKS)
  .filter(([name]) => name !== 'BPDUs')
  .flatMap(([, { frames }]) => frames);

function attack(evil: Netns, seconds: number, frames: readonly Uint8Array[] = FRAMES) {
  const input = frames.map((frame) => `${Buffer.from(frame).toString('hex')}\n`).join('');
  const attacker = evil.spawn(['python3', ATTACK, 'evil', String(seconds), String(RATE)]);
  attacker.child.stdin?.end(input);
  return attacker;
}

async function rateBeside({ evil, a, b }: Scene): Promise<number> {
  const attacker = attack(evil, SECONDS + 1);
  await attacker.waitFor(/ready/, 20_000);
  const { gigabitsPerSecond } = await tcp(a, b, '10.0.0.2', SECONDS);
  await attacker.exit(20_000);
  return gigabitsPerSecond;
}

test('a hostile guest does not take the network from its neighbours', { timeout: 120_000 }, async () => {
  const lab = await openLab();
  const scene = await open(lab);
  const { evil, b, daemon } = scene;
  for (const address of ['10.0.0.1', 'fd00::1'])
    expect(await ping(b, address)).toMatchObject({ received: 5 });
  expect(await ping(evil, '10.0.0.1')).toMatchObject({ received: 5 });

  const inside = await rateBeside(scene);
  await evil.check(['python3', '-c', VXLAN_FROM_STRANGER]);
  const { counters } = await daemon.port('evil');
  const stopped = Object.values(ATTACKS).flatMap((one) => one.stopped);
  expect(Object.keys(counters.receiveDropped)).toEqual(expect.arrayContaining([...new Set(stopped)]));
  expect((await daemon.port('vx')).counters.receiveDropped.vxlan_unknown_remote).toBeGreaterThan(90);
  const known = await b.check(['ip', 'neigh', 'show', 'dev', 'b']);
  for (const address of ['10.0.0.1', 'fd00::1'])
    expect(known).toMatch(new RegExp(`^${address} lladdr ${MAC('a')} `, 'm'));
  expect(await b.check(['ip', '-6', 'route', 'show', 'default'])).toBe('');
  const stations = (await daemon.fdb()).filter(({ port }) => port === 'evil');
  expect(stations.length).toBeLessThanOrEqual(PORTS.evil.fdb_limit);
  expect(await ping(evil, '10.0.0.1')).toMatchObject({ received: 5 });

  // BPDU guard closes the port.
  await attack(evil, 0.2, ATTACKS.BPDUs.frames).exit(20_000);
  expect(await ping(evil, '10.0.0.1', { waitSeconds: 0.2 })).toMatchObject({ received: 0 });
  expect(await ping(b, '10.0.0.1')).toMatchObject({ received: 5 });

  await scene.configure(false);
  const outside = await rateBeside(scene);
  expect(inside / outside).toBeGreaterThan(LEAST_SHARE);
});
