// Guests on br0 whose addresses come from the DHCP server of another bridge, br1, behind a trusted port. The test turns the clock.

import { setImmediate as turn } from 'node:timers/promises';
import type { StoredLeases } from '../../src/api.ts';
import { Switch } from '../../src/switch/switch.ts';
import { OPTION } from '../../src/wire/dhcp4/codes.ts';
import { clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';
import { tagged } from './engine/attacker.ts';
import { configOf } from './engine/rig.ts';
import { replies, SUBNET } from './network_world.ts';

type Bridges = Parameters<typeof configOf>[0];

/** p1 and p2 have the guard. */
export const snooped = (guard: object = { source: 'strict' }): Bridges => ({
  br0: { ports: { p1: { guard }, p2: { guard }, up: { guard: { trusted: true } } } },
  br1: { network: { mode: 'isolated', subnet: SUBNET }, ports: { down: {} } },
});

/** @param flushed when what was put into the store is on its disk */
export async function openSnooped(
  bridges: Bridges = snooped(),
  flushed = async (_store: Map<string, unknown>) => {},
) {
  const store = new Map<string, unknown>();
  const leases: StoredLeases = {
    entries: store,
    put: (key, value) => void store.set(key, value),
    delete: (key) => void store.delete(key),
    flushed: () => flushed(store),
  };
  const config = configOf(bridges);
  let now = 1_000_000;
  let taploom = await Switch.open(config, { threaded: false, leases });
  const seen = new Map<string, Uint8Array[]>();
  const toServer: Uint8Array[] = [];
  const take = (port: string) => {
    const frames: Uint8Array[] = [];
    const memory = taploom.memoryPort(port);
    for (let frame = memory.receive(); frame; frame = memory.receive()) frames.push(frame.bytes);
    return frames;
  };
  const pass = async (ms: number) => {
    for (const end = now + ms; now < end; now += 10) {
      taploom.poll(0, now);
      await turn();
      for (const frame of take('up')) {
        toServer.push(frame);
        taploom.memoryPort('down').send(frame);
      }
      for (const frame of take('down')) taploom.memoryPort('up').send(frame);
      for (const port of ['p1', 'p2']) seen.set(port, [...(seen.get(port) ?? []), ...take(port)]);
    }
  };
  const world = {
    get taploom() {
      return taploom;
    },
    store,
    toServer,
    send: (port: string, frame: Uint8Array) => taploom.memoryPort(port).send(frame),
    pass,
    heard: (port: string) => {
      const frames = seen.get(port) ?? [];
      seen.set(port, []);
      return frames;
    },
    reopen: async () => {
      await taploom.close();
      taploom = await Switch.open(config, { threaded: false, leases });
    },
    close: () => taploom.close(),
  };
  return world;
}

export type World = Awaited<ReturnType<typeof openSnooped>>;

/** The address that guest number `n` behind the port gets. @param vlan 0 = it sends without a tag */
export async function given(
  world: World,
  port: string,
  n: number,
  xid = 7,
  vlan = 0,
): Promise<number | undefined> {
  const send = (frame: Uint8Array) => world.send(port, vlan === 0 ? frame : tagged(frame, [0x8100, vlan]));
  const heard = () => replies(world.heard(port).map((frame) => (vlan === 0 ? frame : untagged(frame))));
  send(clientFrame(clientMessage({ mac: guestMac(n), xid })));
  await world.pass(500);
  const offer = heard().find(({ type }) => type === 'offer');
  if (offer === undefined) return undefined;
  const subnet = (offer.yiaddr >>> 8) & 0xff_ffff;
  const address = (last: number) => Uint8Array.of(subnet >> 16, subnet >> 8, subnet, last);
  const options: [number, Uint8Array][] = [
    [OPTION.requestedAddress, address(offer.yiaddr & 0xff)],
    [OPTION.serverId, address(1)],
  ];
  send(clientFrame(clientMessage({ type: 'request', mac: guestMac(n), xid }, options)));
  await world.pass(100);
  return heard().find(({ type }) => type === 'ack')?.yiaddr;
}

function untagged(frame: Uint8Array): Uint8Array {
  return Uint8Array.from([...frame.subarray(0, 12), ...frame.subarray(16)]);
}

/** Whether a frame of p1 comes out of up. */
export async function passes(world: World, frame: Uint8Array, port = 'p1'): Promise<boolean> {
  world.toServer.length = 0;
  world.send(port, frame);
  await world.pass(30);
  return world.toServer.some((one) => Buffer.compare(one, frame) === 0);
}
