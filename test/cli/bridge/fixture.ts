// `taploom-bridge` against a simulated switch.

import { runBridge } from '../../../src/cli/bridge/run.ts';
import { ControlFixture } from '../control_fixture.ts';

export class BridgeFixture extends ControlFixture {
  constructor(config: object) {
    super(runBridge, config);
  }

  /** As the golden files have it: a command, what it prints, `!` before what is an error, and its exit code. */
  async transcript(command: string): Promise<string> {
    const { out, error, code } = await this.run(...command.split(' '));
    return `$ bridge ${command}\n${out}${error.replaceAll(/^(?=.)/gm, '! ')}-> ${code}\n`;
  }
}
