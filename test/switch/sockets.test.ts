// Ports of type stream and dgram with a fake virtual machine at the other end, inline.

import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmodSync, existsSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, show } from '../support/engine/frame_text.ts';
import { openRig, type Rig } from '../support/engine/rig.ts';
import {
  framed,
  MessagePeer,
  packetServer,
  StreamPeer,
  socketDir,
  streamServer,
} from '../support/socket_peers.ts';

const status = (rig: Rig, name: string) => rig.taploom.ports().find((port) => port.name === name);
const states = (rig: Rig, name: string) =>
  expect.poll(() => {
    rig.taploom.poll(0, rig.now);
    return status(rig, name)?.state;
  });
const isUp = (rig: Rig, name: string) => states(rig, name).toBe('up');
const isDown = (rig: Rig, name: string) => states(rig, name).toBe('down');
const told = (rig: Rig, port: string) =>
  rig.taploom.events.stored({ types: ['port'], port }).map(({ message }) => message);

/** Polls until the port has got as many frames, and says them. */
async function got(rig: Rig, port: string, count: number): Promise<string[]> {
  const lines: string[] = [];
  await expect
    .poll(() => {
      rig.taploom.poll(0, rig.now);
      for (const frame of rig.received().get(port) ?? []) lines.push(show(frame.bytes));
      return lines.length;
    })
    .toBe(count);
  rig.expectLaws();
  return lines;
}

