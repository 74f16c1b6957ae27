// `taploom import`: its options. What it does is in run.ts.

import type { Command } from 'commander';

export function addImport(program: Command, run: (...given: unknown[]) => Promise<void>): void {
  program
    .command('import [bridge]')
    .description('print kernel bridges, or those of Open vSwitch, as a configuration')
    .option('--ovsdb <file>', 'read `ovsdb-client dump --format json` (- is standard input), not the kernel')
    .option('--local <address>', 'our address, for VXLAN tunnels that do not name one')
    .addHelpText('after', `\n${EXAMPLES}`)
    .action(run);
}

const EXAMPLES = `Examples:
  $ taploom import > switch.yaml
  $ taploom import br0 | taploom apply --dry-run -
  $ ovsdb-client dump --format json | taploom import --ovsdb - > switch.yaml`;
