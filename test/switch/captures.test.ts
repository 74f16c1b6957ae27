// Captures by the library, of an inline switch whose clock and frames are the test's.

import { expect, test } from 'vitest';
import type { Capture, CapturedFrame } from '../../src/api.ts';
import type { BpfInstruction } from '../../src/wire/bpf.ts';
import { configOf, openRig, ports } from '../support/engine/rig.ts';

async function first(capture: Capture, count: number): Promise<CapturedFrame[]> {
  const frames: CapturedFrame[] = [];
  for await (const frame of capture) if (frames.push(frame) === count) break;
  return frames;
}
const brief = ({ port, direction, reason, length }: CapturedFrame) =>
  `${port} ${direction} ${length}${reason === undefined ? '' : ` ${reason}`}`;

test('a capture of everything sees what comes in and what goes out, with the tag that it has there', async () => {
  const rig = await openRig({
    br0: { vlan_filtering: true, ports: { p1: { vlan: { access: 10 } }, p2: { vlan: { trunk: [10] } } } },
  });
  const capture = await rig.taploom.capture();
  rig.say('p1', 'a > *');
  const before = BigInt(Date.now()) * 1_000_000n;
  const frames = await first(capture, 2);
  expect(frames.map(brief)).toEqual([`p1 in ${frames[0].length}`, `p2 out ${frames[0].length + 4}`]);
  expect(Buffer.from(frames[1].bytes.subarray(12, 16)).toString('hex')).toBe('8100000a');
  expect(frames[0].time).toBe(frames[1].time);
  // The rig's clock is not this machine's: no more than that it is a time since 1970.
  expect(frames[0].time).toBeLessThan(before);
  expect(capture.lost()).toEqual({});
});

test('drops tell their reason and side; and what was received says at once that it is to be dropped', async () => {
  const rig = await openRig({
    br0: {
      vlan_filtering: true,
      ports: { p1: { vlan: { access: 10 } }, p2: { mtu: 100, vlan: { access: 10 } } },
    },
  });
  const drops = await rig.taploom.capture({ directions: ['drop'] });
  const received = await rig.taploom.capture({ directions: ['in'], port: 'p1' });
  rig.say('p1', 'a > * vlan 20');
  rig.taploom
    .memoryPort('p1')
    .send(Buffer.concat([Buffer.from('ffffffffffff02000000000a88b5', 'hex'), Buffer.alloc(500)]));
  rig.run();
  const [alien, big] = await first(drops, 2);
  expect(alien).toMatchObject({ port: 'p1', direction: 'drop', reason: 'vlan_not_allowed', side: 'receive' });
  expect(Buffer.from(alien.bytes.subarray(12, 16)).toString('hex')).toBe('81000014');
  expect(big).toMatchObject({ port: 'p2', reason: 'too_big', side: 'transmit', length: 514 });
  const seen = await first(received, 2);
  expect(seen.map(({ reason }) => reason)).toEqual(['vlan_not_allowed', undefined]);
  const last = await rig.taploom.lastDrops();
  expect(last.map(({ port, reason, length }) => [port, reason, length])).toEqual([
    ['p1', 'vlan_not_allowed', alien.length],
    ['p2', 'too_big', 514],
  ]);
  expect(last[0].head).toBe(Buffer.from(alien.bytes).toString('hex').slice(0, 256));
});

test('a capture of a bridge follows its ports, and one of a port knows no other', async () => {
  const bridges = { br0: { ports: ports(2) }, br1: { ports: { x1: {}, x2: {} } } };
  const rig = await openRig(bridges);
  const ofBridge = await rig.taploom.capture({ bridge: 'br0', directions: ['in'] });
  const ofPort = await rig.taploom.capture({ bridge: 'br1', port: 'x1' });
  rig.say('p1', 'a > *');
  rig.say('x2', 'b > *');
  await rig.taploom.apply(configOf({ ...bridges, br0: { ports: { p2: {}, p3: {} } } }));
  rig.say('p3', 'c > *');
  rig.say('x1', 'd > *');
  expect((await first(ofBridge, 2)).map(({ port }) => port)).toEqual(['p1', 'p3']);
  expect((await first(ofPort, 2)).map(({ port, direction }) => [port, direction])).toEqual([
    ['x1', 'out'],
    ['x1', 'in'],
  ]);
});

test('drops of a port that went are not those of the next one with its number', async () => {
  const rig = await openRig({ br0: { ports: { p1: { isolated: true }, p2: { isolated: true } } } });
  rig.say('p1', 'a > b');
  expect(await rig.taploom.lastDrops()).toHaveLength(1);
  await rig.taploom.apply(configOf({ br0: { ports: { p2: {} } } }));
  await rig.taploom.apply(configOf({ br0: { ports: { p2: {}, p4: {}, p5: {} } } }));
  expect(await rig.taploom.lastDrops()).toEqual([]);
});