describe('a stream', () => {
  test('a guest that connects sends and gets frames, many in one piece and one in many pieces', async () => {
    const path = join(socketDir(), 'vm1.sock');
    const rig = await openRig({ br0: { ports: { p1: {}, vm1: { type: 'stream', path } } } });
    expect(status(rig, 'vm1')).toMatchObject({ state: 'down', reason: `nobody is connected to ${path}` });
    const peer = await StreamPeer.connect(path);
    await isUp(rig, 'vm1');
    expect(status(rig, 'vm1')?.socket).toMatchObject({ connected: true, peer: { pid: process.pid } });

    peer.send(parse('a > *'), parse('b > *'), parse('a > *'));
    expect(await got(rig, 'p1', 3)).toEqual(['a > *', 'b > *', 'a > *']);
    for (const byte of framed(parse('c > *'))) {
      peer.socket.write(Buffer.from([byte]));
      await new Promise((done) => setImmediate(done));
      rig.taploom.poll(0, rig.now);
    }
    expect(await got(rig, 'p1', 1)).toEqual(['c > *']);
    rig.say('p1', 'd > a');
    rig.say('p1', 'd > *');
    await expect.poll(() => peer.frames.map(show)).toEqual(['d > a', 'd > *']);
  });

  test('who goes is followed by whoever waits, and status says how it ended', async () => {
    const path = join(socketDir(), 'vm1.sock');
    const rig = await openRig({ br0: { ports: { p1: {}, vm1: { type: 'stream', path } } } });
    const first = await StreamPeer.connect(path);
    await isUp(rig, 'vm1');
    const second = await StreamPeer.connect(path);
    first.socket.destroy();
    await expect
      .poll(() => {
        rig.taploom.poll(0, rig.now);
        return status(rig, 'vm1')?.socket?.connections;
      })
      .toBe(2);
    expect(status(rig, 'vm1')?.socket?.lastEnd).toBe('was closed by the other end');
    second.send(parse('a > *'));
    expect(await got(rig, 'p1', 1)).toEqual(['a > *']);
    expect(told(rig, 'vm1')).toEqual([
      'port vm1 was added to bridge br0',
      'port vm1 is up',
      expect.stringContaining('port vm1 is down'),
      'port vm1 is up',
    ]);
  });

  test.each([0, 65_558, 0xffff_ffff])(
    'a length of %i closes that connection, and says why',
    async (length) => {
      const path = join(socketDir(), 'vm1.sock');
      const rig = await openRig({ br0: { ports: { p1: {}, vm1: { type: 'stream', path } } } });
      const peer = await StreamPeer.connect(path);
      await isUp(rig, 'vm1');
      const head = Buffer.alloc(4);
      head.writeUInt32BE(length);
      peer.socket.write(Buffer.concat([framed(parse('a > *')), head, Buffer.alloc(100)]));
      expect(await got(rig, 'p1', 1)).toEqual(['a > *']);
      await isDown(rig, 'vm1');
      expect(status(rig, 'vm1')?.reason).toContain('a length that no frame has');
      expect(told(rig, 'vm1').at(-1)).toContain('a length that no frame has');
      await expect.poll(() => peer.isClosed).toBe(true);
      await StreamPeer.connect(path);
      await isUp(rig, 'vm1');
    },
  );

  test('who does not read loses whole frames, counted for that reason, and then gets others', async () => {
    const path = join(socketDir(), 'vm1.sock');
    const mtu = 65_000;
    const rig = await openRig({ br0: { ports: { p1: { mtu }, vm1: { type: 'stream', path, mtu } } } });
    const peer = await StreamPeer.connect(path);
    await isUp(rig, 'vm1');
    peer.socket.pause();
    const frame = Buffer.concat([parse('a > *'), Buffer.alloc(60_000, 7)]);
    for (let n = 0; n < 40; n++) {
      rig.taploom.memoryPort('p1').send(frame);
      rig.run();
    }
    const { transmittedFrames, transmitDropped } = rig.counters('vm1');
    expect(transmitDropped.slow_reader).toBeGreaterThan(0);
    expect(transmittedFrames + transmitDropped.slow_reader).toBe(40);
    peer.socket.resume();
    await expect
      .poll(() => {
        rig.taploom.poll(0, rig.now);
        return peer.frames.length;
      })
      .toBe(transmittedFrames);
    expect(peer.frames.every((one) => one.equals(frame))).toBe(true);
    rig.say('p1', 'b > *');
    await expect.poll(() => peer.frames.length).toBe(transmittedFrames + 1);
    expect(show(peer.frames.at(-1) as Buffer)).toBe('b > *');
  });

  test('a super-frame leaves as segments, with finished checksums', async () => {
    const path = join(socketDir(), 'vm1.sock');
    const rig = await openRig({ br0: { ports: { p1: {}, vm1: { type: 'stream', path } } } });
    const peer = await StreamPeer.connect(path);
    await isUp(rig, 'vm1');
    const { frame, offload } = superFrame(3000);
    rig.taploom.memoryPort('p1').send(frame, offload);
    rig.run();
    await expect.poll(() => peer.frames.length).toBe(3);
    expect(peer.frames.map(({ length }) => length)).toEqual([54 + 1448, 54 + 1448, 54 + 104]);
  });

  test('a client connects as soon as there is a server, and again after it was away', async () => {
    const path = join(socketDir(), 'vm1.sock');
    const rig = await openRig({ br0: { ports: { p1: {}, vm1: { type: 'stream', path, mode: 'client' } } } });
    expect(status(rig, 'vm1')?.reason).toContain('nobody listens there');
    const one = await streamServer(path);
    await isUp(rig, 'vm1');
    await expect.poll(() => one.peers.length).toBe(1);
    one.peers[0].send(parse('a > *'));
    expect(await got(rig, 'p1', 1)).toEqual(['a > *']);
    one.peers[0].socket.destroy();
    await one.close();
    await isDown(rig, 'vm1');
    const two = await streamServer(path);
    await isUp(rig, 'vm1');
    await expect.poll(() => two.peers.length).toBe(1);
    two.peers[0].send(parse('b > *'));
    expect(await got(rig, 'p1', 1)).toEqual(['b > *']);
  });

  test('through TCP on loopback, as server and as client', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => free.once('listening', done));
    const { port } = free.address() as { port: number };
    await new Promise((done) => free.close(done));
    const address = `127.0.0.1:${port}`;
    const rig = await openRig({
      br0: {
        ports: { p1: {}, vm1: { type: 'stream', address }, vm2: { type: 'stream', address, mode: 'client' } },
      },
    });
    await isUp(rig, 'vm1');
    await isUp(rig, 'vm2');
    // vm1 and vm2 are a loop: what p1 floods through one comes back through the other.
    expect(rig.say('p1', 'a > *')).toEqual([]);
    expect(await got(rig, 'p1', 2)).toEqual(['a > *', 'a > *']);
  });

  test('framing bess: packets in sequence, as server and as client', async () => {
    const dir = socketDir();
    const server = packetServer(join(dir, 'b.sock'));
    const stream = { type: 'stream', framing: 'bess' };
    const rig = await openRig({
      br0: {
        ports: {
          p1: {},
          vm1: { ...stream, path: join(dir, 'a.sock') },
          vm2: { ...stream, path: join(dir, 'b.sock'), mode: 'client' },
        },
      },
    });
    const one = MessagePeer.connect(join(dir, 'a.sock'), 'seqpacket');
    await isUp(rig, 'vm1');
    await isUp(rig, 'vm2');
    const two = server.accept() as MessagePeer;
    one.send(parse('a > *'));
    expect(await got(rig, 'p1', 1)).toEqual(['a > *']);
    expect(two.receive().map(show)).toEqual(['a > *']);
    two.send(parse('b > a'));
    two.send(parse('b > a'));
    const frames: Buffer[] = [];
    await expect
      .poll(() => {
        rig.taploom.poll(0, rig.now);
        frames.push(...one.receive());
        return frames.map(show);
      })
      .toEqual(['b > a', 'b > a']);
    one.close();
    await isDown(rig, 'vm1');
    expect(status(rig, 'vm2')?.state).toBe('up');
  });
});

