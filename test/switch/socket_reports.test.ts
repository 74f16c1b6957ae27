// What others have reported of sockets between switches and virtual machines, tried here. See also sockets.test.ts: a length
// that exceeds all buffers (lima-vm/lima#5250), a server that was started again (lima-vm/lima#5027).

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, show } from '../support/engine/frame_text.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';
import { MessagePeer, StreamPeer, socketDir } from '../support/socket_peers.ts';

const state = (rig: Rig, name: string) => () => {
  rig.taploom.poll(0, rig.now);
  return rig.taploom.ports().find((port) => port.name === name)?.state;
};

/** containers/gvisor-tap-vsock#367: gvproxy ended with ENOBUFS. lima-vm/socket_vmnet#39: one writev blocked, and with it all. */
test('a guest that does not read costs its own frames, and neither the switch nor the others', async () => {
  const dir = socketDir();
  const path = (name: string) => join(dir, name);
  const rig = await openRig({
    br0: {
      ports: {
        p1: {},
        stuck: { type: 'dgram', path: path('a'), remote: path('b') },
        jammed: { type: 'stream', path: path('c') },
        well: { type: 'stream', path: path('d') },
      },
    },
  });
  const stuck = MessagePeer.bind(path('b'));
  const jammed = await StreamPeer.connect(path('c'));
  const well = await StreamPeer.connect(path('d'));
  jammed.socket.pause();
  for (const name of ['stuck', 'jammed', 'well']) await expect.poll(state(rig, name)).toBe('up');
  const frame = Buffer.concat([parse('a > *'), Buffer.alloc(1400, 1)]);
  for (let n = 0; n < 400; n++) {
    rig.taploom.memoryPort('p1').send(frame);
    rig.run();
    if (n % 20 === 0) await expect.poll(() => well.frames.length).toBe(n + 1);
  }
  await expect.poll(() => well.frames.length).toBe(400);
  for (const name of ['stuck', 'jammed']) {
    const { transmittedFrames, transmitDropped } = rig.counters(name);
    expect(transmitDropped.slow_reader, name).toBeGreaterThan(0);
    expect(transmittedFrames + transmitDropped.slow_reader, name).toBe(400);
    expect(state(rig, name)()).toBe('up');
  }
  const { transmittedFrames } = rig.counters('stuck');
  const frames: Buffer[] = [];
  const read = () => {
    rig.taploom.poll(0, rig.now);
    frames.push(...stuck.receive());
    return frames.length;
  };
  // More waited than the peer's queue of ten or so holds.
  expect(transmittedFrames).toBeGreaterThan(60);
  await expect.poll(read).toBe(transmittedFrames);
  expect(frames.every((one) => one.equals(frame))).toBe(true);
  rig.say('p1', 'b > *');
  await expect.poll(read).toBe(transmittedFrames + 1);
  expect(show(frames.at(-1) as Buffer)).toBe('b > *');
});

/** virtualsquare/vde-2#22: more than 1,504 bytes were dropped. arcboxlabs/arcbox#376: datagrams of 4,014 bytes were. */
test.each(['stream', 'dgram'])('jumbo frames pass a port of type %s both ways', async (type) => {
  const dir = socketDir();
  const [path, remote] = [join(dir, 'a'), join(dir, 'b')];
  const mtu = 9000;
  const keys = type === 'dgram' ? { remote } : {};
  const rig = await openRig({ br0: { ports: { p1: { mtu }, vm1: { type, path, mtu, ...keys } } } });
  const bound = type === 'dgram' ? MessagePeer.bind(remote) : undefined;
  const stream = type === 'stream' ? await StreamPeer.connect(path) : undefined;
  await expect.poll(state(rig, 'vm1')).toBe('up');
  const frame = Buffer.concat([parse('a > *'), Buffer.alloc(9014 - 60, 7)]);
  bound?.sendTo(path, frame);
  stream?.send(frame);
  await expect
    .poll(() => {
      rig.taploom.poll(0, rig.now);
      return rig.counters('vm1').forwarded;
    })
    .toBe(1);
  expect(rig.taploom.memoryPort('p1').receive()?.bytes).toEqual(new Uint8Array(frame));
  const answer = Buffer.concat([parse('b > a'), Buffer.alloc(9014 - 60, 9)]);
  rig.taploom.memoryPort('p1').send(answer);
  rig.run();
  const got = () => bound?.receive()[0] ?? stream?.frames[0];
  await expect.poll(got).toEqual(answer);
});
