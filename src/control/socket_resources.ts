// The socket of a port, as the HTTP API describes it.

import { z } from 'zod';
import type { SocketStatus } from '../api.ts';

const count = z.number();

export const socketStatus: z.ZodType<SocketStatus> = z.object({
  place: z.string().describe('its path, or its address'),
  mode: z.enum(['server', 'client']),
  framing: z.enum(['qemu', 'bess', 'vfkit']),
  connected: z.boolean(),
  peer: z
    .object({ pid: count, uid: count, gid: count })
    .optional()
    .describe('who is at the other end of a Unix socket'),
  connections: count.describe('how many there have been since the port is attached'),
  lastEnd: z.string().optional().describe('how the last one ended'),
  guests: count.optional().describe('of a listening socket with a template: its guests now'),
  refused: count.optional().describe('of such a one: connections that were refused'),
  guestOf: z.string().optional().describe('of a guest: the port that listens'),
});
