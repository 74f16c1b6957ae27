// `taploom completion SHELL` prints a script; `taploom names`, which no help lists, is what the script asks at TAB.

import { Argument, type Command } from 'commander';
import type { Terminal } from '../program.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** `action` runs something with the client, as for the other commands. */
export function addCompletion(
  program: Command,
  terminal: Terminal,
  names: (...given: unknown[]) => Promise<void>,
): void {
  program
    .command('completion')
    .description('print a script with which a shell completes words at TAB')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      '\nExamples:\n  $ source <(taploom completion bash)\n  $ taploom completion fish | source',
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import('./script.ts');
      const { programs } = await import('../programs.ts');
      terminal.out(completionScript(shell, programs()));
    });
  program
    .command('names', { hidden: true })
    .addArgument(new Argument('<kind>').choices(['bridges', 'ports']))
    .argument('[bridge]')
    .action(names);
}
