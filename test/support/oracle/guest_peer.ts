// The bridge of a guest's kernel, which knows VLANs. Its ports are the guest's network cards, which QEMU joins to UDP sockets
// of this process, a datagram a frame.
//
// Behind the frames a mark comes in by the same card. The guest's `tc` sends it out by all cards before its bridge sees it,
// and one processor takes and sends the frames of a card in order: where the mark has come out, all are through.

import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { VlanConfig } from '../../../src/config/schema.ts';
import { GuestShell } from '../guest_shell.ts';
import type { Lab } from '../lab.ts';
import { bridgeWords, flagWords, staticLine, vlanLines } from './linux_words.ts';
import type { Egress, Peer } from './peer.ts';
import { DEFAULT_VLAN, type Scene } from './scene.ts';

const BRIDGE = 'kbr';
const PORTS = 6;
const HOST = '127.0.0.1';
const MODULES = [
  'net/llc/llc',
  'net/802/stp',
  'net/bridge/bridge',
  'net/sched/sch_ingress',
  'net/sched/cls_matchall',
  'net/sched/act_mirred',
];
/** No frame of a scene has this type. */
const MARK = Buffer.from(`${'02ff00000000'.repeat(2)}88b7`.padEnd(120, '0'), 'hex');
const MARK_MS = 10_000;
/** Nothing ages while frames are sent, whatever the machine does meanwhile: only when the clock is turned. */
const NEVER = 1_000_000;

interface Card {
  name: string;
  socket: Socket;
  /** Of QEMU. */
  to: number;
  seen: string[];
  isDone: boolean;
}

const deviceOf = (port: string) => `eth${Number(port.slice(1)) - 1}`;

export class GuestPeer implements Peer {
  readonly tableEvery = 25;
  private readonly guest: GuestShell;
  private readonly cards: readonly Card[];
  private marked = () => {};
  private ports: string[] = [];
  private vlans = new Map<string, VlanConfig>();
  private statics = new Set<string>();
  private isAware = false;

  private constructor(guest: GuestShell, cards: readonly Card[]) {
    this.guest = guest;
    this.cards = cards;
    for (const card of cards) card.socket.on('message', (frame) => this.take(card, frame));
  }

  static async start(lab: Lab): Promise<GuestPeer> {
    const cards = await Promise.all(Array.from({ length: PORTS }, (_, n) => openCard(`p${n + 1}`)));
    const options = cards.flatMap(({ socket, to }, n) => [
      '-netdev',
      `socket,id=n${n},udp=${HOST}:${socket.address().port},localaddr=${HOST}:${to}`,
      '-device',
      `virtio-net-pci,netdev=n${n},romfile=`,
    ]);
    const guest = await GuestShell.boot((command) => lab.spawn(command), lab.dir, MODULES, options);
    const devices = cards.map(({ name }) => deviceOf(name));
    // The last one takes it away.
    const copies = devices.map(
      (name, n) => `action mirred egress ${n < PORTS - 1 ? 'mirror' : 'redirect'} dev ${name}`,
    );
    await guest.run(
      devices
        .flatMap((name) => [
          // A bridge with one port that learns or floods takes that out of this mode: QEMU would drop frames to others.
          `ip link set ${name} promisc on up`,
          `tc qdisc add dev ${name} clsact`,
          `tc filter add dev ${name} ingress protocol 0x88b7 matchall ${copies.join(' ')}`,
        ])
        .join(' &&\n'),
    );
    return new GuestPeer(guest, cards);
  }

