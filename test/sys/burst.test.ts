import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Burst, KIND, LOST, ROW, RX, TRUNCATED, TX } from '../../src/sys/burst.ts';
import { monotonicMs } from '../../src/sys/clock.ts';
import { native } from '../../src/sys/native.ts';
import { closeFd, createWake, signalWake } from '../../src/sys/wake.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import {
  bridgedTaps,
  burst,
  callsWhileQuiet,
  entry,
  eventList,
  frame,
  HEADER,
  HEADROOM,
  inject,
  owned,
  received,
  STRIDE,
  sources,
  tap,
} from './rig.ts';

needs();

const EIO = 5;
const EBADF = 9;
const EFAULT = 14;
const EINVAL = 22;
const EBADFD = 77;

describe.each([
  ['through io_uring', true],
  ['by a system call for each frame', false],
])('%s', (_how, uring) => {
  test('a TAP for tunnels has its longer header before each frame, beside others with the usual one', async () => {
    const { taps } = await bridgedTaps(await openLab(), 3);
    expect(native().tl_tap_set_header(taps[1].fd, 24)).toBeGreaterThanOrEqual(0);
    const b = burst({ uring });
    b.add(taps[1].fd, 7, KIND.tunnelTap);
    b.add(taps[2].fd, 8, KIND.tap);
    const bytes = frame(200);
    b.bytes.fill(0xaa);
    inject(b, taps[0].fd, 20, bytes);
    const seen = { 7: 0, 8: 0 } as Record<number, number>;
    for (let slot = 0; slot < 40; ) {
      const count = b.receive(slot, 40 - slot, 1000);
      expect(count).toBeGreaterThan(0);
      for (const end = slot + count; slot < end; slot++) {
        const source = b.rx[slot * ROW + RX.source];
        seen[source]++;
        expect(received(b, slot)).toEqual(bytes);
        const at = slot * STRIDE + HEADROOM;
        const header = source === 7 ? 24 : HEADER;
        expect(b.bytes.subarray(at - header, at)).toEqual(Buffer.alloc(header));
        expect(b.bytes[at - header - 1]).toBe(0xaa);
      }
    }
    expect(seen).toEqual({ 7: 20, 8: 20 });
  });

  test('a frame of one, two or three pieces arrives whole, its header in the bytes before the frame', async () => {
    const { taps } = await bridgedTaps(await openLab(), 2);
    const b = burst({ uring });
    b.add(taps[1].fd, 7, KIND.tap);
    const bytes = frame(200);
    const header = Buffer.alloc(HEADER);
    const aux = b.slots * STRIDE;
    let end = entry(b, 0, taps[0].fd, [Buffer.concat([header, bytes])], aux);
    end = entry(b, 1, taps[0].fd, [header, bytes], end);
    entry(b, 2, taps[0].fd, [header, bytes.subarray(0, 12), bytes.subarray(12)], end);
    b.transmit(3);
    expect([0, 1, 2].map((n) => b.result(n))).toEqual([212, 212, 212]);

    b.bytes.fill(0xaa, 0, aux);
    let count = 0;
    while (count < 3) count += b.receive(2 + count, 3 - count, 1000);
    for (const slot of [2, 3, 4]) {
      expect(b.rx.subarray(slot * ROW, slot * ROW + 5)).toEqual(new Int32Array([7, 200, 0, 0, 0]));
      expect(received(b, slot)).toEqual(bytes);
      const at = slot * STRIDE + HEADROOM;
      expect(b.bytes.subarray(at - HEADER, at)).toEqual(Buffer.alloc(HEADER));
      expect(b.bytes[at - HEADER - 1]).toBe(0xaa);
      expect(b.bytes[at + 200]).toBe(0xaa);
    }
  });

  test('a large frame goes out by writev and comes back the same', async () => {
    const { taps } = await bridgedTaps(await openLab(), 2, { mtu: 3900 });
    const b = burst({ uring });
    b.add(taps[1].fd, 1, KIND.tap);
    const bytes = frame(3800, 9);
    entry(
      b,
      0,
      taps[0].fd,
      [Buffer.alloc(HEADER), bytes.subarray(0, 20), bytes.subarray(20)],
      b.slots * STRIDE,
    );
    b.transmit(1);
    expect(b.result(0)).toBe(HEADER + 3800);
    expect(b.receive(0, 4, 1000)).toBe(1);
    expect(received(b, 0)).toEqual(bytes);
  });

  test('frames of one TAP come in order', async () => {
    const { taps } = await bridgedTaps(await openLab(), 2);
    const b = burst({ uring });
    b.add(taps[1].fd, 1, KIND.tap);
    const aux = b.slots * STRIDE;
    for (let i = 0; i < 200; i++) entry(b, i, taps[0].fd, [Buffer.alloc(HEADER), frame(60, i)], aux + i * 72);
    b.transmit(200);
    const seen: number[] = [];
    while (seen.length < 200) {
      const count = b.receive(0, 64, 1000);
      expect(count).toBeGreaterThan(0);
      for (let slot = 0; slot < count; slot++) seen.push(received(b, slot)[14]);
    }
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  test('no call takes more than its limit, more than 32 frames of one TAP, or slots that do not exist', async () => {
    const { taps } = await bridgedTaps(await openLab(), 2);
    const b = burst({ uring, slots: 64 });
    b.add(taps[1].fd, 1, KIND.tap);
    inject(b, taps[0].fd, 400);
    // Learns that it is worth asking for more; on a busy machine a pause may look like a sleep, and it waits a round.
    const counts: number[] = [];
    while (counts.at(-1) !== 32) counts.push(b.receive(0, 64, 0));
    expect(counts[0]).toBe(1);
    expect(counts).toEqual(counts.toSorted((x, y) => x - y));
    expect(b.receive(0, 64, 0)).toBe(32);
    expect(b.receive(0, 5, 0)).toBe(5);
    expect(b.receive(62, 64, 0)).toBe(2);
    expect(b.receive(64, 64, 0)).toBe(0);
    expect(b.receive(0, 0, 0)).toBe(0);
    expect(b.receive(65, 1, 0)).toBe(-EINVAL);
  });

  test('no call takes more super-frames than the cache holds, and two busy TAPs take turns', async () => {
    const { taps } = await bridgedTaps(await openLab(), 3, { mtu: 65_000 });
    const b = burst({ uring, slots: 64, stride: 65_536 + HEADROOM });
    b.add(taps[1].fd, 1, KIND.tap);
    b.add(taps[2].fd, 2, KIND.tap);
    inject(b, taps[0].fd, 100, frame(65_000));
    const calls: number[][] = [];
    for (let left = 200; left > 0; left -= calls.at(-1)?.length ?? 0) {
      calls.push(sources(b, b.receive(0, 64, 1000)));
      expect(calls.at(-1)).not.toEqual([]);
    }
    // 1 MiB, and of each the frame that goes beyond.
    for (const call of calls) expect(call.length).toBeLessThanOrEqual(18);
    for (const source of [1, 2]) {
      expect(calls.flat().filter((one) => one === source)).toHaveLength(100);
      const without = calls.map((call) => (call.includes(source) ? '.' : 'x')).join('');
      expect(without.slice(0, -5), 'calls without it').not.toContain('xxx');
    }
  });

  test('a TAP that owes for its frames gets fewer turns beside others, and none less alone', async () => {
    const { taps } = await bridgedTaps(await openLab(), 3);
    const owed = Buffer.from(new ArrayBuffer(12));
    const debts = new Int32Array(owed.buffer);
    const b = burst({ uring, owed });
    b.add(taps[1].fd, 1, KIND.tap);
    b.add(taps[2].fd, 2, KIND.tap);
    inject(b, taps[0].fd, 500);
    const got = [0, 0, 0];
    // Each frame of the second costs a hundred copies.
    while (got[1] < 500) {
      for (const source of sources(b, b.receive(0, 64, 0))) {
        got[source]++;
        if (source === 2) debts[2] += 100 * 8192;
      }
    }
    expect(got[2]).toBeGreaterThan(0);
    expect(got[2]).toBeLessThan(100);
    let calls = 0;
    for (; got[2] < 500; calls++) got[2] += b.receive(0, 64, 0);
    expect(calls).toBeLessThan(30);
    expect(debts[2]).toBe(0);
  });

  test('a limit smaller than what is ready starves nobody', async () => {
    const { taps } = await bridgedTaps(await openLab(), 9);
    const b = burst({ uring });
    for (let i = 1; i < 9; i++) b.add(taps[i].fd, i, KIND.tap);
    inject(b, taps[0].fd, 300);
    const got = new Array(9).fill(0);
    for (let i = 0; i < 100; i++) {
      const count = b.receive(0, 3, 0);
      for (const source of sources(b, count)) got[source]++;
    }
    for (let i = 1; i < 9; i++) expect(got[i], `frames of TAP ${i}`).toBeGreaterThan(15);
  });

  test('a busy TAP does not keep a quiet one waiting for more than a call', async () => {
    const { taps } = await bridgedTaps(await openLab(), 2);
    const b = burst({ uring });
    b.add(taps[1].fd, 1, KIND.tap);
    inject(b, taps[0].fd, 500);
    for (let i = 0; i < 8; i++) b.receive(0, 32, 0);
    b.add(taps[0].fd, 2, KIND.tap);
    inject(b, taps[1].fd, 1);
    const first = sources(b, b.receive(0, 32, 0));
    const second = sources(b, b.receive(0, 32, 0));
    expect([...first, ...second]).toContain(2);
  });

  test('a frame that fills its slot is marked truncated', async () => {
    const { taps } = await bridgedTaps(await openLab(), 2);
    const stride = 192;
    const b = burst({ uring, stride, slots: 64 });
    b.add(taps[1].fd, 1, KIND.tap);
    const aux = 64 * STRIDE;
    const big = new Burst(Buffer.alloc(aux + 4096), {
      slots: 64,
      stride: STRIDE,
      headroom: HEADROOM,
      vnetHeader: HEADER,
      txCapacity: 64,
    });
    const room = stride - HEADROOM;
    inject(big, taps[0].fd, 1, frame(room - 1));
    inject(big, taps[0].fd, 1, frame(room));
    inject(big, taps[0].fd, 1, frame(room + 50));
    big.close();
    let count = 0;
    while (count < 3) count += b.receive(count, 3 - count, 1000);
    const column = (word: number) => [0, 1, 2].map((slot) => b.rx[slot * ROW + word]);
    expect(column(RX.length)).toEqual([room - 1, room, room]);
    expect(column(RX.flags)).toEqual([0, TRUNCATED, TRUNCATED]);
  });

  test('a frame that the kernel cannot hand over leaves a row that says so, and the next one comes', async () => {
    const { taps } = await bridgedTaps(await openLab(), 2);
    const [sender, { fd }] = taps;
    const b = burst({ uring });
    b.add(fd, 7, KIND.tap);
    // A header that does not fit in a slot stands for whatever makes read() fail: the frame is thrown away.
    native().tl_tap_set_header(fd, 2 * STRIDE);
    inject(b, sender.fd, 30);
    const rows: Int32Array[] = [];
    while (rows.length < 30) {
      const count = b.receive(0, 8, 1000);
      expect(count).toBeGreaterThan(0);
      for (let n = 0; n < count; n++) rows.push(b.rx.slice(n * ROW, n * ROW + 5));
    }
    expect(rows).toEqual(Array(30).fill(Int32Array.of(7, 0, LOST, 0, 0)));
    expect(callsWhileQuiet(b)).toBeLessThan(10);
    native().tl_tap_set_header(fd, HEADER);
    inject(b, sender.fd, 1);
    expect(b.receive(0, 8, 1000)).toBe(1);
    expect(received(b, 0)).toEqual(frame(60));
    expect(eventList(b)).toEqual([]);
  });

  test('a TAP that does nothing but fail is given up, and does not spin', async () => {
    const { taps } = await bridgedTaps(await openLab(), 2);
    const [sender, { fd }] = taps;
    const b = burst({ uring });
    b.add(fd, 7, KIND.tap);
    native().tl_tap_set_header(fd, 2 * STRIDE);
    inject(b, sender.fd, 200);
    let lost = 0;
    for (let n = 0; n < 200 && b.eventCount === 0; n++) lost += b.receive(0, 8, 0);
    expect(eventList(b)).toEqual([[7, EINVAL]]);
    expect(lost).toBeGreaterThanOrEqual(100);
    expect(callsWhileQuiet(b)).toBeLessThan(10);
  });

  test('nothing of a removed fd is delivered, not even what was already queued', async () => {
    const { taps } = await bridgedTaps(await openLab(), 4);
    const b = burst({ uring });
    for (let i = 1; i < 4; i++) b.add(taps[i].fd, i, KIND.tap);
    inject(b, taps[0].fd, 20);
    expect(b.receive(0, 1, 0)).toBe(1); // the other two are queued now
    b.remove(taps[2].fd);
    b.remove(taps[2].fd);
    const seen = new Set<number>();
    for (let i = 0; i < 40; i++) for (const source of sources(b, b.receive(0, 8, 0))) seen.add(source);
    expect([...seen].sort()).toEqual([1, 3]);
  });

  test('an fd number that is used again gets nothing of its predecessor', async () => {
    const { netns, taps } = await bridgedTaps(await openLab(), 3);
    const b = burst({ uring });
    b.add(taps[1].fd, 1, KIND.tap);
    b.add(taps[2].fd, 2, KIND.tap);
    inject(b, taps[0].fd, 8);
    b.receive(0, 1, 0);
    for (const i of [1, 2]) {
      b.remove(taps[i].fd);
      closeFd(taps[i].fd);
    }
    const next = tap({ name: 'n1', netns: netns.name });
    expect([taps[1].fd, taps[2].fd]).toContain(next.fd);
    b.add(next.fd, 9, KIND.tap);
    for (let i = 0; i < 10; i++) expect(b.receive(0, 8, 0)).toBe(0);
  });

  test('a deleted interface is reported once and does not spin', async () => {
    const { netns, taps } = await bridgedTaps(await openLab(), 2);
    const b = burst({ uring });
    b.add(taps[1].fd, 5, KIND.tap);
    await netns.ip('link del t1');
    expect(b.receive(0, 8, 1000)).toBe(0);
    expect(eventList(b)).toEqual([[5, EBADFD]]);
    expect(callsWhileQuiet(b)).toBeLessThan(10);
    inject(b, taps[0].fd, 1); // the other one goes on
    entry(b, 0, taps[1].fd, [Buffer.alloc(HEADER), frame(60)], b.slots * STRIDE);
    b.transmit(1);
    expect(b.result(0)).toBe(-EBADFD);
  });

  test('each entry has its own result: a down interface, a dead fd, a wrong kind, an offset outside, a short frame', async () => {
    const { netns, taps } = await bridgedTaps(await openLab(), 2);
    const b = burst({ uring });
    const aux = b.slots * STRIDE;
    const down = tap({ name: 'down', netns: netns.name, up: false });
    const good = [Buffer.alloc(HEADER), frame(60)];
    entry(b, 0, taps[0].fd, good, aux);
    entry(b, 1, down.fd, good, aux);
    entry(b, 2, 999_999, good, aux);
    entry(b, 3, taps[0].fd, good, aux);
    b.tx[3 * ROW + TX.kind] = KIND.wake;
    entry(b, 4, taps[0].fd, good, aux);
    b.tx[4 * ROW + TX.piece] = b.bytes.length - 4;
    entry(b, 5, taps[0].fd, good, aux);
    b.tx[5 * ROW + TX.pieces] = 4;
    entry(b, 6, taps[0].fd, [Buffer.alloc(HEADER), frame(14).subarray(1)], aux);
    entry(b, 7, taps[0].fd, good, aux);
    b.transmit(8);
    const results = Array.from({ length: 8 }, (_, n) => b.result(n));
    expect(results).toEqual([72, -EIO, -EBADF, -EINVAL, -EFAULT, -EFAULT, -EINVAL, 72]);
  });

  test('in a run of many frames one that fails costs only itself, and the others keep their order', async () => {
    const { netns, taps } = await bridgedTaps(await openLab(), 2);
    const b = burst({ uring });
    b.add(taps[1].fd, 1, KIND.tap);
    const down = tap({ name: 'down', netns: netns.name, up: false });
    const aux = b.slots * STRIDE;
    for (let n = 0; n < 300; n++) {
      entry(b, n, n % 10 === 7 ? down.fd : taps[0].fd, [Buffer.alloc(HEADER), frame(60, n)], aux + n * 72);
    }
    b.transmit(300);
    const expected = Array.from({ length: 300 }, (_, n) => (n % 10 === 7 ? -EIO : 72));
    expect(Array.from({ length: 300 }, (_, n) => b.result(n))).toEqual(expected);
    const seen: number[] = [];
    while (seen.length < 270) {
      const count = b.receive(0, 64, 1000);
      for (let slot = 0; slot < count; slot++) seen.push(received(b, slot)[14]);
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => n % 256).filter((_, n) => n % 10 !== 7));
  });

  test('hundreds of TAPs are served from one set', async () => {
    const lab = await openLab();
    const netns = await lab.netns('many');
    await netns.withoutIpv6();
    const taps = Array.from({ length: 200 }, (_, i) => tap({ name: `t${i}`, netns: netns.name }));
    await netns.ip(
      'link add sw type bridge mcast_snooping 0',
      'link set sw up',
      ...taps.map((one) => `link set ${one.name} master sw`),
    );
    const b = burst({ uring });
    taps.forEach((one, i) => {
      if (i > 0) b.add(one.fd, i, KIND.tap);
    });
    inject(b, taps[0].fd, 1);
    const seen = new Set<number>();
    for (let i = 0; i < 20; i++) for (const source of sources(b, b.receive(0, 64, 0))) seen.add(source);
    expect(seen.size).toBe(199);
  });
});

test('a wake-up ends the wait, is drained, and needs no slot', () => {
  const wake = owned({ fd: createWake() });
  const b = burst();
  b.add(wake.fd, 3, KIND.wake);
  signalWake(wake.fd);
  signalWake(wake.fd);
  expect(b.receive(0, 0, 1000)).toBe(0);
  expect(eventList(b)).toEqual([[3, 0]]);
  expect(b.receive(0, 8, 0)).toBe(0);
  expect(b.eventCount).toBe(0);
});

test('the clock brackets the wait, and a fraction of a millisecond is not spun away', () => {
  const b = burst();
  const waits = Array.from({ length: 5 }, () => {
    const before = monotonicMs();
    b.receive(0, 8, 0.1);
    const after = monotonicMs();
    expect(b.waitedFrom).toBeGreaterThanOrEqual(before);
    expect(b.now).toBeLessThanOrEqual(after);
    return b.now - b.waitedFrom;
  });
  // A signal ends a wait early: a child that ends sends one.
  expect(Math.max(...waits)).toBeGreaterThan(0.9);
});

test('adding twice, an fd that cannot be waited for, and a cookie that is no cookie are refused', () => {
  const wake = owned({ fd: createWake() });
  const b = burst();
  b.add(wake.fd, 3, KIND.wake);
  expect(() => b.add(wake.fd, 3, KIND.wake)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => b.add(999_999, 3, KIND.tap)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => b.add(-1, 3, KIND.tap)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  const other = owned({ fd: createWake() });
  expect(() => b.add(other.fd, 0, KIND.wake)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  b.add(other.fd, 4, KIND.wake);
});

test('slots that do not fit are refused, and a closed burst does nothing', () => {
  const options = { slots: 2, stride: 128, headroom: 64, vnetHeader: 12, txCapacity: 1 };
  expect(() => new Burst(Buffer.alloc(255), options)).toThrow(RangeError);
  expect(() => new Burst(Buffer.alloc(256), { ...options, headroom: 10 })).toThrow(RangeError);
  const b = new Burst(Buffer.alloc(256), options);
  b.close();
  b.close();
  expect(b.receive(0, 1, 0)).toBe(-EBADF);
  expect(() => b.add(0, 1, KIND.tap)).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

test('a transmit that native code refuses as a whole leaves no old result that looks like success', () => {
  const b = burst();
  b.tx[TX.result] = 60;
  b.tx[ROW + TX.result] = 60;
  b.tx[2 * ROW + TX.result] = 60;
  b.close();
  b.transmit(2);
  expect([0, 1, 2].map((n) => b.result(n))).toEqual([-EBADF, -EBADF, 60]);
});

test('a file that does not take RWF_NOWAIT, as TAPs before Linux 6.4, is served by system calls, and nothing is lost', async () => {
  const fd = openSync('/dev/ptmx', constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(fd));
  const b = burst();
  const aux = b.slots * STRIDE;
  for (let n = 0; n < 10; n++) entry(b, n, fd, [Buffer.from('hello '), Buffer.from(`${n}\n`)], aux + 8 * n);
  b.transmit(10);
  expect(Array.from({ length: 10 }, (_, n) => b.result(n))).toEqual(Array(10).fill(8));
  expect(b.hasUring).toBe(false);
  // The terminal echoes in a thread of the kernel's own, when that has its turn.
  const echo = Buffer.alloc(200);
  const lines = Array.from({ length: 10 }, (_, n) => `hello ${n}\r\n`).join('');
  let text = '';
  const readOn = () => {
    text += echo.toString('latin1', 0, readSync(fd, echo)); // EAGAIN throws
    return text;
  };
  await expect.poll(readOn, { timeout: 5000 }).toBe(lines);
});

test('io_uring is used unless it is not wanted', () => {
  const forbidden = readFileSync('/proc/sys/kernel/io_uring_disabled', 'utf8').trim() === '2';
  expect(burst().hasUring).toBe(!forbidden);
  expect(burst({ uring: false }).hasUring).toBe(false);
});
