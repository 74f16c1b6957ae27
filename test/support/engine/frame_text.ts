// Frames as one line of text, to write and to read:
//
//   a > b                       stations are letters (02:00:00:00:00:61 for a), * is broadcast, or a MAC address
//   a > b vlan 10 pcp 5 dei     tags in the order of the frame; `vlan 0 pcp 5` is a priority tag
//   a > b svlan 7 vlan 10       service tags: 0x88a8, `xvlan` is 0x9100
//   a > * "hello"               payload, behind an EtherType for experiments; padded to 60 bytes
//   a > b size 1514             length without FCS and without tags; shown if it is not 60

import { formatMac, parseMac } from '../../../src/wire/mac.ts';

/** IEEE 802, 9.2.3: local experimental EtherType 1. */
export const EXPERIMENT = 0x88b5;
const TPIDS = { vlan: 0x8100, svlan: 0x88a8, xvlan: 0x9100 };
const KINDS = new Map(Object.entries(TPIDS).map(([kind, tpid]) => [tpid, kind]));
const MIN = 60;

export function mac(name: string): number[] {
  if (name === '*') return [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  if (name.length === 1) return [2, 0, 0, 0, 0, name.charCodeAt(0)];
  const parsed = parseMac(name);
  if (parsed === undefined) throw new Error(`no station: ${name}`);
  const view = new DataView(new ArrayBuffer(6));
  view.setUint16(0, parsed.hi);
  view.setInt32(2, parsed.lo);
  return [...new Uint8Array(view.buffer)];
}

function nameOf(bytes: Uint8Array): string {
  if (bytes.every((byte) => byte === 0xff)) return '*';
  const isLetter = bytes[0] === 2 && bytes.subarray(1, 5).every((byte) => byte === 0) && bytes[5] > 0x20;
  if (isLetter) return String.fromCharCode(bytes[5]);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return formatMac(view.getUint16(0), view.getInt32(2));
}

const LINE = /^(\S+) > (\S+)((?: [sx]?vlan \d+(?: pcp \d)?(?: dei)?)*)(?: size (\d+))?(?: "(.*)")?$/;

/** Tag bytes of ` vlan 10 pcp 5 dei vlan 20`. */
function tagBytes(text: string): number[] {
  return [...text.matchAll(/([sx]?vlan) (\d+)(?: pcp (\d))?( dei)?/g)].flatMap(([, kind, vid, pcp, dei]) => {
    const tpid = TPIDS[kind as keyof typeof TPIDS];
    const tci = Number(vid) | (Number(pcp ?? 0) << 13) | (dei === undefined ? 0 : 0x1000);
    return [tpid >>> 8, tpid & 0xff, tci >>> 8, tci & 0xff];
  });
}

export function parse(line: string): Uint8Array {
  const match = LINE.exec(line);
  if (match === null) throw new Error(`no frame: ${line}`);
  const [, from, to, tags, size, text = ''] = match;
  const tagged = tagBytes(tags);
  const payload = [...Buffer.from(text)];
  const head = [...mac(to), ...mac(from), ...tagged, EXPERIMENT >>> 8, EXPERIMENT & 0xff];
  const bytes = new Uint8Array(Math.max(Number(size ?? MIN) + tagged.length, head.length + payload.length));
  bytes.set([...head, ...payload]);
  return bytes;
}

export function show(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let line = `${nameOf(bytes.subarray(6, 12))} > ${nameOf(bytes.subarray(0, 6))}`;
  let at = 12;
  for (; KINDS.has(view.getUint16(at)); at += 4) {
    const tci = view.getUint16(at + 2);
    line += ` ${KINDS.get(view.getUint16(at))} ${tci & 0xfff}`;
    if (tci >>> 13 !== 0) line += ` pcp ${tci >>> 13}`;
    if ((tci & 0x1000) !== 0) line += ' dei';
  }
  const size = bytes.length - (at - 12);
  if (size !== MIN) line += ` size ${size}`;
  const text = Buffer.from(bytes.subarray(at + 2))
    .toString('latin1')
    .replace(/\0+$/, '');
  return text === '' ? line : `${line} "${text}"`;
}
