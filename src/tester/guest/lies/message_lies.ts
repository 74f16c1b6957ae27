// Lies in messages: what a front end must not say, or not in that order, or not with those descriptors.

import { openSync } from 'node:fs';
import { closeFds, MAX_FDS } from '../../../sys/rights.ts';
import { SharedMemory } from '../../../sys/shared_memory.ts';
import { closeFd, createWake, stuckWake } from '../../../sys/wake.ts';
import {
  configSpace,
  HEADER_LEN,
  inflight,
  log,
  type MemoryRegion,
  memReg,
  memTable,
  message,
  NEED_REPLY,
  REPLY,
  REQUEST,
  u64,
  vringAddr,
  vringState,
} from '../../../wire/vhost_user.ts';
import { FEATURE } from '../../../wire/virtio.ts';
import type { FakeGuest } from '../fake_guest.ts';
import { BEYOND, type Lie, TRANSMIT } from './lie.ts';

/** One message as it stands here, with the descriptors that `make` opens; they are closed here at once. */
const says = (about: string, bytes: (guest: FakeGuest) => Buffer, make: () => number[] = () => []): Lie => ({
  about,
  tell(guest) {
    const fds = make();
    try {
      guest.backEnd.raw(bytes(guest), fds);
    } finally {
      closeFds(fds);
    }
  },
});

const events = (count: number) => (): number[] => Array.from({ length: count }, createWake);
const opened = (path: string) => (): number[] => [openSync(path, 'r')];

/** The guest's own regions, changed, with their own descriptors. */
const regions = (about: string, change: (region: MemoryRegion) => Partial<MemoryRegion>[]): Lie => ({
  about,
  tell(guest) {
    const [{ description, memory }] = guest.device.memory.regions;
    const changed = change(description).map((part) => ({ ...description, ...part }));
    guest.backEnd.raw(
      message(REQUEST.setMemTable, memTable(changed), NEED_REPLY),
      changed.map(() => memory.fd),
    );
  },
});

const state = (request: number, index: number, num: number) => () =>
  message(request, vringState({ index, num }), NEED_REPLY);

/** Where the transmit ring is: wrong. */
const ringAt = (about: string, address: bigint): Lie =>
  says(about, () =>
    message(
      REQUEST.setVringAddr,
      vringAddr({
        index: TRANSMIT,
        flags: 0,
        descriptor: address,
        used: address,
        available: address,
        log: 0n,
      }),
    ),
  );

