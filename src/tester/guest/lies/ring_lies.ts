// Lies in the rings: addresses, lengths, chains and indices that a driver must not write.

import type { FakeGuest } from '../fake_guest.ts';
import {
  BEYOND,
  end,
  INDIRECT,
  type Lie,
  NEXT,
  put,
  type RawDescriptor,
  RECEIVE,
  room,
  show,
  split,
  TRANSMIT,
  WRITE,
  writeDescriptor,
} from './lie.ts';

const FRAME = 76;
const TABLE_LEN = 64;

/** A chain for the device to read, or for it to write. */
const sends = (about: string, chain: (guest: FakeGuest) => RawDescriptor[], isFatal = true): Lie => ({
  about,
  isFatal,
  tell: (guest) => put(guest, TRANSMIT, chain(guest)),
});

/** One indirect descriptor, to a table of the entries. */
const table = (
  about: string,
  entries: (guest: FakeGuest, at: bigint) => RawDescriptor[],
  { length = TABLE_LEN, flags = INDIRECT }: { length?: number; flags?: number } = {},
): Lie => ({
  about,
  isIndirect: true,
  isFatal: true,
  tell(guest) {
    const at = guest.device.memory.allocate(4096, 4096);
    const words = guest.device.memory.words(at, 1024);
    for (const [n, entry] of entries(guest, BigInt(at)).entries()) {
      writeDescriptor(words, n, entry);
      if (guest.has('ringPacked')) words[4 * n + 3] = (entry.flags ?? 0) << 16;
    }
    put(guest, TRANSMIT, [{ address: BigInt(at), length, flags }]);
  },
});

const buffer = (guest: FakeGuest, flags = 0): RawDescriptor => ({
  address: room(guest),
  length: FRAME,
  flags,
});

