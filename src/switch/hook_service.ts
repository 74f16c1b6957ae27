// Hooks as the control plane sees them: which there are, where their modules lie, and which of them are off and why.
//
//   apply:  prepare (loads what is new, and throws if it cannot be had)  ->  the change  ->  settle (forgets what is not wanted)
//
// A module is code that runs in this process: so a switch may be told the one directory that it takes them from, or none.

import { realpathSync, statSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { HookStatus } from '../api.ts';
import type { HookNumbers, NumberedHook } from '../compile/hooks.ts';
import { ConfigError } from '../config/config_error.ts';
import { parsePath } from '../config/path.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { HookFactory, HookNews } from '../engine/hook.ts';
import type { EventFact } from '../event.ts';
import type { HookSpec } from '../worker/messages.ts';
import type { PlaneClient } from '../worker/plane_client.ts';

interface HookParts {
  plane: Pick<PlaneClient, 'request'>;
  numbers: HookNumbers;
  /** See SwitchOptions. */
  directory: string | false;
  functions: Readonly<Record<string, HookFactory>>;
  /** Why functions cannot be had; undefined: they can. */
  noFunctions: string | undefined;
  tell(fact: EventFact): void;
}

interface Known {
  placed: NumberedHook;
  /** Why it is off. */
  reason: string | undefined;
}

export class HookService {
  private readonly parts: HookParts;
  private readonly known = new Map<number, Known>();
  /** By bridge and port: `br0 `, `br0 vm1`. */
  private readonly places = new Map<string, Known[]>();

  constructor(parts: HookParts) {
    this.parts = parts;
  }

  /**
   * Loads hooks that are new.
   * @param keep what cannot be had is wanted all the same, and is off
   * @throws ConfigError with all that cannot be had
   */
  async prepare(config: SwitchConfig, keep: boolean): Promise<void> {
    const { plane, numbers } = this.parts;
    const added = numbers.number(config).filter(({ id }) => !this.known.has(id));
    if (added.length === 0) return;
    const specs = added.map((placed) => this.specOf(placed));
    this.refuse(added, keep, (id) => specs.find((spec) => spec.id === id)?.problem);
    const answer = await plane.request({ kind: 'load_hooks', hooks: specs });
    const failed = new Map(
      answer.kind === 'loaded' ? answer.failed.map(({ id, message }) => [id, message]) : [],
    );
    for (const placed of added) this.known.set(placed.id, { placed, reason: failed.get(placed.id) });
    this.index();
    this.refuse(added, keep, (id) => failed.get(id));
    for (const { id } of added) if (failed.has(id)) this.tellOff(id);
  }

  /** Forgets hooks that are in no configuration any more. */
  async settle(config: SwitchConfig): Promise<void> {
    const { plane, numbers } = this.parts;
    if (this.known.size === 0) return;
    const ids = new Set(numbers.number(config).map(({ id }) => id));
    numbers.keep(ids);
    const gone = [...this.known.keys()].filter((id) => !ids.has(id));
    if (gone.length === 0) return;
    for (const id of gone) this.known.delete(id);
    this.index();
    await plane.request({ kind: 'keep_hooks', ids: [...ids], off: [] });
  }

  /** A hook of some worker says something. One that is off in one of them is off in all. */
  async news({ id, change, text }: HookNews): Promise<void> {
    const known = this.known.get(id);
    if (known === undefined) return;
    if (change === 'reported') {
      this.parts.tell({ type: 'hook', change, ...placeOf(known), text });
      return;
    }
    if (known.reason !== undefined) return;
    known.reason = text;
    this.tellOff(id);
    await this.parts.plane.request({ kind: 'keep_hooks', ids: [...this.known.keys()], off: [id] });
  }

  /** Those that the frames of a port meet. */
  ofPort(bridge: string, port: string): HookStatus[] {
    const { places } = this;
    return [...(places.get(`${bridge} `) ?? []), ...(places.get(`${bridge} ${port}`) ?? [])].map(statusOf);
  }

  all(): HookStatus[] {
    return [...this.known.values()].map(statusOf);
  }

  /** What a trace calls a hook. */
  nameOf(id: number): string | undefined {
    const known = this.known.get(id);
    return known && `${known.placed.path} (${placeOf(known).hook})`;
  }

  private index(): void {
    this.places.clear();
    for (const known of this.known.values()) {
      const { bridge, port = '' } = known.placed;
      const place = `${bridge} ${port}`;
      this.places.set(place, [...(this.places.get(place) ?? []), known]);
    }
  }

  private tellOff(id: number): void {
    const known = this.known.get(id);
    if (known === undefined) return;
    const onError = known.placed.hook.on_error;
    this.parts.tell({ type: 'hook', change: 'off', ...placeOf(known), reason: known.reason, onError });
  }

  private refuse(
    hooks: readonly NumberedHook[],
    keep: boolean,
    problemOf: (id: number) => string | undefined,
  ): void {
    const problems = hooks.flatMap(({ id, path }) => {
      const message = problemOf(id);
      return message === undefined ? [] : [{ path: parsePath(path), message }];
    });
    if (!keep && problems.length > 0) throw new ConfigError(problems);
  }

  private specOf({ id, bridge, port, hook }: NumberedHook): HookSpec {
    const spec = { id, bridge, port, onError: hook.on_error, options: hook.options };
    try {
      if (hook.module !== undefined) return { ...spec, url: this.urlOf(hook.module) };
      return { ...spec, factory: this.functionOf(hook.function as string) };
    } catch (error) {
      return { ...spec, problem: (error as Error).message };
    }
  }

  private functionOf(name: string): HookFactory {
    const { functions, noFunctions } = this.parts;
    if (noFunctions !== undefined) throw new Error(noFunctions);
    if (!Object.hasOwn(functions, name)) {
      const names = Object.keys(functions).join(', ');
      throw new Error(`There is no function ${name}; Switch.open was given ${names === '' ? 'none' : names}`);
    }
    return functions[name];
  }

  /** With the time of its last change: a module that is loaded again is the new one. */
  private urlOf(module: string): string {
    const { directory } = this.parts;
    if (directory === false)
      throw new Error('This switch takes no modules; start taploomd with --hooks DIRECTORY, where they lie');
    const path = resolve(directory, module);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) throw new Error(`There is no file ${path}`);
    if (!stat.isFile()) throw new Error(`${path} is no file`);
    const real = realpathSync(path);
    if (directory !== '' && !real.startsWith(realpathSync(directory) + sep))
      throw new Error(`${real} is not in ${directory}, and this switch takes modules from nowhere else`);
    return `${pathToFileURL(real).href}?${stat.mtimeMs}`;
  }
}

function placeOf({ placed }: Known): Pick<HookStatus, 'bridge' | 'port' | 'hook'> {
  const { bridge, port = '', hook } = placed;
  return { bridge, port, hook: hook.module ?? hook.function ?? '' };
}

function statusOf(known: Known): HookStatus {
  const { reason, placed } = known;
  const state = reason === undefined ? 'on' : 'off';
  return { ...placeOf(known), state, ...(reason !== undefined && { reason }), onError: placed.hook.on_error };
}
