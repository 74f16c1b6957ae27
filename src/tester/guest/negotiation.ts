// What is said before a ring starts, in the order in which QEMU says it: which features there are, how many queues, and
// which of it is wanted.

import { PROTOCOL, REQUEST, u64 } from '../../wire/vhost_user.ts';
import { FEATURE } from '../../wire/virtio.ts';
import type { FrontEnd } from './front_end.ts';

export type FeatureName = keyof typeof FEATURE;
export type ProtocolName = keyof typeof PROTOCOL;

/** What a driver of Linux 6 asks of a network device, packed rings apart. */
export const USUAL_FEATURES: readonly FeatureName[] = [
  'csum',
  'guestCsum',
  'guestTso4',
  'guestTso6',
  'guestEcn',
  'hostTso4',
  'hostTso6',
  'hostEcn',
  'mrgRxbuf',
  'indirectDesc',
  'eventIdx',
  'mq',
  'version1',
];

export const USUAL_PROTOCOL: readonly ProtocolName[] = [
  'mq',
  'logShmfd',
  'replyAck',
  'config',
  'inflightShmfd',
  'configureMemSlots',
  'status',
];

export interface Agreement {
  /** All that the back end has. */
  offered: bigint;
  features: bigint;
  protocol: bigint;
  /** Most pairs of queues. */
  queuePairs: number;
  memorySlots: number;
}

const REGIONS = 8;

export async function negotiate(
  backEnd: FrontEnd,
  features: readonly FeatureName[],
  protocol: readonly ProtocolName[],
): Promise<Agreement> {
  const offered = await backEnd.askU64(REQUEST.getFeatures);
  const agreement = {
    offered,
    features: bits(FEATURE, features) & offered & ~FEATURE.protocolFeatures,
    protocol: 0n,
    queuePairs: 1,
    memorySlots: REGIONS,
  };
  if ((offered & FEATURE.protocolFeatures) !== 0n) await negotiateProtocol(backEnd, protocol, agreement);
  await backEnd.tell(REQUEST.setOwner);
  return agreement;
}

async function negotiateProtocol(
  backEnd: FrontEnd,
  wanted: readonly ProtocolName[],
  agreement: Agreement,
): Promise<void> {
  const protocol = (await backEnd.askU64(REQUEST.getProtocolFeatures)) & bits(PROTOCOL, wanted);
  agreement.features |= FEATURE.protocolFeatures;
  agreement.protocol = protocol;
  await backEnd.tell(REQUEST.setProtocolFeatures, u64(protocol));
  backEnd.hasReplyAck = (protocol & PROTOCOL.replyAck) !== 0n;
  if ((protocol & PROTOCOL.mq) !== 0n) {
    agreement.queuePairs = Number(await backEnd.askU64(REQUEST.getQueueNum));
  }
  if ((protocol & PROTOCOL.configureMemSlots) !== 0n) {
    agreement.memorySlots = Number(await backEnd.askU64(REQUEST.getMaxMemSlots));
  }
}

function bits<Name extends string>(table: Record<Name, bigint>, names: readonly Name[]): bigint {
  return names.reduce((sum, name) => sum | table[name], 0n);
}
