// ARP for IPv4 over Ethernet, RFC 826, in untagged frames without FCS; probes as RFC 5227.
//
//   MACs 12 | 0x0806 | hardware 1 | protocol 0x0800 | lengths 6, 4 | operation
//   22: sender MAC 6 | sender address 4 | target MAC 6 | target address 4

import * as ethernet from './ethernet.ts';
import { type Mac, macAt, setMac } from './mac.ts';

export const FRAME_LEN = ethernet.HEADER_LEN + 28;
export const REQUEST = 1;
export const REPLY = 2;

const HARDWARE = ethernet.HEADER_LEN;
const PROTOCOL = HARDWARE + 2;
const LENGTHS = HARDWARE + 4;
const OPERATION = HARDWARE + 6;
const SENDER_MAC = HARDWARE + 8;
const SENDER = HARDWARE + 14;
const TARGET_MAC = HARDWARE + 18;
const TARGET = HARDWARE + 24;

const ETHERNET = 1;
const MAC_AND_IPV4 = 0x0604;
const BROADCAST: Mac = { hi: 0xffff, lo: -1 };
const NOBODY: Mac = { hi: 0, lo: 0 };

/** Addresses are unsigned numbers. */
export interface Arp {
  readonly operation: number;
  readonly senderMac: Mac;
  /** 0: the sender only asks whether somebody has `target` (RFC 5227 section 1.1). */
  readonly sender: number;
  readonly targetMac: Mac;
  readonly target: number;
}

/** Undefined if it is not ARP for IPv4 over Ethernet, or not whole. */
export function parseArp(frame: Uint8Array): Arp | undefined {
  if (frame.length < FRAME_LEN) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const isOurs =
    ethernet.etherType(view, 0) === ethernet.TYPE_ARP &&
    view.getUint16(HARDWARE) === ETHERNET &&
    view.getUint16(PROTOCOL) === ethernet.TYPE_IPV4 &&
    view.getUint16(LENGTHS) === MAC_AND_IPV4;
  if (!isOurs) return undefined;
  return {
    operation: view.getUint16(OPERATION),
    senderMac: macAt(view, SENDER_MAC),
    sender: view.getUint32(SENDER),
    targetMac: macAt(view, TARGET_MAC),
    target: view.getUint32(TARGET),
  };
}

/** Asks everybody whether somebody has `address`, without saying that the sender has one: RFC 5227 section 2.1.1. */
export function arpProbe(from: Mac, address: number): Uint8Array {
  return buildArp(BROADCAST, {
    operation: REQUEST,
    senderMac: from,
    sender: 0,
    targetMac: NOBODY,
    target: address,
  });
}

export function buildArp(to: Mac, arp: Arp): Uint8Array {
  const frame = new Uint8Array(FRAME_LEN);
  const view = new DataView(frame.buffer);
  ethernet.setDst(view, 0, to.hi, to.lo);
  ethernet.setSrc(view, 0, arp.senderMac.hi, arp.senderMac.lo);
  ethernet.setEtherType(view, 0, ethernet.TYPE_ARP);
  view.setUint16(HARDWARE, ETHERNET);
  view.setUint16(PROTOCOL, ethernet.TYPE_IPV4);
  view.setUint16(LENGTHS, MAC_AND_IPV4);
  view.setUint16(OPERATION, arp.operation);
  setMac(view, SENDER_MAC, arp.senderMac.hi, arp.senderMac.lo);
  view.setUint32(SENDER, arp.sender);
  setMac(view, TARGET_MAC, arp.targetMac.hi, arp.targetMac.lo);
  view.setUint32(TARGET, arp.target);
  return frame;
}

/**
 * Whether the frame from `at` to before `end` says that its sender has an address: a reply, or an announcement (RFC 5227
 * section 2.3). For the data plane.
 */
export function claims(view: DataView, at: number, end: number): boolean {
  if (at + FRAME_LEN > end || view.getUint16(at + PROTOCOL) !== ethernet.TYPE_IPV4) return false;
  const sender = view.getUint32(at + SENDER);
  const isAnnounced = view.getUint16(at + OPERATION) === REPLY || sender === view.getUint32(at + TARGET);
  return sender !== 0 && isAnnounced;
}

/** Whether the frame from `at` to before `end`, which has ARP's EtherType, is whole ARP for IPv4 over Ethernet. */
export function isWhole(view: DataView, at: number, end: number): boolean {
  return (
    at + FRAME_LEN <= end &&
    view.getUint16(at + HARDWARE) === ETHERNET &&
    view.getUint16(at + PROTOCOL) === ethernet.TYPE_IPV4 &&
    view.getUint16(at + LENGTHS) === MAC_AND_IPV4
  );
}

export function operation(view: DataView, at: number): number {
  return view.getUint16(at + OPERATION);
}

/** As int32, as all addresses in the data plane. */
export function sender(view: DataView, at: number): number {
  return view.getInt32(at + SENDER);
}

export function target(view: DataView, at: number): number {
  return view.getInt32(at + TARGET);
}

export function senderHi(view: DataView, at: number): number {
  return view.getUint16(at + SENDER_MAC);
}

export function senderLo(view: DataView, at: number): number {
  return view.getInt32(at + SENDER_MAC + 2);
}

/** A whole frame at `at` from (hi, lo) to (toHi, toLo), for the data plane; a request to everybody names no target MAC. */
export function write(
  view: DataView,
  at: number,
  operation: number,
  hi: number,
  lo: number,
  sender: number,
  toHi: number,
  toLo: number,
  target: number,
): void {
  const isToAll = ethernet.isGroup(toHi);
  ethernet.setDst(view, at, toHi, toLo);
  ethernet.setSrc(view, at, hi, lo);
  ethernet.setEtherType(view, at, ethernet.TYPE_ARP);
  view.setUint16(at + HARDWARE, ETHERNET);
  view.setUint16(at + PROTOCOL, ethernet.TYPE_IPV4);
  view.setUint16(at + LENGTHS, MAC_AND_IPV4);
  view.setUint16(at + OPERATION, operation);
  setMac(view, at + SENDER_MAC, hi, lo);
  view.setInt32(at + SENDER, sender);
  setMac(view, at + TARGET_MAC, isToAll ? 0 : toHi, isToAll ? 0 : toLo);
  view.setInt32(at + TARGET, target);
}
