// A guest with a network card for each way into the switch: the ports, and what QEMU is told.
//
//   eth0 --- af_packet, a TAP that stays     eth1 --- stream     eth2 --- dgram     eth3, eth4 --- vhost_user, server and client
//   eth5 --- the TAP of the bridge helper

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Words = Record<string, unknown>;

interface Way {
  /** None: somebody else makes it. @param dir of the sockets */
  port?: (dir: string) => Words;
  /** @param n of the bridge */
  netdev: (dir: string, n: number) => Words;
  /** Beside what all cards have. */
  card?: Words;
}

/**
 * No multiple of 256 KiB: of such memory QEMU before 9.0 loses writes of the guest while it migrates under TCG, which ends in
 * a panic of the guest's kernel.
 */
const MEMORY = `${128 * 1024 + 8}K`;

/** QEMU's environment says which taploomd. */
const HELPER = fileURLToPath(new URL('../../build/taploom-bridge-helper', import.meta.url));

const unix = (path: string) => ({ type: 'unix', path });

/** The name is that of the port, and of the TAP. */
const WAYS: Record<string, Way> = {
  af_packet: {
    port: () => ({ type: 'af_packet' }),
    netdev: () => ({ type: 'tap', ifname: 'af_packet', script: 'no', downscript: 'no' }),
  },
  stream: {
    port: (dir) => ({ type: 'stream', path: join(dir, 'stream'), mode: 'client' }),
    netdev: (dir) => ({ type: 'stream', server: true, addr: unix(join(dir, 'stream')) }),
  },
  dgram: {
    port: (dir) => ({ type: 'dgram', path: join(dir, 'dgram'), remote: join(dir, 'dgram.guest') }),
    netdev: (dir) => ({
      type: 'dgram',
      local: unix(join(dir, 'dgram.guest')),
      remote: unix(join(dir, 'dgram')),
    }),
  },
  vhost_user: {
    port: (dir) => ({ type: 'vhost_user', path: join(dir, 'vhost') }),
    netdev: () => ({ type: 'vhost-user', chardev: 'vhost' }),
    // Under TCG, QEMU 7.2 crashes with interrupt vectors. A guest that cannot announce itself has its back end do it.
    card: { vectors: 0, guest_announce: false },
  },
  vhost_client: {
    port: (dir) => ({ type: 'vhost_user', path: join(dir, 'vhost.guest'), mode: 'client' }),
    netdev: () => ({ type: 'vhost-user', chardev: 'vhost.guest' }),
    card: { vectors: 0 },
  },
  // The bridge helper names it.
  tap0: { netdev: (_, n) => ({ type: 'bridge', br: `br${n}`, helper: HELPER }) },
};

export const WAY_NAMES = Object.keys(WAYS);

/** The port of each way in a bridge of its own, with others there. */
export function bridgesOf(dir: string, others: (n: number) => object): Record<string, object> {
  const portsOf = (way: string) => {
    const port = WAYS[way].port?.(dir);
    return port === undefined ? {} : { [way]: port };
  };
  return Object.fromEntries(
    WAY_NAMES.map((way, n) => [
      `br${n}`,
      { local: false, bridge_helper: {}, ports: { ...portsOf(way), ...others(n) } },
    ]),
  );
}

/** QEMU's options for all cards. */
export function cardsOf(dir: string): string[] {
  const cards = WAY_NAMES.flatMap((_, n) => [
    '-netdev',
    JSON.stringify(netdevOf(n, dir)),
    '-device',
    JSON.stringify(cardOf(n)),
  ]);
  return [
    ...['-m', MEMORY, '-object', `memory-backend-memfd,id=memory,size=${MEMORY},share=on`],
    ...['-numa', 'node,memdev=memory'],
    ...['-chardev', `socket,id=vhost,path=${join(dir, 'vhost')},reconnect=1`],
    ...['-chardev', `socket,id=vhost.guest,path=${join(dir, 'vhost.guest')},server=on,wait=off`],
    ...cards,
  ];
}

export function netdevOf(n: number, dir: string): Words {
  return { id: `n${n}`, ...WAYS[WAY_NAMES[n]].netdev(dir, n) };
}

export function cardOf(n: number): Words {
  const { card } = WAYS[WAY_NAMES[n]];
  return { driver: 'virtio-net-pci', id: `c${n}`, netdev: `n${n}`, mac: macOf(n), romfile: '', ...card };
}

/** QEMU deletes a socket together with the network device that used it: how they are added again. */
export function socketsOf(dir: string): Words[] {
  const socket = (id: string, more: Words) => {
    const data = { addr: { type: 'unix', data: { path: join(dir, id) } }, ...more };
    return { id, backend: { type: 'socket', data } };
  };
  return [
    socket('vhost', { server: false, reconnect: 1 }),
    socket('vhost.guest', { server: true, wait: false }),
  ];
}

export const macOf = (n: number) => `02:00:00:00:09:0${n}`;
export const addressOf = (n: number) => `10.0.${n}.9`;

/** In the guest: addresses, as soon as the cards are there. Names are given in the order in which they come. */
export const CARDS_UP = `
for n in ${Object.keys(WAY_NAMES).join(' ')}; do
  until [ "$mac" = 02:00:00:00:09:0$n ]; do
    for card in /sys/class/net/eth*; do mac=$($b cat $card/address); [ "$mac" != 02:00:00:00:09:0$n ] || break; done
  done
  card=$($b basename $card)
  ip addr add 10.0.$n.9/24 dev $card
  ip link set $card up
done
`;

/** And what a probe wants of it. */
export const ECHO = `
$b mkdir /dev; $b mknod /dev/null c 1 3
$b nc -ll -p 9 -e $b cat < /dev/null > /dev/null 2>&1 &
`;
