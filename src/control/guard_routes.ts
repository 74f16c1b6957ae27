// Guards of ports in the control API.

import { z } from 'zod';
import type { GuardStatus } from '../api.ts';
import { count } from './counts.ts';
import { type Route, route } from './route.ts';

export const guardStatus: z.ZodType<GuardStatus> = z.object({
  bridge: z.string(),
  port: z.string(),
  source: z.enum(['mac', 'strict', 'first']).optional().describe('absent: addresses are not looked at'),
  trusted: z.boolean().describe('DHCP servers behind the port are believed'),
  bindings: z.array(
    z.object({
      mac: z.string(),
      ip: z.string().optional().describe('absent: the MAC alone'),
      vlan: z.number().int().optional().describe('absent: it holds in all VLANs of the port'),
      from: z
        .enum(['static', 'lease', 'dhcp', 'first'])
        .describe('the configuration, a lease of a network here, DHCP of others, or who said it first'),
      expiresIn: z.number().optional().describe('seconds; absent: it does not end by itself'),
    }),
  ),
  unplaced: count.describe('bindings for which there is no room: who they are of is refused'),
  refused: z.record(z.string(), count).describe('frames that were refused, by reason'),
});

export const GUARD_ROUTES: readonly Route[] = [
  route('get', '/v1/guards', {
    summary: 'Guards of ports: their bindings, and what they refused',
    answer: z.object({ guards: z.array(guardStatus) }),
    handle: ({ api }) => ({ guards: api.guards() }),
  }),
];
