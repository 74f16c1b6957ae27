// Keeps two configurations: the desired one, and with realisation.ts the one in force.
//
//   desired (all that is wanted)  -- reconcile: less the ports that cannot be had now -->  realise -->  in force
//
// One change at a time.

import type { ActionResult } from '../config/action.ts';
import { diff } from '../config/diff.ts';
import { withGuests } from '../config/guest_ports.ts';
import { inForce } from '../config/in_force.ts';
import { portOf, settle } from '../config/refuse.ts';
import { EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import { deviceConfig, portNamesOf, withoutPorts } from '../config/without_ports.ts';
import type { Device } from '../device/device.ts';
import { monotonicMs } from '../sys/clock.ts';
import { type MissingPorts, reconcile } from './missing_ports.ts';
import type { PortFacts } from './port_facts.ts';
import { type Listeners, Realisation, type RealisationParts } from './realisation.ts';

export class Reconfiguration {
  private readonly parts: RealisationParts;
  private readonly listeners: Listeners;
  private readonly realisation: Realisation;
  private readonly missing: MissingPorts;
  private wanted: SwitchConfig = EMPTY_CONFIG;

  constructor(parts: RealisationParts, listeners: Listeners) {
    this.parts = parts;
    this.listeners = listeners;
    this.realisation = new Realisation(parts, listeners);
    this.missing = parts.open.missing;
  }

  /** All that is wanted, whether or not it can be had now. */
  get desired(): SwitchConfig {
    return this.wanted;
  }

  /** The same with the guests of listening sockets as ports. */
  get whole(): SwitchConfig {
    return this.expand(this.wanted);
  }

  /** In force: without the ports that are missing. */
  get config(): SwitchConfig {
    return this.realisation.config;
  }

  /** What protocols found out about ports, which survives reconfigurations. */
  get facts(): PortFacts {
    return this.realisation.facts;
  }

  /** Ends every device, when the data plane is closed. */
  close(end: (device: Device) => void | Promise<void>): Promise<void> {
    return this.realisation.close(end);
  }

  /**
   * Changes what is wanted, and makes it so as far as it can be had now. `keep`: what cannot be had now is wanted all the
   * same, and the rest of its bridge goes on without it; otherwise it is as if nobody had asked for it.
   */
  async carryOut(next: SwitchConfig, keep: boolean): Promise<ActionResult[]> {
    const { missing } = this;
    const now = monotonicMs();
    const asked = diff(this.wanted, next);
    const before = new Set(missing.names());
    if (keep) for (const port of before) missing.hurry(port, now);
    for (const { kind, path } of asked) if (kind === 'port') missing.hurry(portOf(path), now);
    // Throws if there is too much of anything, before the first thing is deleted.
    if (asked.some(({ op }) => op === 'delete')) await this.parts.compiler.check(this.parts.effective(next));
    for (const { op, kind, path } of asked)
      if (op === 'delete' && kind === 'port') this.parts.open.socketPorts.dismissAll(portOf(path));
    const target = reconcile(this.expand(next), missing, now);
    // Nearly always nothing is missing, and one plan is enough.
    const plan = target === next && this.wanted === this.config ? asked : undefined;
    const done = await this.realisation.realise(target, keep, plan);
    const results = settle(asked, done, keep, (port) => before.has(port));
    const carriedOut = results.filter(({ ok }) => ok);
    const isWhole = keep || carriedOut.length === results.length;
    this.wanted = isWhole ? next : inForce(this.wanted, next, carriedOut);
    if (!isWhole) {
      // A port that had to go for another one, which was not to be had after all.
      done.push(...(await this.realisation.realise(reconcile(this.whole, missing, now), true)));
    }
    this.account(done, now);
    this.listeners.update(this.config);
    return results;
  }

  /** Tries what is due of what is missing. */
  async retry(): Promise<void> {
    const now = monotonicMs();
    if (this.missing.deadline() <= now) await this.regroup(now);
  }

  /** Guests of listening sockets came or went: what is wanted comes to something else now. */
  async regroup(now = monotonicMs()): Promise<void> {
    this.account(await this.realisation.realise(reconcile(this.whole, this.missing, now), true), now);
    this.listeners.update(this.config);
  }

  /** Whether a port is wanted no longer when its interface is deleted. */
  forgets(port: string): boolean {
    const found = deviceConfig(this.wanted, port);
    return 'when_deleted' in found && found.when_deleted === 'forget';
  }

  /**
   * A port has lost its device: it is closed, and taken again as soon as that can be, or forgotten if it should be. Told
   * as soon as it is not wanted: its name and its place are free, for who asks while it is being closed, too. A change that
   * came first may have given it another device, which is not the dead one.
   */
  async lose(port: string, reason: string, onForgotten: () => void): Promise<void> {
    if (!this.parts.open.goneNames.has(port)) return;
    const alone = new Set([port]);
    if (this.forgets(port)) {
      this.wanted = withoutPorts(this.wanted, alone);
      onForgotten();
    } else this.missing.lost(port, reason, monotonicMs());
    await this.realisation.detach(withoutPorts(this.config, alone));
    this.listeners.update(this.config);
  }

  /** The same configuration anew, after interfaces have changed under it. */
  async refresh(): Promise<void> {
    await this.parts.open.underlays.look(this.wanted);
    await this.realisation.renew();
  }

  /** Routes or interfaces have changed: the same, if that concerns the MTU of a tunnel. */
  async followUnderlays(): Promise<void> {
    if (await this.parts.open.underlays.look(this.wanted)) await this.realisation.renew();
  }

  private expand(config: SwitchConfig): SwitchConfig {
    return withGuests(config, this.parts.open.socketPorts.guests);
  }

  /** Remembers which wanted ports are missing and why, after tries since `since`. */
  private account(done: readonly ActionResult[], since: number): void {
    const { missing } = this;
    const now = monotonicMs();
    const have = portNamesOf(this.config);
    const wanted = portNamesOf(this.whole);
    for (const port of missing.names()) if (!wanted.has(port) || have.has(port)) missing.forget(port);
    for (const { ok, op, kind, path, code, error = '' } of done) {
      if (ok || op === 'delete' || kind !== 'port') continue;
      const port = portOf(path);
      if (!wanted.has(port) || have.has(port)) continue;
      missing.failed(port, { code, message: error }, now, since);
    }
    for (const port of wanted) {
      if (have.has(port) || missing.get(port) !== undefined) continue;
      missing.failed(port, { message: `Cannot attach port ${port}` }, now, since);
    }
  }
}
