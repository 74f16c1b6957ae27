// Paths name a thing in a configuration: `bridges.br0.ports.vm1.vlan.access`. Interface names may contain dots
// (`eth0.10`), so whatever is not a plain word stands in brackets: `bridges.br0.ports["eth0.10"]`, `static[0]`.

import { quote } from './show.ts';

export type Path = readonly (string | number)[];

const PLAIN = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const SEGMENT = /\.?([A-Za-z_][A-Za-z0-9_-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;

export function formatPath(path: Path): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (!PLAIN.test(segment)) text += `[${quote(segment)}]`;
    else text += text === '' ? segment : `.${segment}`;
  }
  return text;
}

/** The inverse of `formatPath`. Throws `RangeError` on text that it did not make. */
export function parsePath(text: string): (string | number)[] {
  const path: (string | number)[] = [];
  SEGMENT.lastIndex = 0;
  while (SEGMENT.lastIndex < text.length) {
    const match = SEGMENT.exec(text);
    if (!match) throw new RangeError(`Not a configuration path: ${text}`);
    const [, word, index, quoted] = match;
    path.push(word ?? (index === undefined ? (JSON.parse(quoted) as string) : Number(index)));
  }
  return path;
}

/** What stands at `path`, in whatever a file or a client has given; undefined = nothing. */
export function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
}