describe('datagrams', () => {
  test('between two paths, as QEMU has them, also after the other end was started again', async () => {
    const dir = socketDir();
    const [path, remote] = [join(dir, 'vm1.sock'), join(dir, 'qemu.sock')];
    const rig = await openRig({ br0: { ports: { p1: {}, vm1: { type: 'dgram', path, remote } } } });
    expect(status(rig, 'vm1')?.reason).toContain(`nobody has a socket at ${remote}`);
    for (const station of ['a', 'b']) {
      const peer = MessagePeer.bind(remote);
      await isUp(rig, 'vm1');
      peer.sendTo(path, parse(`${station} > *`));
      expect(await got(rig, 'p1', 1)).toEqual([`${station} > *`]);
      rig.say('p1', `c > ${station}`);
      expect(peer.receive().map(show)).toEqual([`c > ${station}`]);
      peer.close();
      unlinkSync(remote);
      rig.say('p1', `c > ${station}`);
      await isDown(rig, 'vm1');
    }
    expect(rig.counters('vm1').transmitDropped.not_connected).toBe(2);
  });

  test('to whoever sends first, and nobody else gets in meanwhile', async () => {
    const path = join(socketDir(), 'vm1.sock');
    const rig = await openRig({ br0: { ports: { p1: {}, vm1: { type: 'dgram', path } } } });
    const peer = MessagePeer.connect(path, 'dgram');
    peer.send(parse('a > *'));
    await isUp(rig, 'vm1');
    expect(await got(rig, 'p1', 1)).toEqual(['a > *']);
    expect(() => MessagePeer.connect(path, 'dgram')).toThrow('EPERM');
    peer.close();
    await isDown(rig, 'vm1'); // a look every second tells
    const other = MessagePeer.connect(path, 'dgram');
    other.send(parse('b > *'));
    expect(await got(rig, 'p1', 1)).toEqual(['b > *']);
  });

  test('framing vfkit: the greeting is no frame, as server and as client', async () => {
    const dir = socketDir();
    const [path, theirs] = [join(dir, 'vm1.sock'), join(dir, 'gvproxy.sock')];
    const server = MessagePeer.bind(theirs);
    const vfkit = { type: 'dgram', framing: 'vfkit' };
    const rig = await openRig({
      br0: { ports: { p1: {}, vm1: { ...vfkit, path }, vm2: { ...vfkit, path: theirs, mode: 'client' } } },
    });
    const peer = MessagePeer.connect(path, 'dgram');
    peer.send(parse('x > *')); // before the greeting: nobody knows it yet
    peer.send(Buffer.from('VFKT'));
    peer.send(parse('a > *'));
    await isUp(rig, 'vm1');
    await isUp(rig, 'vm2');
    expect(await got(rig, 'p1', 1)).toEqual(['a > *']);
    expect(server.receive().map((bytes) => (bytes.length === 4 ? String(bytes) : show(bytes)))).toEqual([
      'VFKT',
      'a > *',
    ]);
  });

  test('through UDP on loopback, where nobody need be at the other end', async () => {
    const [here, there] = [await freeUdpPort(), await freeUdpPort()];
    const [address, remote] = [`127.0.0.1:${here}`, `127.0.0.1:${there}`];
    const rig = await openRig({
      br0: { ports: { p1: {}, vm1: { type: 'dgram', address, remote } } },
    });
    await isUp(rig, 'vm1');
    rig.say('p1', 'c > *');
    rig.say('p1', 'c > *');
    const peer = createSocket('udp4').bind(there, '127.0.0.1');
    onTestFinished(() => void peer.close());
    const frames: string[] = [];
    peer.on('message', (bytes) => frames.push(show(bytes)));
    await new Promise((done) => peer.once('listening', done));
    peer.send(parse('a > *'), here, '127.0.0.1');
    expect(await got(rig, 'p1', 1)).toEqual(['a > *']);
    rig.say('p1', 'c > a');
    rig.say('p1', 'c > a');
    await expect.poll(() => frames).toContain('c > a');
    expect(status(rig, 'vm1')?.state).toBe('up');
  });
});

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await new Promise((done) => socket.once('listening', done));
  const { port } = socket.address();
  await new Promise<void>((done) => void socket.close(() => done()));
  return port;
}

