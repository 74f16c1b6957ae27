// A guest with a network card for each way into the switch: the ports, and what QEMU is told.
//
//   eth0 --- af_packet, a TAP that stays     eth1 --- stream     eth2 --- dgram     eth3 --- vhost_user

import { join } from 'node:path';

export interface Way {
  /** @param dir of the sockets */
  port: (dir: string) => Record<string, unknown>;
  netdev: (dir: string) => string;
  /** Words behind the card's. */
  card?: string;
}

/**
 * No multiple of 256 KiB: of such memory QEMU before 9.0 loses writes of the guest while it migrates under TCG, which ends in
 * a panic of the guest's kernel.
 */
const MEMORY = `${128 * 1024 + 8}K`;

const unix = (name: string, path: string) => `${name}.type=unix,${name}.path=${path}`;

/** The name is that of the port, and of the TAP. */
export const WAYS = {
  af_packet: {
    port: () => ({ type: 'af_packet' }),
    netdev: () => 'tap,ifname=af_packet,script=no,downscript=no',
  },
  stream: {
    port: (dir) => ({ type: 'stream', path: join(dir, 'stream'), mode: 'client' }),
    netdev: (dir) => `stream,server=on,${unix('addr', join(dir, 'stream'))}`,
  },
  dgram: {
    port: (dir) => ({ type: 'dgram', path: join(dir, 'dgram'), remote: join(dir, 'guest') }),
    netdev: (dir) => `dgram,${unix('local', join(dir, 'guest'))},${unix('remote', join(dir, 'dgram'))}`,
  },
  vhost_user: {
    port: (dir) => ({ type: 'vhost_user', path: join(dir, 'vhost') }),
    netdev: () => 'vhost-user,chardev=vhost',
    // Under TCG, QEMU 7.2 crashes with interrupt vectors. A guest that cannot announce itself has its back end do it.
    card: ',vectors=0,guest_announce=off',
  },
} satisfies Record<string, Way>;

export const WAY_NAMES = Object.keys(WAYS) as (keyof typeof WAYS)[];

/** The port of each way in a bridge of its own, with others there. */
export function bridgesOf(dir: string, others: (way: string, n: number) => object): Record<string, object> {
  return Object.fromEntries(
    WAY_NAMES.map((way, n) => [
      `br${n}`,
      { local: false, ports: { [way]: WAYS[way].port(dir), ...others(way, n) } },
    ]),
  );
}

/** QEMU's options for all cards. */
export function cardsOf(dir: string): string[] {
  const cards = WAY_NAMES.flatMap((way, n) => {
    const { netdev, card = '' }: Way = WAYS[way];
    const [type, ...rest] = netdev(dir).split(',');
    return [
      ...['-netdev', [type, `id=n${n}`, ...rest].join(',')],
      ...['-device', `virtio-net-pci,id=c${n},netdev=n${n},romfile=,mac=${macOf(n)}${card}`],
    ];
  });
  return [
    ...['-m', MEMORY, '-object', `memory-backend-memfd,id=memory,size=${MEMORY},share=on`],
    ...['-numa', 'node,memdev=memory'],
    ...['-chardev', `socket,id=vhost,path=${join(dir, 'vhost')},reconnect=1`],
    ...cards,
  ];
}

export const macOf = (n: number) => `02:00:00:00:09:0${n}`;
export const addressOf = (n: number) => `10.0.${n}.9`;

/** In the guest: addresses, and what a probe wants. */
export const CARDS_UP = `
for n in ${Object.keys(WAY_NAMES).join(' ')}; do
  ip addr add 10.0.$n.9/24 dev eth$n
  ip link set eth$n up
done
$b mkdir /dev; $b mknod /dev/null c 1 3
$b nc -ll -p 9 -e $b cat < /dev/null > /dev/null 2>&1 &
`;
