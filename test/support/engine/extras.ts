// What the fuzzer switches on at random beside plain forwarding: a router of sorts, lists, traps, a host that talks, ports
// whose state changes, and mirrors (in the configuration).

import type { Engine } from '../../../src/engine/engine.ts';
import type { Route } from '../../../src/engine/passes.ts';
import { storeState, type Topology, TRAPPING } from '../../../src/engine/topology.ts';
import { COLUMN, type FrameBatch, MARK } from '../../../src/frame/frame_batch.ts';
import { DEST_DROP, DEST_LIST, PORT_MASK } from '../../../src/frame/hop.ts';
import type { Fdb } from '../../../src/table/fdb.ts';
import { FIRST_LIST } from '../../../src/table/lists.ts';
import { bytesAt, META, RELAY, SEND, SlotRing } from '../../../src/table/slot_ring.ts';
import { FIRST_TYPE } from '../../../src/table/traps.ts';
import { TYPE_IPV4 } from '../../../src/wire/ethernet.ts';
import { VID_MASK } from '../../../src/wire/vlan.ts';
import type { Random } from './random.ts';

const MAX_ROUNDS = 3;

/** What the extras need to know of a port. */
export interface ExtraPort {
  number: number;
  bridge: string;
  vids: number[];
}

export class Extras {
  ports: ExtraPort[] = [];
  private readonly random: Random;
  private readonly isRouting: boolean;
  private readonly changesStates: boolean;
  private readonly rings: { toHost: SlotRing; fromHost: SlotRing } | null;

  constructor(random: Random) {
    this.random = random;
    this.isRouting = random.chance(0.4);
    const hasHost = random.chance(0.4);
    const ring = () => new SlotRing(SlotRing.allocate());
    this.rings = hasHost ? { toHost: ring(), fromHost: ring() } : null;
    this.changesStates = random.chance(0.3);
  }

  /** Frames that have a destination come in anew from another port of their domain, with other MACs, now and then. */
  get createRoute(): ((batch: FrameBatch) => Route) | undefined {
    if (!this.isRouting) return undefined;
    return (batch) => (_topology, from, to) => {
      for (let n = from; n < to; n++) this.route(batch, batch.list[n]);
    };
  }

  private route(batch: FrameBatch, row: number): void {
    const { random } = this;
    const { rows, view } = batch;
    if ((rows[row + COLUMN.dest] & DEST_DROP) !== 0 || !random.chance(0.2)) return;
    const vid = rows[row + COLUMN.tci] & VID_MASK;
    const from = this.ports.find(({ number }) => number === (rows[row + COLUMN.ingress] & PORT_MASK));
    const others = this.ports.filter(({ bridge, vids }) => bridge === from?.bridge && vids.includes(vid));
    if (others.length === 0) return;
    if (random.chance(0.5)) rows[row + COLUMN.mark] |= MARK.shared;
    const next = batch.recirculate(row, random.pick(others).number, MAX_ROUNDS);
    if (next < 0) return; // it goes on where it is
    batch.own(next);
    view.setInt32(rows[next + COLUMN.start] + 8, random.between(1, 12));
    if (random.chance(0.3)) rows[next + COLUMN.mark] |= MARK.decided;
  }

  start(engine: Engine, topology: Topology): void {
    const { random } = this;
    if (this.rings !== null) {
      topology.trapTypes[0] = TYPE_IPV4;
      for (const { number } of this.ports) {
        if (!random.chance(0.5)) continue;
        topology.traps[number] = random.pick([1 << 14, 0xffff, 1 << FIRST_TYPE]);
        topology.pvid[number] |= TRAPPING;
      }
      engine.host.connect(this.rings.toHost.memory, this.rings.fromHost.memory);
      engine.addSource(engine.host);
    }
    if (!random.chance(0.4)) return;
    // A station that is a list of ports of its domain.
    const { fdb } = Reflect.get(engine, 'keeper') as { fdb: Fdb };
    for (let domain = 1; domain < topology.domainVid.length; domain++) {
      const vid = topology.domainVid[domain];
      const members = this.ports.filter(({ vids }) => vids.includes(vid)).map(({ number }) => number);
      engine.lists.set(FIRST_LIST + domain, members, random.chance(0.5));
      fdb.addStatic(domain, 0x0200, random.between(1, 12), DEST_LIST | (FIRST_LIST + domain), 0);
    }
  }

  /** Between two polls. */
  step(engine: Engine, topology: Topology): void {
    const { random } = this;
    if (this.changesStates && random.chance(0.3)) {
      storeState(topology, random.pick(this.ports).number, undefined, random.pick([0, 1, 4, 5, 5, 5]));
      engine.recheck();
    }
    for (const ring = this.rings?.toHost; ring !== undefined && ring.peek() >= 0; ) ring.release();
  }

  /** The host says what `port` might have received in `domain`. False: there is none, or the frame is too long for it. */
  say(port: ExtraPort, frame: Uint8Array, domain: number): boolean {
    const { random } = this;
    const fromHost = this.rings?.fromHost;
    if (fromHost === undefined || frame.length > 2000 || frame.length < 14 || !random.chance(0.1))
      return false;
    const slot = fromHost.reserve();
    if (slot < 0) return false;
    fromHost.bytes.set(frame, bytesAt(slot));
    fromHost.words[(slot >> 2) + META.length] = frame.length;
    fromHost.words[(slot >> 2) + META.port] = port.number;
    fromHost.words[(slot >> 2) + META.reason] = port.vids.includes(domain)
      ? random.pick([SEND, RELAY])
      : RELAY;
    fromHost.commit();
    return true;
  }
}
