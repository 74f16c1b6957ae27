// `taploom completion SHELL` prints a script; `taploom names`, which no help lists, is what the script asks at TAB.

import { Argument, type Command } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** `print` shows the script; `names` runs with the client, as the other commands do. */
export function addCompletion(
  program: Command,
  print: (text: string) => unknown,
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
      print(completionScript(shell, programs(program)));
    });
  program
    .command('names', { hidden: true })
    .addArgument(new Argument('<kind>').choices(['bridges', 'ports']))
    .argument('[bridge]')
    .action(names);
}
