// The data plane's part in a reconfiguration, driven without a thread. Eventfds stand in for TAPs and sockets: all that
// matters here is whether they are watched.

import { closeSync, openSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Compiler } from '../../src/compile/compiler.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { BATCH } from '../../src/engine/engine.ts';
import { MAX_PORTS } from '../../src/frame/hop.ts';
import type { Descriptors } from '../../src/port/descriptors.ts';
import { FrameRing } from '../../src/port/frame_ring.ts';
import type { DeviceSpec } from '../../src/port/spec.ts';
import { openVtep } from '../../src/sys/udp.ts';
import { closeFd, createWake, signalWake } from '../../src/sys/wake.ts';
import { Counters, PORT } from '../../src/table/counters.ts';
import { DataPlane } from '../../src/worker/data_plane.ts';
import type { Change, News } from '../../src/worker/messages.ts';
import { build, payloadOf } from '../engine/offload_frames.ts';
import { parse } from '../support/engine/frame_text.ts';
import { configOf } from '../support/engine/rig.ts';

const SEED = Int32Array.of(1, 22, 333, 4444);
const NO_CHANGE = { removedPorts: [], removedVteps: [], addedVteps: [], added: [], remotes: null };

function openPlane(names: string[], type = 'tap') {
  const compiler = new Compiler();
  const ports = Object.fromEntries(names.map((name) => [name, { type }]));
  const { topology } = compiler.compile(parseConfig(configOf({ br0: { ports } })));
  const counters = Counters.allocate(MAX_PORTS, 64);
  const plane = new DataPlane(counters, topology, SEED, () => {});
  onTestFinished(() => plane.close());
  const number = (name: string) => compiler.ports.find(name) as number;
  const change = (keys: Partial<Change>) =>
    plane.answer({ kind: 'change', change: { ...NO_CHANGE, topology, ...keys } });
  const up = (name: string) => counters.values[counters.port(number(name)) + PORT.up];
  const tap = (name: string, fd: number): DeviceSpec => ({
    kind: 'tap',
    port: number(name),
    fd,
    offloads: 0,
  });
  return { plane, number, change, up, tap };
}

function eventFd(): number {
  const fd = createWake();
  onTestFinished(() => closeFd(fd));
  return fd;
}

/** epoll refuses regular files. */
function regularFile(): number {
  const fd = openSync(import.meta.filename, 'r');
  onTestFinished(() => closeSync(fd));
  return fd;
}

test('a device that cannot be added is reported and undone, and the others of the change are added', () => {
  const { change, number, up, tap } = openPlane(['t1', 't2', 't3', 't4']);
  const fd = eventFd();
  const added = [tap('t1', fd), tap('t2', fd), tap('t3', regularFile()), tap('t4', eventFd())];
  const answer = change({ added });
  expect(answer).toEqual({
    kind: 'done',
    failed: [
      { port: number('t2'), message: expect.stringContaining(`Cannot watch file descriptor ${fd}`) },
      { port: number('t3'), message: expect.stringContaining('Cannot watch') },
    ],
  });
  expect(['t1', 't2', 't3', 't4'].map(up)).toEqual([1, 0, 0, 1]);
  // Port t1 kept the descriptor that t2 was refused.
  expect(change({ added: [tap('t2', fd)] })).toMatchObject({ failed: [{ port: number('t2') }] });
  expect(change({ removedPorts: [number('t1')], added: [tap('t2', fd), tap('t3', eventFd())] })).toEqual({
    kind: 'done',
    failed: [],
  });
  expect(['t1', 't2', 't3', 't4'].map(up)).toEqual([0, 1, 1, 1]);
});

test('VXLAN ports whose socket cannot be watched are reported, and may come again', () => {
  const { change, number, up } = openPlane(['x1', 'x2'], 'memory');
  const spec = (name: string, vni: number, vtep: number): DeviceSpec => ({
    kind: 'vxlan',
    port: number(name),
    vni,
    vtep,
    family: 4,
    dstPort: 4789,
    senders: [],
    udpSegment: true,
    tos: -1,
    remoteLearning: true,
    maxRemotes: 1,
  });
  const fd = eventFd();
  const answer = change({
    addedVteps: [
      { vtep: 1, fd: regularFile() },
      { vtep: 2, fd },
    ],
    added: [spec('x1', 1, 1), spec('x2', 2, 2)],
  });
  expect(answer).toMatchObject({ failed: [{ port: number('x1') }] });
  expect(['x1', 'x2'].map(up)).toEqual([0, 1]);
  const again = change({ addedVteps: [{ vtep: 1, fd: eventFd() }], added: [spec('x1', 1, 1)] });
  expect(again).toEqual({ kind: 'done', failed: [] });
});

