// Options that all of our programs have, wherever they stand: `bridge mdb show --json --socket /run/t.sock`. No word of
// iproute2 begins with two hyphens behind the object.

import { senseless } from './failure.ts';

export interface OwnOptions {
  /** Without them. */
  readonly words: readonly string[];
  readonly json: boolean;
  readonly socket?: string;
}

export function takeOwnOptions(args: readonly string[]): OwnOptions {
  const words: string[] = [];
  let json = false;
  let socket: string | undefined;
  for (let i = 0; i < args.length; i++) {
    const word = args[i];
    if (word === '--json') json = true;
    else if (word.startsWith('--socket=')) socket = word.slice('--socket='.length);
    else if (word !== '--socket') words.push(word);
    else if (++i < args.length) socket = args[i];
    else throw senseless('--socket needs the path of the control socket behind it.');
  }
  return { words, json, socket };
}
