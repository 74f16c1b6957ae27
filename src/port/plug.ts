// Devices that a program writes itself, behind a memory port: they run in the program's own thread, and the two rings of the
// port bound what waits for them. What does not fit is dropped as `queue_full`, and counted; nothing is lost in between.
//
//   switch -- ring --> Plug -- transmit --> Device        Device -- link.receive --> ring --> switch

import { setImmediate as turn } from 'node:timers/promises';
import type { MemoryPort, Offload, ReceivedFrame } from './memory.ts';

/** Frames that a device gets before others have their turn. */
const BURST = 64;

/** What a program plugs in. A wrapper is one, too, around another. */
export interface Device {
  /** Before anything else. `link` is its way into the switch. */
  open?(link: DeviceLink): void | Promise<void>;
  /** Takes a frame that leaves the switch, and may keep it. False: it cannot now, gets it again, and calls `link.ready` before. */
  transmit(frame: ReceivedFrame): boolean;
  /** Nothing is transmitted any more; what it gives to its link goes nowhere. */
  close?(): void | Promise<void>;
}

/** A device's end of its port. */
export interface DeviceLink {
  /** Hands a frame (no FCS) to the switch. False: that has not kept up, and did not take it. @throws RangeError if it is longer than a slot */
  receive(bytes: Uint8Array, offload?: Offload): boolean;
  /** After `transmit` has said false. */
  ready(): void;
}

/** A device of your own in a memory port, as long as it is there. */
export class Plug implements AsyncDisposable {
  /** When it was closed, or with the error that a device threw, which closes it. */
  readonly ended: Promise<Error | undefined>;
  private readonly port: MemoryPort;
  private readonly device: Device;
  private end: (error?: Error) => void = () => {};
  private goOn: () => void = () => {};
  private waiting: ReceivedFrame | undefined;
  private isBusy = false;
  private isClosed = false;

  private constructor(port: MemoryPort, device: Device) {
    this.port = port;
    this.device = device;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /** Opens the device and moves frames from then on. */
  static async open(port: MemoryPort, device: Device): Promise<Plug> {
    const plug = new Plug(port, device);
    await device.open?.({
      receive: (bytes, offload) => !plug.isClosed && port.send(bytes, offload),
      ready: () => {
        plug.isBusy = false;
        plug.goOn();
      },
    });
    void plug.run();
    return plug;
  }

  /** Moves what is there now, at most so many frames; returns how many. For loops of one's own, after each poll. */
  service(limit = BURST): number {
    let moved = 0;
    for (; moved < limit && !this.isBusy && !this.isClosed; moved++) {
      const frame = this.waiting ?? this.port.receive();
      if (frame === undefined) return moved;
      this.waiting = undefined;
      // Before the call: it may be ready again within it.
      this.isBusy = true;
      if (!this.device.transmit(frame)) this.waiting = frame;
      else this.isBusy = false;
    }
    return moved;
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.goOn();
    await this.device.close?.();
    this.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async run(): Promise<void> {
    try {
      while (!this.isClosed) {
        if (this.isBusy) {
          await new Promise<void>((resolve) => {
            this.goOn = resolve;
          });
        } else if (this.waiting === undefined) await this.port.received();
        this.service();
        await turn();
      }
    } catch (error) {
      this.isClosed = true;
      this.end(error instanceof Error ? error : new Error(String(error)));
      await Promise.resolve(this.device.close?.()).catch(() => {});
    }
  }
}
