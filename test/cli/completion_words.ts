// What a real shell offers at TAB: it loads the script that `taploom completion` prints, in a directory of its own.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { Shell } from '../../src/cli/completion/command.ts';

const TAPLOOM = fileURLToPath(new URL('../../dist/src/programs/taploom.js', import.meta.url));

/** zsh finds its completion functions once for all tests of a file: it takes a second. */
const shared = mkdtempSync(join(tmpdir(), 'tlzsh-'));
afterAll(() => rmSync(shared, { recursive: true, force: true }));

export function isInstalled(program: string): boolean {
  return ['/bin', '/usr/bin', '/usr/local/bin'].some((directory) => existsSync(join(directory, program)));
}

/** Lines that end at the cursor, and for each the words that the shell would offer, sorted. */
export type Complete = (lines: readonly string[]) => Promise<string[][]>;

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
    DUMP: join(shared, 'zcompdump'),
    TAPLOOM_SOCKET: socket,
  };
  return async (lines) => {
    const out = await run(shell, [...ARGUMENTS[shell], DRIVERS[shell], shell, file, ...lines], env, home);
    const answers = out.split('END OF WORDS\n').slice(0, -1);
    return answers.map((words) =>
      words
        .split('\n')
        .filter((word) => word !== '')
        .sort(),
    );
  };
}

const ARGUMENTS: Record<Shell, string[]> = {
  bash: ['--noprofile', '--norc', '-c'],
  zsh: ['-f', '-c'],
  fish: ['--no-config', '-c'],
};

const DRIVERS: Record<Shell, string> = {
  // As readline does: split at blanks and at the characters of COMP_WORDBREAKS, which are words of their own.
  bash: `source "$1"; COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:'
    for COMP_LINE in "\${@:2}"; do
      COMP_POINT=\${#COMP_LINE} COMP_WORDS=() rest=$COMP_LINE
      while [[ -n $rest ]]; do
        if [[ $rest =~ ^[[:blank:]]+ ]]; then :
        elif [[ $rest =~ ^[:=@]+ ]]; then COMP_WORDS+=("$BASH_REMATCH")
        else [[ $rest =~ ^[^[:blank:]:=@]+ ]]; COMP_WORDS+=("$BASH_REMATCH"); fi
        rest=\${rest:\${#BASH_REMATCH}}
      done
      [[ $COMP_LINE == *[[:blank:]] ]] && COMP_WORDS+=('')
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _taploom_complete; printf '%s\\n' "\${COMPREPLY[@]}" 'END OF WORDS'
    done`,
  // An interactive zsh in a terminal of its own, whose start-up file is below.
  zsh: `zmodload zsh/zpty; export SCRIPT=$1 ZDOTDIR=$PWD
    wait_for() { for i in {1..2000}; do [[ -e $1 ]] && break; sleep 0.01; done }
    zpty -b shell zsh -d -i; wait_for ready
    for line in "\${@:2}"; do
      print -rn -- "$line" >line; rm -f done
      zpty -w -n shell $'\\x14'; wait_for done
      print -r -- "$(<done)"; print 'END OF WORDS'
    done
    zpty -d shell; rm -f ready done`,
  fish: `source $argv[2]
    for line in $argv[3..]
      complete -C $line | string replace -r '\\t.*' ''
      echo 'END OF WORDS'
    end`,
};

/** Ctrl-T completes what is in the file `line`, with `_all_matches`, which puts all that TAB would offer into the line. */
const ZSHRC = `PS1= PS2=
autoload -Uz compinit; compinit -C -d $DUMP; source $SCRIPT
zstyle ':completion:*' completer _all_matches _complete
zstyle ':completion:*' insert yes
complete-line() {
  local LINE="$(<line; print -n .)"; LINE=\${LINE%.}
  local before=$LINE
  BUFFER=$LINE CURSOR=$#LINE
  zle all-words
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
    execFile(command, args, { env, cwd, timeout: 60_000 }, (error, out, complaints) => {
      if (complaints !== '') reject(new Error(complaints));
      else if (error) reject(error);
      else resolve(out);
    });
  });
}
