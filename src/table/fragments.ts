// The ports of packets that come in fragments: only the first has them, so they are remembered for the others. Bounded: a
// newcomer takes the place of the oldest of the few that share its home, so a flood of fragments costs other fragments only.
//
//   | kind (zone, protocol) | id | src | dst | ports | second + 1 |      8 words, WAYS of them share a home

const WORDS = 8;
const WAYS = 4;
const HOMES = 1024;
/** A datagram is whole after this, in seconds, or never: Linux' net.ipv4.ipfrag_time. */
const LIFETIME = 30;

export class Fragments {
  /** Of what `find` found. */
  ports = 0;
  private readonly words = new Int32Array(HOMES * WAYS * WORDS);
  private readonly seed: number;

  constructor(seed: number) {
    this.seed = seed | 1;
  }

  /** Remembers the ports of a first fragment. */
  note(kind: number, id: number, src: number, dst: number, ports: number, second: number): void {
    const { words } = this;
    const home = this.home(kind, id, src, dst);
    let place = home;
    for (let at = home; at < home + WAYS * WORDS; at += WORDS) {
      if (this.is(at, kind, id, src, dst)) {
        place = at;
        break;
      }
      if (words[at + 5] < words[place + 5]) place = at;
    }
    words[place] = kind;
    words[place + 1] = id;
    words[place + 2] = src;
    words[place + 3] = dst;
    words[place + 4] = ports;
    words[place + 5] = second + 1;
  }

  /** Whether the first fragment of a packet is known; then `ports` are its ports. */
  find(kind: number, id: number, src: number, dst: number, second: number): boolean {
    const { words } = this;
    const home = this.home(kind, id, src, dst);
    for (let at = home; at < home + WAYS * WORDS; at += WORDS) {
      if (!this.is(at, kind, id, src, dst) || second >= words[at + 5] + LIFETIME) continue;
      this.ports = words[at + 4];
      return true;
    }
    return false;
  }

  private is(at: number, kind: number, id: number, src: number, dst: number): boolean {
    const { words } = this;
    return words[at] === kind && words[at + 1] === id && words[at + 2] === src && words[at + 3] === dst;
  }

  private home(kind: number, id: number, src: number, dst: number): number {
    const h =
      Math.imul(kind ^ Math.imul(id ^ this.seed, 0x2c1b_3c6d), 0x85eb_ca6b) ^ Math.imul(src, this.seed) ^ dst;
    return (Math.imul(h ^ (h >>> 15), 0x9e37_79b1) >>> 22) * WAYS * WORDS;
  }
}
