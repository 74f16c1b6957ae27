// A switch without threads whose ports are those of fake guests, which are in this process, too.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { PortStatus } from '../../src/api.ts';
import type { SwitchConfigInput } from '../../src/config/schema.ts';
import type { SwitchEvent } from '../../src/event.ts';
import { Switch } from '../../src/switch/switch.ts';
import { FakeGuest, type FakeGuestOptions } from '../../src/tester/guest/fake_guest.ts';

type GuestOptions = Omit<Partial<FakeGuestOptions>, 'path'>;
type PortOptions = Record<string, unknown>;
type Ports = NonNullable<NonNullable<SwitchConfigInput['bridges']>[string]>['ports'];

const PATIENCE_MS = 10_000;

export class GuestWorld {
  readonly taploom: Switch;
  readonly events: SwitchEvent[] = [];
  private readonly dir: string;

  private constructor(taploom: Switch, dir: string) {
    this.taploom = taploom;
    this.dir = dir;
    taploom.events.listen((event) => this.events.push(event));
  }

  /** A bridge with these ports of guests, and others. */
  static async open(guests: Record<string, PortOptions>, others: Ports = {}): Promise<GuestWorld> {
    const dir = mkdtempSync(join(tmpdir(), 'tlguest-'));
    const ports: Ports = { ...others };
    for (const [name, options] of Object.entries(guests))
      ports[name] = { type: 'vhost_user', path: `${dir}/${name}`, ...options };
    const bridges = { br0: { local: false as const, ports } };
    const taploom = await Switch.open({ version: 1, bridges }, { threaded: false });
    const world = new GuestWorld(taploom, dir);
    onTestFinished(async () => {
      await taploom.close();
      rmSync(dir, { recursive: true });
    });
    return world;
  }

  /** Plugs a guest into its port, and waits until that is up. */
  async plug(name: string, options: GuestOptions = {}): Promise<FakeGuest> {
    const guest = await FakeGuest.open({ ...options, path: `${this.dir}/${name}` });
    onTestFinished(() => guest.close());
    await this.until(() => this.port(name).state === 'up');
    return guest;
  }

  port(name: string): PortStatus {
    return this.taploom.ports().find((port) => port.name === name) as PortStatus;
  }

  /** Lets the switch run, until something is true. */
  async until(isTrue: () => boolean, what = 'it'): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!isTrue()) {
      if (performance.now() > end) throw new Error(`${what} does not come true`);
      await this.turn();
    }
  }

  async turn(): Promise<void> {
    for (let n = 0; n < 4; n++) this.taploom.poll(0);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The next frame for a guest. */
  async heard(guest: FakeGuest) {
    let frame = guest.receive();
    await this.until(() => {
      frame ??= guest.receive();
      return frame !== undefined;
    });
    return frame as NonNullable<typeof frame>;
  }
}
