// A client's message in its context: who asks, where, and on which link.

import { OPTION6 } from '../../wire/dhcp6/codes.ts';
import type { Frame6 } from '../../wire/dhcp6/frame.ts';
import { type Association, fqdnLabel } from '../../wire/dhcp6/message.ts';
import { formatIp, isUnspecifiedIp } from '../../wire/ip_address.ts';
import { prefixContains } from '../../wire/ip_prefix.ts';
import { formatMac, macAt } from '../../wire/mac.ts';
import type { Punt } from '../host.ts';
import type { Dhcp6Settings, Link6 } from './outcome.ts';

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** Identifiers with a MAC address, RFC 8415 sections 11.2 and 11.4: type | hardware type 1 | (time) | MAC. */
const DUID = { linkTime: { type: 1, mac: 8 }, link: { type: 3, mac: 4 } } as const;
const ETHERNET = 1;

export interface Request6 {
  readonly frame: Frame6;
  readonly clientId: Uint8Array | undefined;
  /** Of the client, whoever relayed it; empty: nobody says. */
  readonly mac: string;
  readonly hostName: string;
  /** The neighbour by whom it is reached: itself, or its relay agent. */
  readonly via: string;
  readonly port: string;
  readonly relayed: boolean;
  readonly link: Link6;
  readonly now: number;
}

/** Undefined: it was relayed for a link that nobody knows. */
export function requestOf(
  frame: Frame6,
  { port, at }: Pick<Punt, 'port' | 'at'>,
  settings: Dhcp6Settings,
): Request6 | undefined {
  const { options } = frame.message;
  const link = linkOf(frame, settings);
  if (link === undefined) return undefined;
  const label = fqdnLabel(options.get(OPTION6.clientFqdn));
  const clientId = options.get(OPTION6.clientId);
  return {
    frame,
    clientId,
    mac: macOf(frame, clientId),
    hostName: LABEL.test(label) ? label : '',
    via: formatIp(frame.src),
    port,
    relayed: frame.layers.length > 0,
    link,
    now: at,
  };
}

/** Of the relay agent that is nearest to the client and says one, section 13.1; who says none is on this link. */
function linkOf({ layers }: Frame6, settings: Dhcp6Settings): Link6 | undefined {
  const said = layers.findLast(({ link }) => !isUnspecifiedIp(link))?.link;
  if (said === undefined) return settings;
  return [settings, ...settings.relayed].find(({ subnet }) => prefixContains(subnet, said));
}

function macOf({ layers, srcMac }: Frame6, clientId: Uint8Array | undefined): string {
  if (layers.length === 0) return formatMac(srcMac.hi, srcMac.lo);
  const said = layers.at(-1)?.mac ?? macIn(clientId);
  return said === undefined ? '' : formatMac(said.hi, said.lo);
}

function macIn(duid: Uint8Array | undefined) {
  const kind = Object.values(DUID).find(({ type }) => duid?.[1] === type);
  if (duid === undefined || kind === undefined || duid.length !== kind.mac + 6) return undefined;
  if (duid[0] !== 0 || duid[2] !== 0 || duid[3] !== ETHERNET) return undefined;
  return macAt(new DataView(duid.buffer, duid.byteOffset, duid.length), kind.mac);
}

/** A machine with the identifier of another one, as copies of disks have it, is another client. */
export function clientKey({ clientId, mac }: Request6, { iaid }: Association): string {
  return `${hexOf(clientId)} ${iaid} ${mac}`;
}

export function hexOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('hex');
}
