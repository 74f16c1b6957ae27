// What hosts say to each other: connections that go their way for a while, and then strange things. Of TCP handshakes from one end or
// both, FINs and RSTs in any order, flags that no host sends, segments far out of the window; answers from who was never asked; errors
// about what was sent, and about what was not; datagrams in fragments.

import { ACK, FIN, RST, SYN } from '../../../src/wire/tcp.ts';
import type { Random } from '../engine/random.ts';
import { build, type Datagram, errorAbout, ICMP, ICMPV6, SCTP, split, TCP, UDP } from './datagrams.ts';
import { frameOf, NUMBERS, type Step } from './judge_ports.ts';
import { type Addresses, PORTS } from './random_policy.ts';

const PSH = 8;
const QUERIES: Record<number, number[]> = { [ICMP]: [8, 8, 13, 0, 15, 9], [ICMPV6]: [128, 128, 129, 140] };
const ANSWERS: Record<number, number> = { 8: 0, 13: 14, 128: 129 };
const STRANGE_FLAGS = [0, SYN | FIN, SYN | RST, FIN, PSH, 0x3f, SYN | ACK | FIN, RST | ACK, SYN | PSH];
/** DATA, INIT, INIT ACK, SACK, ABORT, SHUTDOWN, SHUTDOWN ACK, COOKIE ECHO, COOKIE ACK, SHUTDOWN COMPLETE. */
const CHUNKS = [0, 1, 2, 3, 6, 7, 8, 10, 11, 14];
/** As long as a first fragment of IPv4, and of IPv6, must be for all judges. */
const FRAGMENT_SIZE = { v4: 408, v6: 1240 };

interface Talk {
  from: number;
  to: number;
  protocol: number;
  family: 'v4' | 'v6';
  sport: number;
  dport: number;
  type: number;
  /** By end: the next sequence number. */
  next: [number, number];
  /** Segments so far. */
  step: number;
  last?: { sender: number; bytes: Uint8Array };
}

/** A datagram on its way, and what a judge of judges must know of it. */
export interface Saying extends Step {
  to: number;
  /** Both directions of a connection have the same name: that of the connection which an error is about. */
  name: string;
  datagram: Datagram;
  isError: boolean;
  /** The first fragment is not the first to be sent, or is not sent. */
  isDisordered: boolean;
}

export interface Tastes {
  protocols: readonly number[];
}

export class RandomDatagrams {
  private readonly random: Random;
  private readonly addresses: readonly Addresses[];
  private readonly tastes: Tastes;
  private readonly talks: Talk[] = [];
  private id = 1;

  constructor(random: Random, addresses: readonly Addresses[], tastes: Tastes) {
    this.random = random;
    this.addresses = addresses;
    this.tastes = tastes;
  }

  next(): Saying {
    const { random, talks } = this;
    const isOld = talks.length > 0 && random.chance(0.75);
    const talk = isOld ? random.pick(talks.slice(-20)) : this.begin();
    const isOpener = talk.step === 0 ? random.chance(0.9) : random.chance(0.5);
    if (talk.last !== undefined && random.chance(0.12)) return this.error(talk, talk.last);
    const datagram = this.datagram(talk, isOpener);
    const bytes = build(datagram);
    const sender = isOpener ? talk.from : talk.to;
    talk.last = { sender, bytes };
    return this.saying(talk, sender, datagram, bytes, false);
  }

  private begin(): Talk {
    const { random } = this;
    const from = random.pick(NUMBERS);
    const family = random.pick(['v4', 'v6'] as const);
    const own = this.tastes.protocols.filter((one) => one !== (family === 'v4' ? ICMPV6 : ICMP));
    const protocol = random.pick(own);
    const talk: Talk = {
      from,
      to: random.pick(NUMBERS.filter((n) => n !== from)),
      protocol,
      family,
      sport: random.pick(PORTS),
      dport: random.pick(PORTS),
      type: random.pick(QUERIES[protocol] ?? [0]),
      next: [random.next(), random.next()],
      step: 0,
    };
    this.talks.push(talk);
    return talk;
  }

