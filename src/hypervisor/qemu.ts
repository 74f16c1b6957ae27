// Options of qemu-system-*: `-netdev` and what belongs to it, qemu-options.hx. A comma within a value is written twice.

import type { GuestCard, Socket, VmOptions, WayIn } from './guest_card.ts';

export function qemuArgs({ name, mac, way }: GuestCard, options: VmOptions = {}): string[] {
  // An id begins with a letter, and has letters, digits, `-`, `.` and `_`.
  const id = `net-${name.replace(/[^\w.-]/g, '_')}`;
  const device = `virtio-net-pci,netdev=${id},mac=${mac}${ofDevice(way, options)}`;
  return [...before(way, id, options), '-netdev', netdev(way, id), '-device', device];
}

function netdev(way: WayIn, id: string): string {
  switch (way.kind) {
    case 'tap':
      return `tap,id=${id},${tap(way)},vhost=off`;
    case 'stream':
      return `stream,id=${id},server=${way.isServer ? 'off' : 'on'},${place('addr', way.socket)}`;
    case 'dgram':
      return `dgram,id=${id},${place('local', way.own)},${place('remote', way.socket)}`;
    case 'vhost_user':
      return `vhost-user,id=${id},chardev=${id}${way.queues > 1 ? `,queues=${way.queues}` : ''}`;
  }
}

function tap({ interface: name, queues, fds }: Extract<WayIn, { kind: 'tap' }>): string {
  if (fds !== undefined) return fds.length === 1 ? `fd=${fds[0]}` : `fds=${fds.join(':')}`;
  return `ifname=${twice(name)},script=no,downscript=no${queues > 1 ? `,queues=${queues}` : ''}`;
}

function place(key: string, socket: Socket): string {
  return 'path' in socket
    ? `${key}.type=unix,${key}.path=${twice(socket.path)}`
    : `${key}.type=inet,${key}.host=${socket.address},${key}.port=${socket.port}`;
}

/** QEMU shares its memory with the back end. */
function before(way: WayIn, id: string, { memory = '512M' }: VmOptions): string[] {
  if (way.kind !== 'vhost_user') return [];
  // As a client it comes back after a restart of the switch.
  const server = way.isServer ? ',reconnect=1' : ',server=on,wait=off';
  return [
    ...['-m', memory, '-object', `memory-backend-memfd,id=mem,size=${memory},share=on`],
    ...['-numa', 'node,memdev=mem', '-chardev', `socket,id=${id},path=${twice(way.path)}${server}`],
  ];
}

function ofDevice(way: WayIn, { tcg = false }: VmOptions): string {
  const queues = way.kind === 'tap' ? (way.fds?.length ?? way.queues) : 'queues' in way ? way.queues : 1;
  const mq = queues > 1 ? ',mq=on' : '';
  // Without KVM interrupts that a back end raises itself get lost; two for each queue, one for changes and one for control.
  if (way.kind === 'vhost_user' && tcg) return `${mq},vectors=0`;
  return queues > 1 ? `${mq},vectors=${2 * queues + 2}` : '';
}

/** A comma, as a value of an option needs it. */
function twice(value: string): string {
  return value.replaceAll(',', ',,');
}
