// The memory in which a back end notes what it is working on. It makes that memory, the front end keeps it, and gives it to
// the next back end. What is in it is the back end's business.

import { closeFds } from '../../sys/rights.ts';
import { closeFd } from '../../sys/wake.ts';
import {
  INFLIGHT_LEN,
  type Inflight,
  inflight,
  PROTOCOL,
  REQUEST,
  readInflight,
} from '../../wire/vhost_user.ts';
import type { GuestDevice } from './device.ts';
import { BackEndError, type FrontEnd } from './front_end.ts';
import type { Agreement } from './negotiation.ts';

export class InflightMemory {
  private fd = -1;
  private description: Inflight | undefined;

  /** Gives a back end what the one before had, or asks for it at the first time. */
  async restore(backEnd: FrontEnd, { protocol }: Agreement, device: GuestDevice): Promise<void> {
    if ((protocol & PROTOCOL.inflightShmfd) === 0n) return;
    this.description ??= await this.get(backEnd, device);
    await backEnd.tell(REQUEST.setInflightFd, inflight(this.description), [this.fd]);
  }

  close(): void {
    if (this.fd >= 0) closeFd(this.fd);
    this.fd = -1;
  }

  private async get(backEnd: FrontEnd, { vrings }: GuestDevice): Promise<Inflight> {
    const wanted = { mmapSize: 0n, mmapOffset: 0n, queues: vrings.length, queueSize: vrings[0].ring.size };
    const { payload, fds } = await backEnd.ask(REQUEST.getInflightFd, inflight(wanted));
    if (payload.length < INFLIGHT_LEN || fds.length !== 1) {
      closeFds(fds);
      throw new BackEndError('back_end_confused', 'The back end gives no memory for what is in flight');
    }
    [this.fd] = fds;
    return readInflight(payload);
  }
}
