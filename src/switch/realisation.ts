// Brings a configuration into force: it alone decides which devices are open.
//
//   realise(target):  diff -> delete (the data plane detaches, then devices close)
//                          -> open new devices -> compile -> the data plane takes over -> in force
//
// A part that fails is reported and left out; the switch goes on with the others. One change at a time.

import { setImmediate as breath } from 'node:timers/promises';
import type { ActionResult } from '../config/action.ts';
import { effectiveMtus } from '../config/defaults.ts';
import { diff } from '../config/diff.ts';
import { inForce } from '../config/in_force.ts';
import { portOf, refuse, refuseDependents } from '../config/refuse.ts';
import {
  EMPTY_CONFIG,
  type LocalConfig,
  type StreamPortConfig,
  type SwitchConfig,
  type TapDeviceConfig,
  type VethPortConfig,
} from '../config/schema.ts';
import { shares } from '../config/shared_interfaces.ts';
import { bridgeOf, deviceConfig, portNamesOf, withoutPorts } from '../config/without_ports.ts';
import type { Device } from '../device/device.ts';
import { endDevices } from '../device/end_devices.ts';
import { openDevice } from '../device/open_device.ts';
import { TaploomError } from '../error.ts';
import { namespaceId } from '../sys/netns.ts';
import { closeFdAside } from '../sys/wake.ts';
import type { Change, Failed } from '../worker/messages.ts';
import { withdraw } from '../worker/plane_client.ts';
import type { OpenPorts } from './open_ports.ts';
import { PortFacts, type PortFactsParts } from './port_facts.ts';

export interface RealisationParts extends PortFactsParts {
  readonly open: OpenPorts;
  /** See SwitchOptions. */
  readonly keeper: string;
}

/** Who wants to know. */
export interface Listeners {
  /** About to lose ports, which can still send; and once more at the end, in force. */
  update(config: SwitchConfig): void;
  /** Something is in force. */
  changed(): void;
  forgot(port: string): void;
}

export class Realisation {
  private readonly parts: RealisationParts;
  private readonly listeners: Listeners;
  readonly facts: PortFacts;
  private current: SwitchConfig = EMPTY_CONFIG;
  /** The configured remotes that the data plane has; undefined if that is uncertain. */
  private remotesKey: string | undefined = '';
  /** Effective MTUs by bridge: those of 4,000 ports are found out once. */
  private readonly mtus = new WeakMap<SwitchConfig, Map<string, Map<string, number>>>();

  constructor(parts: RealisationParts, listeners: Listeners) {
    this.parts = parts;
    this.listeners = listeners;
    this.facts = new PortFacts(parts, () => this.current);
  }

  /** In force. */
  get config(): SwitchConfig {
    return this.current;
  }

  /** The same configuration anew, after interfaces have changed under it. */
  async renew(): Promise<void> {
    const { open } = this.parts;
    await open.mtus.adjust(this.current, [], (port) => open.goneNames.has(port));
    await this.commit(this.current, {});
    this.listeners.update(this.current);
  }

  /** Ends every device, when the data plane is closed. */
  async close(end: (device: Device) => void | Promise<void>): Promise<void> {
    const { devices, tunnels } = this.parts.open;
    const all = [...devices];
    for (const [name] of all) this.forget(name);
    await endDevices(
      all.map(([, device]) => device),
      end,
    );
    for (const { fd } of tunnels.takeRemoved()) await closeFdAside(fd);
    this.parts.open.sockets.close();
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
    this.facts.forget(name);
    this.listeners.forgot(name);
  }

