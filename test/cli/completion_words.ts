// What a real shell offers at TAB: it loads the script that `taploom completion` prints, in a directory of its own.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Shell } from '../../src/cli/completion/command.ts';

const TAPLOOM = fileURLToPath(new URL('../../dist/src/cli/taploom.js', import.meta.url));

export function hasShell(shell: Shell): boolean {
  return ['/bin', '/usr/bin', '/usr/local/bin'].some((directory) => existsSync(join(directory, shell)));
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
  // An interactive zsh in a terminal. _all_matches puts all that it would offer into the line, which a key prints.
  zsh: `zmodload zsh/zpty; zpty -b shell zsh -f -i
    print -r -- "$2" >line
    zpty -w shell "PS1= PS2=; autoload -Uz compinit; compinit -D; source $1
    zstyle ':completion:*' completer _all_matches _complete; zstyle ':completion:*' insert yes
    complete-line() { BUFFER=\${(f)\\"$(<line)\\"}; BUFFER=$(<line; print .); BUFFER=\${BUFFER%$'\\n.'}; CURSOR=$#BUFFER
      zle all-words; print -r -- \\$BUFFER >done.new; mv done.new done; zle kill-whole-line; zle accept-line; }
    zle -C all-words complete-word _main_complete; zle -N complete-line; bindkey '^T' complete-line; : >ready"
    for i in {1..200}; do [[ -e ready ]] && break; sleep 0.02; done
    zpty -w -n shell $'\\x14'
    for i in {1..200}; do [[ -e done ]] && break; sleep 0.02; done
    zpty -d shell
    before=$2; [[ $2 == *' ' ]] || before=\${2% *}' '
    found=$(<done); [[ $found == $2 ]] && exit
    print -rl -- \${(z)found#$before}; rm -f done ready`,
  fish: `source $argv[2]; complete -C $argv[3] | string replace -r '\\t.*' ''; true`,
};

function run(command: string, args: string[], env: Record<string, string>, cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, cwd, timeout: 15_000 }, (error, out, complaints) => {
      if (complaints !== '') reject(new Error(complaints));
      else if (error) reject(error);
      else resolve(out);
    });
  });
}
