// Random traffic through our NAT and another one. Both choose outside ports as they like: what is compared is everything else, byte
// for byte, and that a port once chosen stays.

import { answerTo } from './answers.ts';
import type { Forwarder } from './forwarder.ts';
import { ACK, FIN, ICMP, icmpError, packet, SYN, TCP, tell, UDP } from './packets.ts';
import { type NatRig, OUTSIDE } from './rig.ts';

const GUESTS = ['10.0.1.2', '10.0.1.3', '10.0.1.4', '10.0.1.5'];
const SERVERS = ['198.51.100.7', '198.51.100.8', '203.0.113.9'];
const PORTS = [53, 80, 443, 5000, 5001, 60000];
/** Of those who begin from outside: ports that no guest asks for, so that no packet is an answer to one of them alone. */
const STRANGERS = [7001, 7002, 7003];
const MOST = 300;
/** For experiments (RFC 3692): nobody looks into it. */
const OTHER = 253;

interface Connection {
  protocol: number;
  /** Of who began it, as he sees it. */
  src: string;
  dst: string;
  sport: number;
  dport: number;
  /** Whether a guest began it. */
  isOut: boolean;
  /** What came out for its last packet, by both. */
  ours?: Uint8Array;
  theirs?: Uint8Array;
  isAnswered: boolean;
}

export class NatJudge {
  packets = 0;
  private readonly rig: NatRig;
  private readonly other: Forwarder;
  private readonly random: () => number;
  private connections: Connection[] = [];
  private readonly tellsApart: boolean;
  /** Who has the only connection of its kind. */
  private readonly owners = new Map<string, string>();

  /** @param tellsApart whether the other gives guests other identifiers of ICMP; if not, no two have the same */
  constructor(rig: NatRig, other: Forwarder, random: () => number, tellsApart: boolean) {
    this.tellsApart = tellsApart;
    this.rig = rig;
    this.other = other;
    this.random = random;
  }

  /** One packet of some kind. @throws where both differ */
  async step(): Promise<void> {
    const kind = this.random();
    const known = this.connections.length === 0 || kind < 0.25 ? undefined : this.pick(this.connections);
    if (known === undefined) await this.begin();
    else if (kind < 0.3) await this.stray();
    else if (kind < 0.4) await this.error(known, this.random() < 0.5);
    else if (kind < 0.7) await this.answer(known);
    else await this.goOn(known);
  }

  private async begin(): Promise<void> {
    const isOut = this.random() < 0.7;
    const connection: Connection = {
      protocol: this.pick([TCP, UDP, UDP, ICMP, OTHER]),
      src: this.pick(isOut ? GUESTS : SERVERS),
      dst: isOut ? this.pick(SERVERS) : this.pick([OUTSIDE, OUTSIDE, '192.0.2.3']),
      sport: this.pick(isOut ? PORTS : STRANGERS),
      dport: this.pick(PORTS),
      isOut,
      isAnswered: false,
    };
    if (!this.isAlone(connection)) return;
    const { ours, theirs } = await this.compare(connection.isOut, this.packetOf(connection), undefined);
    if (ours === undefined || theirs === undefined) return;
    if (this.connections.some((one) => isSame(one, connection))) return;
    this.connections.push({ ...connection, ours, theirs });
    if (this.connections.length > MOST) this.connections.shift();
  }

  private isAlone({ protocol, src, dst, sport, isOut }: Connection): boolean {
    if (this.tellsApart || !isOut || protocol === TCP || protocol === UDP) return true;
    const key = `${protocol} ${dst} ${protocol === ICMP ? sport : ''}`;
    const owner = this.owners.get(key) ?? src;
    this.owners.set(key, owner);
    return owner === src;
  }

  private async goOn(connection: Connection): Promise<void> {
    const { ours, theirs } = connection;
    const got = await this.compare(connection.isOut, this.packetOf(connection), undefined);
    if (got.ours === undefined || ours === undefined || theirs === undefined) return;
    // The port that was chosen stays.
    if (endsOf(got.ours) !== endsOf(ours) || endsOf(got.theirs as Uint8Array) !== endsOf(theirs))
      throw new Error(`another port: ${tell(ours)}, then ${tell(got.ours)}`);
  }