  async begin(scene: Scene): Promise<void> {
    const { isAware, ports, statics, isSticky } = scene;
    this.ports = ports.map(({ name }) => name);
    this.isAware = isAware;
    this.vlans = new Map(ports.map(({ name, vlan = DEFAULT_VLAN }) => [name, vlan]));
    this.statics = new Set(statics.map(({ vlan, mac }) => `${vlan} ${mac}`));
    await this.guest.run(
      [
        `ip link del ${BRIDGE} 2> /dev/null`,
        ...batch('ip', [
          `link add ${BRIDGE} type bridge ${bridgeWords(scene, NEVER)}`,
          ...this.ports.map((name) => `link set ${deviceOf(name)} master ${BRIDGE}`),
          `link set ${BRIDGE} up`,
        ]),
        ...batch('bridge', [
          ...ports.map((port) => `link set dev ${deviceOf(port.name)} ${flagWords(port)}`),
          ...ports.flatMap(({ name, vlan }) =>
            vlan === undefined ? [] : vlanLines(deviceOf(name), DEFAULT_VLAN, vlan),
          ),
          ...statics.map((one) => staticLine(one, deviceOf(one.port), isSticky)),
        ]),
      ].join('\n'),
    );
  }

  async send(port: string, frames: readonly Buffer[]): Promise<Egress> {
    const waited = this.cards.filter(({ name }) => this.ports.includes(name));
    for (const card of this.cards) {
      card.seen = [];
      card.isDone = false;
    }
    const from = this.cards.find(({ name }) => name === port) as Card;
    const all = new Promise<void>((resolve, reject) => {
      const late = () =>
        reject(new Error(`no mark at ${waited.filter(({ isDone }) => !isDone).map(nameOf)}`));
      const timer = setTimeout(late, MARK_MS);
      this.marked = () => {
        if (!waited.every(({ isDone }) => isDone)) return;
        clearTimeout(timer);
        resolve();
      };
    });
    for (const frame of [...frames, MARK]) from.socket.send(frame, from.to, HOST);
    await all;
    return new Map(waited.map(({ name, seen }) => [name, seen]));
  }

  private take(card: Card, frame: Buffer): void {
    if (!frame.equals(MARK)) {
      card.seen.push(frame.toString('hex'));
      return;
    }
    card.isDone = true;
    this.marked();
  }

  /** Jiffies cannot be turned: everything ages, and then nothing again. */
  async wait(): Promise<void> {
    const set = (centiseconds: number) =>
      `echo ${centiseconds} > /sys/class/net/${BRIDGE}/bridge/ageing_time`;
    await this.guest.run([set(1), '$b usleep 50000', set(NEVER * 100)].join('\n'));
  }

  async change(port: string, vlan: VlanConfig): Promise<void> {
    const lines = vlanLines(deviceOf(port), this.vlans.get(port) ?? DEFAULT_VLAN, vlan);
    this.vlans.set(port, vlan);
    await this.guest.run(batch('bridge', lines).join('\n'));
  }

  async table(): Promise<string[]> {
    const text = await this.guest.run(`bridge fdb show br ${BRIDGE}`);
    return text
      .trimEnd()
      .split('\n')
      .flatMap((line) => {
        const [, mac, device, , vid = '0'] = ENTRY.exec(line) ?? [];
        // A static entry is in VLAN 1, too, where nobody asks for VLANs.
        if (mac === undefined || line.includes('permanent') || this.isAware === (vid === '0')) return [];
        const port = this.ports.find((name) => deviceOf(name) === device) ?? device;
        return [`${vid} ${mac} ${port}${this.statics.has(`${vid} ${mac}`) ? ' static' : ''}`];
      })
      .sort();
  }

  close(): void {
    for (const { socket } of this.cards) socket.close();
  }
}

const ENTRY = /^(\S+) dev (\S+) (vlan (\d+) )?/;
const nameOf = ({ name }: Card) => name;

function batch(program: string, lines: readonly string[]): string[] {
  return [`${program} -batch - << END`, ...lines, 'END'];
}

async function openCard(name: string): Promise<Card> {
  const socket = await bound();
  // A port that is free: of a socket that lets it go again.
  const other = await bound();
  const to = other.address().port;
  other.close();
  return { name, socket, to, seen: [], isDone: false };
}

async function bound(): Promise<Socket & { address(): AddressInfo }> {
  const socket = createSocket('udp4');
  socket.bind(0, HOST);
  await once(socket, 'listening');
  return socket;
}
