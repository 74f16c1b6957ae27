// DHCPv4 as snooping sees it.

import { OPTION } from '../../wire/dhcp4/codes.ts';
import { buildDhcpFrame, type DhcpFrame, parseDhcpFrame } from '../../wire/dhcp4/frame.ts';
import { buildMessage } from '../../wire/dhcp4/message.ts';
import type { Options } from '../../wire/dhcp4/options.ts';
import { readUint32 } from '../../wire/dhcp4/values.ts';
import { formatIp, ipv4Bytes } from '../../wire/ip_address.ts';
import { formatMac } from '../../wire/mac.ts';
import type { Snooped, SnoopedPort } from './snooped.ts';

/** What fits into a frame behind the headers of IPv4 and UDP. */
const MOST = 1472;
const FOR_EVER = 0xffff_ffff;
/** Sub-options of option 82, RFC 3046 section 2.0. */
const CIRCUIT_ID = 1;
const REMOTE_ID = 2;
const MAX_ID = 120;

export interface Client4 {
  readonly port: string;
  readonly hasOption82: boolean;
}

/** Undefined: nobody shall hear it. */
export function request4(
  bytes: Uint8Array,
  port: string,
  { bridge, insertsOption82 }: SnoopedPort,
): { key: string; client: Client4; snooped: Snooped } | undefined {
  const frame = parseDhcpFrame(bytes);
  if (typeof frame === 'string' || frame.message.isReply) return undefined;
  const { message } = frame;
  // Who says that it relays is lying (RFC 3046 section 2.1).
  if (message.options.has(OPTION.relayAgent)) return undefined;
  const mac = formatMac(message.mac.hi, message.mac.lo);
  const given =
    message.type === 'release' ? message.ciaddr : message.type === 'decline' ? requested(message.options) : 0;
  const ip = formatIp(ipv4Bytes(given));
  return {
    key: keyOf(frame),
    client: { port, hasOption82: insertsOption82 },
    snooped: {
      frame: insertsOption82 ? withOption82(frame, port, bridge) : bytes,
      ...(given !== 0 && { freed: [{ port, mac, ip }] }),
    },
  };
}

export function answer4(bytes: Uint8Array, clientOf: (key: string) => Client4 | undefined): Snooped {
  const frame = parseDhcpFrame(bytes);
  const client = typeof frame === 'string' ? undefined : clientOf(keyOf(frame));
  if (typeof frame === 'string' || client === undefined) return { frame: bytes };
  const { message } = frame;
  const passed = client.hasOption82 ? withoutOption82(frame) : bytes;
  const seconds = readUint32(message.options.get(OPTION.leaseTime));
  if (message.type !== 'ack' || message.yiaddr === 0 || seconds === undefined) return { frame: passed };
  const mac = formatMac(message.mac.hi, message.mac.lo);
  const ip = formatIp(ipv4Bytes(message.yiaddr));
  return {
    frame: passed,
    bound: [
      { port: client.port, mac, ip, seconds: seconds === FOR_EVER ? Number.POSITIVE_INFINITY : seconds },
    ],
  };
}

function keyOf({ message: { mac, xid } }: DhcpFrame): string {
  return `${formatMac(mac.hi, mac.lo)} ${xid}`;
}

function requested(options: Options): number {
  return readUint32(options.get(OPTION.requestedAddress)) ?? 0;
}

function withOption82(frame: DhcpFrame, port: string, bridge: string): Uint8Array {
  const value = Buffer.concat([subOption(CIRCUIT_ID, port), subOption(REMOTE_ID, bridge)]);
  return rebuilt(frame, new Map([...frame.message.options, [OPTION.relayAgent, value]]));
}

function withoutOption82(frame: DhcpFrame): Uint8Array {
  const options = new Map(frame.message.options);
  options.delete(OPTION.relayAgent);
  return rebuilt(frame, options);
}

function rebuilt({ message, ...way }: DhcpFrame, options: Options): Uint8Array {
  return buildDhcpFrame(way, buildMessage({ ...message, options }, MOST).bytes);
}

function subOption(code: number, text: string): Uint8Array {
  const value = Buffer.from(text, 'utf8').subarray(0, MAX_ID);
  return Buffer.concat([Uint8Array.of(code, value.length), value]);
}