  private async answer(connection: Connection): Promise<void> {
    const { ours, theirs, isOut, isAnswered } = connection;
    if (ours === undefined || theirs === undefined) return;
    const flags = isAnswered ? ACK : SYN | ACK;
    connection.isAnswered = true;
    const mine = answerTo(ours, flags);
    const other = answerTo(theirs, flags);
    if (mine !== undefined && other !== undefined) await this.compare(!isOut, mine, other);
  }

  /** About its last packet as it came out, said by who got it or by somebody in between. */
  private async error(connection: Connection, isShort: boolean): Promise<void> {
    const { ours, theirs, isOut } = connection;
    if (ours === undefined || theirs === undefined) return;
    const from = this.random() < 0.5 ? undefined : isOut ? '203.0.113.77' : '10.0.1.6';
    const [type, code] = this.pick([
      [3, 1],
      [3, 3],
      [11, 0],
      [12, 0],
    ]);
    const about = (bytes: Uint8Array) =>
      icmpError(from ?? bytes.subarray(16, 20).join('.'), bytes, { type, code }, isShort ? 28 : 1000);
    await this.compare(!isOut, about(ours), about(theirs));
  }

  /** Nobody waits for it: it begins nothing, or reaches nobody. */
  private async stray(): Promise<void> {
    const stray = packet({
      protocol: this.pick([TCP, UDP, ICMP]),
      src: this.pick(SERVERS),
      dst: OUTSIDE,
      sport: this.pick([7, 9]),
      dport: this.pick([7, 9]),
      flags: this.pick([ACK, FIN | ACK, SYN | ACK, 4]),
      type: this.pick([0, 14, 11]),
    });
    await this.compare(false, stray, undefined);
  }

  private packetOf({ protocol, src, dst, sport, dport, isAnswered }: Connection): Uint8Array {
    const flags = isAnswered ? ACK : SYN;
    const payload = new Uint8Array(this.pick([0, 1, 7, 64])).fill(this.packets);
    return packet({ protocol, src, dst, sport, dport, flags, payload, unsummed: this.random() < 0.1 });
  }

  /** `theirs`: what the other gets, if not the same. What came out of both. */
  private async compare(isOut: boolean, mine: Uint8Array, theirs: Uint8Array | undefined) {
    this.packets++;
    const [{ where, bytes }] = this.rig.passBytes(isOut ? 1 : 2, [mine.slice()]);
    const link = { out: 1, in: 0 }[where];
    const got = await this.other.send(isOut ? 0 : 1, [theirs ?? mine]);
    const told = `${isOut ? 'out' : 'in'} ${tell(mine)}: ours ${where} ${tell(bytes)}; theirs ${got.map(({ link, packet }) => `${link} ${tell(packet)}`).join(', ')}`;
    if (got.length > 1) throw new Error(`more than one: ${told}`);
    const [other] = got;
    if (link !== other?.link) throw new Error(told);
    if (link === undefined) return {};
    if (tell(bytes).includes('bad') || !isAlike(bytes, other.packet)) throw new Error(told);
    return { ours: bytes, theirs: other.packet };
  }

  private pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.random() * of.length)];
  }
}

function isSame(a: Connection, b: Connection): boolean {
  const keys = ['protocol', 'src', 'dst', 'sport', 'dport'] as const;
  return keys.every((key) => a[key] === b[key]);
}

function endsOf(bytes: Uint8Array): string {
  return tell(bytes).replace(' no sum', '');
}

/** Byte for byte, but for outside ports and identifiers, and the checksums over them, which `tell` has found right. */
function isAlike(a: Uint8Array, b: Uint8Array): boolean {
  if (tell(b).includes('bad') || a.length !== b.length) return false;
  return Buffer.compare(masked(a), masked(b)) === 0;
}

function masked(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const protocol = copy[9];
  const ofSource = copy.subarray(12, 16).join('.') === OUTSIDE;
  copy.fill(0, 10, 12);
  if (protocol === ICMP) {
    copy.fill(0, 22, 24);
    if ([3, 11, 12].includes(copy[20])) copy.set(masked(copy.slice(28)), 28);
    else if (ofSource) copy.fill(0, 24, 26);
  } else if (protocol === TCP || protocol === UDP) {
    if (ofSource) copy.fill(0, 20, 22);
    if (copy.subarray(16, 20).join('.') === OUTSIDE) copy.fill(0, 22, 24);
    const sum = protocol === TCP ? 36 : 26;
    if (sum + 2 <= copy.length) copy.fill(0, sum, sum + 2);
  }
  return copy;
}