export const RING_LIES: Record<string, Lie> = {
  addressOutside: sends('sends from an address that it does not have', () => [
    { address: BEYOND, length: FRAME },
  ]),
  addressPastEnd: sends('sends from the end of its memory and beyond', (guest) => [
    { address: end(guest) - 8n, length: FRAME },
  ]),
  addressWraps: sends('sends from addresses that wrap around', () => [
    { address: 0xffff_ffff_ffff_fff0n, length: FRAME },
  ]),
  lengthHuge: sends('sends 4 GiB', (guest) => [{ address: room(guest), length: 0xffff_ffff }]),
  lengthsWrap: sends('sends a chain whose lengths add up to little', (guest) => [
    { address: room(guest), length: 0xffff_ffff, flags: NEXT },
    { address: room(guest), length: FRAME + 1 },
  ]),
  lengthNothing: sends(
    'sends chains of nothing',
    (guest) => [
      { address: room(guest), length: 0, flags: NEXT },
      { address: BEYOND, length: 0 },
    ],
    false,
  ),
  frameShort: sends(
    'sends less than a virtio-net header',
    (guest) => [{ address: room(guest), length: 4 }],
    false,
  ),
  frameMissing: sends(
    'sends a virtio-net header without a frame',
    (guest) => [{ address: room(guest), length: 12 }],
    false,
  ),
  frameTooLong: sends(
    'sends a frame of 1 MiB',
    (guest) => {
      const piece = { address: room(guest), length: 65_536, flags: NEXT };
      return [...Array.from({ length: 15 }, () => piece), { ...piece, flags: 0 }];
    },
    false,
  ),
  sendsWritable: sends('sends a buffer that it wants written', (guest) => [buffer(guest, WRITE)]),
  chainEndless: {
    about: 'sends a chain longer than the ring',
    isFatal: true,
    tell(guest) {
      const { size } = guest.device.vrings[TRANSMIT].ring;
      const chain = Array.from({ length: size }, (_, n) => ({
        address: room(guest),
        length: 1,
        flags: NEXT,
        next: (n + 1) % size,
      }));
      put(guest, TRANSMIT, chain);
    },
  },
  chainLoops: {
    about: 'sends a chain that leads back to itself',
    isFatal: true,
    layout: 'split',
    tell: (guest) => put(guest, TRANSMIT, [{ ...buffer(guest, NEXT), next: 0 }]),
  },
  chainLeavesRing: {
    about: 'sends a chain that leads out of the ring',
    isFatal: true,
    layout: 'split',
    tell: (guest) => put(guest, TRANSMIT, [{ ...buffer(guest, NEXT), next: 0x7fff }]),
  },
  headOutside: {
    about: 'shows a descriptor that the ring does not have',
    isFatal: true,
    layout: 'split',
    tell: (guest) => show(guest, TRANSMIT, [0xffff]),
  },
  indexJumps: {
    about: 'shows more chains than the ring has descriptors',
    isFatal: true,
    layout: 'split',
    tell: (guest) => show(guest, TRANSMIT, [], split(guest, TRANSMIT).size + 1),
  },
  indexGoesBack: {
    about: 'takes back what it has shown',
    isFatal: true,
    layout: 'split',
    tell: (guest) => show(guest, TRANSMIT, [], -1),
  },
  receiveIndexJumps: {
    about: 'shows more receive buffers than the ring has descriptors',
    isFatal: true,
    layout: 'split',
    tell: (guest) => show(guest, RECEIVE, [], 0x4000),
  },
  usedOverwritten: {
    about: "writes what is the device's to write",
    layout: 'split',
    tell(guest) {
      split(guest, TRANSMIT).used.fill(0xffff);
      split(guest, RECEIVE).used.fill(0xffff);
    },
  },
  receiveOutside: {
    about: 'wants frames written where it has no memory',
    isFatal: true,
    tell: (guest) => poison(guest, { address: BEYOND, length: 2048, flags: WRITE }),
  },
  receivePastEnd: {
    about: 'wants frames written beyond the end of its memory',
    isFatal: true,
    tell: (guest) => poison(guest, { address: end(guest) - 20n, length: 2048, flags: WRITE }),
  },
  receiveReadOnly: {
    about: 'wants frames written into buffers to be read',
    isFatal: true,
    tell: (guest) => poison(guest, { address: room(guest), length: 2048 }),
  },
  receiveTiny: {
    about: 'has receive buffers of less than a header',
    tell: (guest) => poison(guest, { address: room(guest), length: 3, flags: WRITE }),
  },
  tableInTable: table('has an indirect table that names another', (_, at) => [
    { address: at, length: TABLE_LEN, flags: INDIRECT },
  ]),
  tableLoops: {
    ...table('has an indirect table that leads back to itself', (guest) => [
      { ...buffer(guest, NEXT), next: 0 },
    ]),
    layout: 'split',
  },
  tableLeads: {
    ...table('has an indirect table that leads out of itself', (guest) => [
      { ...buffer(guest, NEXT), next: 900 },
    ]),
    layout: 'split',
  },
  tableOdd: table(
    'has an indirect table that is no whole number of descriptors',
    (guest) => [buffer(guest)],
    {
      length: 17,
    },
  ),
  tableEmpty: table('has an indirect table without entries', () => [], { length: 0 }),
  tableHuge: table('has an indirect table of 4 GiB', (guest) => [buffer(guest, NEXT)], {
    length: 0xffff_fff0,
  }),
  tableGoesOn: table('has an indirect table and more behind it', (guest) => [buffer(guest)], {
    flags: INDIRECT | NEXT,
  }),
  tableOutside: {
    about: 'has an indirect table where it has no memory',
    isFatal: true,
    isIndirect: true,
    tell: (guest) => put(guest, TRANSMIT, [{ address: BEYOND, length: TABLE_LEN, flags: INDIRECT }]),
  },
};

/** All receive buffers become this one. */
function poison(guest: FakeGuest, descriptor: RawDescriptor): void {
  const { ring } = guest.device.vrings[RECEIVE];
  const words = guest.device.memory.words(ring.addresses.descriptor, ring.size * 4);
  for (let n = 0; n < ring.size; n++) {
    const tail = words[4 * n + 3];
    writeDescriptor(words, n, descriptor);
    // of what a packed ring has there (id, AVAIL, USED) all stays but WRITE; a split ring has flags first
    const isSplit = guest.has('ringPacked') === false;
    words[4 * n + 3] = isSplit
      ? (descriptor.flags ?? 0)
      : (tail & ~(WRITE << 16)) | ((descriptor.flags ?? 0) << 16);
  }
}
