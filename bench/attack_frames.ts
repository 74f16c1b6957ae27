// What a hostile guest sends in attacks.ts, one after the other: made-up stations, addresses of others, false ARP, a router's
// advertisement, and a storm of broadcasts.

import { buildArp, REPLY, REQUEST } from '../src/wire/arp.ts';
import * as ethernet from '../src/wire/ethernet.ts';
import * as ipv4 from '../src/wire/ipv4.ts';
import { buildIpv6Frame } from '../src/wire/ipv6_frame.ts';
import { type Mac, parseMac } from '../src/wire/mac.ts';

export interface Ends {
  /** MAC of the attacker, and of the neighbours. */
  evil: string;
  victim: string;
  gateway: string;
}

const STATIONS = 256;
const EVERYBODY: Mac = { hi: 0xffff, lo: -1 };
const NOBODY: Mac = { hi: 0, lo: 0 };
/** 10.98.0.1 is the gateway, .2 the victim, .3 the attacker's own. */
const GATEWAY = 0x0a62_0001;
const VICTIM = 0x0a62_0002;
const EVIL = 0x0a62_0003;
const SIZE = 60;
const UDP = 17;
/** RFC 4861 section 4.2: an advertisement that is a default router for half an hour. */
const ADVERTISEMENT = Uint8Array.of(134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0);

export function attackFrames({ evil, victim, gateway }: Ends): Uint8Array[] {
  const [own, other, router] = [evil, victim, gateway].map((text) => parseMac(text) as Mac);
  const made = Array.from({ length: STATIONS }, (_, n) =>
    datagram({ hi: 0x0200, lo: 0x0100_0000 + n }, other, EVIL),
  );
  const claim = (to: Mac, senderMac: Mac) =>
    buildArp(to, { operation: REPLY, senderMac, sender: GATEWAY, targetMac: other, target: VICTIM });
  const asks = buildArp(EVERYBODY, {
    operation: REQUEST,
    senderMac: own,
    sender: EVIL,
    targetMac: NOBODY,
    target: VICTIM,
  });
  const linkLocal = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9);
  const allNodes = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  const way = { srcMac: own, dstMac: { hi: 0x3333, lo: 1 }, src: linkLocal, dst: allNodes };
  const advertisement = buildIpv6Frame(way, 58, 255, ADVERTISEMENT.slice());
  const others = [claim(other, own), claim(EVERYBODY, router), datagram(own, other, GATEWAY), advertisement];
  return [...made, ...Array.from({ length: 32 }, () => [asks, ...others]).flat()];
}

function datagram(from: Mac, to: Mac, src: number): Uint8Array {
  const frame = new Uint8Array(SIZE);
  const view = new DataView(frame.buffer);
  ethernet.setDst(view, 0, to.hi, to.lo);
  ethernet.setSrc(view, 0, from.hi, from.lo);
  ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
  ipv4.write(view, ethernet.HEADER_LEN, 0, SIZE - ethernet.HEADER_LEN, 64, UDP, src, VICTIM);
  return frame;
}
