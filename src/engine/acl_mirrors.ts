// Copies of frames for mirrors that rules of access lists name. A mirror looks at received frames when they are decided, so until then
// a row's wish is kept; and at copies of a queue only when no gate moves them any more.

import type { Mirrors } from './mirrors.ts';
import type { Topology } from './topology.ts';

/** Words of a copy that is wanted. */
const WISH_WORDS = 3;
/** As many as a queue has room for. */
const WISHES = 1024;

export class AclMirrors {
  private readonly mirrors: Mirrors;
  private readonly wishes = new Int32Array(WISHES * WISH_WORDS);
  private count = 0;

  constructor(mirrors: Mirrors) {
    this.mirrors = mirrors;
  }

  /** @param mask bits of mirrors @param isFresh mirrors will look at the row */
  wantRow(topology: Topology, row: number, mask: number, isFresh: boolean): void {
    if (isFresh) this.mirrors.want(row, mask);
    else this.mirrors.mirrorRow(topology, row, mask);
  }

  wantCopy(row: number, mask: number, tag: number): void {
    if (this.count === WISHES) return;
    const at = this.count++ * WISH_WORDS;
    this.wishes[at] = row;
    this.wishes[at + 1] = mask;
    this.wishes[at + 2] = tag;
  }

  copyWanted(topology: Topology): void {
    for (let n = 0; n < this.count; n++) {
      const at = n * WISH_WORDS;
      this.mirrors.mirrorCopy(topology, this.wishes[at], this.wishes[at + 1], this.wishes[at + 2]);
    }
    this.count = 0;
  }
}
