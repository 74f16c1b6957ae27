// What the switch remembers of stations, seen from outside: where frames go, and when it forgets.

import { expect, test } from 'vitest';
import { frame } from '../support/frames.ts';
import { openLab } from '../support/lab.ts';
import { expectLaws } from '../support/laws.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';
import { Capture, sendFrames } from '../support/traffic.ts';

needs('tcpdump', 'sysctl');

const STATION = '02:00:00:00:00:aa';
const SENDER = '02:00:00:00:00:bb';
const toStation = frame({ to: STATION, from: SENDER });
const fromStation = frame({ to: SENDER, from: STATION });

async function connect(bridge: object) {
  const lab = await openLab();
  const [sw, ...hosts] = await lab.netnsList(['sw', 'a', 'b', 'c']);
  await Promise.all(hosts.map((host) => host.withoutIpv6()));
  const ports = Object.fromEntries(
    ['a', 'b', 'c'].map((name, i) => [name, { type: 'tap', netns: hosts[i].name }]),
  );
  const daemon = await Taploomd.start(lab, sw, {
    version: 1,
    bridges: { br0: { local: false, ...bridge, ports } },
  });
  const [a, b, c] = hosts;
  for (const [i, name] of ['a', 'b', 'c'].entries()) await hosts[i].up(name);
  const transmitted = async (name: string) => (await daemon.port(name)).counters.transmittedFrames;
  /** Sends from a host and waits until the switch has dealt with the frames. */
  const send = async (netns: Netns, device: string, hex: string, count = 1) => {
    const before = (await daemon.port(device)).counters.receivedFrames;
    await sendFrames(netns, device, [{ hex, count }]);
    await daemon.until('frames received', async () => {
      const { receivedFrames } = (await daemon.port(device)).counters;
      return receivedFrames === before + count;
    });
  };
  return { lab, daemon, a, b, c, transmitted, send };
}

test('a station that moves to another port is found there at once, and no frame goes to the old place', async () => {
  const { lab, daemon, a, b, c, send } = await connect({});
  await send(a, 'a', fromStation);
  expect(await daemon.fdb('?mac=02:00:00:00:00:aa')).toMatchObject([{ port: 'a', type: 'learned' }]);
  await send(b, 'b', fromStation);
  expect(await daemon.fdb('?mac=02:00:00:00:00:aa')).toMatchObject([{ port: 'b', type: 'learned' }]);
  expect((await daemon.port('b')).counters.stationMoves).toBe(1);

  const old = await Capture.start(a, 'a', `${lab.dir}/a.pcap`, '-Q', 'in');
  const now = await Capture.start(b, 'b', `${lab.dir}/b.pcap`, '-Q', 'in');
  await send(c, 'c', toStation, 10);
  expect(await now.stop()).toHaveLength(10);
  expect(await old.stop()).toEqual([]);
  await expectLaws(daemon);
});

test('an entry ages although frames go to it all the time; then they are flooded again', async () => {
  const { daemon, a, c, transmitted, send } = await connect({ ageing_time: 1 });
  await send(a, 'a', fromStation);
  await send(c, 'c', toStation, 5);
  const learnedOn = await transmitted('a');
  const other = await transmitted('b');
  const end = Date.now() + 2500;
  while (Date.now() < end) await send(c, 'c', toStation);
  expect(await daemon.fdb('?mac=02:00:00:00:00:aa')).toEqual([]);
  // b got none while the entry lived, and every frame after that; a got all of them.
  expect(await transmitted('b')).toBeGreaterThan(other);
  expect(await transmitted('a')).toBeGreaterThan(learnedOn);
  const { counters } = await daemon.port('c');
  expect(counters.forwarded).toBe(counters.receivedFrames);
  await expectLaws(daemon);
});

test('an entry lives as long as its station is seen', async () => {
  const { daemon, a, b, c, transmitted, send } = await connect({ ageing_time: 1 });
  await send(a, 'a', fromStation);
  const flooded = await transmitted('b');
  const end = Date.now() + 2500;
  while (Date.now() < end) {
    await send(a, 'a', frame({ to: STATION, from: STATION })); // learned, and forwarded to nobody
    await send(c, 'c', toStation);
  }
  expect(await transmitted('b')).toBe(flooded);
  expect(await daemon.fdb('?mac=02:00:00:00:00:aa')).toMatchObject([{ port: 'a' }]);
  await send(b, 'b', fromStation); // and it may still move
  expect(await daemon.fdb('?mac=02:00:00:00:00:aa')).toMatchObject([{ port: 'b' }]);
});

test('flushing a port forgets its stations and no others', async () => {
  const { daemon, a, c, send } = await connect({});
  await send(a, 'a', fromStation);
  await send(c, 'c', toStation);
  expect(await daemon.request('POST', '/v1/fdb/flush', { port: 'a' })).toEqual({ flushed: 1 });
  expect((await daemon.fdb()).map(({ mac, port }) => [mac, port])).toEqual([[SENDER, 'c']]);
});

test('a change of ageing_time forgets at once what the kernel bridge forgets, and brings nothing back', async () => {
  const bridge = (ageing_time: number) => ({ ageing_time });
  const { lab, daemon, a, send } = await connect(bridge(300));
  const [kernel] = await lab.netnsList(['kernel']);
  await kernel.withoutIpv6();
  await kernel.ip(
    'link add br0 type bridge forward_delay 0',
    'link add v0 type veth peer name v1',
    'link set v0 master br0',
    ...['br0', 'v0', 'v1'].map((device) => `link set ${device} up`),
  );
  const config = await daemon.get<{ bridges: { br0: object } }>('/v1/config');
  const setAgeing = async (seconds: number) => {
    await daemon.apply({ ...config, bridges: { br0: { ...config.bridges.br0, ...bridge(seconds) } } });
    await kernel.ip(`link set br0 type bridge ageing_time ${seconds * 100}`); // USER_HZ
  };
  const speak = async () => {
    await send(a, 'a', fromStation);
    await sendFrames(kernel, 'v1', [{ hex: fromStation }]);
  };
  /** Whether the station is known: to the kernel, and to us. */
  const known = async () => [
    (await kernel.check(['bridge', 'fdb', 'show', 'br', 'br0'])).includes(STATION),
    (await daemon.fdb(`?mac=${STATION}`)).length > 0,
  ];
  const soon = async (wanted: boolean) => {
    await daemon.until('the kernel’s own work', async () => (await known())[0] === wanted);
    expect(await known()).toEqual([wanted, wanted]);
  };

  await speak();
  await soon(true);
  await setAgeing(0);
  await soon(false);
  await speak(); // and is not learned
  expect(await known()).toEqual([false, false]);
  await setAgeing(300);
  expect(await known()).toEqual([false, false]);

  await speak();
  await soon(true);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await known()).toEqual([true, true]);
  await setAgeing(1);
  await soon(false);
  await setAgeing(300);
  expect(await known()).toEqual([false, false]);
});
