// What the back end offers, and what a guest that took it can do.

import { PROTOCOL } from '../../wire/vhost_user.ts';
import { FEATURE } from '../../wire/virtio.ts';
import { OFFLOAD } from '../../wire/virtio_net.ts';

const RINGS =
  FEATURE.version1 |
  FEATURE.mrgRxbuf |
  FEATURE.indirectDesc |
  FEATURE.eventIdx |
  FEATURE.ringPacked |
  FEATURE.logAll |
  FEATURE.protocolFeatures |
  FEATURE.mtu |
  FEATURE.guestAnnounce;

const OFFLOADS =
  FEATURE.csum |
  FEATURE.hostTso4 |
  FEATURE.hostTso6 |
  FEATURE.hostEcn |
  FEATURE.hostUso |
  FEATURE.guestCsum |
  FEATURE.guestTso4 |
  FEATURE.guestTso6 |
  FEATURE.guestEcn |
  FEATURE.guestUso4 |
  FEATURE.guestUso6;

/** Those of the protocol. */
export const PROTOCOL_FEATURES =
  PROTOCOL.mq |
  PROTOCOL.logShmfd |
  PROTOCOL.rarp |
  PROTOCOL.replyAck |
  PROTOCOL.mtu |
  PROTOCOL.config |
  PROTOCOL.resetDevice |
  PROTOCOL.configureMemSlots |
  PROTOCOL.status;

export function offeredFeatures(pairs: number, offloads: boolean): bigint {
  return RINGS | (offloads ? OFFLOADS : 0n) | (pairs > 1 ? FEATURE.mq : 0n);
}

export function has(features: bigint, feature: bigint): boolean {
  return (features & feature) === feature;
}

/** What the guest takes, as TUNSETOFFLOAD bits. */
export function offloadsOf(features: bigint): number {
  if (!has(features, FEATURE.guestCsum)) return 0;
  let offloads: number = OFFLOAD.csum;
  if (has(features, FEATURE.guestTso4)) offloads |= OFFLOAD.tso4;
  if (has(features, FEATURE.guestTso6)) offloads |= OFFLOAD.tso6;
  if (has(features, FEATURE.guestEcn)) offloads |= OFFLOAD.ecn;
  // Linux' bit of ours is for both.
  if (has(features, FEATURE.guestUso4 | FEATURE.guestUso6)) offloads |= OFFLOAD.uso;
  return offloads;
}
