// What guests of routers say and hear, in a switch as polled_switch.ts has it.

import { buildArp, parseArp, REPLY, REQUEST } from '../../src/wire/arp.ts';
import { add, finish } from '../../src/wire/checksum.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import { formatIp, ipv4Number, parseIp } from '../../src/wire/ip_address.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import { formatMac, type Mac, macAt, parseMac, setMac } from '../../src/wire/mac.ts';
import { parseNeighbourMessage } from '../../src/wire/neighbour_frame.ts';

export const ip = (text: string): Uint8Array => parseIp(text) as Uint8Array;
export const mac = (text: string): Mac => parseMac(text) as Mac;
export const BROADCAST: Mac = { hi: 0xffff, lo: -1 };

export function arpRequest(from: Mac, sender: string, target: string): Uint8Array {
  return arp(REQUEST, BROADCAST, from, sender, { hi: 0, lo: 0 }, target);
}

export function arpReply(from: Mac, sender: string, to: Mac, target: string): Uint8Array {
  return arp(REPLY, to, from, sender, to, target);
}

function arp(
  operation: number,
  to: Mac,
  senderMac: Mac,
  sender: string,
  targetMac: Mac,
  target: string,
): Uint8Array {
  return buildArp(to, {
    operation,
    senderMac,
    sender: ipv4Number(ip(sender)),
    targetMac,
    target: ipv4Number(ip(target)),
  });
}

/** A ping, whole and with right checksums. */
export function ping(from: Mac, to: Mac, source: string, target: string, ttl = 64): Uint8Array {
  const frame = new Uint8Array(14 + 20 + 8);
  const view = new DataView(frame.buffer);
  setMac(view, 0, to.hi, to.lo);
  setMac(view, 6, from.hi, from.lo);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
  ipv4.write(view, 14, 0, 28, ttl, 1, ipv4Number(ip(source)) | 0, ipv4Number(ip(target)) | 0);
  view.setUint16(34, 0x0800);
  view.setUint16(36, finish(add(view, 34, frame.length)));
  return frame;
}

/** A frame in a few words: `arp? 10.0.0.1 -> 10.0.0.2`, `icmp 8 10.0.1.9 -> 10.0.2.9 ttl 63`, with its destination in front. */
export function words(frame: Uint8Array): string {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const { hi, lo } = macAt(view, 0);
  const to = formatMac(hi, lo);
  const heardArp = parseArp(frame);
  if (heardArp !== undefined) {
    const [sender, target] = [heardArp.sender, heardArp.target].map((number) =>
      formatIp(Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number)),
    );
    return `${to} arp${heardArp.operation === REQUEST ? '?' : '!'} ${sender} -> ${target}`;
  }
  const message = parseNeighbourMessage(frame);
  if (message !== undefined)
    return `${to} ${message.kind} ${formatIp(message.source)} -> ${formatIp(message.target)}`;
  if (ethernet.etherType(view, 0) !== ethernet.TYPE_IPV4) return `${to} other`;
  const [source, target] = [frame.subarray(26, 30), frame.subarray(30, 34)].map(formatIp);
  return `${to} icmp ${view.getUint8(34)}/${view.getUint8(35)} ${source} -> ${target} ttl ${view.getUint8(22)}`;
}