test('it ends after its count, when it is closed, when the loop is left, and with the switch', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const { taploom } = rig;
  const counted = await taploom.capture({ count: 3 });
  for (let n = 0; n < 5; n++) rig.say('p1', 'a > *');
  const frames: CapturedFrame[] = [];
  for await (const frame of counted) frames.push(frame);
  expect(frames).toHaveLength(3);
  const closed = await taploom.capture();
  rig.say('p1', 'a > *');
  await closed.close();
  rig.say('p1', 'a > *');
  const rest: CapturedFrame[] = [];
  for await (const frame of closed) rest.push(frame);
  expect(rest).toHaveLength(2);
  // Each of these gives its place back.
  for (let n = 0; n < 6; n++) {
    const left = await taploom.capture();
    rig.say('p1', 'a > *');
    await first(left, 1);
  }
  const last = await taploom.capture();
  const reading = (async () => {
    for await (const _ of last);
    return 'ended';
  })();
  await taploom.close();
  expect(await reading).toBe('ended');
  await expect(taploom.capture()).rejects.toMatchObject({ code: 'closed' });
});

test('what nobody reads is lost, and counted by port', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const capture = await rig.taploom.capture({ directions: ['in', 'out'] });
  const frame = Buffer.concat([Buffer.from('ffffffffffff02000000000a88b5', 'hex'), Buffer.alloc(1400)]);
  const sent = 4000;
  for (let n = 0; n < sent; n++) {
    rig.taploom.memoryPort('p1').send(frame);
    if (n % 50 === 49) {
      rig.taploom.poll(0, ++rig.now);
      rig.received();
    }
  }
  await capture.close();
  let read = 0;
  let turns = 0;
  const others = setInterval(() => turns++, 0);
  for await (const batch of capture.batches()) read += batch.length;
  clearInterval(others);
  // This thread has other things to do, too.
  expect(turns).toBeGreaterThan(2);
  const lost = capture.lost();
  expect(read).toBeGreaterThan(2000);
  expect(lost.p1).toBeGreaterThan(0);
  expect(read + lost.p1 + lost.p2).toBe(2 * sent);
});

test('bad options are refused before anything runs', async () => {
  const { taploom } = await openRig({ br0: { ports: ports(2) }, br1: {} });
  const refused = (options: object) =>
    taploom.capture(options).then(String, ({ code, message }) => `${code}: ${message}`);
  expect(await refused({ bridge: 'br9' })).toBe('no_such_bridge: There is no bridge br9');
  expect(await refused({ port: 'p9' })).toBe('no_such_port: There is no port p9');
  expect(await refused({ bridge: 'br1', port: 'p1' })).toBe('no_such_port: Bridge br1 has no port p1');
  expect(await refused({ snaplen: 0 })).toMatch(/^invalid_option: snaplen: 0 is not/);
  expect(await refused({ count: -1 })).toMatch(/^invalid_option: count: -1 is not/);
  expect(await refused({ directions: [] })).toMatch(/^invalid_option: directions: name at least one/);
  expect(await refused({ directions: ['up'] })).toMatch(/^invalid_option: directions: up is not/);
  expect(
    await refused({
      program: [
        [6, 0, 0, 0],
        [5, 0, 0, 9],
      ] as BpfInstruction[],
    }),
  ).toMatch(/^invalid_option: program: instruction 1: jump/);
  const four = await Promise.all([1, 2, 3, 4].map(() => taploom.capture()));
  expect(await refused({})).toMatch(/^capture_busy: There are 4 captures already/);
  await four[0].close();
  await taploom.capture();
});

test('what a device does not take is a drop with its bytes, too', async () => {
  const rig = await openRig({ br0: { ports: ports(2) } });
  const drops = await rig.taploom.capture({ directions: ['drop'], port: 'p2' });
  const frame = Buffer.concat([Buffer.from('ffffffffffff02000000000a88b5', 'hex'), Buffer.alloc(1400, 7)]);
  // Nobody empties the ring of p2.
  for (let n = 0; n < 2000; n++) {
    rig.taploom.memoryPort('p1').send(frame);
    rig.taploom.poll(0, ++rig.now);
  }
  const [dropped] = await first(drops, 1);
  expect(dropped).toMatchObject({ port: 'p2', reason: 'queue_full', side: 'transmit', length: frame.length });
  expect(Buffer.from(dropped.bytes).equals(frame)).toBe(true);
  const last = await rig.taploom.lastDrops();
  expect(last).toHaveLength(16);
  expect(last[15].head).toBe(frame.toString('hex', 0, 128));
});
