// A control server over a simulated switch, and a client program run against it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Changes } from '../../src/control/changes.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { SimulatedSwitch } from '../control/simulated_switch.ts';

export interface Outcome {
  out: string;
  error: string;
  code: number;
}

interface Surroundings {
  socket: string;
  out(text: string): void;
  error(text: string): void;
}

export class ControlFixture {
  readonly api: SimulatedSwitch;
  readonly socket: string;
  private readonly program: (args: string[], surroundings: Surroundings) => Promise<number>;
  private readonly directory = mkdtempSync(join(tmpdir(), 'tlcli-'));
  private server: ControlServer | undefined;

  constructor(program: ControlFixture['program'], config?: object) {
    this.program = program;
    this.api = new SimulatedSwitch(config);
    this.socket = join(this.directory, 'control.sock');
  }

  async start(): Promise<void> {
    const { api, socket } = this;
    this.server = await startControlServer({ api, socket, changes: new Changes(api), version: '0' });
  }

  async stop(): Promise<void> {
    await this.server?.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Of a file for the test, which goes away with it. */
  path(name: string): string {
    return join(this.directory, name);
  }

  async run(...args: string[]): Promise<Outcome> {
    const outcome: Outcome = { out: '', error: '', code: 0 };
    outcome.code = await this.program(args, {
      socket: this.socket,
      out: (text) => {
        outcome.out += text;
      },
      error: (text) => {
        outcome.error += text;
      },
    });
    return outcome;
  }
}
