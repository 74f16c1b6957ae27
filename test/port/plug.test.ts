// Devices of a program's own: the examples' against the contract of devices, and what a plug does with those that are busy or
// broken.

import { Switch as Built } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { Counted, UdpDevice } from '../../examples/udp_device.ts';
import type { Device, DeviceLink } from '../../src/port/plug.ts';
import { Switch } from '../../src/switch/switch.ts';
import { deviceContract, type Subject } from '../../src/testing/index.ts';
import { parse } from '../support/engine/frame_text.ts';
import { configOf, openRig, ports } from '../support/engine/rig.ts';

const CONFIG = configOf({ br0: { ports: { dev: { offloads: false }, peer: {} } } });

/** The far side of a UdpDevice is another one, without a switch. */
async function udp(isThreaded: boolean, wrap = (device: Device) => device): Promise<Subject> {
  const open = (isThreaded ? Built.open : Switch.open) as typeof Switch.open;
  const taploom = await open(CONFIG, { threaded: isThreaded });
  onTestFinished(() => taploom.close());
  const [near, far] = [new UdpDevice(), new UdpDevice()];
  const plug = await taploom.plug('dev', wrap(near));
  onTestFinished(() => plug.close());
  const frames: Uint8Array[] = [];
  await far.open({ receive: (bytes) => frames.push(bytes) > 0, ready() {} });
  onTestFinished(() => far.close());
  near.connect(far.address);
  far.connect(near.address);
  return {
    taploom,
    inject: (bytes) => void far.transmit({ bytes }),
    take: () => frames.splice(0),
    maxFrame: 1514,
    isThreaded,
  };
}

deviceContract('a device of datagrams', () => udp(false), test);
deviceContract('a device of datagrams behind a thread', () => udp(true), test);
deviceContract('a wrapper', () => udp(false, (device) => new Counted(device)), test);

/** Takes as many as it is told. */
class Stub implements Device {
  readonly taken: number[] = [];
  link: DeviceLink | undefined;
  room = 0;
  closed = 0;
  open(link: DeviceLink): void {
    this.link = link;
  }
  transmit({ bytes }: { bytes: Uint8Array }): boolean {
    if (this.room === 0) return false;
    this.room -= 1;
    this.taken.push(bytes[14]);
    return true;
  }
  close(): void {
    this.closed += 1;
  }
}

async function plugged(device: Device) {
  const rig = await openRig({ br0: { ports: { p1: {}, p2: { capacity: 16 } } } });
  const plug = await rig.taploom.plug('p2', device);
  onTestFinished(() => plug.close());
  return { rig, plug };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

test('a device that is busy gets the same frame again, when it says so; what does not fit is dropped and counted', async () => {
  const stub = new Stub();
  const { rig } = await plugged(stub);
  const { taploom } = rig;
  const say = (text: string) => {
    taploom.memoryPort('p1').send(parse(`a > * "${text}"`));
    taploom.poll(0, rig.now);
  };
  for (const text of ['0', '1', '2']) say(text);
  await soon();
  expect(stub.taken).toEqual([]);
  stub.room = 2;
  stub.link?.ready();
  await soon();
  expect(stub.taken).toEqual([48, 49]);
  stub.room = 1;
  stub.link?.ready();
  await soon();
  expect(stub.taken).toEqual([48, 49, 50]);
  for (let n = 0; n < 20_000; n++) say('more');
  expect(taploom.port('p2').counters.transmitDropped.queue_full).toBeGreaterThan(0);
  rig.expectLaws();
});

// lima-vm/socket_vmnet#173, containers/gvisor-tap-vsock#367: one that took nothing stopped everybody.
test('a device that takes nothing holds up nobody else, and costs no turns while it is busy', async () => {
  const stub = new Stub();
  let asked = 0;
  stub.transmit = () => {
    asked += 1;
    return false;
  };
  const { rig } = await plugged(stub);
  await rig.change(({ bridges }) => {
    bridges.br0.ports.p3 = { ...bridges.br0.ports.p1 };
  });
  for (let n = 0; n < 2000; n++) {
    rig.taploom.memoryPort('p1').send(parse('a > *'));
    rig.taploom.poll(0, rig.now);
    expect(rig.taploom.memoryPort('p3').receive()).toBeDefined();
    if (n % 100 === 0) await soon();
  }
  expect(asked).toBe(1);
  rig.expectLaws();
});

test('service moves what is there, for loops of one’s own', async () => {
  const stub = new Stub();
  const { rig, plug } = await plugged(stub);
  stub.room = 10;
  rig.say('p1', 'a > * "x"');
  // The rig has taken it to show it.
  rig.taploom.memoryPort('p1').send(parse('a > * "y"'));
  rig.taploom.poll(0, rig.now);
  expect(plug.service()).toBe(1);
  expect(stub.taken).toEqual([121]);
});

test('a device that throws is closed, and its switch goes on', async () => {
  const stub = new Stub();
  stub.transmit = () => {
    throw new Error('oh');
  };
  const { rig, plug } = await plugged(stub);
  rig.taploom.memoryPort('p1').send(parse('a > *'));
  rig.taploom.poll(0, rig.now);
  expect(await plug.ended).toMatchObject({ message: 'oh' });
  expect(stub.closed).toBe(1);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
});

test('after close nothing goes either way, and the device is closed once', async () => {
  const stub = new Stub();
  const { rig, plug } = await plugged(stub);
  expect(stub.link?.receive(parse('d > *'))).toBe(true);
  expect(rig.run()).toEqual(['p1: d > *']);
  await plug.close();
  await plug.close();
  expect(await plug.ended).toBeUndefined();
  expect(stub.link?.receive(parse('d > *'))).toBe(false);
  stub.room = 1;
  rig.taploom.memoryPort('p1').send(parse('a > *'));
  rig.taploom.poll(0, rig.now);
  await soon();
  expect(stub.taken).toEqual([]);
  expect(stub.closed).toBe(1);
});

test('only a memory port has a plug', async () => {
  const rig = await openRig({ br0: { ports: ports(1) } });
  expect(() => rig.taploom.plug('br0', new Stub())).toThrow('There is no memory port br0');
});