export const MESSAGE_LIES: Record<string, Lie> = {
  requestUnknown: says('asks for what there is not', () => message(999, u64(0n))),
  requestUnknownAcknowledged: says('asks for what there is not, and waits for an answer', () =>
    message(0x8000_0001, u64(0n), NEED_REPLY),
  ),
  versionWrong: says('speaks another version', () => {
    const bytes = message(REQUEST.getFeatures);
    bytes.writeUInt32LE(2, 4);
    return bytes;
  }),
  answers: says('answers where it should ask', () => message(REQUEST.getFeatures, u64(0n), REPLY)),
  sizeHuge: says('announces a message of 4 GiB', () => {
    const bytes = message(REQUEST.setFeatures, u64(0n));
    bytes.writeUInt32LE(0xffff_ffff, 8);
    return bytes;
  }),
  sizeLong: says('sends a message with too much in it', () =>
    message(REQUEST.setVringNum, Buffer.alloc(4000)),
  ),
  sizeShort: says('sends a message with too little in it', () =>
    message(REQUEST.setVringAddr, Buffer.alloc(3)),
  ),
  headerCut: {
    about: 'is gone in the middle of a header',
    tell(guest) {
      guest.backEnd.raw(message(REQUEST.setFeatures, u64(0n)).subarray(0, 5));
      guest.disconnect();
    },
  },
  payloadCut: {
    about: 'is gone between a header with descriptors and what belongs to it',
    tell(guest) {
      const [{ memory }] = guest.device.memory.regions;
      guest.backEnd.raw(message(REQUEST.setMemTable, Buffer.alloc(40)).subarray(0, HEADER_LEN), [memory.fd]);
      guest.disconnect();
    },
  },
  descriptorsUnasked: says(
    'sends descriptors that nobody asked for',
    () => message(REQUEST.getFeatures),
    events(MAX_FDS),
  ),
  descriptorsTooMany: says(
    'sends eight descriptors to kick one ring',
    () => message(REQUEST.setVringKick, u64(1n)),
    events(8),
  ),
  descriptorMissing: says('sends no descriptor to call a ring', () => message(REQUEST.setVringCall, u64(1n))),
  memoryMissing: says('names memory without descriptors', () =>
    message(REQUEST.setMemTable, memTable([region(0x10_0000n), region(0x20_0000n)])),
  ),
  memoryNull: says(
    'says that /dev/null is its memory',
    () => message(REQUEST.setMemTable, memTable([region(0x10_0000n)])),
    opened('/dev/null'),
  ),
  memoryEventfd: says(
    'says that an eventfd is its memory',
    () => message(REQUEST.addMemReg, memReg(region(1n << 40n))),
    events(1),
  ),
  memoryOverlaps: regions('has two regions in the same place', ({ size }) => [{}, { size: size / 2n }]),
  memoryTooMany: says(
    'has nine regions',
    () =>
      message(REQUEST.setMemTable, memTable(Array.from({ length: 9 }, (_, n) => region(BigInt(n) << 32n)))),
    events(9),
  ),
  memoryBeyondFile: regions('has more memory than its file', ({ size }) => [{ size: size * 4n }]),
  memoryEmpty: regions('has a region of nothing', () => [{ size: 0n }]),
  memoryHuge: regions('has a region of 2^60 bytes', () => [{ size: 1n << 60n }]),
  memoryWraps: regions('has a region that wraps around', () => [{ guestAddress: 0xffff_ffff_ffff_f000n }]),
  memoryOffsetWraps: regions('has a region at the end of all files', () => [
    { mmapOffset: 0xffff_ffff_ffff_f000n },
  ]),
  memoryGone: {
    about: 'takes away the memory in which its rings are',
    tell(guest) {
      for (const { description } of guest.device.memory.regions) {
        guest.backEnd.raw(message(REQUEST.remMemReg, memReg(description)));
      }
    },
  },
  ringEmpty: says('has a ring of nothing', state(REQUEST.setVringNum, TRANSMIT, 0)),
  ringOdd: says('has a ring of 3', state(REQUEST.setVringNum, TRANSMIT, 3)),
  ringHuge: says('has a ring of 2^31', state(REQUEST.setVringNum, TRANSMIT, 0x8000_0000)),
  ringNumber: says('names a ring that there is not', state(REQUEST.setVringNum, 4000, 256)),
  ringEnabled: says('enables a ring that there is not', state(REQUEST.setVringEnable, 0xffff_ffff, 1)),
  ringBase: says('has a ring that begins beyond its end', state(REQUEST.setVringBase, TRANSMIT, 0xffff_ffff)),
  ringStopped: says('stops a ring that there is not', state(REQUEST.getVringBase, 77, 0)),
  ringKicked: says(
    'kicks a ring that there is not',
    () => message(REQUEST.setVringKick, u64(200n)),
    events(1),
  ),
  ringOutside: ringAt('has a ring where it has no memory', BEYOND),
  ringUnaligned: ringAt('has a ring at an odd address', 0x5500_0010_0001n),
  callStuck: {
    about: 'is called by what lets its caller wait for ever',
    tell(guest) {
      call(guest, stuckWake());
      for (const { ring } of guest.device.vrings) ring.wantCalls(true);
      guest.send(new Uint8Array(64).fill(0xff, 0, 6));
    },
  },
  callFile: {
    about: 'is called by a file',
    tell: (guest) => call(guest, openSync('/dev/zero', 'r+')),
  },
  featuresUnasked: says('wants features that nobody has', () =>
    message(REQUEST.setFeatures, u64(0xffff_ffff_ffff_ffffn), NEED_REPLY),
  ),
  configBeyond: says('asks for configuration beyond its end', () =>
    message(REQUEST.getConfig, configSpace({ offset: 0xffff_fff0, flags: 0, bytes: Buffer.alloc(256) })),
  ),
  inflightShort: {
    about: 'gives too little memory for what is in flight',
    tell(guest) {
      const of = { mmapSize: 1n << 40n, mmapOffset: 4096n, queues: 65_535, queueSize: 65_535 };
      give(guest, message(REQUEST.setInflightFd, inflight(of)));
    },
  },
  logShort: {
    about: 'gives a log that is shorter than it says',
    tell(guest) {
      give(guest, message(REQUEST.setLogBase, log({ size: 1n << 30n, offset: 0n })));
      guest.backEnd.raw(message(REQUEST.setFeatures, u64(guest.agreement.features | FEATURE.logAll)));
      guest.send(new Uint8Array(64).fill(0xff, 0, 6));
    },
  },
  asksWithoutEnd: {
    about: 'asks, and never hears the answers',
    tell(guest) {
      const question = message(REQUEST.getFeatures);
      const many = Buffer.concat(Array.from({ length: 1000 }, () => question));
      try {
        for (let n = 0; n < 20; n++) guest.backEnd.raw(many);
      } catch {
        // the back end does not read any more: so it should be
      }
    },
  },
};

/** A page of memory, with what is said of it. */
function give(guest: FakeGuest, bytes: Buffer): void {
  const memory = SharedMemory.create('taploom-lie', 4096);
  try {
    guest.backEnd.raw(bytes, [memory.fd]);
  } finally {
    memory.close();
  }
}

/** `fd`, which is closed here, is what both rings are called by, and one is kicked by. */
function call(guest: FakeGuest, fd: number): void {
  try {
    for (const index of [0n, 1n]) guest.backEnd.raw(message(REQUEST.setVringCall, u64(index)), [fd]);
    guest.backEnd.raw(message(REQUEST.setVringKick, u64(BigInt(TRANSMIT))), [fd]);
  } finally {
    closeFd(fd);
  }
}

function region(at: bigint): MemoryRegion {
  return { guestAddress: at, size: 0x1000n, userAddress: at, mmapOffset: 0n };
}
