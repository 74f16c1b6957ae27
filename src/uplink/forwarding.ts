// Lets single interfaces forward, and takes it back. The global switch is never touched: it would turn the host into a
// router between all that it has.
//
//   recorded -> set -> ... -> undone, if it is still as we set it and nobody else needs it
//
// Somebody else needs it who has the global switch on, or of a shared one (the uplink's) lets another interface forward.

import { TaploomError } from '../error.ts';
import type { Change, ChangeLog } from './change_log.ts';
import { type Sysctl, sysctlName } from './sysctl.ts';

const FORWARDS = '1';
const NO_INTERFACES: ReadonlySet<string> = new Set(['all', 'default', 'lo']);

/** A setting that is to be 1. */
export interface Wanted {
  /** `ipv4/conf/eth0/forwarding`, below /proc/sys/net */
  name: string;
  isShared: boolean;
}

export interface ForwardingParts {
  sysctl: Sysctl;
  log: ChangeLog;
  /** The index of an interface, and its name now; undefined if there is none. */
  indexOf: (name: string) => number | undefined;
  nameOf: (index: number) => string | undefined;
}

export class Forwarding {
  private readonly parts: ForwardingParts;
  private changes: readonly Change[];

  /** Begins with what an earlier process left. */
  constructor(parts: ForwardingParts) {
    this.parts = parts;
    this.changes = parts.log.read();
  }

  /** Whether we set it, and it is so still. */
  isOurs(name: string): boolean {
    return this.changes.some((change) => this.settingOf(change) === name && this.isUnchanged(change));
  }

  /** Undoes all but these; the settings that it took back. @throws TaploomError */
  keepOnly(wanted: readonly Wanted[]): string[] {
    const names = new Set(wanted.map(({ name }) => name));
    const isWanted = (change: Change) => names.has(this.settingOf(change) ?? '');
    const kept = this.changes.filter((change) => isWanted(change) && this.isUnchanged(change));
    if (kept.length === this.changes.length) return [];
    const undone = this.changes.filter((change) => !kept.includes(change) && this.mayUndo(change));
    const settings = undone.map((change) => this.settingOf(change) ?? '');
    for (const [i, { before }] of undone.entries()) this.set(settings[i], before);
    this.record(kept);
    return settings;
  }

  /** Sets these, if they are not so anyway. @throws TaploomError */
  add(wanted: readonly Wanted[]): void {
    const fresh = wanted.map((one) => this.changeOf(one)).filter((change) => change !== undefined);
    if (fresh.length === 0) return;
    this.record([...this.changes, ...fresh]);
    for (const { name, ours } of fresh) this.set(name, ours);
  }

  private record(changes: readonly Change[]): void {
    try {
      this.parts.log.write(changes);
    } catch (error) {
      const why = `${(error as Error).message}: nothing is changed that could not be undone`;
      throw new TaploomError('state_unwritable', `Cannot record what is changed of the host: ${why}`, {
        cause: error,
      });
    }
    this.changes = changes;
  }

  /** An interface that has gone in the meantime has taken its settings with it. */
  private set(name: string, value: string): void {
    if (this.parts.sysctl.read(name) === undefined) return;
    try {
      this.parts.sysctl.write(name, value);
    } catch (error) {
      const setting = `${sysctlName(name)}=${value}`;
      throw new TaploomError('setting_refused', `Cannot set ${setting}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  private changeOf({ name, isShared }: Wanted): Change | undefined {
    const before = this.parts.sysctl.read(name);
    const index = this.parts.indexOf(interfaceOf(name));
    if (before === undefined || before === FORWARDS || index === undefined) return undefined;
    return { name, index, before, ours: FORWARDS, isShared };
  }

  /** Under the name that its interface has now. */
  private settingOf({ name, index }: Change): string | undefined {
    const current = this.parts.nameOf(index);
    return current === undefined ? undefined : settingFor(name, current);
  }

  private isUnchanged(change: Change): boolean {
    const setting = this.settingOf(change);
    return setting !== undefined && this.parts.sysctl.read(setting) === change.ours;
  }

  private mayUndo(change: Change): boolean {
    const { name, isShared } = change;
    const [family, , , setting] = name.split('/');
    // Who turns `all/forwarding` on has turned it on for this interface, too. `force_forwarding` stands by itself.
    const isGlobal = this.parts.sysctl.read(`${family}/conf/all/${setting}`) === FORWARDS;
    return this.isUnchanged(change) && !isGlobal && !(isShared && this.othersForward(family, setting));
  }

  private othersForward(family: string, setting: string): boolean {
    const ours = new Set(this.changes.map((change) => this.settingOf(change)));
    return this.parts.sysctl.list(`${family}/conf`).some((name) => {
      const theirs = `${family}/conf/${name}/${setting}`;
      return !NO_INTERFACES.has(name) && !ours.has(theirs) && this.parts.sysctl.read(theirs) === FORWARDS;
    });
  }
}

function interfaceOf(setting: string): string {
  return setting.split('/')[2];
}

function settingFor(setting: string, name: string): string {
  const [family, conf, , last] = setting.split('/');
  return [family, conf, name, last].join('/');
}
