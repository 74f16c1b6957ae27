// Networks of guests and their leases as the control socket tells them, as schemas: see resources.ts.

import { z } from 'zod';
import type {
  Dhcp6Status,
  DhcpStatus,
  DnsStatus,
  Ipv6Status,
  LeaseFilter,
  LeaseStatus,
  NetworkStatus,
} from '../api.ts';
import { NETWORK_MODES } from '../config/network_shape.ts';
import { count } from './counts.ts';

const counts = z.record(z.string(), count);
export const dhcpStatus: z.ZodType<DhcpStatus> = z.object({
  range: z.string(),
  leases: count,
  free: count,
  received: counts.describe('by type of message'),
  sent: counts.describe('by type of message'),
  ignored: counts.describe('messages without an answer, by reason'),
});
export const dnsStatus: z.ZodType<DnsStatus> = z.object({
  domain: z.string().describe('in which guests have their names'),
  names: count.describe('names of guests'),
  upstreams: z.array(z.string()).describe('resolvers that are asked for other names'),
  queries: count,
  answered: z.object({ zone: count, cache: count, upstream: count }),
  refused: counts.describe('by reason'),
  failed: count.describe('no resolver answered'),
  malformed: counts.describe('by reason'),
});
const dhcp6Status: z.ZodType<Dhcp6Status> = z.object({
  range: z.string().optional().describe('absent: hosts make addresses of their own'),
  leases: count,
  received: counts.describe('by type of message'),
  sent: counts.describe('by type of message'),
  ignored: counts.describe('messages without effect, by reason'),
});
const ipv6Status: z.ZodType<Ipv6Status> = z.object({
  subnet: z.string(),
  gateway: z.string(),
  advertisements: count.describe('router advertisements sent'),
  solicitations: count.describe('router solicitations heard'),
  dhcp: dhcp6Status.optional(),
});
export const networkStatus: z.ZodType<NetworkStatus> = z.object({
  network: z.string().describe('its name: br0, or of a VLAN br0.10'),
  bridge: z.string(),
  vlan: z.number().int().optional(),
  mode: z.enum(NETWORK_MODES),
  subnet: z.string().optional(),
  gateway: z.string().optional(),
  uplink: z
    .string()
    .optional()
    .describe('what leads out: an interface of the host, or a port; of a bridged network its ports that do'),
  problems: z.array(z.string()).describe('what stands in the way, and what helps'),
  dhcp: dhcpStatus.optional(),
  dns: dnsStatus.optional(),
  ipv6: ipv6Status.optional(),
});
export const leaseStatus: z.ZodType<LeaseStatus> = z.object({
  network: z.string(),
  bridge: z.string(),
  address: z.string(),
  mac: z.string().describe('empty: an address that somebody else was found to use'),
  clientId: z.string().optional(),
  name: z.string().optional(),
  port: z.string().describe('where the guest was heard last; empty: not since the start'),
  state: z.enum(['offered', 'bound', 'quarantined']),
  isFixed: z.boolean().describe('the configuration says which address it has'),
  expiresIn: z.number().optional().describe('seconds; absent = for ever'),
});

export const networks = z.object({ networks: z.array(networkStatus) });
export const leases = z.object({ leases: z.array(leaseStatus) });
export const leaseFilter = z.strictObject({
  network: z.string().optional(),
  bridge: z.string().optional(),
  port: z.string().optional(),
  mac: z.string().optional(),
  address: z.string().optional(),
}) satisfies z.ZodType<LeaseFilter>;
export const endedLeases = z.object({ ended: count });
