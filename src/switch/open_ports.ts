// The devices that a switch has open, and what it knows of each: MTU, link, whether its interface is gone.

import type { Compiler } from '../compile/compiler.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { shares } from '../config/shared_interfaces.ts';
import type { Device, GuestStatus } from '../device/device.ts';
import { LinkWatch, NO_CARRIER } from '../device/link_watch.ts';
import { PortMtus } from '../device/mtus.ts';
import { Sockets } from '../device/sockets.ts';
import { Tunnels } from '../device/tunnels.ts';
import { Underlays } from '../device/underlays.ts';
import type { VlanDevicePlace } from '../device/vlan_devices.ts';
import { DisabledPorts } from '../protocol/disabled_ports.ts';
import { namespaceId } from '../sys/netns.ts';
import { SocketWatch } from '../sys/socket_watch.ts';
import type { CounterView } from './counter_view.ts';
import type { PortGlance } from './event_watch.ts';
import { isUpBy } from './link_up.ts';
import { type Missing, MissingPorts } from './missing_ports.ts';

export class OpenPorts {
  /** By port name; a bridge's local interface has the bridge's. */
  readonly devices = new Map<string, Device>();
  readonly tunnels = new Tunnels();
  readonly underlays = new Underlays(this.devices);
  readonly mtus = new PortMtus(this.devices, this.underlays);
  /** Those whose device is dead, and about to be closed. */
  readonly goneNames = new Set<string>();
  /** Those that are wanted and cannot be had now. */
  readonly missing = new MissingPorts();
  /** Those that are disabled for an error. */
  readonly disabled = new DisabledPorts();
  /** Where front ends of guests come in. */
  readonly sockets = new SocketWatch();
  readonly socketPorts = new Sockets(this.sockets);
  /** Which namespace their configuration's name meant when they were put there. */
  private readonly namespaceIds = new WeakMap<Device, string | undefined>();
  readonly linkWatch = new LinkWatch(this.devices);
  readonly counters: CounterView;
  /** Is told of each port about whose interface the kernel has said something. */
  onLink: (port: string) => void = () => {};
  /** Is told of each port whose guest has come, gone, or lied. */
  onGuest: (port: string, status: GuestStatus) => void = () => {};
  private readonly compiler: Compiler;

  constructor(counters: CounterView, compiler: Compiler) {
    this.counters = counters;
    this.compiler = compiler;
  }

  /** `mtu` is what its interface has now. */
  keep(name: string, device: Device, mtu: number): void {
    this.devices.set(name, device);
    this.mtus.set(name, mtu);
  }

  forget(name: string): void {
    this.devices.delete(name);
    this.mtus.forget(name);
    this.goneNames.delete(name);
    this.linkWatch.forget(name);
    this.disabled.forget(name);
  }

  /** `id`: see `namespaceId`, from before it was put there. */
  placed(device: Device, id: string | undefined): void {
    this.namespaceIds.set(device, id);
  }

  /** Whether it is in the namespace that the name means now. */
  isIn(name: string, netns: string): boolean {
    const device = this.devices.get(name);
    const id = device && this.namespaceIds.get(device);
    return id !== undefined && id === namespaceId(netns);
  }

  /** Gives each port on an attached interface what is its own there. */
  shareInterfaces(config: SwitchConfig): void {
    const shared = shares(config);
    for (const [name, { socket }] of this.devices) socket?.filter(shared.get(name));
  }

  /** Asks the kernel about those first of which the data plane says something else. */
  look(): void {
    this.linkWatch.look((name, up) => {
      const index = this.compiler.ports.find(name);
      return up !== false && index !== undefined && !this.counters.isUp(index);
    });
  }

  /** The kernel says that something about its interface has changed. True if forwarding depends on what did. */
  linkChanged(name: string): boolean {
    const device = this.devices.get(name);
    if (device === undefined) return false;
    const { mac, ownMtu } = device;
    this.linkWatch.lookAt(name);
    this.onLink(name);
    return device.mac !== mac || device.ownMtu !== ownMtu;
  }

  /** A guest has come, gone, or lied. */
  guestChanged(name: string): void {
    const status = this.devices.get(name)?.guest?.();
    if (status === undefined) return;
    this.onLink(name);
    this.onGuest(name, status);
  }

  /**
   * VLAN devices on its interface: one has come, moved or gone, or without `vlan` there may be others than before. True if
   * forwarding depends on it.
   */
  vlanDeviceChanged(name: string, vlan?: { tag: number; place: VlanDevicePlace }): boolean {
    const device = this.devices.get(name);
    try {
      if (vlan !== undefined) return device?.setVlanTag?.(vlan.tag, vlan.place) ?? false;
      return device?.findVlanTags?.() ?? false;
    } catch {
      return false; // No memory, or the interface has just gone: its end is told by itself.
    }
  }

  /** Changes whenever a port's state or drops do. */
  digest(): string {
    this.linkWatch.lookUp();
    this.linkWatch.lookAtOne();
    let states = '';
    const ports: number[] = [];
    let lost = 0;
    for (const { number, state, lost: ofPort = 0 } of this.states()) {
      if (number !== undefined) ports.push(number);
      states += state.slice(0, 2);
      lost += ofPort;
    }
    return `${states} ${this.counters.dropTotal(ports)} ${lost}`;
  }

  /** As of the last look. */
  *states(): Generator<PortGlance> {
    for (const [port, { spec, connection, guest: guestOf }] of this.devices) {
      const guest = guestOf?.();
      const isDeadEnd = this.linkWatch.isDeadEnd(port);
      const isUp =
        connection?.listens === true ||
        (!isDeadEnd && (isUpBy(guest) ?? this.linkWatch.isUp(port) ?? this.counters.isUp(spec.port)));
      const disabled = this.disabled.get(port);
      const isBroken = guest?.state === 'broken';
      const state = this.goneNames.has(port)
        ? 'gone'
        : isBroken
          ? 'broken'
          : !isUp
            ? 'down'
            : disabled
              ? 'disabled'
              : 'up';
      const idle = spec.kind === 'aggregate' ? 'no member carries frames' : connection?.reason;
      const reasons: Partial<Record<typeof state, string>> = {
        disabled: disabled?.text,
        broken: guest?.reason,
        down: isDeadEnd ? NO_CARRIER : (guest?.reason ?? idle),
      };
      const reason = reasons[state];
      yield { port, number: spec.port, state, reason, lost: this.linkWatch.at(port).queueDropped };
    }
    for (const port of this.missing.names()) {
      const { state, reason } = this.missing.get(port) as Missing;
      yield { port, number: undefined, state, reason };
    }
  }
}
