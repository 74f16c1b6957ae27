// Control frames as customers' bridges send them.

import { L2CP, L2CP_GROUPS, type L2cpName } from '../../src/wire/l2cp.ts';
import { formatMac } from '../../src/wire/mac.ts';

const cisco = (type: string) => `0020 aaaa03 00000c ${type} 01`;

/** What follows addresses and tags. */
const BODIES: Record<L2cpName, string> = {
  stp: '0026 424203 0000 00 00 01',
  pvst: cisco('010b'),
  lacp: '8809 01 01',
  eapol: '888e 01 01 0000',
  lldp: '88cc 0207 04 02005e000001',
  cdp: cisco('2000'),
  vtp: cisco('2003'),
  pagp: cisco('0104'),
  udld: cisco('0111'),
  dtp: cisco('2004'),
};

/** From station a, of 60 bytes and a tag more for each in `tags`; `dst` is the protocol's own unless told otherwise. */
export function controlFrame(
  name: L2cpName,
  { tags = '', dst = groupOf(name) }: { tags?: string; dst?: string } = {},
): Uint8Array {
  const head = bytesOf(`${dst.replaceAll(':', '')} 020000000061 ${tags} ${BODIES[name]}`);
  const frame = new Uint8Array(60 + bytesOf(tags).length);
  frame.set(head);
  return frame;
}

/** The group on the customer's link. */
export function groupOf(name: L2cpName): string {
  const { hi, lo } = L2CP_GROUPS[L2CP[name]];
  return formatMac(hi, lo);
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}
