// Guests of networks, as they are on the tests' machine: namespaces with a TAP each.

import { runClient } from './dhcp_clients.ts';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';
import { ping } from './traffic.ts';

/** The guest is plugged in, and asks for its address as usual. */
export async function bootGuest(lab: Lab, guest: Netns, device: string) {
  await guest.up(device);
  const told = await runClient(lab, guest, device, 'udhcpc');
  if (told?.router) await guest.ip(`route replace default via ${told.router} dev ${device}`);
  return told;
}

export async function arrives(from: Netns, to: string): Promise<boolean> {
  return (await ping(from, to, { count: 2 })).received > 0;
}

export function fetchUrl(from: Netns, url: string) {
  return from.run(['curl', '-s', '-m', '3', url]);
}
