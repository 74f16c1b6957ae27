// What a bridge that is better than all others says first.

import type { Bpdu } from '../../src/wire/bpdu.ts';

export const NEIGHBOUR = { hi: 0x0200, lo: 0x5e00_0001 };

export const PROPOSAL: Bpdu = {
  kind: 'rst',
  root: 0x0000_0200_5e00_0001n,
  rootPathCost: 0,
  bridge: 0x0000_0200_5e00_0001n,
  port: 0x8001,
  messageAge: 0,
  maxAge: 20_000,
  helloTime: 2_000,
  forwardDelay: 15_000,
  topologyChange: false,
  topologyChangeAck: false,
  role: 'designated',
  proposal: true,
  agreement: false,
  learning: false,
  forwarding: false,
};
