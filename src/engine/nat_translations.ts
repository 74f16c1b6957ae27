// What lines of connections say of the packets of a pass, by place. A line that was found may be freed and used anew by another
// worker before the packet is rewritten. So what is needed of it is copied, and counts only if the line still has the packet's key
// after that. Counters are not copied: for a moment a packet may be counted for the line's next connection.

import { CONNECTION } from '../table/connections.ts';
import { KEY, KEY_WORDS, type LineSearch } from '../table/line_search.ts';
import { type LineTable, SRC } from '../table/line_table.ts';

/** Words of a place. */
export const TRANSLATION = { newSrc: 0, newDst: 1, newPorts: 2, sums: 3, state: 4, src: 5 } as const;
export const TRANSLATION_WORDS = 8;

export class NatTranslations {
  readonly words: Int32Array;
  private readonly search: LineSearch;

  constructor(capacity: number, search: LineSearch) {
    this.words = new Int32Array(capacity * TRANSLATION_WORDS);
    this.search = search;
  }

  /** Of the first `count` places; whose line is another's by now has none. */
  copyAll(table: LineTable, count: number): void {
    const { found } = this.search;
    for (let place = 0; place < count; place++) {
      const line = found[place];
      if (line === 0) continue;
      this.copy(table, line, place);
      if (!this.isOf(table, line, place)) found[place] = 0;
    }
  }

  /** Right only under the lock, or if the line has the key also afterwards. */
  copy({ lines }: LineTable, line: number, place: number): void {
    const { words } = this;
    const w = place * TRANSLATION_WORDS;
    words[w | TRANSLATION.newSrc] = lines[line + CONNECTION.newSrc];
    words[w | TRANSLATION.newDst] = lines[line + CONNECTION.newDst];
    words[w | TRANSLATION.newPorts] = lines[line + CONNECTION.newPorts];
    words[w | TRANSLATION.sums] = lines[line + CONNECTION.sums];
    words[w | TRANSLATION.state] = lines[line + CONNECTION.state];
    words[w | TRANSLATION.src] = lines[line + SRC];
  }

  /** Whether a line is still that of a place's packet. */
  isOf(table: LineTable, line: number, place: number): boolean {
    const { keys } = this.search;
    const k = place * KEY_WORDS;
    return (
      table.difference(
        line,
        keys[k | KEY.kind],
        keys[k | KEY.ports],
        keys[k | KEY.src],
        keys[k | KEY.dst],
      ) === 0
    );
  }
}
