// What the kernel says about interfaces, as far as one may know it cheaply. The data plane notices that an interface is
// down when a frame fails; this notices it without traffic. It also brings the frames that a full queue lost: they
// never reach the switch, so only the kernel can count them.

import { monotonicMs } from '../sys/clock.ts';
import { areTapsUp } from '../sys/tap.ts';
import type { Device } from './device.ts';

/** linux/if.h: up, and not without carrier. */
const IFF_RUNNING = 0x40;
/** Interfaces looked at in one call, at most: 3 ms if they are in other namespaces, however many ports there are. */
const LOOKS = 24;
/** How old a look may become, ms. */
const AGE = 1000;

/** Undefined is what nobody could tell. */
export interface Look {
  up: boolean | undefined;
  /** Whether somebody is at the other end of its cable. */
  hasCarrier?: boolean;
  /** Frames that the kernel had for the switch and dropped since the port is attached, because a queue was full. */
  queueDropped: number | undefined;
  /** What the interface is called now. */
  name?: string;
}

/** Why a port is down. */
export const NO_CARRIER = 'no carrier: nobody is up at the other end of its link';

const UNKNOWN: Look = { up: undefined, queueDropped: undefined };

export class LinkWatch {
  private readonly devices: ReadonlyMap<string, Device>;
  /** Oldest first. */
  private readonly looks = new Map<string, Look & { at: number }>();
  /** TAPs of which it is known whether they are up, as of the last `lookUp`. */
  private readonly ups = new Map<string, boolean>();

  constructor(devices: ReadonlyMap<string, Device>) {
    this.devices = devices;
  }

  /** Looks which TAPs are up, all in one call. Never throws. */
  lookUp(): void {
    const names: string[] = [];
    const fds: number[] = [];
    for (const [name, { upFd }] of this.devices) {
      if (upFd === undefined) continue;
      names.push(name);
      fds.push(upFd);
    }
    try {
      const states = areTapsUp(fds);
      for (let n = 0; n < names.length; n++) {
        const up = states[n];
        if (up === undefined) this.ups.delete(names[n]);
        else this.ups.set(names[n], up);
      }
    } catch {
      this.ups.clear();
    }
  }

  /**
   * Looks at interfaces of which the data plane says something else than the last look (`isDoubtful`), and at those
   * that were not looked at for longest. Never throws.
   */
  look(isDoubtful: (name: string, up: boolean | undefined) => boolean): void {
    this.lookUp();
    const now = monotonicMs();
    for (const [name, { link, queueDropped }] of this.devices) {
      if ((link ?? queueDropped) !== undefined && !this.looks.has(name)) {
        this.looks.set(name, { ...UNKNOWN, at: Number.NEGATIVE_INFINITY });
      }
    }
    const doubtful = [...this.looks]
      .filter(([name, { up }]) => !this.ups.has(name) && isDoubtful(name, up))
      .slice(0, LOOKS / 2);
    for (const [name] of doubtful) this.renew(name, now);
    let budget = LOOKS - doubtful.length;
    // New looks are put at the end of the map that is walked, and met again there: they are young.
    for (const [name, { at }] of this.looks) {
      if (now - at < AGE) continue;
      if (budget-- === 0) return;
      this.renew(name, now);
    }
  }

  /** Looks at the interface that was not looked at for longest, of those that `lookUp` cannot ask. Never throws. */
  lookAtOne(): void {
    for (const [name, { at }] of this.looks) {
      if (this.ups.has(name)) continue;
      if (monotonicMs() - at >= AGE) this.renew(name, monotonicMs());
      return;
    }
  }

  /** Looks at this one now. Never throws. */
  lookAt(name: string): void {
    this.renew(name, monotonicMs());
  }

  private renew(name: string, now: number): void {
    this.looks.delete(name);
    const device = this.devices.get(name);
    if (device?.link !== undefined || device?.queueDropped !== undefined)
      this.looks.set(name, { ...lookAt(device), at: now });
  }

  /** The last look at a device. */
  at(name: string): Look {
    const look = this.looks.get(name) ?? UNKNOWN;
    const up = this.told(name);
    return up === undefined || look.up === up ? look : { ...look, up };
  }

  /** What is known without asking for it. */
  private told(name: string): boolean | undefined {
    const guest = this.devices.get(name)?.guest?.();
    return guest === undefined ? this.ups.get(name) : guest.state === 'up';
  }

  /** Whether it was up at the last look. */
  isUp(name: string): boolean | undefined {
    return this.told(name) ?? this.looks.get(name)?.up;
  }

  /**
   * Whether it was up and yet nobody at the other end, at the last look. Not of our TAPs: while the switch holds them somebody
   * is.
   */
  isDeadEnd(name: string): boolean {
    if (this.ups.has(name)) return false;
    const look = this.looks.get(name);
    return look?.up === true && look.hasCarrier === false;
  }

  forget(name: string): void {
    this.looks.delete(name);
    this.ups.delete(name);
  }
}

function lookAt(device: Device): Look {
  try {
    const state = device.link?.();
    const { droppedBefore = 0 } = device;
    const counted = state && Math.max(0, state.stats.txDropped - droppedBefore);
    const queueDropped = device.queueDropped?.() ?? counted;
    const hasCarrier = state && (state.flags & IFF_RUNNING) !== 0;
    return { up: state?.up, hasCarrier, queueDropped, name: state?.name };
  } catch {
    // Out of memory or descriptors: a status with a gap is better than none.
    return UNKNOWN;
  }
}
