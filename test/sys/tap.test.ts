import { openSync, readlinkSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LinkSocket, linkOfTap } from '../../src/sys/link.ts';
import { native } from '../../src/sys/native.ts';
import { SysError } from '../../src/sys/sys_error.ts';
import { adoptTapFd, areTapsUp, openTap, setTapPersist, tapName } from '../../src/sys/tap.ts';
import { closeFd, dupFd } from '../../src/sys/wake.ts';
import { OFFLOAD } from '../../src/wire/virtio_net.ts';
import { hasLinux } from '../support/kernel.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { closeQuietly, owned, tap } from './rig.ts';

needs();

function failure(act: () => unknown): SysError {
  try {
    act();
  } catch (error) {
    if (error instanceof SysError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('a TAP is created inside its namespace, and the same name is free in another one', async () => {
  const lab = await openLab();
  const [a, b] = await lab.netnsList(['a', 'b']);
  const first = tap({ name: 'vm', netns: a.name });
  const second = tap({ name: 'vm', netns: b.path });
  expect(first).toMatchObject({ name: 'vm', created: true, mtu: 1500, vnetHeaderSize: 12 });
  expect(first.ifindex).toBeGreaterThan(0);
  expect(second.mac).not.toBe(first.mac);
  expect((await a.link('vm')).address).toBe(first.mac);
  expect((await b.link('vm')).flags).toContain('UP');
  using here = LinkSocket.open();
  expect(here.exists('vm')).toBe(false);
});

test('the interface goes away with its fd', async () => {
  const netns = await (await openLab()).netns('a');
  const device = openTap({ name: 'vm', netns: netns.name });
  using links = LinkSocket.open(netns.name);
  expect(links.exists('vm')).toBe(true);
  closeFd(device.fd);
  expect(links.exists('vm')).toBe(false);
});

test('no thread is left in another namespace, whether opening works or fails', async () => {
  const netns = await (await openLab()).netns('a');
  const before = readlinkSync('/proc/thread-self/ns/net');
  tap({ name: 'vm', netns: netns.name });
  expect(() => openTap({ name: 'lo', netns: netns.name })).toThrow(SysError);
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(before);
});

test('a persistent TAP is taken over, says that it existed, and stays persistent', async () => {
  const netns = await (await openLab()).netns('a');
  using links = LinkSocket.open(netns.name);
  closeFd(openTap({ name: 'vm', netns: netns.name, persist: true }).fd);
  expect(links.exists('vm')).toBe(true);

  const again = openTap({ name: 'vm', netns: netns.name });
  expect(again.created).toBe(false);
  closeFd(again.fd);
  expect(links.exists('vm')).toBe(true);

  const last = openTap({ name: 'vm', netns: netns.name });
  setTapPersist(last.fd, false);
  closeFd(last.fd);
  expect(links.exists('vm')).toBe(false);
});

test('an interface that somebody holds is EBUSY, one of another kind EINVAL, a long name ENAMETOOLONG', async () => {
  const netns = await (await openLab()).netns('a');
  tap({ name: 'vm', netns: netns.name });
  const busy = failure(() => openTap({ name: 'vm', netns: netns.name }));
  expect(busy).toMatchObject({ code: 'EBUSY', errno: 16, syscall: 'TUNSETIFF' });
  expect(busy.message).toBe(
    `Cannot open TAP vm in network namespace ${netns.name}: another process has it open (EBUSY)`,
  );
  await netns.ip('link add other type bridge');
  expect(failure(() => openTap({ name: 'other', netns: netns.name })).code).toBe('EINVAL');
  expect(failure(() => openTap({ name: 'sixteen-bytes-xx', netns: netns.name })).code).toBe('ENAMETOOLONG');
});

test('a namespace that does not exist is ENOENT and is named', () => {
  const error = failure(() => openTap({ name: 'vm', netns: 'tl-no-such' }));
  expect(error).toMatchObject({ code: 'ENOENT', syscall: 'netns' });
  expect(error.message).toContain('tl-no-such');
});

test('MAC, MTU, owner, group and the down state are set', async () => {
  const netns = await (await openLab()).netns('a');
  const device = tap({
    name: 'vm',
    netns: netns.name,
    mac: '02:00:00:00:00:2a',
    mtu: 9000,
    owner: 'nobody',
    group: 0,
    up: false,
  });
  expect(device).toMatchObject({ mac: '02:00:00:00:00:2a', mtu: 9000 });
  const link = await netns.link('vm');
  expect(link.flags).not.toContain('UP');
  expect(link.address).toBe('02:00:00:00:00:2a');
  const [details] = JSON.parse(await netns.check(['ip', '-d', '-j', 'link', 'show', 'dev', 'vm']));
  expect(details.linkinfo.info_data).toMatchObject({
    user: 'nobody',
    group: 'root',
    vnet_hdr: true,
    pi: false,
  });
  expect(failure(() => openTap({ name: 'vm2', netns: netns.name, owner: 'tl-nobody' })).code).toBe('ENOENT');
});

test('a TAP that cannot be configured leaves nothing behind', async () => {
  const netns = await (await openLab()).netns('a');
  expect(failure(() => openTap({ name: 'vm', netns: netns.name, mtu: 1, persist: true })).code).toBe(
    'EINVAL',
  );
  expect(() => openTap({ name: 'vm', netns: netns.name, mac: 'nonsense' })).toThrow(TypeError);
  expect(failure(() => openTap({ name: 'vm', netns: netns.name, mac: '01:00:00:00:00:01' })).code).toBe(
    'EADDRNOTAVAIL',
  );
  using links = LinkSocket.open(netns.name);
  expect(links.exists('vm')).toBe(false);
});

test('offloads are probed downwards, and none are taken when none are wanted', async () => {
  const netns = await (await openLab()).netns('a');
  const all = OFFLOAD.csum | OFFLOAD.tso4 | OFFLOAD.tso6;
  const device = tap({ name: 'vm1', netns: netns.name });
  expect(device.offloads & all).toBe(all);
  expect(await netns.check(['ethtool', '-k', 'vm1'])).toContain('tx-tcp-segmentation: on');
  expect(tap({ name: 'vm2', netns: netns.name, offloads: false }).offloads).toBe(0);
  expect(await netns.check(['ethtool', '-k', 'vm2'])).toContain('tx-tcp-segmentation: off');
  const bare = tap({ name: 'vm3', netns: netns.name, vnetHeader: 0 });
  expect(bare).toMatchObject({ offloads: 0, vnetHeaderSize: 0 });
});

test("a foreign fd is adopted wherever its interface is, and the interface's settings stay", async () => {
  const [a, b] = await (await openLab()).netnsList(['a', 'b']);
  const theirs = tap({ name: 'vm', netns: a.name, mtu: 1400, up: false });
  using links = LinkSocket.open(a.name);
  links.moveToNetns('vm', b.name);
  const adopted = owned(adoptTapFd(theirs.fd, { offloads: false }));
  expect(adopted.fd).not.toBe(theirs.fd);
  expect(adopted).toMatchObject({ name: 'vm', created: false, mtu: 1400, offloads: 0 });
  expect(adopted.ifindex).toBeGreaterThan(0);
  expect((await b.link('vm')).flags).not.toContain('UP');
});

test('an fd that is no TAP with a virtio-net header is refused', async () => {
  const netns = await (await openLab()).netns('a');
  const bare = tap({ name: 'vm', netns: netns.name, vnetHeader: 0 });
  expect(failure(() => adoptTapFd(bare.fd)).message).toContain('IFF_VNET_HDR');
  expect(owned(adoptTapFd(bare.fd, { vnetHeader: 0 })).vnetHeaderSize).toBe(0);
  const file = owned({ fd: openSync('/dev/null', 'r') });
  expect(failure(() => adoptTapFd(file.fd)).code).toBe('ENOTTY');
  const unattached = owned({ fd: openSync('/dev/net/tun', 'r+') });
  expect(failure(() => adoptTapFd(unattached.fd)).code).toBe('EBADFD');
});

test('the name of an open TAP follows a rename, and is EBADFD when the interface was deleted', async () => {
  const netns = await (await openLab()).netns('a');
  const device = tap({ name: 'vm', netns: netns.name, up: false });
  await netns.ip('link set vm name vm-new');
  expect(tapName(device.fd)).toBe('vm-new');
  await netns.ip('link del vm-new');
  expect(failure(() => tapName(device.fd)).code).toBe('EBADFD');
});

test('a duplicate keeps the interface alive', async () => {
  const netns = await (await openLab()).netns('a');
  const device = openTap({ name: 'vm', netns: netns.name });
  const copy = dupFd(device.fd);
  closeFd(device.fd);
  expect(tapName(copy)).toBe('vm');
  closeQuietly(copy);
});

test('the owner of a TAP that was made ready for him needs no rights', async () => {
  const netns = await (await openLab()).netns('a');
  await netns.ip(
    'tuntap add mode tap name vm user 0',
    'link set vm address 02:00:00:00:00:0a mtu 1400',
    'link set vm up',
  );
  const program = (mtu: number) =>
    `import { openTap } from '${new URL('../../dist/src/sys/tap.js', import.meta.url)}';
     const { mac, mtu } = openTap({ name: 'vm', mac: '02:00:00:00:00:0A', mtu: ${mtu} });
     console.log(mac, mtu);
     process.exit();`;
  const run = (mtu: number) =>
    netns.run([
      // Still root by number, because /dev/net/tun is closed to others on some machines.
      ...['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin', '--'],
      ...[process.execPath, '--input-type=module', '-e', program(mtu)],
    ]);
  expect((await run(1400)).stdout.trim()).toBe('02:00:00:00:00:0a 1400');
  expect((await run(1300)).stderr).toMatch(/EPERM/);
});

test('an open TAP is seen where it was moved, under its new name, until it is deleted', async () => {
  const [a, b] = await (await openLab()).netnsList(['a', 'b']);
  const { fd, ifindex } = tap({ name: 'vm', netns: a.name, mtu: 1400 });
  expect(linkOfTap(fd, ifindex)).toMatchObject({ index: ifindex, mtu: 1400, up: true });
  await a.ip('link set vm down', 'link set vm name other', `link set other netns ${b.name}`);
  expect(linkOfTap(fd, ifindex)).toMatchObject({ mtu: 1400, up: false });
  await b.ip('link del other');
  expect(linkOfTap(fd, ifindex)).toBeUndefined();
});

test('TAPs say whether they are up in one call, also in another namespace, and undefined when deleted', async () => {
  const lab = await openLab();
  const [one, other] = [await lab.netns('one'), await lab.netns('other')];
  const a = tap({ name: 'a', netns: one.name });
  const b = tap({ name: 'b', netns: other.name, up: false });
  const c = tap({ name: 'c', netns: other.name });
  expect(areTapsUp([a.fd, b.fd, c.fd])).toEqual([true, false, true]);
  await one.ip('link set dev a down');
  await other.ip('link set dev b up', 'link del dev c');
  expect(areTapsUp([a.fd, b.fd, c.fd])).toEqual([false, true, undefined]);
  expect(areTapsUp([])).toEqual([]);
});

test('a TAP for tunnels has all that tunnels take, and no ARP; where the kernel knows none, nothing is left of it', async ({
  skip,
}) => {
  const netns = await (await openLab()).netns('a');
  const offload = vi.spyOn(native(), 'tl_tap_set_offload');
  onTestFinished(() => offload.mockRestore());
  offload.mockImplementationOnce(() => -22);
  const options = { name: 'up', netns: netns.name, vnetHeader: 24, arp: false } as const;
  expect(failure(() => openTap(options))).toMatchObject({
    code: 'EINVAL',
    syscall: 'TUNSETOFFLOAD',
    message: expect.stringContaining('Linux 6.17'),
  });
  using links = LinkSocket.open(netns.name);
  expect(links.exists('up')).toBe(false);

  skip(!hasLinux(6, 17), 'super-frames in UDP tunnels take Linux 6.17');
  expect(tap(options)).toMatchObject({ vnetHeaderSize: 24, offloads: 0x18f });
  expect((await netns.link('up')).flags).toContain('NOARP');
});
