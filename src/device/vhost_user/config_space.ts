// The configuration of a virtio network device, for front ends that ask the back end.

import { configSpace, readConfigSpace } from '../../wire/vhost_user.ts';
import { netConfig } from '../../wire/virtio.ts';

/** What is behind the fields that we have reads as zero. */
const LENGTH = 256;

/** An answer of size 0 tells that the request is none. */
export function answerConfig(request: Buffer, { pairs, mtu }: { pairs: number; mtu: number }): Buffer {
  const asked = readConfigSpace(request);
  if (asked === undefined || asked.offset + asked.bytes.length > LENGTH)
    return configSpace({ offset: 0, flags: 0, bytes: Buffer.alloc(0) });
  const space = Buffer.alloc(LENGTH);
  netConfig({ mac: new Uint8Array(6), linkUp: true, queuePairs: pairs, mtu }).copy(space);
  return configSpace({ ...asked, bytes: space.subarray(asked.offset, asked.offset + asked.bytes.length) });
}
