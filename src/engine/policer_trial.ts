// Policers for a dry run: nothing is charged, everything passes, and it notes to which of them a frame is charged as it comes in.

import type { PolicerLists, PolicerState, PolicerTable } from '../table/policer_table.ts';
import { PASSES, Policers } from './policers.ts';

/** Number of a policer in the table; 0: a list was asked, and none of it takes the frame. */
export type PolicerNote = number;

export class PolicerTrial extends Policers {
  notes: PolicerNote[] = [];

  override load(table: PolicerTable | null): void {
    super.load(table);
    this.notes = [];
  }

  protected override judgeBy(
    table: PolicerTable,
    lists: PolicerLists,
    list: number,
    state: PolicerState,
    direction: number,
    row: number,
    tagLength: number,
  ): number {
    const before = this.notes.length;
    const fate = super.judgeBy(table, lists, list, state, direction, row, tagLength);
    if (this.notes.length === before) this.notes.push(0);
    return fate;
  }

  /** Without the lock, which is of workers. */
  protected override judgeLocked(_table: PolicerTable, policer: number): number {
    return this.note(policer);
  }

  protected override judge(_table: PolicerTable, policer: number): number {
    return this.note(policer);
  }

  private note(policer: number): number {
    this.notes.push(policer);
    return PASSES;
  }
}
