// What became of each host's packet in a burst, in which every host sends one, and whether it took one of the ways that are right:
// always the same for the packets of a flow.

import { formatIp } from '../../../../src/wire/ip_address.ts';
import { frameOf } from './vnet_frames.ts';

const TYPE = 12;
const L3 = 14;

interface Ip {
  src: string;
  dst: string;
  protocol: number;
  /** Of TCP and UDP, of a packet that is whole. */
  ports: string;
}

function ipOf(frame: Buffer): Ip | undefined {
  const type = frame.readUInt16BE(TYPE);
  if (type !== 0x0800 && type !== 0x86dd) return undefined;
  const [at, length] = type === 0x0800 ? [L3 + 12, 4] : [L3 + 8, 16];
  const protocol = frame[type === 0x0800 ? L3 + 9 : L3 + 6];
  const l4 = type === 0x0800 ? L3 + (frame[L3] & 15) * 4 : L3 + 40;
  const isFragment = type === 0x0800 && (frame.readUInt16BE(L3 + 6) & 0x3fff) !== 0;
  const hasPorts = !isFragment && (protocol === 6 || protocol === 17);
  return {
    src: formatIp(frame.subarray(at, at + length)),
    dst: formatIp(frame.subarray(at + length, at + 2 * length)),
    protocol,
    ports: hasPorts ? frame.toString('hex', l4, l4 + 4) : '',
  };
}

export function senderOf(vnet: Buffer): string {
  return ipOf(frameOf(vnet))?.src ?? '';
}

export function flowOf(vnet: Buffer): string {
  return JSON.stringify(ipOf(frameOf(vnet)));
}

/** Lines of `shown` by the host whose packet they are, or to whom they tell something. */
export function bySender(lines: readonly string[], senders: readonly string[]): Map<string, string> {
  const all = new Map<string, string>();
  for (const line of lines) {
    const ip = ipOf(Buffer.from(line.split(' ')[1], 'hex'));
    const sender = senders.find((one) => one === ip?.src) ?? senders.find((one) => one === ip?.dst) ?? '';
    all.set(sender, `${all.get(sender) ?? ''}\n    ${line}`);
  }
  return all;
}

/** Flows and the choices that explain all of their packets until now. */
export class Flows {
  private readonly possible = new Map<string, number[]>();

  /** False: the flow has changed its way. */
  note(flow: string, choices: readonly number[]): boolean {
    const before = this.possible.get(flow);
    const now = before === undefined ? [...choices] : before.filter((choice) => choices.includes(choice));
    this.possible.set(flow, now);
    return now.length > 0;
  }
}
