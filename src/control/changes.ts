// All changes of the configuration go through here, one at a time: each takes the configuration in force, changes it,
// and applies the outcome. Two clients that add a port at the same moment both get theirs.

import type { SwitchApi } from '../api.ts';
import type { Action, ActionResult } from '../config/action.ts';
import type { RuleLines } from '../config/rule_lines.ts';
import { ConfigError, type SwitchConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { Author } from '../event.ts';
import { strangeFds } from './edits.ts';

/** An action that the switch could not carry out, with what became of the others. */
export class ChangeError extends TaploomError {
  readonly results: ActionResult[];
  constructor(results: ActionResult[]) {
    const failed = results.filter((result) => !result.ok);
    const [first] = failed as (ActionResult & { code?: string })[];
    const more =
      failed.length > 1 ? ` (and ${failed.length - 1} more of ${results.length} actions failed)` : '';
    super(first?.code ?? 'action_failed', `${first?.error ?? 'failed'}${more}`);
    this.results = results;
  }
}

export interface ChangeOptions {
  by?: Author;
  /** What cannot be had now stays wanted: for whole configurations, not for a command that should fail. */
  keep?: boolean;
  /** See ApplyOptions. */
  lines?: RuleLines;
  /** Called before the outcome is saved, whether all worked or not. */
  applied?: (config: SwitchConfig) => void;
}

/** Changes by one client. */
export interface OwnChanges {
  change(
    edit: (config: SwitchConfig) => unknown,
    options?: Pick<ChangeOptions, 'keep' | 'lines'>,
  ): Promise<ActionResult[]>;
  /** What would be done to make it so. */
  plan(whole: unknown): Action[];
}

export class Changes {
  private readonly api: SwitchApi;
  private readonly save: (config: SwitchConfig) => void | Promise<void>;
  /** What a whole configuration says, with what it need not say. */
  carry: (whole: unknown) => unknown = (whole) => whole;
  private last: Promise<unknown> = Promise.resolve();

  /** `save` is told of every configuration that came into force, to keep it for the next start. */
  constructor(api: SwitchApi, save: (config: SwitchConfig) => void | Promise<void> = () => {}) {
    this.api = api;
    this.save = save;
  }

  /**
   * Applies what `edit` makes of the configuration in force; `edit` must not change its argument. Rejects with
   * `ChangeError` if an action failed.
   */
  async change(
    edit: (config: SwitchConfig) => unknown,
    { by, keep, lines, applied = () => {} }: ChangeOptions = {},
  ): Promise<ActionResult[]> {
    const turn = this.last.then(async () => {
      const edited = edit(this.api.config);
      const wanted = keep ? this.carry(edited) : edited;
      const strange = strangeFds(this.api.config, wanted);
      if (strange.length > 0) throw new ConfigError(strange);
      const results = await this.api.apply(wanted, { by, keep, lines });
      applied(this.api.config);
      return { results, saving: this.saving() };
    });
    this.last = turn.catch(() => {});
    const { results, saving } = await turn;
    // the next change need not wait for the disk
    await saving;
    if (results.some((result) => !result.ok)) throw new ChangeError(results);
    return results;
  }

  plan(whole: unknown): Action[] {
    return this.api.plan(this.carry(whole));
  }

  /** The same for one client. `author` is asked at once, while the client waits: later its process number may be another's. */
  of(author: () => Author): OwnChanges {
    return {
      change: (edit, options) => this.change(edit, { ...options, by: author() }),
      plan: (whole) => this.plan(whole),
    };
  }

  /** Settled before anybody waits for it, so that a full disk is not an unhandled rejection. */
  private saving(): Promise<void> {
    const saving = Promise.resolve(this.save(this.api.config));
    saving.catch(() => {});
    return saving;
  }
}
