// The grammars of the three programs, for completion and man pages.

import type { Command } from 'commander';
import { daemonCommand } from './daemon_command.ts';
import { brctlGrammar, commanderGrammar, type Grammar } from './grammar.ts';

export function programs(taploom: Command): [taploom: Grammar, taploomd: Grammar, brctl: Grammar] {
  return [commanderGrammar(taploom), commanderGrammar(daemonCommand()), brctlGrammar()];
}
