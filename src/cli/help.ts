// `taploom help port add`, which is `taploom port add --help`. Commander's own knows the first word only.

import type { Command } from 'commander';
import { find } from './meant.ts';

export function addHelp(program: Command): void {
  program
    .command('help [command...]')
    .description('print help for a command')
    .action((words: string[]) => {
      let command = program;
      for (const word of words) {
        const next = find(command, word);
        if (next === undefined) return command.error(`error: unknown command '${words.join(' ')}'`);
        command = next;
      }
      command.outputHelp();
    });
}
