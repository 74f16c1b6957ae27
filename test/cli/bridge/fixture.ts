// `taploom-bridge` against a simulated switch.

import type { Readable } from 'node:stream';
import { runBridge } from '../../../src/cli/bridge/run.ts';
import { ControlFixture, type Outcome } from '../control_fixture.ts';

export class BridgeFixture extends ControlFixture {
  constructor(config: object) {
    super(runBridge, config);
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