  private datagram(talk: Talk, isOpener: boolean): Datagram {
    const { random } = this;
    const { protocol, family } = talk;
    const [me, other] = isOpener ? [0, 1] : [1, 0];
    const [src, dst] = (isOpener ? [talk.from, talk.to] : [talk.to, talk.from]).map(
      (n) => this.addresses[n - 1][family],
    );
    const isLong = random.chance(0.06);
    const payload = new Uint8Array(isLong ? 3 * FRAGMENT_SIZE[family] : random.between(0, 12)).fill(7);
    const isIcmp = protocol === ICMP || protocol === ICMPV6;
    const flags = protocol === TCP ? this.flags(talk, isOpener) : 0;
    const strange = random.chance(0.08) ? random.pick([-200_000, 200_000, 0x4000_0000, -1]) : 0;
    const size = protocol === TCP && (flags & (SYN | RST)) !== 0 ? 0 : payload.length;
    const one: Datagram = {
      protocol,
      src,
      dst,
      sport: isOpener || isIcmp ? talk.sport : talk.dport,
      dport: isOpener ? talk.dport : talk.sport,
      type: isOpener || random.chance(0.1) ? talk.type : (ANSWERS[talk.type] ?? talk.type),
      flags,
      seq: (talk.next[me] + strange) >>> 0,
      ack: (flags & ACK) === 0 ? 0 : talk.next[other],
      window: random.pick([8192, 65_535]),
      chunk: this.chunk(talk),
      tag: 1,
      payload: payload.subarray(0, size),
      id: this.id++ & 0xffff,
    };
    if (one.chunk === 1) one.tag = 0;
    if (strange === 0) {
      const more = size + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
      talk.next[me] = (talk.next[me] + more) >>> 0;
    }
    talk.step++;
    return one;
  }

  /** As hosts do, mostly; and now and then any. */
  private flags(talk: Talk, isOpener: boolean): number {
    const { random } = this;
    if (random.chance(0.08)) return random.pick(STRANGE_FLAGS);
    if (talk.step < 2 && random.chance(0.8)) return isOpener || random.chance(0.15) ? SYN : SYN | ACK;
    if (talk.step === 2 && random.chance(0.7)) return ACK;
    return random.pick([ACK, ACK, ACK, ACK | PSH, ACK | PSH, FIN | ACK, FIN | ACK, RST, SYN, SYN | ACK]);
  }

  private chunk(talk: Talk): number {
    const { random } = this;
    if (random.chance(0.2)) return random.pick(CHUNKS);
    return [1, 2, 10, 11, 0, 3][Math.min(talk.step, 5)];
  }

  /** From whom it went to, or from another, who tells of a packet that he may have seen on its way. */
  private error(talk: Talk, { sender, bytes }: NonNullable<Talk['last']>): Saying {
    const { random } = this;
    const teller = random.chance(0.8)
      ? sender === talk.from
        ? talk.to
        : talk.from
      : random.pick(NUMBERS.filter((n) => n !== sender));
    // To somebody else than who has sent what it quotes.
    const told = random.chance(0.9) ? sender : random.pick(NUMBERS.filter((n) => n !== teller));
    const quoted = random.pick([1000, talk.family === 'v4' ? 28 : 48]);
    const [src, dst] = [teller, told].map((n) => this.addresses[n - 1][talk.family]);
    const datagram = errorAbout(bytes, src, dst, quoted);
    const saying = this.saying(talk, teller, datagram, build(datagram), true);
    return { ...saying, to: told, frames: [frameOf(teller, told, build(datagram))] };
  }

  private saying(talk: Talk, from: number, datagram: Datagram, bytes: Uint8Array, isError: boolean): Saying {
    const { random } = this;
    const to = from === talk.from ? talk.to : talk.from;
    const size = FRAGMENT_SIZE[talk.family];
    const isSplit = !isError && bytes.length > size + 100;
    const parts = isSplit ? split(bytes, size, this.id) : [bytes];
    let isDisordered = false;
    if (isSplit && random.chance(0.2)) {
      isDisordered = true;
      if (random.chance(0.5)) parts.reverse();
      else parts.shift();
    }
    return {
      from,
      to,
      frames: parts.map((part) => frameOf(from, to, part)),
      name: nameOf(talk),
      datagram,
      isError,
      isDisordered,
    };
  }
}

function nameOf({ protocol, family, from, to, sport, dport }: Talk): string {
  const isIcmp = protocol === ICMP || protocol === ICMPV6;
  const hasPorts = isIcmp || protocol === TCP || protocol === UDP || protocol === SCTP;
  return connectionName(
    protocol,
    family,
    from,
    hasPorts ? sport : 0,
    to,
    isIcmp ? sport : hasPorts ? dport : 0,
  );
}

/** Of both directions. */
export function connectionName(
  protocol: number,
  family: string,
  from: number,
  sport: number,
  to: number,
  dport: number,
): string {
  return [protocol, family, ...[`${from}:${sport}`, `${to}:${dport}`].sort()].join(' ');
}
