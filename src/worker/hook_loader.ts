// Loads hooks into one worker: imports their modules, makes them with their options, and gives them to the engine. One that
// cannot be had is there all the same, turned off.

import type { Engine } from '../engine/engine.ts';
import type { Hook, HookContext, HookFactory } from '../engine/hook.ts';
import type { HookSpec } from './messages.ts';

/** For a module to load, ms: one with a top-level `await` may never end. */
const LOAD_TIMEOUT = 5000;
/** What one hook may report in a second, and how long. */
const REPORTS = 10;
const REPORT_LENGTH = 1000;

const METHODS = ['observe', 'filter', 'rewrite', 'generate'] as const;

export class HookLoader {
  private readonly engine: Engine;
  private readonly worker: number;

  constructor(engine: Engine, worker: number) {
    this.engine = engine;
    this.worker = worker;
  }

  /** Tells which could not be had. Never throws. */
  async load(specs: readonly HookSpec[]): Promise<{ id: number; message: string }[]> {
    const { hooks } = this.engine;
    const failed: { id: number; message: string }[] = [];
    for (const spec of specs) {
      if (hooks.has(spec.id)) continue;
      const { id, bridge, port, onError } = spec;
      const place = { id, bridge, port, onError };
      try {
        if (spec.problem !== undefined) throw new Error(spec.problem);
        const make = spec.factory ?? (await factoryOf(spec.url ?? ''));
        const hook = make(spec.options, this.contextOf(spec));
        check(hook, port);
        hooks.add(place, hook);
      } catch (error) {
        hooks.add(place, null);
        failed.push({ id, message: error instanceof Error ? error.message : String(error) });
      }
    }
    return failed;
  }

  keep(ids: readonly number[], off: readonly number[]): void {
    this.engine.hooks.keep(new Set(ids));
    for (const id of off) this.engine.hooks.turnOff(id);
  }

  private contextOf({ id, bridge, port }: HookSpec): HookContext {
    const { hooks, clock } = this.engine;
    let windowEnd = Number.NEGATIVE_INFINITY;
    let reports = 0;
    return {
      bridge,
      port,
      worker: this.worker,
      get now() {
        return clock[0];
      },
      report(text) {
        if (clock[0] >= windowEnd) {
          windowEnd = clock[0] + 1000;
          reports = 0;
        }
        if (++reports > REPORTS) return;
        hooks.tell({ id, change: 'reported', text: String(text).slice(0, REPORT_LENGTH) });
      },
      wake: () => hooks.wake(id),
    };
  }
}

async function factoryOf(url: string): Promise<HookFactory> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`The module has not loaded in ${LOAD_TIMEOUT / 1000} s`)),
      LOAD_TIMEOUT,
    );
  });
  try {
    const { default: factory } = await Promise.race([import(/* @vite-ignore */ url), timeout]);
    if (typeof factory !== 'function')
      throw new Error(
        'The module has no function as its default export: `export default (options, context) => hook`',
      );
    return factory;
  } finally {
    clearTimeout(timer);
  }
}

/** @throws Error in words for whoever wrote the hook */
function check(hook: Hook, port: string | undefined): void {
  if (typeof hook !== 'object' || hook === null || hook instanceof Promise)
    throw new Error(
      'It returned no hook, but must at once: an object with observe, filter, rewrite or generate',
    );
  const own = METHODS.filter((name) => hook[name] !== undefined);
  if (own.length === 0) throw new Error(`The hook has none of ${METHODS.join(', ')}`);
  for (const name of own) {
    const method: unknown = hook[name];
    if (typeof method !== 'function') throw new Error(`${name} is no function`);
    if (method.constructor.name !== 'Function')
      throw new Error(`${name} is asynchronous or a generator: the data plane does not wait for anybody`);
  }
  if (hook.generate !== undefined && port === undefined)
    throw new Error('generate: only a hook of a port may, since a frame comes from somewhere');
}