describe('guests of a template', () => {
  const guests = (keys: Record<string, unknown>) => ({
    vlan_filtering: true,
    ports: {
      p1: { vlan: { access: 10 } },
      guests: { type: 'stream', template: { vlan: { access: 10 } }, ...keys },
    },
  });
  const names = (rig: Rig) => rig.taploom.ports().map(({ name }) => name);

  test('each connection is a port while it lasts, with its settings, a name and events', async () => {
    const path = join(socketDir(), 'guests.sock');
    const rig = await openRig({ br0: guests({ path }) });
    expect(names(rig)).toEqual(['p1', 'guests']);
    expect(status(rig, 'guests')?.state).toBe('up');
    const one = await StreamPeer.connect(path);
    const two = await StreamPeer.connect(path);
    await isUp(rig, 'guests.1');
    await isUp(rig, 'guests.2');
    expect(Object.keys(rig.taploom.config.bridges.br0.ports)).toEqual(['p1', 'guests']);
    one.send(parse('a > *'));
    expect(await got(rig, 'p1', 1)).toEqual(['a > *']);
    await expect.poll(() => two.frames.map(show)).toEqual(['a > *']);
    expect(await rig.fdb()).toEqual(['br0 vlan 10 02:00:00:00:00:61 guests.1']);
    expect(rig.counters('guests').copies).toBe(0);
    one.socket.destroy();
    await expect
      .poll(() => {
        rig.taploom.poll(0, rig.now);
        return names(rig);
      })
      .toEqual(['p1', 'guests', 'guests.2']);
    expect(await rig.fdb()).toEqual([]);
    expect(told(rig, 'guests.1')).toEqual([
      `port guests.1 was added to bridge br0: a guest of guests, process ${process.pid} of user ${process.getuid?.()}`,
      'port guests.1 is up',
      'port guests.1 was removed from bridge br0: its connection was closed by the other end',
    ]);
    expect(rig.taploom.events.stored({ port: 'guests.1' })[0]).toMatchObject({ guestOf: 'guests' });
    await StreamPeer.connect(path);
    await isUp(rig, 'guests.1');
    expect(status(rig, 'guests')?.socket).toMatchObject({ guests: 2, connections: 3, refused: 0 });
  });

  test('no more than max_guests, and the next one when one has gone', async () => {
    const path = join(socketDir(), 'guests.sock');
    const rig = await openRig({ br0: guests({ path, max_guests: 1 }) });
    const one = await StreamPeer.connect(path);
    await isUp(rig, 'guests.1');
    const two = await StreamPeer.connect(path);
    await expect.poll(() => two.isClosed).toBe(true);
    expect(status(rig, 'guests')?.socket).toMatchObject({ guests: 1, refused: 1 });
    one.socket.destroy();
    await expect
      .poll(() => {
        rig.taploom.poll(0, rig.now);
        return names(rig);
      })
      .not.toContain('guests.1');
    await StreamPeer.connect(path);
    await isUp(rig, 'guests.1');
  });

  test('named by the user who connects, who gets settings of his own', async () => {
    const path = join(socketDir(), 'guests.sock');
    const uid = String(process.getuid?.());
    const users = { [uid]: { vlan: { access: 20 }, isolated: true } };
    const rig = await openRig({ br0: guests({ path, name_by: 'uid', users }) });
    const one = await StreamPeer.connect(path);
    await isUp(rig, `guests.${uid}`);
    one.send(parse('a > *'));
    await expect
      .poll(async () => {
        rig.taploom.poll(0, rig.now);
        return rig.fdb();
      })
      .toEqual([`br0 vlan 20 02:00:00:00:00:61 guests.${uid}`]);
    const two = await StreamPeer.connect(path);
    await expect.poll(() => two.isClosed).toBe(true);
    expect(status(rig, 'guests')?.socket?.lastEnd).toContain('already');
  });

  test('another template is theirs at once; another path, or none, is their end', async () => {
    const dir = socketDir();
    const path = join(dir, 'guests.sock');
    const rig = await openRig({ br0: guests({ path }) });
    const one = await StreamPeer.connect(path);
    await isUp(rig, 'guests.1');
    await rig.change(({ bridges }) => {
      (bridges.br0.ports.guests as { template: { vlan: unknown } }).template.vlan = { access: 30 };
    });
    one.send(parse('a > *'));
    await expect
      .poll(async () => {
        rig.taploom.poll(0, rig.now);
        return rig.fdb();
      })
      .toEqual(['br0 vlan 30 02:00:00:00:00:61 guests.1']);
    await rig.change(({ bridges }) => {
      (bridges.br0.ports.guests as { path: string }).path = join(dir, 'other.sock');
    });
    await expect.poll(() => one.isClosed).toBe(true);
    expect(names(rig)).toEqual(['p1', 'guests']);
    const two = await StreamPeer.connect(join(dir, 'other.sock'));
    await isUp(rig, 'guests.1');
    await rig.change(({ bridges }) => void delete bridges.br0.ports.guests);
    await expect.poll(() => two.isClosed).toBe(true);
    expect(names(rig)).toEqual(['p1']);
  });
});

