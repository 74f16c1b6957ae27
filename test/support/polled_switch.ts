// A switch without threads: guests behind memory ports, the clock in the test's hands.

import { onTestFinished } from 'vitest';
import type { SwitchConfigInput } from '../../src/config/schema.ts';
import type { SwitchEvent } from '../../src/event.ts';
import { Switch } from '../../src/switch/switch.ts';

export interface PolledSwitch {
  taploom: Switch;
  events: SwitchEvent[];
  /** Lets so many ms pass, in steps of `step`. */
  pass(ms: number, step?: number): Promise<void>;
  send(port: string, frame: Uint8Array): void;
  /** What has come out of a port since the last look. */
  heard(port: string): Uint8Array[];
}

/** All ports are of memory. */
export async function openPolled(config: SwitchConfigInput): Promise<PolledSwitch> {
  const taploom = await Switch.open(config, { threaded: false });
  onTestFinished(() => taploom.close());
  const events: SwitchEvent[] = [];
  taploom.events.listen((event) => events.push(event));
  let now = 1_000_000;
  const pass = async (ms: number, step = 10) => {
    for (const end = now + ms; now < end; ) {
      now = Math.min(end, now + step);
      // What the host says is heard in the next turns.
      for (let n = 0; n < 4; n++) {
        taploom.poll(0, now);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  const heard = (port: string) => {
    const frames: Uint8Array[] = [];
    const end = taploom.memoryPort(port);
    for (let one = end.receive(); one !== undefined; one = end.receive())
      frames.push(Uint8Array.from(one.bytes));
    return frames;
  };
  await pass(20);
  return { taploom, events, pass, heard, send: (port, frame) => void taploom.memoryPort(port).send(frame) };
}
