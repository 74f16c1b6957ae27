// Frames that guests send in benches: a small one, and a TCP super-frame whose segments and checksums are left to whoever
// takes it.

import type { FrameHeader } from '../src/tester/guest/transmit_queue.ts';
import * as checksum from '../src/wire/checksum.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import * as ipv4 from '../src/wire/ipv4.ts';
import * as tcp from '../src/wire/tcp.ts';
import { GSO_TCPV4 } from '../src/wire/virtio_net.ts';

/** 64 bytes with the FCS. */
const SMALL = 60;
/** 64 KiB in all, and the segments that it stands for. */
export const LARGE = 65_536;
const SEGMENT = 1448;
const HEADERS = ethernet.HEADER_LEN + ipv4.HEADER_LEN + tcp.HEADER_LEN;
const ETHERTYPE = 0x88b5;
const MAC_HI = 0x0200;

/** Addresses are the last words of MACs. */
export function testFrame(to: number, from: number, length = SMALL, type = ETHERTYPE): Uint8Array {
  const frame = new Uint8Array(length);
  const view = new DataView(frame.buffer);
  ethernet.setDst(view, 0, MAC_HI, to);
  ethernet.setSrc(view, 0, MAC_HI, from);
  ethernet.setEtherType(view, 0, type);
  return frame;
}

export function small(): Uint8Array {
  return testFrame(0xb, 0xa);
}

export function large(length = LARGE): { frame: Uint8Array; header: FrameHeader } {
  const frame = testFrame(0xb, 0xa, length, ethernet.TYPE_IPV4);
  const view = new DataView(frame.buffer);
  const ip = ethernet.HEADER_LEN;
  const segment = ip + ipv4.HEADER_LEN;
  ipv4.write(view, ip, 0, length - ip, ipv4.DEFAULT_TTL, ipv4.PROTOCOL_TCP, 0x0a00_0001, 0x0a00_0002);
  view.setUint16(segment + 12, (5 << 12) | tcp.ACK);
  view.setUint16(
    segment + tcp.CHECKSUM,
    checksum.fold(checksum.pseudo4(view, ip, ipv4.PROTOCOL_TCP, length - segment)),
  );
  const header = {
    gsoType: GSO_TCPV4,
    gsoSize: SEGMENT,
    hdrLen: HEADERS,
    csumStart: segment,
    csumOffset: tcp.CHECKSUM,
  };
  return { frame, header };
}
