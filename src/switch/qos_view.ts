// Queues and policers in names, read in the memory that the data plane uses, without asking it.

import type { PolicerStatus, QosStatus, QueueStatus } from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import { policedPorts } from '../compile/policed_ports.ts';
import { shapedPorts } from '../compile/qos.ts';
import { matchText } from '../config/match_text.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { bridgeOf } from '../config/without_ports.ts';
import type { Topology } from '../engine/topology.ts';
import { Slab } from '../table/frame_store.ts';
import { METER_STATE } from '../table/meter.ts';
import { DIRECTION, PolicerState } from '../table/policer_table.ts';
import { QOS_ROW, type QosTable } from '../table/qos_table.ts';
import { Shaper } from '../table/shaper.ts';
import { TALLY } from '../table/shaper_state.ts';

export class QosView {
  private readonly slabs = new WeakMap<SharedArrayBuffer, Slab>();

  /** @param config in force, with this topology */
  status(compiler: Compiler, config: SwitchConfig, { qos, policers }: Topology): QosStatus {
    const bridge = (port: string) => bridgeOf(config, port) ?? '';
    const queues: QueueStatus[] = [];
    for (const { name, port, classes } of qos === null ? [] : shapedPorts(config, compiler.ports)) {
      const shaper = this.shaperOf(qos as QosTable, port);
      if (shaper === undefined) continue;
      classes.forEach(({ name: own, min, rate }, c) => {
        queues.push({
          bridge: bridge(name),
          port: name,
          class: own,
          rate,
          ...(min !== undefined && { min }),
          heldFrames: shaper.framesOf(c),
          heldBytes: shaper.bytesOf(c),
          sentFrames: shaper.tally(c, TALLY.sentFrames),
          sentBytes: shaper.tally(c, TALLY.sentBytes),
          full: shaper.tally(c, TALLY.full),
          late: shaper.tally(c, TALLY.late),
          marked: shaper.tally(c, TALLY.marked),
          delay: Math.round(shaper.tally(c, TALLY.delay) * 1000) / 1e6,
        });
      });
    }
    const found: PolicerStatus[] = [];
    if (policers !== null) {
      const { floats } = new PolicerState(policers.memory);
      for (const policed of policedPorts(config, compiler.ports)) {
        const { name, port, direction, policer, place } = policed;
        const owner = place === undefined ? port : compiler.policers.ownerOfMatched(policed);
        if (owner === undefined) continue;
        const at = PolicerState.at(owner, DIRECTION[direction]);
        found.push({
          ...{ bridge: bridge(name), port: name, direction, rate: policer.rate },
          ...(place !== undefined && { match: matchText(policer.match) }),
          ...(policer.peak !== undefined && { peak: policer.peak }),
          green: floats[at + METER_STATE.green],
          yellow: floats[at + METER_STATE.yellow],
          red: floats[at + METER_STATE.red],
        });
      }
    }
    return { queues, policers: found };
  }

  private shaperOf(table: QosTable, port: number): Shaper | undefined {
    const n = table.ports.indexOf(port);
    if (n < 0) return undefined;
    const { memory, at } = table.regions[n];
    let slab = this.slabs.get(memory);
    if (slab === undefined) {
      slab = new Slab(memory);
      this.slabs.set(memory, slab);
    }
    const shaper = new Shaper(slab, table.settings);
    shaper.select(slab, at, table.rows[n] * QOS_ROW);
    return shaper;
  }
}
