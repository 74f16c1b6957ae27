// As much IPv4 as a fake guest needs to be seen: it answers ARP and echo requests, and asks others.

import * as arp from '../../wire/arp.ts';
import * as checksum from '../../wire/checksum.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { type Mac, macAt } from '../../wire/mac.ts';

const IP = ethernet.HEADER_LEN;
const ICMP = IP + ipv4.HEADER_LEN;
const SEQUENCE = 6;
const DATA = ICMP + icmp.HEADER_LEN;
/** As ping(8) has it. */
const DATA_LEN = 56;
const BROADCAST: Mac = { hi: 0xffff, lo: -1 };
const NOBODY: Mac = { hi: 0, lo: 0 };
const MOST_NEIGHBOURS = 256;

/** What a frame was. */
export type Heard = 'arp' | 'echo request' | { reply: number } | 'other';

export class IpHost {
  private readonly mac: Mac;
  /** An unsigned number. */
  private readonly address: number;
  private readonly send: (frame: Uint8Array) => void;
  private readonly identifier: number;
  private readonly neighbours = new Map<number, Mac>();

  constructor(mac: Mac, address: number, identifier: number, send: (frame: Uint8Array) => void) {
    this.mac = mac;
    this.address = address;
    this.identifier = identifier & 0xffff;
    this.send = send;
  }

  /** Tells everybody who has its address (RFC 5227 section 2.3). */
  announce(): void {
    this.ask(this.address);
  }

  /** Sends an echo request; while nobody has said who has the address, that question. */
  ping(target: number, sequence: number): void {
    const neighbour = this.neighbours.get(target);
    if (neighbour === undefined) this.ask(target);
    else this.send(this.echo(neighbour, target, sequence));
  }

  /** Whether it is known who has the address, so that `ping` is a ping. */
  knows(target: number): boolean {
    return this.neighbours.has(target);
  }

  /** Takes a frame, and answers what is to be answered. */
  take(frame: Uint8Array): Heard {
    if (frame.length < IP) return 'other';
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const message = arp.parseArp(frame);
    if (message !== undefined) {
      this.takeArp(message);
      return 'arp';
    }
    if (!this.isForUs(frame, view)) return 'other';
    if (icmp.isEchoRequest(view, ICMP)) {
      this.answer(Uint8Array.from(frame));
      return 'echo request';
    }
    const isReply = view.getUint16(ICMP) === icmp.ECHO_REPLY << 8;
    const isOurs = isReply && view.getUint16(ICMP + icmp.IDENTIFIER) === this.identifier;
    return isOurs ? { reply: view.getUint16(ICMP + SEQUENCE) } : 'other';
  }

  private ask(target: number): void {
    const [senderMac, sender] = [this.mac, this.address];
    this.send(
      arp.buildArp(BROADCAST, { operation: arp.REQUEST, senderMac, sender, targetMac: NOBODY, target }),
    );
  }

  private takeArp({ operation, sender, senderMac, target }: arp.Arp): void {
    if (target !== this.address) return;
    if (this.neighbours.size < MOST_NEIGHBOURS || this.neighbours.has(sender)) {
      this.neighbours.set(sender, senderMac);
    }
    if (operation !== arp.REQUEST) return;
    const { mac, address } = this;
    this.send(
      arp.buildArp(senderMac, {
        operation: arp.REPLY,
        senderMac: mac,
        sender: address,
        targetMac: senderMac,
        target: sender,
      }),
    );
  }

  /** Whole ICMP to our address, without options and unfragmented: what ping sends. */
  private isForUs(frame: Uint8Array, view: DataView): boolean {
    return (
      frame.length >= DATA &&
      ethernet.etherType(view, 0) === ethernet.TYPE_IPV4 &&
      view.getUint8(IP) === 0x45 &&
      !ipv4.isFragment(view, IP) &&
      ipv4.protocol(view, IP) === icmp.PROTOCOL_ICMP &&
      ipv4.dst(view, IP) >>> 0 === this.address
    );
  }

  private answer(frame: Uint8Array): void {
    const view = new DataView(frame.buffer);
    const to = macAt(view, 6);
    ethernet.setDst(view, 0, to.hi, to.lo);
    ethernet.setSrc(view, 0, this.mac.hi, this.mac.lo);
    ipv4.swapAddresses(view, IP);
    icmp.answerEcho(view, ICMP, true);
    this.send(frame);
  }

  private echo(to: Mac, target: number, sequence: number): Uint8Array {
    const frame = new Uint8Array(DATA + DATA_LEN);
    const view = new DataView(frame.buffer);
    ethernet.setDst(view, 0, to.hi, to.lo);
    ethernet.setSrc(view, 0, this.mac.hi, this.mac.lo);
    ethernet.setEtherType(view, 0, ethernet.TYPE_IPV4);
    ipv4.write(view, IP, 0, frame.length - IP, ipv4.DEFAULT_TTL, icmp.PROTOCOL_ICMP, this.address, target);
    view.setUint16(ICMP, icmp.ECHO << 8);
    view.setUint16(ICMP + icmp.IDENTIFIER, this.identifier);
    view.setUint16(ICMP + SEQUENCE, sequence);
    for (let i = 0; i < DATA_LEN; i++) frame[DATA + i] = i;
    view.setUint16(ICMP + icmp.CHECKSUM, checksum.finish(checksum.add(view, ICMP, frame.length)));
    return frame;
  }
}
