// What the control socket answers about LLDP: resources.ts.

import { z } from 'zod';
import type { LldpCounters, LldpNeighbor, LldpPortStatus } from '../api.ts';
import { count, vlanId } from './counts.ts';

export const lldpNeighbor: z.ZodType<LldpNeighbor> = z.object({
  bridge: z.string(),
  port: z.string(),
  mac: z.string().describe('source address of its last frame'),
  vlan: vlanId.describe('VLAN that its last frame came in; 0 in a bridge that does not filter VLANs'),
  chassisId: z.string().describe('what is no text as `0x...`'),
  chassisIdType: z.string().describe('mac, interface_name, network_address, local, ...'),
  portId: z.string(),
  portIdType: z.string(),
  ttl: count.describe('seconds, as in its last frame'),
  expiresIn: z.number().describe('seconds until it is forgotten'),
  age: z.number().describe('seconds since it was first seen'),
  portDescription: z.string().optional(),
  systemName: z.string().optional(),
  systemDescription: z.string().optional(),
  capabilities: z.array(z.string()).optional().describe('bridge, router, station, ...'),
  enabledCapabilities: z.array(z.string()).optional(),
  managementAddresses: z.array(z.string()),
  pvid: count.optional().describe('VLAN of its untagged frames, 0 = none'),
  maxFrameSize: count.optional().describe('bytes, with header, tag and FCS'),
  otherTlvs: z
    .array(
      z.object({
        type: count,
        oui: z.string().optional(),
        subtype: count.optional(),
        length: count,
        hex: z.string(),
      }),
    )
    .describe('TLVs that Taploom does not interpret: the first 32, and 64 bytes of each'),
});

const lldpCounters: z.ZodType<LldpCounters> = z
  .object({
    framesIn: count,
    framesOut: count,
    framesDiscarded: count.describe('malformed, or of neighbours for whom there is no room'),
    framesInErrors: count.describe('with any error'),
    framesNotSent: count.describe('the data plane had no room'),
    tlvsDiscarded: count.describe('malformed, or there twice'),
    tlvsUnrecognized: count,
    tlvsOmitted: count.describe('ours that did not fit into a frame'),
    ageouts: count.describe('neighbours that fell silent'),
    neighborsRefused: count.describe('frames of neighbours for whom there was no room'),
  })
  .describe('IEEE 802.1AB-2016 clause 9.2.6');

export const lldpPortStatus: z.ZodType<LldpPortStatus> = z.object({
  bridge: z.string(),
  port: z.string(),
  mode: z.enum(['receive', 'both']),
  neighbors: count,
  counters: lldpCounters,
});

export const lldpQuery = z.strictObject({ bridge: z.string().optional(), port: z.string().optional() });
export const lldp = z.object({
  neighbors: z.array(lldpNeighbor),
  ports: z.array(lldpPortStatus).describe('ports on which LLDP runs'),
});