describe.each(['stream', 'vhost_user'])('the file of a socket of type %s', (type) => {
  test('has the mode that is asked for, and goes with the port', async () => {
    const path = join(socketDir(), 'vm1.sock');
    const vm1 = { type, path, socket_mode: '0640' };
    const rig = await openRig({ br0: { ports: { p1: {}, vm1 } } });
    expect(statSync(path).mode & 0o777).toBe(0o640);
    await rig.change(({ bridges }) => void delete bridges.br0.ports.vm1);
    expect(existsSync(path)).toBe(false);
  });

  test.skipIf(process.getuid?.() !== 0)('lets in its owner and its group, and nobody else', async () => {
    const [OWNER, GROUP, OTHER] = [54_321, 12_345, 54_322];
    const dir = socketDir();
    chmodSync(dir, 0o755);
    const path = join(dir, 'vm1.sock');
    await openRig({ br0: { ports: { p1: {}, vm1: { type, path, owner: OWNER, group: GROUP } } } });
    const { mode, uid, gid } = statSync(path);
    expect([mode & 0o777, uid, gid]).toEqual([0o660, OWNER, GROUP]);
    const who = [OWNER, OTHER, OTHER].map((user, n) => connectAs(path, user, n === 1 ? GROUP : OTHER));
    expect(await Promise.all(who)).toEqual(['in', 'in', 'EACCES']);
  });

  test('of somebody who was killed is replaced; where somebody listens, or what is no socket, is refused', async () => {
    const dir = socketDir();
    const rig = await openRig({ br0: { ports: { p1: {} } } });
    const add = async (path: string) => {
      const config = structuredClone(rig.taploom.config);
      config.bridges.br0.ports.vm1 = { type, path } as never;
      return (await rig.taploom.apply(config)).find(({ ok }) => !ok)?.error;
    };
    const live = join(dir, 'live.sock');
    await streamServer(live);
    expect(await add(live)).toContain(`somebody listens at ${live} already`);
    writeFileSync(join(dir, 'file'), '');
    expect(await add(join(dir, 'file'))).toContain('exists and is no socket');
    expect(await add(join(dir, 'none/vm1.sock'))).toContain(`there is no folder ${join(dir, 'none')}`);
    const stale = join(dir, 'stale.sock');
    MessagePeer.bind(stale).close();
    expect(existsSync(stale)).toBe(true);
    expect(await add(stale)).toBeUndefined();
    await StreamPeer.connect(stale);
  });
});

/** What a process of somebody else's is told. */
async function connectAs(path: string, uid: number, gid: number): Promise<string> {
  const program = `const s = require('net').connect(${JSON.stringify(path)}, () => { console.log('in'); process.exit(); });
    s.on('error', ({ code }) => console.log(code))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { uid, gid });
  return stdout.trim();
}

function superFrame(payload: number) {
  const frame = Buffer.alloc(54 + payload, 1);
  frame.set(parse('a > *').subarray(0, 12));
  frame.writeUInt16BE(0x0800, 12);
  frame.fill(0, 14, 54);
  frame[14] = 0x45;
  frame.writeUInt16BE(40 + payload, 16);
  frame[22] = 64;
  frame[23] = 6;
  frame.set([10, 0, 0, 1, 10, 0, 0, 2], 26);
  frame[46] = 5 << 4;
  frame[47] = 0x10;
  return { frame, offload: { gsoType: 1, gsoSize: 1448, csumStart: 34, csumOffset: 16 } };
}
