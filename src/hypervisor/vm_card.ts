// A guest's network card on a port, in the words of the hypervisors.

import { cloudHypervisorArgs } from './cloud_hypervisor.ts';
import { type FirecrackerInterface, firecrackerConfig } from './firecracker.ts';
import type { GuestCard, VmOptions } from './guest_card.ts';
import { qemuArgs } from './qemu.ts';

/** What hypervisors are told of a guest's card, in the words of each. */
export class VmCard {
  readonly card: GuestCard;

  constructor(card: GuestCard) {
    this.card = card;
  }

  /** Options for qemu-system-*. */
  qemuArgs(options?: VmOptions): string[] {
    return qemuArgs(this.card, options);
  }

  /** Options for cloud-hypervisor. @throws TaploomError `no_way_in` */
  cloudHypervisorArgs(options?: VmOptions): string[] {
    return cloudHypervisorArgs(this.card, options);
  }

  /** For `PUT /network-interfaces/{id}`, and for "network-interfaces" of a file. @throws TaploomError `no_way_in` */
  firecrackerConfig(id?: string): FirecrackerInterface {
    return firecrackerConfig(this.card, id);
  }
}
