// A lease: what a network remembers of an address. Times of a running server are ms of its monotonic clock; stored, they
// are ms of Unix time, since no other clock survives a restart.

import { formatIp, ipv4Bytes, ipv4Number, parseIp } from '../../wire/ip_address.ts';

/**
 * `offered`: kept for a client that has not asked for it yet. `ended`: free, and remembered for who had it.
 * `declined`: somebody else uses it.
 */
export type LeaseState = 'offered' | 'bound' | 'ended' | 'declined';

/** Who has an address, as far as it is stored. */
export interface Holder {
  /** What the server knows a client by, see client.ts; empty = nobody. */
  readonly client: string;
  /** Hardware address, of the client or of who was found to use a declined address. */
  readonly mac: string;
  /** Port of the switch where it was last heard. */
  readonly port: string;
  /** Whether it came by a relay agent. */
  readonly relayed: boolean;
  /** The name that it has, or said it has: one label of letters, digits and hyphens, or empty. */
  readonly hostName: string;
}

export interface Lease extends Holder {
  readonly address: number;
  readonly state: LeaseState;
  /** Whether nobody else was found to use it since this client has it. */
  readonly verified: boolean;
  /** When this client was first given it. */
  readonly since: number;
  /** When the state is over; of an ended one, when it ended. */
  readonly until: number;
}

const STORED_STATES: readonly unknown[] = ['bound', 'ended', 'declined'];

/** `unixOffset`: Unix time less the monotonic clock, now, in ms. */
export function storedLease(lease: Lease, unixOffset: number): Record<string, unknown> {
  const { address: _, verified: __, since, until, ...rest } = lease;
  const stored = { ...rest, since: Math.round(since + unixOffset) };
  // JSON has no infinity: a lease without end has no end.
  return until === Number.POSITIVE_INFINITY ? stored : { ...stored, until: Math.round(until + unixOffset) };
}

/** What a lease is stored under. */
export function leaseKey(network: string, address: number): string {
  return `${network} ${formatIp(ipv4Bytes(address))}`;
}

/** The leases of a network among all that is stored. What cannot be one is left out. */
export function storedLeases(
  network: string,
  stored: ReadonlyMap<string, unknown>,
  unixOffset: number,
): Lease[] {
  return [...stored].flatMap(([key, value]) => {
    const address = key.startsWith(`${network} `) ? parseIp(key.slice(network.length + 1)) : undefined;
    const lease = address?.length === 4 ? leaseFrom(ipv4Number(address), value, unixOffset) : undefined;
    return lease === undefined ? [] : [lease];
  });
}

function leaseFrom(address: number, stored: unknown, unixOffset: number): Lease | undefined {
  if (typeof stored !== 'object' || stored === null) return undefined;
  const { state, client, mac, port, relayed, hostName, since, until } = stored as Record<string, unknown>;
  const isWhole =
    STORED_STATES.includes(state) &&
    [client, mac, port, hostName].every((value) => typeof value === 'string') &&
    typeof relayed === 'boolean' &&
    Number.isFinite(since) &&
    (until === undefined || Number.isFinite(until));
  if (!isWhole) return undefined;
  return {
    address,
    state: state as LeaseState,
    client: client as string,
    mac: mac as string,
    port: port as string,
    relayed: relayed as boolean,
    hostName: hostName as string,
    verified: state !== 'declined',
    since: (since as number) - unixOffset,
    until: until === undefined ? Number.POSITIVE_INFINITY : (until as number) - unixOffset,
  };
}