  /** Brings `next` into force, as far as it can be had. `keep`: a bridge may be without its own interface. */
  async realise(next: SwitchConfig, keep: boolean, plan = diff(this.current, next)): Promise<ActionResult[]> {
    const { compiler, plane, open } = this.parts;
    const before = this.current;
    const results: ActionResult[] = plan.map((action) => ({ ...action, ok: true }));
    if (plan.length === 0) return results;

    const successors = await this.openSuccessors(next, results, keep);
    const deletions = results.filter(
      ({ ok, op, kind, path }) => ok && op === 'delete' && !(kind === 'port' && successors.has(portOf(path))),
    );
    if (deletions.length > 0) await this.detach(inForce(before, next, deletions), remove);

    const added = await this.openDevices(next, results, successors);
    const reattached = this.changeDevices(next, results);
    refuseDependents(results, next, keep);
    for (const { ok, op, kind, path } of results) {
      if (!ok && op === 'add' && kind === 'port') await this.undo(portOf(path), added);
    }
    const done = results.filter(({ ok }) => ok);
    const config = done.length === results.length ? next : inForce(before, next, done);
    const replaced = this.takeOver(next, successors);
    let failed: Failed[];
    try {
      await open.underlays.lookAtNew(config);
      await open.mtus.adjust(config, results, (port) => open.goneNames.has(port));
      open.shareInterfaces(config);
      failed = await this.commit(config, {
        added: [...added.values(), ...reattached],
        removed: [...replaced.values(), ...reattached],
      });
    } catch (error) {
      const ports = [...added.values(), ...replaced.values()].map(({ spec }) => spec.port);
      await withdraw(plane, ports);
      for (const name of added.keys()) await this.undo(name, added);
      this.current = withoutPorts(this.current, new Set(replaced.keys()));
      for (const device of replaced.values()) await device.close();
      throw error;
    }
    for (const device of replaced.values()) {
      await device.close();
      await breath();
    }
    await this.closeSockets(config);
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
      refuseDependents(results, next, keep);
      const rest = done.filter((result) => result.ok || !sound.has(result));
      await this.detach(inForce(before, next, rest));
    }
    return results;
  }

  /** Brings `config`, which is the current one less something, into force, and closes what is no longer in it. */
  async detach(
    config: SwitchConfig,
    end: (device: Device) => void | Promise<void> = (device) => device.close(),
  ): Promise<void> {
    const { devices: all } = this.parts.open;
    const kept = portNamesOf(config);
    const removed = [...all].filter(([name]) => !kept.has(name));
    this.listeners.update(config);
    await this.commit(config, { removed: removed.map(([, device]) => device) });
    for (const [, device] of removed) if (device.sharesSockets) await device.close();
    await this.closeSockets(config);
    for (const [name, device] of removed) {
      this.forget(name);
      if (device.sharesSockets) continue;
      await end(device);
      await breath();
    }
  }

  /** Tunnels tell in `close` which sockets nobody uses any more: the data plane detaches these, too. */
  private async closeSockets(config: SwitchConfig): Promise<void> {
    const vteps = this.parts.open.tunnels.takeRemoved();
    if (vteps.length > 0) await this.commit(config, { removedVteps: vteps.map(({ vtep }) => vtep) });
    for (const { fd } of vteps) await closeFdAside(fd);
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
    const overlay = {
      localMacs,
      ownedMtus: open.mtus.owned(),
      underlayMtus: open.underlays.mtus(),
      tellers: new Set([...open.devices].filter(([, { tellsMtu }]) => tellsMtu).map(([name]) => name)),
      vlanTags: new Map(
        [...open.devices].flatMap(([name, { vlanTags }]) => (vlanTags?.size ? [[name, vlanTags]] : [])),
      ),
    };
    const { topology, remotes } = await this.facts.compile(config, overlay);
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
    for (const retired of topologies.splice(0, topologies.length - 1)) compiler.retire(retired);
    this.remotesKey = remotesKey;
    this.current = config;
    this.listeners.changed();
    return answer.kind === 'done' ? answer.failed : [];
  }

  /**
   * Ports that become other devices: the new one is opened beside the old one, so that a port is not lost for a new one
   * that cannot be had. Where the old one is in the way, it goes first.
   */
  private async openSuccessors(
    next: SwitchConfig,
    results: ActionResult[],
    keep: boolean,
  ): Promise<Map<string, Device>> {
    const successors = new Map<string, Device>();
    const added = new Map(results.filter(({ op }) => op === 'add').map((result) => [result.path, result]));
    for (const deletion of results.filter(({ op, kind }) => op === 'delete' && kind === 'port')) {
      const addition = added.get(deletion.path);
      if (addition === undefined) continue;
      const name = portOf(deletion.path);
      try {
        successors.set(name, await this.openOne(next, name));
      } catch (error) {
        if (keep || (error instanceof TaploomError && error.code === 'port_busy')) continue;
        refuse(deletion, error);
        refuse(addition, error);
      }
      await breath();
    }
    return successors;
  }

  /** The devices of these names from now on; tells which they were before. */
  private takeOver(next: SwitchConfig, successors: ReadonlyMap<string, Device>): Map<string, Device> {
    const { devices } = this.parts.open;
    const replaced = new Map<string, Device>();
    for (const [name, device] of successors) {
      const before = devices.get(name);
      if (before !== undefined) replaced.set(name, before);
      this.forget(name);
      this.keep(next, name, device);
    }
    return replaced;
  }

  /** One after the other with a breath between them: the kernel takes its time, and others want to be served. */
  private async openDevices(
    next: SwitchConfig,
    results: ActionResult[],
    successors: ReadonlyMap<string, Device>,
  ): Promise<Map<string, Device>> {
    const added = new Map(successors);
    for (const result of results.filter(({ ok, op, kind }) => ok && op === 'add' && kind === 'port')) {
      const name = portOf(result.path);
      if (added.has(name)) continue;
      try {
        const device = await this.openOne(next, name);
        added.set(name, device);
        this.keep(next, name, device);
      } catch (error) {
        refuse(result, error);
      }
      await breath();
    }
    return added;
  }

  private async openOne(next: SwitchConfig, name: string): Promise<Device> {
    const { compiler, plane, open, keeper } = this.parts;
    const number = compiler.ports.number(name);
    const config = deviceConfig(next, name);
    const mtu = this.mtuOf(next, name);
    const share = shares(next).get(name);
    const wake = () => plane.wake(number);
    const request = { number, name, config, mtu, share, keeper };
    const guests = { watch: open.sockets, onChange: () => open.guestChanged(name) };
    const namespace = namespaceOf(config);
    const device = await openDevice(request, open.devices, open.tunnels, open.socketPorts, wake, guests);
    open.placed(device, namespace);
    return device;
  }

  private keep(next: SwitchConfig, name: string, device: Device): void {
    const config = deviceConfig(next, name);
    const own = config.type !== 'local' && 'mtu' in config ? config.mtu : undefined;
    this.parts.open.keep(name, device, own ?? device.ownMtu ?? this.mtuOf(next, name));
  }

  private mtuOf(next: SwitchConfig, name: string): number {
    const bridge = bridgeOf(next, name) as string;
    const ofConfig = this.mtus.get(next) ?? new Map<string, Map<string, number>>();
    this.mtus.set(next, ofConfig);
    const ofBridge = ofConfig.get(bridge) ?? effectiveMtus(next, bridge);
    ofConfig.set(bridge, ofBridge);
    return ofBridge.get(name) as number;
  }

  /** Devices that change while they are open; tells which of them the data plane has to attach anew. */
  private changeDevices(next: SwitchConfig, results: ActionResult[]): Device[] {
    const reattached: Device[] = [];
    for (const result of results) {
      const { ok, op, kind, path } = result;
      if (!ok || op !== 'set' || kind !== 'port') continue;
      const name = portOf(path);
      const device = this.parts.open.devices.get(name);
      if (device?.change === undefined) continue;
      const { spec } = device;
      try {
        const wanted = deviceConfig(next, name);
        const namespace = namespaceOf(wanted);
        device.change(wanted as TapDeviceConfig | LocalConfig | StreamPortConfig | VethPortConfig);
        this.parts.open.placed(device, namespace);
      } catch (error) {
        refuse(result, error);
      }
      if (device.spec !== spec) reattached.push(device);
    }
    return reattached;
  }
}

/** Which namespace its name means. */
function namespaceOf(config: ReturnType<typeof deviceConfig>): string | undefined {
  return 'netns' in config && config.netns !== undefined ? namespaceId(config.netns) : undefined;
}

/** Nobody wants it any more. */
function remove(device: Device): void | Promise<void> {
  return device.remove === undefined ? device.close() : device.remove();
}

/** What comes and goes with a change. */
interface Devices {
  added?: Device[];
  removed?: Device[];
  removedVteps?: number[];
}
