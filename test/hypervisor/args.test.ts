import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { shellWords, type WayIn } from '../../src/hypervisor/guest_card.ts';
import { VmCard } from '../../src/hypervisor/vm_card.ts';
import { type WayOptions, wayIn } from '../../src/hypervisor/way_in.ts';

const MAC = '02:00:00:00:00:01';
const card = (way: WayIn, name = 'vm1') => new VmCard({ name, mac: MAC, way });
const tap = (more: object = {}): WayIn => ({ kind: 'tap', interface: 'tap0', queues: 1, ...more });

test('QEMU and a TAP, by its name, its queues or its descriptors', () => {
  expect(shellWords(card(tap()).qemuArgs())).toBe(
    `-netdev tap,id=net-vm1,ifname=tap0,script=no,downscript=no,vhost=off -device virtio-net-pci,netdev=net-vm1,mac=${MAC}`,
  );
  expect(card(tap({ queues: 4 })).qemuArgs()).toEqual([
    ...['-netdev', 'tap,id=net-vm1,ifname=tap0,script=no,downscript=no,queues=4,vhost=off'],
    ...['-device', `virtio-net-pci,netdev=net-vm1,mac=${MAC},mq=on,vectors=10`],
  ]);
  expect(card(tap({ fds: [3] })).qemuArgs()[1]).toBe('tap,id=net-vm1,fd=3,vhost=off');
  expect(card(tap({ fds: [3, 4] })).qemuArgs()).toEqual([
    ...['-netdev', 'tap,id=net-vm1,fds=3:4,vhost=off'],
    ...['-device', `virtio-net-pci,netdev=net-vm1,mac=${MAC},mq=on,vectors=6`],
  ]);
});

test('QEMU and sockets: who listens here connects there, and a comma is written twice', () => {
  const stream = (isServer: boolean): WayIn => ({
    kind: 'stream',
    socket: { path: '/run/a,b.sock' },
    isServer,
  });
  expect(card(stream(true)).qemuArgs()[1]).toBe(
    'stream,id=net-vm1,server=off,addr.type=unix,addr.path=/run/a,,b.sock',
  );
  expect(card(stream(false)).qemuArgs()[1]).toContain(',server=on,');
  expect(
    card({ kind: 'stream', socket: { address: '127.0.0.1', port: 5000 }, isServer: true }).qemuArgs()[1],
  ).toBe('stream,id=net-vm1,server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=5000');
  expect(card({ kind: 'dgram', socket: { path: '/a' }, own: { path: '/b' } }).qemuArgs()[1]).toBe(
    'dgram,id=net-vm1,local.type=unix,local.path=/b,remote.type=unix,remote.path=/a',
  );
});

test('vhost-user: memory is shared, and without KVM there are no vectors', () => {
  const way: WayIn = { kind: 'vhost_user', path: '/run/vm1.sock', isServer: true, queues: 1 };
  expect(shellWords(card(way).qemuArgs({ memory: '1G', tcg: true }))).toBe(
    '-m 1G -object memory-backend-memfd,id=mem,size=1G,share=on -numa node,memdev=mem ' +
      '-chardev socket,id=net-vm1,path=/run/vm1.sock,reconnect=1 -netdev vhost-user,id=net-vm1,chardev=net-vm1 ' +
      `-device virtio-net-pci,netdev=net-vm1,mac=${MAC},vectors=0`,
  );
  expect(shellWords(card({ ...way, isServer: false, queues: 2 }).qemuArgs())).toMatch(
    /path=\/run\/vm1\.sock,server=on,wait=off .*chardev=net-vm1,queues=2 .*,mq=on,vectors=6$/,
  );
  expect(card(way).cloudHypervisorArgs()).toEqual([
    ...['--memory', 'size=512M,shared=on'],
    ...['--net', `vhost_user=true,socket=/run/vm1.sock,vhost_mode=client,num_queues=2,mac=${MAC}`],
  ]);
});

