// What a real shell offers at TAB: it loads the script that `taploom completion` prints, in a directory of its own.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Shell } from '../../src/cli/completion/command.ts';

const TAPLOOM = fileURLToPath(new URL('../../dist/src/cli/taploom.js', import.meta.url));

export function isInstalled(program: string): boolean {
  return ['/bin', '/usr/bin', '/usr/local/bin'].some((directory) => existsSync(join(directory, program)));
}

/** A line that ends at the cursor, and the words that the shell would offer, sorted. */
export type Complete = (line: string) => Promise<string[]>;

export function completer(shell: Shell, directory: string, script: string, socket: string): Complete {
  const bin = join(directory, 'bin');
  const home = join(directory, 'home');
  for (const made of [bin, home]) mkdirSync(made, { recursive: true });
  const command = `#!/bin/sh\nexec '${process.execPath}' '${TAPLOOM}' "$@"\n`;
  writeFileSync(join(bin, 'taploom'), command, { mode: 0o755 });
  const file = join(directory, `script.${shell}`);
  writeFileSync(file, script);
  writeFileSync(join(home, '.zshrc'), ZSHRC);
  const env = {
    PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: 'C.UTF-8',
    TERM: 'dumb',
    TAPLOOM_SOCKET: socket,
  };
  return async (line) => {
    const words = await run(shell, [...ARGUMENTS[shell], DRIVERS[shell], shell, file, line], env, home);
    return words
      .split('\n')
      .filter((word) => word !== '')
      .sort();
  };
}

const ARGUMENTS: Record<Shell, string[]> = {
  bash: ['--noprofile', '--norc', '-c'],
  zsh: ['-f', '-c'],
  fish: ['--no-config', '-c'],
};

const DRIVERS: Record<Shell, string> = {
  // As readline does: split at blanks and at the characters of COMP_WORDBREAKS, which are words of their own.
  bash: `source "$1"; COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:' COMP_LINE=$2 COMP_POINT=\${#2} COMP_WORDS=()
    rest=$2
    while [[ -n $rest ]]; do
      if [[ $rest =~ ^[[:blank:]]+ ]]; then :
      elif [[ $rest =~ ^[:=@]+ ]]; then COMP_WORDS+=("$BASH_REMATCH")
      else [[ $rest =~ ^[^[:blank:]:=@]+ ]]; COMP_WORDS+=("$BASH_REMATCH"); fi
      rest=\${rest:\${#BASH_REMATCH}}
    done
    [[ $2 == *[[:blank:]] ]] && COMP_WORDS+=('')
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _taploom_complete; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // An interactive zsh in a terminal of its own, whose start-up file is below.
  zsh: `zmodload zsh/zpty; export SCRIPT=$1 LINE=$2 ZDOTDIR=$PWD
    zpty -b shell zsh -d -i
    wait_for() { for i in {1..400}; do [[ -e $1 ]] && break; sleep 0.01; done }
    wait_for ready; zpty -w -n shell $'\\x14'; wait_for done; zpty -d shell
    print -r -- "$(<done)"; rm -f ready done`,
  fish: `source $argv[2]; complete -C $argv[3] | string replace -r '\\t.*' ''; true`,
};

/** Ctrl-T completes $LINE with `_all_matches`, which puts all that TAB would offer into the line. */
const ZSHRC = `PS1= PS2=
autoload -Uz compinit; compinit -C -d $ZDOTDIR/dump; source $SCRIPT
zstyle ':completion:*' completer _all_matches _complete
zstyle ':completion:*' insert yes
complete-line() {
  BUFFER=$LINE CURSOR=$#LINE
  zle all-words
  local before=$LINE
  [[ $LINE == *' ' ]] || before=\${LINE% *}' '
  if [[ $BUFFER == $LINE ]]; then : >done; else print -rl -- \${(z)BUFFER#$before} >new; mv new done; fi
  BUFFER=
}
zle -C all-words complete-word _main_complete
zle -N complete-line
bindkey '^T' complete-line
zle-line-init() { : >ready }
zle -N zle-line-init
`;

function run(command: string, args: string[], env: Record<string, string>, cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, cwd, timeout: 15_000 }, (error, out, complaints) => {
      if (complaints !== '') reject(new Error(complaints));
      else if (error) reject(error);
      else resolve(out);
    });
  });
}
