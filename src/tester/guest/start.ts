// How a back end is told of memory and rings, and how rings stop: the second half of a vhost-user conversation.

import { closeFds } from '../../sys/rights.ts';
import type { SharedMemory } from '../../sys/shared_memory.ts';
import {
  log,
  memReg,
  memTable,
  PROTOCOL,
  REQUEST,
  readVringState,
  u64,
  VRING_LOG,
  VRING_STATE_LEN,
  vringAddr,
  vringState,
} from '../../wire/vhost_user.ts';
import { FEATURE, STATUS } from '../../wire/virtio.ts';
import type { GuestDevice, Vring } from './device.ts';
import { BackEndError, type FrontEnd } from './front_end.ts';
import { type GuestRegion, userAddress } from './guest_memory.ts';
import type { Agreement } from './negotiation.ts';

const READY = STATUS.acknowledge | STATUS.driver | STATUS.featuresOk | STATUS.driverOk;

export function speaks(agreement: Agreement, bit: bigint): boolean {
  return (agreement.protocol & bit) !== 0n;
}

/** Features and memory, then all rings, then their enabling; `bases` as `stopRings` returned them. */
export async function startDevice(
  backEnd: FrontEnd,
  agreement: Agreement,
  device: GuestDevice,
  bases: readonly number[],
): Promise<void> {
  await backEnd.tell(REQUEST.setFeatures, u64(agreement.features));
  await tellMemory(backEnd, agreement, device.memory.regions);
  for (const vring of device.vrings) await startRing(backEnd, agreement, vring, bases[vring.index]);
  if ((agreement.features & FEATURE.protocolFeatures) !== 0n) {
    for (const { index } of device.vrings) {
      await backEnd.tell(REQUEST.setVringEnable, vringState({ index, num: 1 }));
    }
  }
  if (speaks(agreement, PROTOCOL.status)) await backEnd.tell(REQUEST.setStatus, u64(BigInt(READY)));
  for (const { index } of device.vrings) device.publish(index);
}

async function tellMemory(
  backEnd: FrontEnd,
  agreement: Agreement,
  regions: readonly GuestRegion[],
): Promise<void> {
  if (!speaks(agreement, PROTOCOL.configureMemSlots)) return tellTable(backEnd, regions);
  for (const region of regions) await addRegion(backEnd, region);
}

function tellTable(backEnd: FrontEnd, regions: readonly GuestRegion[]): Promise<void> {
  const table = memTable(regions.map(({ description }) => description));
  return backEnd.tell(
    REQUEST.setMemTable,
    table,
    regions.map(({ memory }) => memory.fd),
  );
}

/** @param regions all that there are now */
export function tellPlugged(
  backEnd: FrontEnd,
  agreement: Agreement,
  regions: readonly GuestRegion[],
  region: GuestRegion,
): Promise<void> {
  const isSlot = speaks(agreement, PROTOCOL.configureMemSlots);
  return isSlot ? addRegion(backEnd, region) : tellTable(backEnd, regions);
}

export function tellUnplugged(
  backEnd: FrontEnd,
  agreement: Agreement,
  regions: readonly GuestRegion[],
  { description }: GuestRegion,
): Promise<void> {
  if (!speaks(agreement, PROTOCOL.configureMemSlots)) return tellTable(backEnd, regions);
  return backEnd.tell(REQUEST.remMemReg, memReg(description));
}

function addRegion(backEnd: FrontEnd, { description, memory }: GuestRegion): Promise<void> {
  return backEnd.tell(REQUEST.addMemReg, memReg(description), [memory.fd]);
}

async function startRing(backEnd: FrontEnd, agreement: Agreement, vring: Vring, base: number): Promise<void> {
  const { index, ring, kick, call } = vring;
  await backEnd.tell(REQUEST.setVringNum, vringState({ index, num: ring.size }));
  await backEnd.tell(REQUEST.setVringBase, vringState({ index, num: base }));
  await tellAddress(backEnd, agreement, vring);
  await backEnd.tell(REQUEST.setVringCall, u64(BigInt(index)), [call]);
  await backEnd.tell(REQUEST.setVringKick, u64(BigInt(index)), [kick]);
}

/** Where a ring is; with logAll its used ring is logged, too. A packed ring's used ring is its descriptors. */
export function tellAddress(
  backEnd: FrontEnd,
  { features }: Agreement,
  { index, ring }: Vring,
): Promise<void> {
  const { descriptor, used, available } = ring.addresses;
  const user = (address: number): bigint => BigInt(userAddress(address));
  const payload = vringAddr({
    index,
    flags: (features & FEATURE.logAll) === 0n ? 0 : VRING_LOG,
    descriptor: user(descriptor),
    used: user(used),
    available: user(available),
    log: BigInt((features & FEATURE.ringPacked) === 0n ? used : descriptor),
  });
  return backEnd.tell(REQUEST.setVringAddr, payload);
}

/** Returns each ring's base, to start it with. */
export async function stopRings(backEnd: FrontEnd, { vrings }: GuestDevice): Promise<number[]> {
  const bases: number[] = [];
  for (const { index } of vrings) {
    const { payload, fds } = await backEnd.ask(REQUEST.getVringBase, vringState({ index, num: 0 }));
    closeFds(fds);
    if (payload.length < VRING_STATE_LEN || readVringState(payload).index !== index) {
      throw new BackEndError(
        'back_end_confused',
        `The back end's answer about ring ${index} is no ring's state`,
      );
    }
    bases.push(readVringState(payload).num);
  }
  return bases;
}

/** The back end is to note in `pages` from here on what it writes; undefined: no longer. */
export async function tellLog(
  backEnd: FrontEnd,
  agreement: Agreement,
  { vrings }: GuestDevice,
  pages: SharedMemory | undefined,
): Promise<void> {
  if (pages !== undefined) {
    const { size, offset, fd } = pages;
    const payload = log({ size: BigInt(size), offset: BigInt(offset) });
    closeFds((await backEnd.ask(REQUEST.setLogBase, payload, [fd])).fds);
  }
  const features =
    pages === undefined ? agreement.features & ~FEATURE.logAll : agreement.features | FEATURE.logAll;
  agreement.features = features;
  await backEnd.tell(REQUEST.setFeatures, u64(features));
  for (const vring of vrings) await tellAddress(backEnd, agreement, vring);
}
