// The grammars of the four programs, for completion and man pages.

import type { Command } from 'commander';
import { daemonCommand } from './daemon_command.ts';
import { brctlGrammar, bridgeGrammar, commanderGrammar, type Grammar } from './grammar.ts';

export function programs(taploom: Command): [taploom: Grammar, taploomd: Grammar, ...tools: Grammar[]] {
  return [commanderGrammar(taploom), commanderGrammar(daemonCommand()), brctlGrammar(), bridgeGrammar()];
}
