// Carries out a plan: it alone changes which configuration is in force and which devices are open.
//
//   carryOut(next):  diff -> delete (the data plane detaches, then devices close)
//                         -> open new devices -> compile -> the data plane takes over -> in force
//
// An action that fails is reported and left out; the switch goes on with the others. One `carryOut` at a time.

import { setImmediate as breath } from 'node:timers/promises';
import { type Compiler, stateFlags } from '../compile/compiler.ts';
import { type PortState, PortStates, PortTraps } from '../compile/overlay.ts';
import { type PortView, portViews } from '../compile/port_view.ts';
import type { ActionResult } from '../config/action.ts';
import { effectiveMtus } from '../config/defaults.ts';
import { diff } from '../config/diff.ts';
import { inForce } from '../config/in_force.ts';
import { parsePath } from '../config/path.ts';
import { portOf, refuse, refuseDependents } from '../config/refuse.ts';
import { EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import type { Device } from '../device/device.ts';
import { openDevice } from '../device/open_device.ts';
import { storeState, storeTraps, type Topology } from '../engine/topology.ts';
import { TaploomError } from '../error.ts';
import type { PuntReason } from '../protocol/host.ts';
import { closeFdAside } from '../sys/wake.ts';
import type { Change, Failed } from '../worker/messages.ts';
import { type PlaneClient, withdraw } from '../worker/plane_client.ts';
import type { OpenPorts } from './open_ports.ts';

export interface ReconfigurationParts {
  readonly compiler: Compiler;
  readonly plane: PlaneClient;
  readonly open: OpenPorts;
  /** Those that are in force, or will be in a moment: the last one is the newest. */
  readonly topologies: Topology[];
}

/** Who wants to know. */
export interface Listeners {
  /** About to lose ports, which can still send; and once more at the end, in force. */
  update(config: SwitchConfig): void;
  /** Something is in force. */
  changed(): void;
  forgot(port: string): void;
}

export class Reconfiguration {
  private readonly parts: ReconfigurationParts;
  private readonly listeners: Listeners;
  /** What protocols find out about ports. */
  readonly states = new PortStates();
  readonly traps = new PortTraps();
  private current: SwitchConfig = EMPTY_CONFIG;
  /** The configured remotes that the data plane has; undefined if that is uncertain. */
  private remotesKey: string | undefined = '';

  constructor(parts: ReconfigurationParts, listeners: Listeners) {
    this.parts = parts;
    this.listeners = listeners;
  }

  /** In force. */
  get config(): SwitchConfig {
    return this.current;
  }

  async carryOut(next: SwitchConfig): Promise<ActionResult[]> {
    const { compiler, plane, open } = this.parts;
    const plan = diff(this.current, next);
    const results: ActionResult[] = plan.map((action) => ({ ...action, ok: true }));
    if (plan.length === 0) return results;

    const deletions = plan.filter(({ op }) => op === 'delete');
    if (deletions.length > 0) {
      // Throws if there is too much of anything, before the first thing is deleted.
      compiler.check(next);
      await this.detach(inForce(this.current, next, deletions));
    }

    const added = await this.openDevices(next, results);
    refuseDependents(results, next);
    for (const { ok, op, kind, path } of results) {
      if (!ok && op === 'add' && kind === 'port') await this.undo(portOf(path), added);
    }
    const before = this.current;
    const done = results.filter(({ ok }) => ok);
    const config = inForce(before, next, done);
    let failed: Failed[];
    try {
      await open.mtus.adjust(config, results, (port) => open.goneNames.has(port));
      failed = await this.commit(config, { added: [...added.values()] });
    } catch (error) {
      await withdraw(
        plane,
        [...added.values()].map(({ spec }) => spec.port),
      );
      for (const name of added.keys()) await this.undo(name, added);
      throw error;
    }
    if (failed.length > 0) {
      const sound = new Set(results.filter(({ ok }) => ok));
      for (const { port, message } of failed) {
        const name = compiler.ports.name(port) as string;
        const own = results.find(
          ({ op, kind, path }) => op === 'add' && kind === 'port' && portOf(path) === name,
        );
        if (own) refuse(own, new TaploomError('device_failed', `Cannot attach port ${name}: ${message}`));
        await this.undo(name, added);
      }
      refuseDependents(results, next);
      const rest = done.filter((result) => result.ok || !sound.has(result));
      await this.detach(inForce(before, next, rest));
    }
    this.listeners.update(this.current);
    return results;
  }

  /** Resolves when no frame goes by the old state any more. @throws TaploomError `no_such_port` */
  async setPortState(port: string, vlan: number | undefined, state: PortState): Promise<void> {
    const { compiler, plane, topologies } = this.parts;
    const number = compiler.ports.find(port);
    if (number === undefined) throw new TaploomError('no_such_port', `There is no port ${port}`);
    this.states.set(port, vlan, state);
    const flags = stateFlags(state, this.viewOf(port)?.learning ?? true);
    for (const topology of topologies) storeState(topology, number, vlan, flags);
    await plane.request({ kind: 'barrier' });
  }

  /** See `Host.trap`. */
  async trap(port: string, reason: PuntReason, isOn: boolean): Promise<void> {
    const { compiler, plane, topologies } = this.parts;
    const number = compiler.ports.find(port);
    if (number === undefined) throw new TaploomError('no_such_port', `There is no port ${port}`);
    this.traps.set(port, this.traps.bitOf(reason), isOn);
    const mask = (this.viewOf(port)?.traps ?? 0) | this.traps.of(port);
    for (const topology of topologies) storeTraps(topology, number, mask, this.traps.types);
    await plane.request({ kind: 'barrier' });
  }

  private viewOf(port: string): PortView | undefined {
    return Object.entries(this.current.bridges)
      .flatMap(([bridge, config]) => portViews(bridge, config))
      .find(({ name }) => name === port);
  }

  /** Ends every device, when the data plane is closed. */
  async close(end: (device: Device) => void | Promise<void>): Promise<void> {
    const { devices, tunnels } = this.parts.open;
    for (const [name, device] of devices) {
      this.forget(name);
      await end(device);
      await breath();
    }
    for (const { fd } of tunnels.takeRemoved()) await closeFdAside(fd);
  }

  private async undo(name: string, added: Map<string, Device>): Promise<void> {
    const device = added.get(name);
    if (device === undefined) return;
    added.delete(name);
    this.forget(name);
    await device.undo();
    await breath();
  }

  private forget(name: string): void {
    this.parts.open.forget(name);
    this.states.forget(name);
    this.traps.forget(name);
    this.listeners.forgot(name);
  }

  /** Brings `config`, which is the current one less something, into force, and closes what is no longer in it. */
  private async detach(config: SwitchConfig): Promise<void> {
    const { devices: all, tunnels } = this.parts.open;
    const kept = new Set(
      Object.entries(config.bridges).flatMap(([n, b]) => portViews(n, b).map((v) => v.name)),
    );
    const removed = [...all].filter(([name]) => !kept.has(name));
    this.listeners.update(config);
    await this.commit(config, { removed: removed.map(([, device]) => device) });
    // Tunnels tell in `close` which sockets nobody uses any more: the data plane detaches these, too.
    for (const [, device] of removed) if (device.sharesSockets) await device.close();
    const vteps = tunnels.takeRemoved();
    if (vteps.length > 0) await this.commit(config, { removedVteps: vteps.map(({ vtep }) => vtep) });
    for (const { fd } of vteps) await closeFdAside(fd);
    for (const [name, device] of removed) {
      this.forget(name);
      if (device.sharesSockets) continue;
      await device.close();
      await breath();
    }
  }

  /** Brings `config` into force, and tells which ports the data plane could not attach. */
  private async commit(
    config: SwitchConfig,
    { added = [], removed = [], removedVteps = [] }: Devices,
  ): Promise<Failed[]> {
    const { compiler, plane, open, topologies } = this.parts;
    const localMacs = new Map<string, string>();
    for (const bridge of Object.keys(config.bridges)) {
      const mac = open.devices.get(bridge)?.mac;
      if (mac !== undefined) localMacs.set(bridge, mac);
    }
    const overlay = { localMacs, ownedMtus: open.mtus.owned(), states: this.states, traps: this.traps };
    const { topology, remotes } = compiler.compile(config, overlay);
    topologies.push(topology);
    // The table of remotes is rebuilt as a whole, so it is left alone while nothing about it changes.
    const remotesKey = remotes.map(({ row, port, address }) => `${row} ${port} ${address}`).join();
    const areRemotesSame = remotesKey === this.remotesKey && removed.length === 0;
    this.remotesKey = undefined;
    const change: Change = {
      topology,
      removedPorts: removed.map(({ spec }) => spec.port),
      removedVteps,
      addedVteps: open.tunnels.takeAdded(),
      added: added.map(({ spec }) => spec),
      remotes: areRemotesSame ? null : remotes,
    };
    const answer = await plane.request({ kind: 'change', change });
    // Of those that could be in force until now, the last one is.
    topologies.splice(0, topologies.length - 1);
    this.remotesKey = remotesKey;
    this.current = config;
    this.listeners.changed();
    return answer.kind === 'done' ? answer.failed : [];
  }

  /** One after the other with a breath between them: the kernel takes its time, and others want to be served. */
  private async openDevices(next: SwitchConfig, results: ActionResult[]): Promise<Map<string, Device>> {
    const { compiler, plane, open } = this.parts;
    const added = new Map<string, Device>();
    const mtus = new Map<string, Map<string, number>>();
    for (const result of results.filter(({ op, kind }) => op === 'add' && kind === 'port')) {
      const [, bridge, kind] = parsePath(result.path) as string[];
      const name = portOf(result.path);
      const ofBridge = mtus.get(bridge) ?? effectiveMtus(next, bridge);
      mtus.set(bridge, ofBridge);
      const mtu = ofBridge.get(name) as number;
      const { local, ports } = next.bridges[bridge];
      try {
        const number = compiler.ports.number(name);
        const config =
          kind === 'local' && local !== false ? { type: 'local' as const, ...local } : ports[name];
        const wake = () => plane.wake(number);
        const device = await openDevice({ number, name, config, mtu }, open.devices, open.tunnels, wake);
        added.set(name, device);
        open.devices.set(name, device);
        open.mtus.set(name, ports[name]?.mtu ?? device.ownMtu ?? mtu);
      } catch (error) {
        refuse(result, error);
      }
      await breath();
    }
    return added;
  }
}

/** What comes and goes with a change. */
interface Devices {
  added?: Device[];
  removed?: Device[];
  removedVteps?: number[];
}
