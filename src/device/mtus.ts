// MTUs follow from the whole bridge: a new tunnel makes its neighbours' smaller, and their super-frames too. This keeps
// what the interfaces have in step with what the configuration leads to.

import { setImmediate as breath } from 'node:timers/promises';
import type { ActionResult } from '../config/action.ts';
import { effectiveMtus } from '../config/defaults.ts';
import { devicesIn } from '../config/members.ts';
import { formatPath } from '../config/path.ts';
import { refuse } from '../config/refuse.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { MAX_SEGMENT_BYTES, MAX_SEGMENTS } from '../sys/burst.ts';
import { HEADER_LEN } from '../wire/ethernet.ts';
import * as vxlan from '../wire/vxlan.ts';
import type { Device } from './device.ts';
import type { Underlays } from './underlays.ts';

/** Linux' GSO_LEGACY_MAX_SIZE, and the default of every interface. */
const GSO_MAX_SIZE = 65_536;
/** IPv4 and TCP with timestamps, as nearly every host sends it. */
const TCP_HEADERS = 20 + 32;
/** What TCP subtracts before it counts segments: MAX_TCP_HEADER, 320 on most kernels. */
const TCP_SPARE = 400;

export class PortMtus {
  private readonly devices: ReadonlyMap<string, Device>;
  private readonly underlays: Underlays;
  /** What the interfaces have, by port name. */
  private readonly inForce = new Map<string, number>();
  /** gso_max_size where it is not the default. */
  private readonly gsoInForce = new Map<string, number>();

  constructor(devices: ReadonlyMap<string, Device>, underlays: Underlays) {
    this.devices = devices;
    this.underlays = underlays;
  }

  get(name: string): number | undefined {
    return this.inForce.get(name);
  }

  set(name: string, mtu: number): void {
    this.inForce.set(name, mtu);
  }

  forget(name: string): void {
    this.inForce.delete(name);
    this.gsoInForce.delete(name);
  }

  /** MTUs of interfaces that somebody else configures. */
  owned(): Map<string, number> {
    const owned = new Map<string, number>();
    for (const [name, { ownMtu }] of this.devices) if (ownMtu !== undefined) owned.set(name, ownMtu);
    return owned;
  }

  /**
   * Sets what has changed, except where the device is gone. An interface that refuses is reported at the port's own
   * action, and if it has none, at a new one; the configuration comes into force nevertheless.
   */
  async adjust(
    config: SwitchConfig,
    results: ActionResult[],
    isGone: (port: string) => boolean,
  ): Promise<void> {
    const owned = this.owned();
    const underlays = this.underlays.mtus();
    for (const [bridge, settings] of Object.entries(config.bridges)) {
      const { ports } = settings;
      const hasTunnel = Object.values(ports).some(({ type }) => type === 'vxlan');
      for (const [name, mtu] of effectiveMtus(config, bridge, owned, underlays)) {
        const device = this.devices.get(name);
        if (device === undefined || isGone(name)) continue;
        this.limitSuperFrames(name, device, hasTunnel ? tunnelGsoMaxSize(mtu) : GSO_MAX_SIZE);
        if (this.inForce.get(name) === mtu) continue;
        try {
          device.setMtu(mtu);
          this.inForce.set(name, mtu);
        } catch (error) {
          const place = devicesIn(settings).find(([port]) => port === name)?.[2] ?? ['local'];
          const path = formatPath(['bridges', bridge, ...place]);
          refuse(ownAction(results, path), error);
        }
        // The kernel may take a millisecond for each.
        await breath();
      }
    }
  }

  /** Only for speed, so an interface that refuses keeps what it has. */
  private limitSuperFrames(name: string, device: Device, bytes: number): void {
    if ((this.gsoInForce.get(name) ?? GSO_MAX_SIZE) === bytes) return;
    this.gsoInForce.set(name, bytes);
    try {
      device.setGsoMaxSize?.(bytes);
    } catch {
      // Deleted meanwhile, or not ours to configure.
    }
  }
}

/**
 * Super-frames whose segments fit one message of a tunnel. At an MTU of 1,450 that is 44; Linux makes 46 by itself, and
 * the two others would cost a system call here and a frame of their own at the receiver: TCP over VXLAN is 20 % slower.
 */
function tunnelGsoMaxSize(mtu: number): number {
  const datagram = vxlan.HEADER_LEN + HEADER_LEN + mtu;
  const segments = Math.min(MAX_SEGMENTS, Math.floor(MAX_SEGMENT_BYTES / datagram));
  return Math.min(GSO_MAX_SIZE, Math.max(mtu, segments * (mtu - TCP_HEADERS)) + TCP_SPARE);
}

function ownAction(results: ActionResult[], path: string): ActionResult {
  const own = results.find((result) => result.path === path && result.op !== 'delete');
  if (own !== undefined) return own;
  const added: ActionResult = { op: 'set', kind: 'port', path, ok: true };
  results.push(added);
  return added;
}
