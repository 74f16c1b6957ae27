// The rest of a command line, word by word. A beginning of a command or an option is enough, as everywhere in iproute2.

import { BridgeFailure, senseless } from './failure.ts';

export class Words {
  private readonly words: readonly string[];
  private at = 0;

  constructor(words: readonly string[]) {
    this.words = words;
  }

  get left(): boolean {
    return this.at < this.words.length;
  }

  /** The next word, if there is one, without taking it. */
  peek(): string | undefined {
    return this.words[this.at];
  }

  /** The next word, which must be there. */
  next(): string {
    const word = this.words[this.at++];
    if (word === undefined) throw senseless('Command line is not complete. Try option "help"');
    return word;
  }

  /** The value of `name`, which can be said once. @param before what it was said to be already */
  once(name: string, before: unknown): string {
    const word = this.next();
    if (before === undefined) return word;
    throw senseless(`Error: duplicate "${name}": "${word}" is the second value.`);
  }

  rest(): Words {
    const rest = new Words(this.words.slice(this.at));
    this.at = this.words.length;
    return rest;
  }
}

/** The first of `names` that begins with `word`. */
export function begins<Name extends string>(word: string, names: readonly Name[]): Name | undefined {
  return word === '' ? undefined : names.find((name) => name.startsWith(word));
}

/** As C's atoi. */
export function integer(text: string): number {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : value;
}

export function onOff(name: string, word: string): boolean {
  if (word === 'on' || word === 'off') return word === 'on';
  // -EINVAL as a byte
  throw new BridgeFailure(`Error: argument of "${name}" must be one of "off", "on", not "${word}"`, 234);
}
