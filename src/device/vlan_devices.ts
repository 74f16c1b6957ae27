// VLAN devices that somebody made on the interface of a port (`eth0.10` beside `eth0`): their tags are theirs.
//
//   here   in the interface's own namespace, where it can be seen
//   away   it has moved to another namespace, which does not tell when it ends: it keeps its tag

import { parseRtnetlink } from '../wire/rtnetlink.ts';

export type VlanDevicePlace = 'here' | 'away' | 'gone';

export class VlanDevices {
  /** TPID << 16 | VID. */
  readonly tags = new Set<number>();
  private readonly away = new Set<number>();
  private readonly on: number;
  private readonly dump: () => Iterable<Buffer>;
  private readonly changed: (tags: ReadonlySet<number>) => void;

  /**
   * @param on index of the interface
   * @param dump messages of rtnetlink that tell of all VLAN devices of its namespace
   */
  constructor(on: number, dump: () => Iterable<Buffer>, changed: (tags: ReadonlySet<number>) => void) {
    this.on = on;
    this.dump = dump;
    this.changed = changed;
  }

  /** True if the tags are others now. */
  set(tag: number, place: VlanDevicePlace): boolean {
    if (place === 'away') this.away.add(tag);
    else this.away.delete(tag);
    const isTaken = place !== 'gone';
    if (this.tags.has(tag) === isTaken) return false;
    if (isTaken) this.tags.add(tag);
    else this.tags.delete(tag);
    this.changed(this.tags);
    return true;
  }

  /** Looks which there are. True if the tags are others now. Throws what `dump` does. */
  find(): boolean {
    const found = new Set(this.away);
    for (const bytes of this.dump()) {
      for (const message of parseRtnetlink(bytes)) {
        if (message.kind === 'link' && message.vlan?.on === this.on) found.add(message.vlan.tag);
      }
    }
    if (found.size === this.tags.size && [...found].every((tag) => this.tags.has(tag))) return false;
    this.tags.clear();
    for (const tag of found) this.tags.add(tag);
    this.changed(this.tags);
    return true;
  }
}
