// Firecracker's `PUT /network-interfaces/{iface_id}`, and an entry of "network-interfaces" in its configuration file:
// docs/network-setup.md and firecracker.yaml of Firecracker. It opens TAPs of one queue by their names, and nothing else.

import { TaploomError } from '../error.ts';
import type { GuestCard } from './guest_card.ts';

/** A network interface in Firecracker's words. */
export interface FirecrackerInterface {
  iface_id: string;
  guest_mac: string;
  host_dev_name: string;
}

/** @throws TaploomError `no_way_in` */
export function firecrackerConfig({ name, mac, way }: GuestCard, id = 'eth0'): FirecrackerInterface {
  const refuse = (why: string) =>
    new TaploomError('no_way_in', `Firecracker cannot use port ${name}: ${why}`);
  if (way.kind !== 'tap') throw refuse('it knows TAPs only');
  if (way.fds !== undefined) throw refuse('it takes no descriptors, and opens TAPs by their names');
  if (way.queues > 1)
    throw refuse(`it opens no TAP with several queues: make ${way.interface} without multi_queue`);
  return { iface_id: id, guest_mac: mac, host_dev_name: way.interface };
}
