// Networks in a switch without threads: guests behind memory ports, the clock in the test's hands.

import { onTestFinished } from 'vitest';
import type { SwitchConfigInput } from '../../src/config/schema.ts';
import type { SwitchEvent } from '../../src/event.ts';
import { Switch } from '../../src/switch/switch.ts';
import { OPTION } from '../../src/wire/dhcp4/codes.ts';
import { parseDhcpFrame } from '../../src/wire/dhcp4/frame.ts';
import type { DhcpMessage } from '../../src/wire/dhcp4/message.ts';
import { clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';

export const SUBNET = '10.7.0.0/24';
export const ADDRESS = (n: number) => (0x0a07_0000 + n) >>> 0;

export interface World {
  taploom: Switch;
  events: SwitchEvent[];
  /** Lets so many ms pass. */
  pass(ms: number): Promise<void>;
  send(port: string, frame: Uint8Array): void;
  /** What has come out of a port since the last look. */
  heard(port: string): Uint8Array[];
}

/** A switch with this bridge, all of whose ports are of memory. */
export async function openWorld(br0: object): Promise<World> {
  const taploom = await Switch.open({ version: 1, bridges: { br0 } } as SwitchConfigInput, {
    threaded: false,
  });
  onTestFinished(() => taploom.close());
  const events: SwitchEvent[] = [];
  taploom.events.listen((event) => events.push(event));
  let now = 1_000_000;
  const pass = async (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now = Math.min(end, now + 10);
      // What the host says is heard in the next turns.
      for (let n = 0; n < 4; n++) {
        taploom.poll(0, now);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  const heard = (port: string) => {
    const frames: Uint8Array[] = [];
    const end = taploom.memoryPort(port);
    for (let one = end.receive(); one !== undefined; one = end.receive())
      frames.push(Uint8Array.from(one.bytes));
    return frames;
  };
  await pass(20);
  return { taploom, events, pass, heard, send: (port, frame) => void taploom.memoryPort(port).send(frame) };
}

/** What is DHCP among frames. */
export const replies = (frames: readonly Uint8Array[]) =>
  frames.flatMap((frame) => {
    const one = parseDhcpFrame(frame);
    return typeof one === 'string' ? [] : [one.message];
  });

const words = (number: number) => Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);

export function request(address: number, n: number, server = ADDRESS(1)): Uint8Array {
  const options: [number, Uint8Array][] = [
    [OPTION.requestedAddress, words(address)],
    [OPTION.serverId, words(server)],
  ];
  return clientFrame(clientMessage({ type: 'request', mac: guestMac(n) }, options));
}

/** Guest number `n` gets an address. */
export async function lease(
  world: World,
  port: string,
  n: number,
  server = ADDRESS(1),
): Promise<DhcpMessage | undefined> {
  world.send(port, clientFrame(clientMessage({ mac: guestMac(n) })));
  await world.pass(400);
  const [offer] = replies(world.heard(port));
  if (offer === undefined) return undefined;
  world.send(port, request(offer.yiaddr, n, server));
  await world.pass(50);
  return replies(world.heard(port)).find(({ type }) => type === 'ack');
}