test('a request is seen between the polls of one batch, however long that takes', () => {
  const names = Array.from({ length: 300 }, (_, n) => `p${n}`);
  const { plane, change, number } = openPlane(names, 'memory');
  const [to, from] = [FrameRing.allocate(1 << 18), FrameRing.allocate(1 << 18)];
  const memory = { kind: 'memory', toSwitch: to.memory, fromSwitch: from.memory, offloads: true } as const;
  change({ added: [{ ...memory, port: number('p0') }] });
  const wake = eventFd();
  plane.listen(wake);
  const frame = parse('a > *');
  for (let n = 0; n < BATCH; n++) {
    const at = to.reserve(frame.length);
    to.bytes.set(frame, at);
    to.describe(at, 0, 0, 0, 0);
    to.commit();
  }
  const engine = Reflect.get(plane, 'engine') as { isBusy: boolean; clock: Float64Array };
  plane.poll(0);
  const polled = engine.clock[0];
  expect(engine.isBusy).toBe(true);
  expect(plane.takeWake()).toBe(false);
  signalWake(wake);
  plane.poll(1000);
  expect(engine.isBusy).toBe(true);
  expect(plane.takeWake()).toBe(true);
  expect(engine.clock[0]).toBeGreaterThan(polled);
});

test('remotes are learned at the time that the embedder says it is', () => {
  const { plane, change, tap } = openPlane(['t1']);
  change({ added: [tap('t1', eventFd())] });
  const devices = Reflect.get(plane, 'devices') as { descriptors: Descriptors };
  const { decapsulation } = devices.descriptors;
  plane.poll(0, 5_999);
  expect(decapsulation.second).toBe(5);
  plane.poll(0);
  expect(decapsulation.second).toBe(-1);
});

test('a device that fails half-way is taken out again, its descriptor included', () => {
  const { plane, change, up, tap } = openPlane(['t1', 't2']);
  const fd = eventFd();
  const engine = Reflect.get(plane, 'engine') as { attach(): void };
  engine.attach = () => {
    Reflect.deleteProperty(engine, 'attach');
    throw new Error('no memory');
  };
  expect(change({ added: [tap('t1', fd)] })).toMatchObject({ failed: [{ message: 'no memory' }] });
  expect(up('t1')).toBe(0);
  expect(change({ added: [tap('t2', fd)] })).toMatchObject({ failed: [] });
});

test('a port for which the kernel refuses to segment is reported, once', () => {
  const compiler = new Compiler();
  const ports = { m: {}, x: { type: 'vxlan', vni: 1, local: '127.0.0.1', remotes: ['127.0.0.2'] } };
  const { topology, remotes } = compiler.compile(parseConfig(configOf({ br0: { ports } })));
  const news: News[] = [];
  const plane = new DataPlane(Counters.allocate(MAX_PORTS, 64), topology, SEED, (one) => news.push(one));
  onTestFinished(() => plane.close());
  // The kernel segments only for sockets that send checksums.
  const sender = openVtep({ address: '127.0.0.1', port: 0, checksum: false, receive: false });
  onTestFinished(() => closeFd(sender.fd));
  const [to, from] = [FrameRing.allocate(1 << 18), FrameRing.allocate(1 << 18)];
  const [m, x] = ['m', 'x'].map((name) => compiler.ports.find(name) as number);
  const tunnel: DeviceSpec = {
    kind: 'vxlan',
    port: x,
    vni: 1,
    vtep: 1,
    family: 4,
    dstPort: 4789,
    senders: [sender.fd],
    udpSegment: true,
    tos: 0,
    remoteLearning: true,
    maxRemotes: 1,
  };
  plane.answer({
    kind: 'change',
    change: {
      ...NO_CHANGE,
      topology,
      added: [
        { kind: 'memory', port: m, toSwitch: to.memory, fromSwitch: from.memory, offloads: true },
        tunnel,
      ],
      remotes,
    },
  });
  const shape = { version: 4, protocol: 'tcp', payload: payloadOf(3000), gsoSize: 1000 } as const;
  const frame = build(shape);
  for (let n = 0; n < 3; n++) {
    const at = to.reserve(frame.bytes.length);
    to.bytes.set(frame.bytes, at);
    to.describe(at, frame.gsoType, shape.gsoSize, frame.csumStart, frame.csumOffset);
    to.commit();
    plane.poll(0);
  }
  expect(news).toEqual([{ kind: 'unsegmented', port: x, errno: 22 }]);
});
