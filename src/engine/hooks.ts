// Hooks on their way through a batch: between `classify`, which has checked every length, and the tables.
//
//   port -> chain of steps: [observe | filter | rewrite] of each of its hooks, in their order  -> the frame goes on, or DROP.hook
//
// A hook that throws costs only itself: it is turned off, and the control plane told. From then on its frames pass as if it
// were not there, or are dropped, as its `onError` says; so it is with one that could not be loaded. What a hook generates
// no hook sees: two could go on for ever.

import { COLUMN, type FrameBatch, MARK, ROW } from '../frame/frame_batch.ts';
import { DEST_DROP, MAX_PORTS, PORT_MASK } from '../frame/hop.ts';
import type { Counters } from '../table/counters.ts';
import { DROP } from '../table/drops.ts';
import type { Hook, HookNews, HookPlace, HookTable } from './hook.ts';
import { RowFrame } from './hook_frame.ts';
import { HookSource } from './hook_source.ts';
import type { Source } from './port.ts';

const ASK = { observe: 0, filter: 1, rewrite: 2, refuse: 3 } as const;

interface Loaded {
  readonly place: HookPlace;
  /** Null: it could not be loaded. */
  readonly hook: Hook | null;
  isOff: boolean;
  /** When it wants to generate; ms. */
  due: number;
  /** Of the port that it generates for; 0 = of none, or the port is not there. */
  port: number;
}

interface Step {
  readonly ask: number;
  readonly hook: Hook;
  readonly loaded: Loaded;
}

const NO_STEPS: readonly Step[] = [];
const NOBODY_REFUSES: Hook = {};

export class Hooks implements Source {
  private readonly batch: FrameBatch;
  private readonly clock: Float64Array;
  private readonly frame: RowFrame;
  private readonly output: HookSource;
  private readonly isGenerating: boolean;
  private readonly loaded = new Map<number, Loaded>();
  /** By port. */
  private readonly chains: (readonly Step[])[] = new Array(MAX_PORTS).fill(NO_STEPS);
  /** Those that generate here, of ports that are there. */
  private generators: Loaded[] = [];
  private table: HookTable | null = null;
  /** One word: when a hook wants to generate next, in ms; Infinity = never. */
  private readonly due = new Float64Array([Number.POSITIVE_INFINITY]);
  private news: HookNews[] = [];

  /** @param isGenerating whether hooks may generate here: one of several workers does */
  constructor(batch: FrameBatch, counters: Counters, clock: Float64Array, isGenerating: boolean) {
    this.batch = batch;
    this.clock = clock;
    this.frame = new RowFrame(batch);
    this.output = new HookSource(batch, counters);
    this.isGenerating = isGenerating;
  }

  /** @param hook null: it could not be loaded, and is off */
  add(place: HookPlace, hook: Hook | null): void {
    this.loaded.set(place.id, { place, hook, isOff: hook === null, due: this.clock[0], port: 0 });
    this.link();
  }

  has(id: number): boolean {
    return this.loaded.has(id);
  }

  /** Forgets all others. */
  keep(ids: ReadonlySet<number>): void {
    for (const [id, loaded] of this.loaded) {
      if (ids.has(id)) continue;
      this.loaded.delete(id);
      this.end(loaded);
    }
    this.link();
  }

  /** Another worker's has failed. */
  turnOff(id: number): void {
    const loaded = this.loaded.get(id);
    if (loaded === undefined || loaded.isOff) return;
    loaded.isOff = true;
    this.end(loaded);
    this.link();
  }

  /** Which ports meet which hooks from now on. */
  load(table: HookTable | null): void {
    this.table = table;
    this.frame.names = table?.names ?? this.frame.names;
    this.link();
  }

  /** `generate` is called in the next poll. */
  wake(id: number): void {
    const loaded = this.loaded.get(id);
    if (loaded === undefined) return;
    loaded.due = this.clock[0];
    this.findDue();
  }

  /** Shows fresh rows to the hooks of their ports. True if one may have been changed. Relies on `classify`. */
  pass(): boolean {
    const { batch, chains } = this;
    const { rows } = batch;
    const end = batch.count * ROW;
    let isChanged = false;
    for (let row = 0; row < end; row += ROW) {
      if (rows[row + COLUMN.dest] !== 0) continue;
      const chain = chains[rows[row + COLUMN.ingress] & PORT_MASK];
      if (chain.length === 0 || (rows[row + COLUMN.mark] & MARK.generated) !== 0) continue;
      if (this.ask(row, chain)) isChanged = true;
    }
    return isChanged;
  }

