// What NAT changes in a packet: addresses, ports or identifiers, and the checksums that cover them, by what they change. All of it
// is in a copy of what the line of the connection says. TTL and everything else stay as they are.

import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { sumOfChange } from '../table/flow.ts';
import { MACS_LEN } from '../wire/ethernet.ts';
import * as icmp from '../wire/icmp.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { amend, amended, amendPartial, amendUdp, replace16 } from '../wire/rewrite.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import { TRANSLATION } from './nat_translations.ts';

/** A packet of which `words` say at `w` what changes. Of a later fragment only addresses (`hasPorts` false). */
export function rewritePacket(
  batch: FrameBatch,
  row: number,
  words: Int32Array,
  w: number,
  hasPorts: boolean,
): void {
  const { view, rows } = batch;
  const at = rows[row + COLUMN.rest] + 2;
  const sums = words[w + TRANSLATION.sums];
  const ofAddresses = sums >>> 16;
  const ofPorts = sums & 0xffff;
  ipv4.setSrc(view, at, words[w + TRANSLATION.newSrc]);
  ipv4.setDst(view, at, words[w + TRANSLATION.newDst]);
  amend(view, at + ipv4.CHECKSUM, ofAddresses);
  if (!hasPorts) return;
  const l4 = at + ipv4.headerLength(view, at);
  const newPorts = words[w + TRANSLATION.newPorts];
  switch (ipv4.protocol(view, at)) {
    case ipv4.PROTOCOL_TCP:
      view.setInt32(l4, newPorts);
      if (isPartial(batch, row, l4, tcp.CHECKSUM)) amendPartial(view, l4 + tcp.CHECKSUM, ofAddresses);
      else amend(view, l4 + tcp.CHECKSUM, ofAddresses + ofPorts);
      break;
    case ipv4.PROTOCOL_UDP:
      view.setInt32(l4, newPorts);
      if (isPartial(batch, row, l4, udp.CHECKSUM)) amendPartial(view, l4 + udp.CHECKSUM, ofAddresses);
      else amendUdp(view, l4 + udp.CHECKSUM, ofAddresses + ofPorts);
      break;
    case icmp.PROTOCOL_ICMP:
      // It covers the identifier, and no address.
      icmp.setIdentifier(view, l4, newPorts >>> 16);
      if (!isPartial(batch, row, l4, icmp.CHECKSUM)) amend(view, l4 + icmp.CHECKSUM, ofPorts);
  }
}

/**
 * An ICMP error about a packet of the connection: `words` are of the direction that would answer that packet. So outside, the error
 * and what it quotes are as if there were no NAT.
 */
export function rewriteError(batch: FrameBatch, row: number, words: Int32Array, w: number): void {
  const { view, rows } = batch;
  const at = rows[row + COLUMN.rest] + 2;
  const error = at + ipv4.headerLength(view, at);
  const quote = error + icmp.HEADER_LEN;
  const end = Math.min(
    rows[row + COLUMN.rest] + batch.headLength(row) - MACS_LEN,
    at + ipv4.totalLength(view, at),
  );
  const newSrc = words[w + TRANSLATION.newSrc];
  const newDst = words[w + TRANSLATION.newDst];
  setAddress(view, at + ipv4.DST, newDst, at + ipv4.CHECKSUM);
  // Who answers for a guest, or stands before one, is not seen outside.
  if (newSrc !== words[w + TRANSLATION.src]) setAddress(view, at + ipv4.SRC, newSrc, at + ipv4.CHECKSUM);

  const checksum = error + icmp.CHECKSUM;
  const l4 = quote + ipv4.headerLength(view, quote);
  const protocol = ipv4.protocol(view, quote);
  const sums = words[w + TRANSLATION.sums];
  // A header's checksum makes up for the changes in it, so they do not change the sum of the message.
  setAddress(view, quote + ipv4.SRC, newDst, quote + ipv4.CHECKSUM);
  setAddress(view, quote + ipv4.DST, newSrc, quote + ipv4.CHECKSUM);
  const newPorts = words[w + TRANSLATION.newPorts];
  if (protocol === icmp.PROTOCOL_ICMP) {
    replace16(view, l4 + icmp.IDENTIFIER, newPorts >>> 16, checksum);
    replace16(view, l4 + icmp.CHECKSUM, amended(view.getUint16(l4 + icmp.CHECKSUM), sums & 0xffff), checksum);
    return;
  }
  if (protocol !== ipv4.PROTOCOL_TCP && protocol !== ipv4.PROTOCOL_UDP) return;
  replace16(view, l4, newPorts & 0xffff, checksum);
  replace16(view, l4 + 2, newPorts >>> 16, checksum);
  const field = l4 + (protocol === ipv4.PROTOCOL_TCP ? tcp.CHECKSUM : udp.CHECKSUM);
  if (field + 2 > end) return;
  const before = view.getUint16(field);
  if (protocol === ipv4.PROTOCOL_UDP && before === 0) return;
  replace16(view, field, amended(before, (sums >>> 16) + (sums & 0xffff)), checksum);
}

function setAddress(view: DataView, at: number, address: number, headerChecksum: number): void {
  amend(view, headerChecksum, sumOfChange(view.getInt32(at), address, 0, 0));
  view.setInt32(at, address);
}

/** Whether the checksum at `l4 + field` is still to be completed: then it is the sum of a pseudo-header. */
function isPartial(batch: FrameBatch, row: number, l4: number, field: number): boolean {
  const { rows } = batch;
  const start = rows[row + COLUMN.csumStart];
  return (
    start !== 0 &&
    start === l4 - rows[row + COLUMN.rest] + MACS_LEN &&
    rows[row + COLUMN.csumOffset] === field
  );
}
