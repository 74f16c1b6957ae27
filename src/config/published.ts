// A published port of a network: `tcp/8080 -> web:80`, or `udp/5000-5010 -> 10.0.0.5:6000`.

import { parseHostAddress } from './subnet.ts';

export interface Published {
  protocol: 'tcp' | 'udp';
  /** Ports of the host, both included. */
  first: number;
  last: number;
  /** A host of `dhcp.hosts`, or an IPv4 address. */
  to: string;
  /** The first port there; the others follow. */
  port: number;
}

const FORM = /^(tcp|udp)\/(\d{1,5})(?:-(\d{1,5}))? *-> *([^\s:]+):(\d{1,5})$/;
const MAX_PORT = 65_535;
/** Each is a rule of the host's packet filter. */
const MOST = 1024;

/** Undefined if it is not written so. */
export function parsePublished(text: string): Published | undefined {
  const parts = FORM.exec(text);
  if (parts === null) return undefined;
  const [first, port] = [Number(parts[2]), Number(parts[5])];
  const last = parts[3] === undefined ? first : Number(parts[3]);
  if (last - first >= MOST) return undefined;
  if (first < 1 || last < first || last > MAX_PORT || port < 1 || port + last - first > MAX_PORT)
    return undefined;
  return { protocol: parts[1] as Published['protocol'], first, last, to: parts[4], port };
}

/** The address that a published port leads to, by the addresses of hosts; undefined if nobody has that name. */
export function targetOf({ to }: Published, hosts: ReadonlyMap<string, number>): number | undefined {
  return parseHostAddress(to) ?? hosts.get(to);
}
