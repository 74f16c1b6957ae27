// The grammars of the three programs, for completion and man pages.

import { daemonCommand } from './daemon_command.ts';
import { brctlGrammar, commanderGrammar, type Grammar } from './grammar.ts';
import { taploomProgram } from './program.ts';

export function programs(): [taploom: Grammar, taploomd: Grammar, brctl: Grammar] {
  return [commanderGrammar(taploomProgram()), commanderGrammar(daemonCommand()), brctlGrammar()];
}
