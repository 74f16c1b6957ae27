// A control server over a fake switch, and `taploom-bridge` run against it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { runBridge } from '../../../src/cli/bridge/run.ts';
import { Changes } from '../../../src/control/changes.ts';
import { type ControlServer, startControlServer } from '../../../src/control/server.ts';
import { SimulatedSwitch } from '../../control/simulated_switch.ts';

export interface Outcome {
  out: string;
  error: string;
  code: number;
}

export class BridgeFixture {
  readonly api: SimulatedSwitch;
  readonly socket: string;
  private readonly directory = mkdtempSync(join(tmpdir(), 'tlcli-'));
  private server: ControlServer | undefined;

  constructor(config: object) {
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

  run(...args: string[]): Promise<Outcome> {
    return this.runAt(this.socket, args);
  }

  /** @param stdin what `-batch -` reads */
  runWith(stdin: Readable, ...args: string[]): Promise<Outcome> {
    return this.runAt(this.socket, args, stdin);
  }

  /**
   * @param socket unless `args` say another one
   * @param outcome is filled while it runs
   */
  async runAt(
    socket: string,
    args: readonly string[],
    stdin?: Readable,
    outcome: Outcome = { out: '', error: '', code: 0 },
  ): Promise<Outcome> {
    outcome.code = await runBridge(args, {
      socket,
      stdin,
      out: (text) => {
        outcome.out += text;
      },
      error: (text) => {
        outcome.error += text;
      },
    });
    return outcome;
  }

  /** As the golden files have it: a command, what it prints, `!` before what is an error, and its exit code. */
  async transcript(command: string): Promise<string> {
    const { out, error, code } = await this.run(...command.split(' '));
    return `$ bridge ${command}\n${out}${error.replaceAll(/^(?=.)/gm, '! ')}-> ${code}\n`;
  }
}
