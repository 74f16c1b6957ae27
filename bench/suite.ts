// All benches, in the order of a complete run.

import { accessLists } from './access_lists.ts';
import { afPacket } from './af_packet.ts';
import { attacks } from './attacks.ts';
import { before } from './before.ts';
import type { Bench } from './bench.ts';
import { engine } from './engine.ts';
import { features } from './features.ts';
import { growth } from './growth.ts';
import { guestPorts } from './guest_ports.ts';
import { guests } from './guests.ts';
import { heap } from './heap.ts';
import { host } from './host.ts';
import { idle } from './idle.ts';
import { joins } from './joins.ts';
import { latency } from './latency.ts';
import { leases } from './leases.ts';
import { lpm } from './lpm.ts';
import { neighbours } from './neighbours.ts';
import { qos } from './qos.ts';
import { routing } from './routing.ts';
import { scavenges } from './scavenges.ts';
import { securityGroups } from './security_groups.ts';
import { start } from './start.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';
import { vhostPeers } from './vhost_peers.ts';
import { vhostRings } from './vhost_rings.ts';
import { vxlan } from './vxlan.ts';
import { workers } from './workers.ts';

export const BENCHES: readonly Bench[] = [
  engine,
  features,
  lpm,
  joins,
  vhostRings,
  vhostPeers,
  guestPorts,
  leases,
  heap,
  scavenges,
  start,
  idle,
  tcp,
  udp,
  latency,
  afPacket,
  routing,
  securityGroups,
  accessLists,
  vxlan,
  growth,
  workers,
  host,
  guests,
  neighbours,
  attacks,
  qos,
];

/** Those that run only if they are asked for. */
export const OTHERS: readonly Bench[] = [before];
