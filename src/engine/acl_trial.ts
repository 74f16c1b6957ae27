// Access lists for a dry run: it counts in memory of its own, which is forgotten, takes nothing from policers, writes no log, and notes
// which rules fitted. Policers let everything pass, but the one that a real frame was too much for.

import type { FrameBatch } from '../frame/frame_batch.ts';
import { AclState, type AclTable } from '../table/acl_table.ts';
import type { Counters } from '../table/counters.ts';
import type { AclMirrors } from './acl_mirrors.ts';
import { type AclSide, Acls } from './acls.ts';
import type { HostPort } from './host_port.ts';

/** A rule that fitted. */
export interface AclNote {
  /** By number in the switch, see AclNumbers. */
  rule: number;
  port: number;
  side: AclSide;
}

export class AclTrial extends Acls {
  notes: AclNote[] = [];
  /** The rule whose policer dropped the frame that is tried; -1 = none. */
  dropping = -1;
  private readonly own = new AclState(AclState.allocate(1), 1);

  constructor(
    batch: FrameBatch,
    counters: Counters,
    clock: Float64Array,
    host: HostPort,
    mirrors: AclMirrors,
  ) {
    super(batch, counters, clock, host, mirrors, 0);
  }

  override load(table: AclTable | null): void {
    super.load(table);
    this.state = this.own;
    this.notes = [];
    this.dropping = -1;
  }

  protected override noted(rule: number, port: number, side: AclSide): void {
    this.notes.push({ rule, port, side });
  }

  protected override police(_table: AclTable, rule: number): boolean {
    return rule !== this.dropping;
  }

  protected override log(): void {}
}
