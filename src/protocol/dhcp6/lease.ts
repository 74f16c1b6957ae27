// A lease of DHCPv6: an address or a prefix that a client has. Times of a running server are ms of its monotonic clock;
// stored, they are ms of Unix time. One that is over is forgotten: its client gets the same again if nobody else has it.

import { formatIp, type IpBytes, parseIp } from '../../wire/ip_address.ts';

export interface Lease6 {
  readonly address: IpBytes;
  /** Of an address 128. */
  readonly bits: number;
  /** What the server knows the client by: DUID, IAID and hardware address; empty = nobody. */
  readonly client: string;
  readonly mac: string;
  /** Where it was heard last. */
  readonly port: string;
  /** Whether it came by a relay agent. */
  readonly relayed: boolean;
  readonly hostName: string;
  /** Address of the neighbour by whom it is reached, itself or a relay agent: the way to a prefix. */
  readonly via: string;
  /** `declined`: somebody else uses it. */
  readonly state: 'bound' | 'declined';
  readonly until: number;
}

/** `fd00::7`, `fd00:7::/56`. */
export function textOf({ address, bits }: Pick<Lease6, 'address' | 'bits'>): string {
  return bits === 128 ? formatIp(address) : `${formatIp(address)}/${bits}`;
}

export function leaseKey6(network: string, lease: Pick<Lease6, 'address' | 'bits'>): string {
  return `${network} ${textOf(lease)}`;
}

/** `unixOffset`: Unix time less the monotonic clock, now, in ms. */
export function storedLease6(lease: Lease6, unixOffset: number): Record<string, unknown> {
  const { address: _, bits: __, until, ...rest } = lease;
  return { ...rest, until: Math.round(until + unixOffset) };
}

/** The leases of a network among all that is stored. What cannot be one is left out. */
export function storedLeases6(
  network: string,
  stored: ReadonlyMap<string, unknown>,
  unixOffset: number,
): Lease6[] {
  return [...stored].flatMap(([key, value]) => {
    if (!key.startsWith(`${network} `)) return [];
    const [text, bits = '128'] = key.slice(network.length + 1).split('/');
    const address = parseIp(text);
    if (address?.length !== 16 || !/^\d{1,3}$/.test(bits)) return [];
    const lease = leaseFrom(address, Number(bits), value, unixOffset);
    return lease === undefined ? [] : [lease];
  });
}

function leaseFrom(address: IpBytes, bits: number, stored: unknown, unixOffset: number): Lease6 | undefined {
  const { client, mac, port, relayed, hostName, via, state, until } = (stored ?? {}) as Record<
    string,
    unknown
  >;
  const isWhole =
    [client, mac, port, hostName, via].every((value) => typeof value === 'string') &&
    (state === 'bound' || state === 'declined') &&
    Number.isFinite(until);
  if (!isWhole) return undefined;
  return {
    address,
    bits,
    client: client as string,
    mac: mac as string,
    port: port as string,
    relayed: relayed === true,
    hostName: hostName as string,
    via: via as string,
    state: state as Lease6['state'],
    until: (until as number) - unixOffset,
  };
}
