// `taploom` against a server on a Unix socket with a simulated switch behind it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { Changes } from '../../src/control/changes.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { SimulatedSwitch } from '../control/simulated_switch.ts';

export interface SimulatedCli {
  /** The switch of the current test. */
  api: SimulatedSwitch;
  /** A directory that goes with the test. */
  directory: string;
  /** `taploom` with these words, in a terminal of 80 columns. */
  run(...words: string[]): Promise<{ code: number; out: string; error: string }>;
}

/** To be called once in a file: each of its tests begins with a switch that has `config`. */
export function simulatedCli(config: object): SimulatedCli {
  let server: ControlServer;
  const socket = () => join(cli.directory, 'c.sock');
  const cli: SimulatedCli = {
    api: new SimulatedSwitch(config),
    directory: '',
    async run(...words) {
      const outcome = { code: 0, out: '', error: '' };
      outcome.code = await run(['--socket', socket(), ...words], {
        columns: 80,
        isTerminal: false,
        out: (text) => {
          outcome.out += text;
        },
        error: (text) => {
          outcome.error += text;
        },
      });
      return outcome;
    },
  };
  beforeEach(async () => {
    cli.directory = mkdtempSync(join(tmpdir(), 'tlcli-'));
    const api = new SimulatedSwitch(config);
    cli.api = api;
    server = await startControlServer({ api, socket: socket(), changes: new Changes(api), version: '1.2.3' });
  });
  afterEach(async () => {
    await server.close();
    rmSync(cli.directory, { recursive: true, force: true });
  });
  return cli;
}
