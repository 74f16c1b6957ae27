// Lies with memory: what is in it changes, or it is no longer there.

import { signalWake } from '../../../sys/wake.ts';
import * as virtioNet from '../../../wire/virtio_net.ts';
import type { FakeGuest } from '../fake_guest.ts';
import type { FrameHeader } from '../transmit_queue.ts';
import type { Lie } from './lie.ts';

const NONE: FrameHeader = { gsoType: 0, gsoSize: 0, hdrLen: 0, csumStart: 0, csumOffset: 0 };

/** A frame to everybody whose virtio-net header is wrong. */
const header = (about: string, wrong: Partial<FrameHeader>): Lie => ({
  about,
  tell(guest) {
    guest.send(new Uint8Array(100).fill(0xff, 0, 6), { header: { ...NONE, ...wrong } });
  },
});

export const MEMORY_LIES: Record<string, Lie> = {
  headerChecksumOutside: header('wants a checksum completed outside of the frame', {
    csumStart: 90,
    csumOffset: 0xfff0,
  }),
  headerSegmentsOfNothing: header('sends segments of no bytes', {
    gsoType: virtioNet.GSO_TCPV4,
    gsoSize: 0,
    csumStart: 34,
    csumOffset: 16,
  }),
  headerKindUnknown: header('sends segments of an unknown kind', {
    gsoType: 0x77,
    gsoSize: 1,
    hdrLen: 0xffff,
  }),
  memoryTruncated: {
    about: 'shortens its memory under traffic',
    isFatal: true,
    tell(guest) {
      for (let n = 0; n < 8; n++) guest.send(new Uint8Array(1400).fill(0xff, 0, 6));
      for (const { memory } of guest.device.memory.regions) memory.truncate(0);
      kickAll(guest);
    },
  },
  buffersTruncated: {
    about: 'shortens the file of its buffers, and keeps its rings',
    isFatal: true,
    tell(guest) {
      for (let n = 0; n < 8; n++) guest.send(new Uint8Array(1400).fill(0xff, 0, 6));
      guest.device.memory.regions.at(-1)?.memory.truncate(4096);
      kickAll(guest);
    },
  },
};

function kickAll(guest: FakeGuest): void {
  for (const { kick } of guest.device.vrings) signalWake(kick);
}
