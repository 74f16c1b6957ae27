// Whether interfaces are up, as far as one may know it cheaply. The data plane notices that an interface is down when a
// frame fails; this notices it without traffic.

import type { Device } from './devices.ts';
import { monotonicMs } from './sys/clock.ts';

/** Interfaces looked at in one call, at most: 2 ms, so that a scrape of 512 ports takes no longer for it. */
const LOOKS = 32;
/** How old a look may become, ms. */
const AGE = 1000;

interface Look {
  up: boolean | undefined;
  at: number;
}

export class LinkWatch {
  private readonly devices: ReadonlyMap<string, Device>;
  /** Oldest first. */
  private readonly looks = new Map<string, Look>();

  constructor(devices: ReadonlyMap<string, Device>) {
    this.devices = devices;
  }

  /** Looks at the interfaces that were not looked at for longest. */
  look(): void {
    const now = monotonicMs();
    for (const [name, { isUp }] of this.devices) {
      if (isUp !== undefined && !this.looks.has(name)) this.looks.set(name, { up: undefined, at: 0 });
    }
    let budget = LOOKS;
    for (const [name, { at }] of this.looks) {
      if (budget-- === 0 || now - at < AGE) return;
      this.looks.delete(name);
      const device = this.devices.get(name);
      if (device?.isUp !== undefined) this.looks.set(name, { up: device.isUp(), at: now });
    }
  }

  /** Undefined if nobody could tell. */
  isUp(name: string): boolean | undefined {
    return this.looks.get(name)?.up;
  }

  forget(name: string): void {
    this.looks.delete(name);
  }
}
