// What came out, as lines that can be compared: `PORT: HEX` in no order, since Linux' routers take a packet each in turn. What a router
// says by itself is left out (neighbours, groups, redirects), and what each numbers as it likes is zero in its own packets.

import { sumOf } from '../../engine/packets.ts';
import { address4, NETWORKS, routerHost } from './routed_world.ts';

const TYPE = 12;
const L3 = 14;
const ICMP = 1;
const ECHO_REPLY = 0;
/** ICMPv6: listeners, routers and neighbours, redirects, and listeners again. */
const OF_THE_LINK = [130, 131, 132, 133, 134, 135, 136, 137, 143];

const OWN = new Set(
  NETWORKS.flatMap(({ number, routers }) => routers.map((r) => address4(number, routerHost(r)))),
);

export function shown(egress: ReadonlyMap<string, readonly string[]>): string[] {
  return [...egress]
    .flatMap(([port, frames]) =>
      frames
        .map((hex) => Buffer.from(hex, 'hex'))
        .filter((frame) => !isOfTheLink(frame))
        .map((frame) => `${port}: ${comparable(frame).toString('hex')}`),
    )
    .sort();
}

function isOfTheLink(frame: Buffer): boolean {
  const type = frame.readUInt16BE(TYPE);
  if (type === 0x0806) return true;
  if (type !== 0x86dd) return false;
  // Reports to groups have a hop-by-hop header before them.
  const at = frame[L3 + 6] === 0 ? L3 + 48 : L3 + 40;
  const next = frame[L3 + 6] === 0 ? frame[L3 + 40] : frame[L3 + 6];
  return next === 58 && OF_THE_LINK.includes(frame[at]);
}

/** A router numbers its packets as it likes, and an echo reply may forbid to be fragmented. */
function comparable(frame: Buffer): Buffer {
  if (frame.readUInt16BE(TYPE) !== 0x0800 || frame[L3 + 9] !== ICMP) return frame;
  if (!OWN.has([...frame.subarray(L3 + 12, L3 + 16)].join('.'))) return frame;
  const length = (frame[L3] & 15) * 4;
  if (sumOf(frame, L3, L3 + length) !== 0xffff) return frame;
  const bytes = Buffer.from(frame);
  bytes.writeUInt16BE(0, L3 + 4);
  if (bytes[L3 + length] === ECHO_REPLY) bytes[L3 + 6] &= ~0x40;
  bytes.writeUInt16BE(0, L3 + 10);
  return bytes;
}
