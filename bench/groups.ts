// Frames of hosts that want groups, as reports of IGMPv3 (RFC 3376 section 4.2), and frames to groups:
//
//   Ethernet | IPv4 with Router Alert | 0x22 0 checksum 0 records | (4: to exclude nobody, 0, no sources, group) ...

import { add, finish } from '../src/wire/checksum.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import * as ipv4 from '../src/wire/ipv4.ts';

const FIRST = 0xef03_0000 | 0;
const IGMP_ROUTERS = 0xe000_0016 | 0;
const PROTOCOL_IGMP = 2;
const PROTOCOL_UDP = 17;
/** Without FCS. */
const MIN_FRAME = 60;
const TOS = 0xc0;
const VERSION_AND_LENGTH = 0x46;
const ROUTER_ALERT = 0x9404_0000 | 0;
const REPORT_V3 = 0x22;
const TO_EXCLUDE = 4;
const HEADER_LEN = 8;
const RECORD_LEN = 8;
/** As many as fit into 1,500 bytes. */
const RECORDS = 180;

/** Group number `n`: 239.3.0.0 and those after it, at most 65,536. */
export function groupIp(n: number): number {
  return FIRST | n;
}

export function groupName(n: number): string {
  return `239.3.${n >> 8}.${n & 255}`;
}

export const GROUP_MAC_HI = 0x0100;

export function groupMacLo(n: number): number {
  return 0x5e00_0000 | (groupIp(n) & 0x7f_ffff);
}

/** What a host says that wants the first `count` groups. */
export function reports(count: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(count / RECORDS) }, (_, n) =>
    report(n * RECORDS, Math.min(count, (n + 1) * RECORDS)),
  );
}

function report(from: number, to: number): Uint8Array {
  const ip = ethernet.HEADER_LEN;
  const at = ip + ipv4.HEADER_LEN + 4;
  const end = at + HEADER_LEN + (to - from) * RECORD_LEN;
  const frame = new Uint8Array(Math.max(end, MIN_FRAME));
  const view = new DataView(frame.buffer);
  ethernet.setDst(view, 0, GROUP_MAC_HI, 0x5e00_0016);
  ethernet.setSrc(view, 0, 0x0200, 1);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
  ipv4.write(view, ip, TOS, end - ip, 1, PROTOCOL_IGMP, 0xc000_0201 | 0, IGMP_ROUTERS);
  view.setUint8(ip, VERSION_AND_LENGTH);
  view.setInt32(ip + ipv4.HEADER_LEN, ROUTER_ALERT);
  ipv4.completeChecksum(view, ip);
  view.setUint8(at, REPORT_V3);
  view.setUint16(at + 6, to - from);
  for (let n = from; n < to; n++) {
    const record = at + HEADER_LEN + (n - from) * RECORD_LEN;
    view.setUint8(record, TO_EXCLUDE);
    view.setInt32(record + 4, groupIp(n));
  }
  view.setUint16(at + 2, finish(add(view, at, end)));
  return frame;
}

/** Something for group number `n`. */
export function datagram(n: number): Uint8Array {
  const frame = new Uint8Array(MIN_FRAME);
  const view = new DataView(frame.buffer);
  ethernet.setDst(view, 0, GROUP_MAC_HI, groupMacLo(n));
  ethernet.setSrc(view, 0, 0x0200, 2);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
  const ip = ethernet.HEADER_LEN;
  ipv4.write(view, ip, 0, MIN_FRAME - ip, 1, PROTOCOL_UDP, 0xc633_6401 | 0, groupIp(n));
  return frame;
}
