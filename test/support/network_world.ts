// Networks in a switch without threads: guests behind memory ports, the clock in the test's hands.

import type { SwitchConfigInput } from '../../src/config/schema.ts';
import { OPTION } from '../../src/wire/dhcp4/codes.ts';
import { parseDhcpFrame } from '../../src/wire/dhcp4/frame.ts';
import type { DhcpMessage } from '../../src/wire/dhcp4/message.ts';
import { clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';
import { openPolled, type PolledSwitch } from './polled_switch.ts';

export const SUBNET = '10.7.0.0/24';
export const ADDRESS = (n: number) => (0x0a07_0000 + n) >>> 0;

/** A switch with this bridge, all of whose ports are of memory. */
export function openWorld(br0: object): Promise<PolledSwitch> {
  return openPolled({ version: 1, bridges: { br0 } } as SwitchConfigInput);
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
  world: PolledSwitch,
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