test('Cloud Hypervisor counts both directions; Firecracker opens one queue by its name', () => {
  expect(card(tap({ queues: 2 })).cloudHypervisorArgs()).toEqual([
    '--net',
    `tap=tap0,mac=${MAC},num_queues=4`,
  ]);
  expect(card(tap({ fds: [3] })).cloudHypervisorArgs()[1]).toBe(`fd=3,mac=${MAC},num_queues=2`);
  expect(card(tap({ fds: [3, 4] })).cloudHypervisorArgs()[1]).toBe(`fd=[3,4],mac=${MAC},num_queues=4`);
  expect(card(tap()).firecrackerConfig()).toEqual({
    iface_id: 'eth0',
    guest_mac: MAC,
    host_dev_name: 'tap0',
  });
  expect(() => card(tap({ queues: 2 })).firecrackerConfig()).toThrow(
    'Firecracker cannot use port vm1: it opens no TAP with several queues: make tap0 without multi_queue',
  );
  expect(() => card(tap({ fds: [3] })).firecrackerConfig()).toThrow(/takes no descriptors/);
  const stream: WayIn = { kind: 'stream', socket: { path: '/a' }, isServer: true };
  expect(() => card(stream).firecrackerConfig()).toThrow(/knows TAPs only/);
  expect(() => card(stream).cloudHypervisorArgs()).toThrow(/knows TAPs and vhost-user/);
});

test('an id of QEMU has no odd characters', () => {
  expect(card(tap(), '9+ä').qemuArgs()[1]).toMatch(/^tap,id=net-9__,/);
});

test('of the kinds of ports some are for hypervisors, and others say what is', () => {
  const way = (port: object, options?: WayOptions) =>
    wayIn(
      'vm1',
      parseConfig({ version: 1, bridges: { b: { ports: { vm1: port } } } }).bridges.b.ports.vm1,
      options,
    );
  expect(way({ type: 'af_packet' })).toMatchObject({ interface: 'vm1', queues: 1 });
  expect(way({ type: 'af_packet', interface: 'tap7' })).toMatchObject({ interface: 'tap7' });
  expect(way({ type: 'stream', path: '/run/a' })).toEqual({
    kind: 'stream',
    socket: { path: '/run/a' },
    isServer: true,
  });
  expect(way({ type: 'stream', address: '[::1]:5000', mode: 'client' })).toMatchObject({
    socket: { address: '::1', port: 5000 },
    isServer: false,
  });
  expect(way({ type: 'dgram', path: '/run/a', remote: '/run/b' })).toMatchObject({
    socket: { path: '/run/a' },
    own: { path: '/run/b' },
  });
  const facts = { isTap: true, isMultiQueue: true };
  expect(way({ type: 'af_packet' }, { facts })).toMatchObject({ queues: 2 });
  expect(way({ type: 'af_packet' }, { facts, queues: 4 })).toMatchObject({ queues: 4 });
  expect(() => way({ type: 'af_packet' }, { facts: { ...facts, isMultiQueue: false }, queues: 4 })).toThrow(
    'Port vm1 is not for a hypervisor: TAP vm1 has one queue: make it with multi_queue for more',
  );
  expect(() => way({ type: 'af_packet' }, { facts: { ...facts, isTap: false } })).toThrow(
    /interface vm1 is no TAP/,
  );
  expect(way({ type: 'vhost_user', path: '/run/vm1.sock', mode: 'client', queues: 2 })).toEqual({
    kind: 'vhost_user',
    path: '/run/vm1.sock',
    isServer: false,
    queues: 2,
  });
  expect(way({ type: 'stream', path: '/run/vm1.sock' })).toEqual({
    kind: 'stream',
    socket: { path: '/run/vm1.sock' },
    isServer: true,
  });
  expect(way({ type: 'stream', address: '[::1]:5000', mode: 'client' })).toEqual({
    kind: 'stream',
    socket: { address: '::1', port: 5000 },
    isServer: false,
  });
  expect(way({ type: 'dgram', path: '/a' })).toEqual({
    kind: 'dgram',
    socket: { path: '/a' },
    own: { path: '/a.guest' },
  });
  expect(way({ type: 'dgram', address: '127.0.0.1:5000', remote: '127.0.0.1:5001' })).toMatchObject({
    own: { address: '127.0.0.1', port: 5001 },
  });
  expect(() => way({ type: 'dgram', address: '127.0.0.1:5000' })).toThrow(/by its key remote/);
  expect(() => way({ type: 'dgram', path: '/a', mode: 'client' })).toThrow(/answers whoever sends/);
  expect(() => way({ type: 'stream', path: '/a', framing: 'bess' })).toThrow(/framing bess/);
  expect(() => way({ type: 'tap' })).toThrow(/the host is at its other end/);
  expect(() => way({ type: 'memory' })).toThrow(/at the other end of type memory/);
  expect(() => way({ type: 'memory' }, { fds: [3] })).toThrow(/descriptors are those of a TAP/);
});