  /** True if the frame may have been changed. */
  private ask(row: number, chain: readonly Step[]): boolean {
    const { frame, batch } = this;
    let isChanged = false;
    frame.row = row;
    for (let n = 0; n < chain.length; n++) {
      const { ask, hook, loaded } = chain[n];
      if (loaded.isOff && ask !== ASK.refuse) continue;
      let passes = true;
      try {
        if (ask === ASK.observe) hook.observe?.(frame);
        else if (ask === ASK.filter) passes = hook.filter?.(frame) !== false;
        else if (ask === ASK.refuse) passes = false;
        else {
          batch.own(row);
          batch.rows[row + COLUMN.layers] = 0;
          isChanged = true;
          frame.mayWrite = true;
          hook.rewrite?.(frame);
          frame.mayWrite = false;
        }
      } catch (error) {
        frame.mayWrite = false;
        this.fail(loaded, error);
        passes = loaded.place.onError === 'pass';
      }
      if (passes) continue;
      batch.rows[row + COLUMN.dest] = DEST_DROP | DROP.hook;
      batch.rows[row + COLUMN.user] = loaded.place.id; // for whoever looks on
      return isChanged;
    }
    return isChanged;
  }

  /** When a hook wants to generate next, ms. */
  get deadline(): number {
    return this.due[0];
  }

  /** The longest time to sleep, ms, of at most `patience`. */
  patience(patience: number): number {
    const left = this.due[0] - this.clock[0];
    return left >= patience ? patience : Math.max(0, Math.ceil(left));
  }

  isReady(): boolean {
    return this.clock[0] >= this.due[0];
  }

  receive(_batch: FrameBatch, limit: number): void {
    if (!this.isReady()) return;
    const { output, clock } = this;
    output.room = limit;
    const { generators } = this;
    for (let n = 0; n < generators.length; n++) {
      const loaded = generators[n];
      if (loaded.due > clock[0]) continue;
      output.port = loaded.port;
      try {
        const delay = loaded.hook?.generate?.(output) ?? Number.POSITIVE_INFINITY;
        if (Number.isNaN(delay)) throw new TypeError('generate() returned NaN in place of a time in ms');
        // Those who want to be called again at once would be called for ever.
        loaded.due = clock[0] + Math.max(1, delay);
      } catch (error) {
        this.fail(loaded, error);
      }
    }
    this.findDue();
  }

  get hasNews(): boolean {
    return this.news.length > 0;
  }

  takeNews(): HookNews[] {
    return this.news.splice(0);
  }

  tell(news: HookNews): void {
    this.news.push(news);
  }

  private fail(loaded: Loaded, error: unknown): void {
    loaded.isOff = true;
    this.tell({ id: loaded.place.id, change: 'off', text: textOf(error) });
    this.end(loaded);
    this.link();
  }

  private end({ hook }: Loaded): void {
    try {
      hook?.close?.();
    } catch {
      // It is gone either way.
    }
  }

  /** Brings the chains up to date, after hooks or the table have changed. */
  private link(): void {
    const { chains, table, loaded } = this;
    chains.fill(NO_STEPS);
    for (const one of loaded.values()) one.port = 0;
    for (const [port, ids] of table?.chains ?? []) {
      const hooks = ids.flatMap((id) => loaded.get(id) ?? []);
      for (const one of hooks) if (one.place.port !== undefined) one.port = port;
      chains[port] = hooks.flatMap(stepsOf);
    }
    this.generators = [...loaded.values()].filter(
      ({ hook, isOff, port }) => this.isGenerating && !isOff && port !== 0 && hook?.generate !== undefined,
    );
    this.findDue();
  }

  private findDue(): void {
    const { due, generators } = this;
    due[0] = Number.POSITIVE_INFINITY;
    for (let n = 0; n < generators.length; n++) due[0] = Math.min(due[0], generators[n].due);
  }
}

function stepsOf(loaded: Loaded): Step[] {
  const { hook, isOff, place } = loaded;
  if (hook === null || isOff) {
    return place.onError === 'pass' ? [] : [{ ask: ASK.refuse, hook: NOBODY_REFUSES, loaded }];
  }
  const step = (ask: number) => ({ ask, hook, loaded });
  return [
    ...(hook.observe === undefined ? [] : [step(ASK.observe)]),
    ...(hook.filter === undefined ? [] : [step(ASK.filter)]),
    ...(hook.rewrite === undefined ? [] : [step(ASK.rewrite)]),
  ];
}

function textOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error).slice(0, 1000);
}
