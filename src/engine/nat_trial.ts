// NAT for a dry run: it knows the connections that there are, and opens new ones in memory of its own, which is forgotten. Ports that
// others have it does not see: which one a new connection would get is a guess, unless its mapping is there.

import type { FrameBatch } from '../frame/frame_batch.ts';
import { Connections } from '../table/connections.ts';
import { copyConnection } from '../table/connections_move.ts';
import { protocolOf, zoneOf } from '../table/flow.ts';
import { KEY, KEY_WORDS } from '../table/line_search.ts';
import { firstOf, otherOf, pairOf, SEED_WORDS } from '../table/line_table.ts';
import { MAPPING } from '../table/mappings.ts';
import type { NatTable } from '../table/nat_table.ts';
import { Nat } from './nat.ts';

/** More than a frame could open, however often it is routed. */
const ROOM = 64;

export class NatTrial extends Nat {
  private readonly table: NatTable;
  private readonly behind: Connections;

  constructor(batch: FrameBatch, clock: Float64Array, table: NatTable) {
    super(batch, new Connections(Connections.allocate(ROOM, new Int32Array(SEED_WORDS)), table), clock, 1);
    this.table = table;
    this.behind = new Connections(table.memory, table);
  }

  protected override known(place: number): number {
    const own = super.known(place);
    if (own !== 0) return own;
    const { keys } = this.search;
    const k = place * KEY_WORDS;
    const { kind, ports, src, dst } = KEY;
    const { flows } = this.behind;
    const line = flows.find(keys[k + kind], keys[k + ports], keys[k + src], keys[k + dst]);
    if (line === 0) {
      this.borrowMapping(keys[k + kind], keys[k + ports] >>> 16, keys[k + src]);
      return 0;
    }
    const first = firstOf(pairOf(line));
    const copy = copyConnection(this.behind, first, this.connections, 0);
    if (copy <= 0) return 0;
    return line === first ? copy : otherOf(copy);
  }

  /** What its other connections leave with. */
  private borrowMapping(kind: number, port: number, address: number): void {
    const { table, behind, connections } = this;
    const zone = zoneOf(kind);
    const protocol = protocolOf(kind);
    const { lines } = behind.mappings.table;
    for (let rule = table.first[zone]; rule < table.first[zone + 1]; rule++) {
      const id = table.id[rule];
      const line = behind.mappings.find(zone, protocol, address, port, id);
      if (line === 0 || connections.mappings.find(zone, protocol, address, port, id) !== 0) continue;
      const outside = lines[line + MAPPING.address];
      connections.mappings.add(zone, protocol, id, address, port, outside, lines[line + MAPPING.port]);
    }
  }
}
