// Who looks on in one worker: captures, as passes of the engine while there are some, and the keeper of the last drops,
// which is always told.

import { Captures } from '../engine/capture.ts';
import { DropKeeper } from '../engine/drop_keeper.ts';
import type { Engine } from '../engine/engine.ts';
import type { Answer, Request } from './messages.ts';

type Asked = Extract<Request, { kind: 'capture' | 'end_capture' | 'last_drops' }>;

export class Onlookers {
  private readonly engine: Engine;
  private readonly captures: Captures;
  private readonly drops: DropKeeper;
  private readonly worker: number;

  /** @param worker which one this is, from 0 on */
  constructor(engine: Engine, worker: number) {
    this.engine = engine;
    this.captures = new Captures(engine.batch, engine.clock);
    this.drops = new DropKeeper(engine.batch, engine.clock);
    this.worker = worker;
    engine.drops.passes.push(this.drops);
  }

  answer(request: Asked): Answer {
    switch (request.kind) {
      case 'capture':
        this.captures.start(request.spec, this.worker);
        this.look(true);
        return { kind: 'done', failed: [] };
      case 'end_capture':
        this.captures.stop(request.id);
        this.look(this.captures.isActive);
        return { kind: 'done', failed: [] };
      case 'last_drops': {
        const { memory } = this.drops;
        return { kind: 'last_drops', memories: memory === null ? [] : [memory] };
      }
    }
  }

  /** At the end of a poll. */
  notify(): void {
    if (this.captures.isActive) this.captures.notify();
  }

  /** The port's number will mean another port. */
  forget(port: number): void {
    this.drops.forget(port);
  }

  private look(isLooking: boolean): void {
    const { engine, captures } = this;
    engine.place(captures, isLooking);
    const { passes } = engine.drops;
    const at = passes.indexOf(captures);
    if (isLooking && at < 0) passes.push(captures);
    if (!isLooking && at >= 0) passes.splice(at, 1);
  }
}
