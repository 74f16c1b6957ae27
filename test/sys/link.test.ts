import { execFileSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { LinkSocket } from '../../src/sys/link.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { bridgedTaps, burst, inject, tap } from './rig.ts';

needs();

function links(netns?: string): LinkSocket {
  const socket = LinkSocket.open(netns);
  onTestFinished(() => socket.close());
  return socket;
}

test('an interface tells its kind, and whether it belongs to a kernel bridge', async () => {
  const { netns, taps } = await bridgedTaps(await openLab(), 1);
  const socket = links(netns.name);
  expect(socket.kind('sw')).toBe('bridge');
  expect(socket.kind('t0')).toBe('tun');
  expect(socket.kind('lo')).toBe('');
  expect(socket.get('t0').master).toBe(socket.index('sw'));
  expect(socket.get('sw').master).toBe(0);
  expect(socket.index('t0')).toBe(taps[0].ifindex);
});

test('MTU, MAC and up are set and read back', async () => {
  const netns = await (await openLab()).netns('a');
  tap({ name: 'vm', netns: netns.name, up: false });
  const socket = links(netns.name);
  socket.setMtu('vm', 1450);
  socket.setMac('vm', '02:00:00:00:00:07');
  expect(socket.getMtu('vm')).toBe(1450);
  expect(socket.getMac('vm')).toBe('02:00:00:00:00:07');
  expect(socket.get('vm').up).toBe(false);
  socket.setUp('vm', true);
  expect(socket.get('vm').up).toBe(true);
  expect(socket.flags('vm') & 1).toBe(1);
  socket.setUp('vm', false);
  expect((await netns.link('vm')).flags).not.toContain('UP');
});

test('a missing interface is undefined to find, false to exists, and ENODEV to everything else', () => {
  const socket = links();
  expect(socket.find('tl-no-such')).toBeUndefined();
  expect(socket.exists('tl-no-such')).toBe(false);
  expect(() => socket.getMtu('tl-no-such')).toThrow(
    'Cannot read interface tl-no-such: no such interface (ENODEV)',
  );
  expect(() => socket.setUp('tl-no-such', true)).toThrow(
    /^Cannot bring up interface tl-no-such: .*\(ENODEV\)$/,
  );
  expect(() => socket.remove('tl-no-such')).toThrow(expect.objectContaining({ code: 'ENODEV' }));
  expect(() => socket.find('a-name-of-16-byt')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('an interface is removed', async () => {
  const netns = await (await openLab()).netns('a');
  tap({ name: 'vm', netns: netns.name });
  const socket = links(netns.name);
  socket.remove('vm');
  expect(socket.exists('vm')).toBe(false);
});

test('TAPs that are removed as a group lose their IPv6 routes before, by which the kernel would look for each', async () => {
  const netns = await (await openLab()).netns('a');
  const taps = ['t0', 't1', 'stays'].map((name) => tap({ name, netns: netns.name }));
  const socket = links(netns.name);
  for (const [i, { name }] of taps.entries()) socket.addAddress(name, `2001:db8:${i}::1/64`);
  const routesOf = async (name: string) =>
    (await netns.check(['ip', '-6', 'route', 'show', 'table', 'all', 'dev', name]))
      .split('\n')
      .filter(Boolean);
  // Two for each address, when the kernel has asked for a second whether somebody has it, and one for multicast.
  const count = async (name: string) => (await routesOf(name)).length;
  for (const { name } of taps) await expect.poll(() => count(name), { timeout: 5000 }).toBe(5);

  socket.groupTaps([taps[0].fd, taps[1].fd], 77);
  expect(await routesOf('t0')).toEqual([]);
  expect(await routesOf('t1')).toEqual([]);
  expect(await routesOf('stays')).toHaveLength(5);
  expect(socket.countGroup(77)).toBe(2);
  socket.removeGroup(77);
  expect(['t0', 't1', 'stays'].map((name) => socket.exists(name))).toEqual([false, false, true]);
});

test('an interface moves to another namespace', async () => {
  const [a, b] = await (await openLab()).netnsList(['a', 'b']);
  tap({ name: 'vm', netns: a.name });
  const socket = links(a.name);
  socket.moveToNetns('vm', b.name);
  expect(socket.exists('vm')).toBe(false);
  expect(links(b.name).kind('vm')).toBe('tun');
  expect(() => socket.moveToNetns('lo', 'tl-no-such')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('IPv4 and IPv6 addresses are added and work at once', async () => {
  const netns = await (await openLab()).netns('a');
  tap({ name: 'vm', netns: netns.name });
  const socket = links(netns.name);
  socket.addAddress('vm', '10.99.0.1/24');
  socket.addAddress('vm', '2001:db8::1/64');
  const text = await netns.check(['ip', 'addr', 'show', 'dev', 'vm']);
  expect(text).toContain('inet 10.99.0.1/24');
  expect(text).toMatch(/inet6 2001:db8::1\/64 scope global nodad/);
  expect(() => socket.addAddress('vm', '10.99.0.1/24')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => socket.addAddress('vm', '10.99.0.1')).toThrow(TypeError);
  expect(() => socket.addAddress('vm', '10.99.0.1/33')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('frames that an unread TAP lost are counted as tx dropped', async () => {
  const { netns, taps } = await bridgedTaps(await openLab(), 2);
  inject(burst(), taps[0].fd, 1200);
  const stats = links(netns.name).stats('t1');
  expect(stats.txDropped).toBe(200);
  expect(stats.txPackets + stats.txDropped).toBeLessThanOrEqual(1200);
  expect(links(netns.name).stats('t0')).toMatchObject({ rxPackets: 1200, rxBytes: 1200 * 60 });
});

test('a FIFO in place of a namespace is refused at once', async () => {
  const lab = await openLab();
  const path = `${lab.dir}/fifo`;
  execFileSync('mkfifo', [path]);
  expect(() => LinkSocket.open(path)).toThrow(/fifo/);
});
