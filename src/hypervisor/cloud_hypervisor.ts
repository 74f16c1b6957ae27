// `--net` of cloud-hypervisor, and what belongs to it. It counts queues in both directions: two are a pair.

import { TaploomError } from '../error.ts';
import type { GuestCard, VmOptions } from './guest_card.ts';

/** @throws TaploomError `no_way_in` */
export function cloudHypervisorArgs({ name, mac, way }: GuestCard, options: VmOptions = {}): string[] {
  switch (way.kind) {
    case 'tap': {
      const { fds, queues, interface: tap } = way;
      const list = fds?.length === 1 ? `${fds[0]}` : `[${fds?.join(',')}]`;
      const end = fds === undefined ? `tap=${tap}` : `fd=${list}`;
      return ['--net', `${end},mac=${mac},num_queues=${2 * (fds?.length ?? queues)}`];
    }
    case 'vhost_user': {
      const mode = way.isServer ? 'client' : 'server';
      const net = `vhost_user=true,socket=${way.path},vhost_mode=${mode},num_queues=${2 * way.queues},mac=${mac}`;
      return ['--memory', `size=${options.memory ?? '512M'},shared=on`, '--net', net];
    }
    default:
      throw new TaploomError(
        'no_way_in',
        `Cloud Hypervisor cannot use port ${name}: it knows TAPs and vhost-user`,
      );
  }
}
