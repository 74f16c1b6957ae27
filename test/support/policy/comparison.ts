// Random security groups and datagrams through ours and a judge: who gets what, and of which connection it is, must agree, or be a
// difference with a number (docs/differences.md).
//
// Once a TCP connection is in another state there, later packets of it say nothing new, and are only counted.

import { SYN } from '../../../src/wire/tcp.ts';
import { Random } from '../engine/random.ts';
import { NUMBERS, type Step, type Verdict } from './judge_ports.ts';
import { OurFilter, type Ours } from './our_filter.ts';
import { RandomDatagrams, type Saying } from './random_datagrams.ts';
import { type Addresses, type RandomPolicy, randomPolicy } from './random_policy.ts';

const OF_A_SET = 336;
/** Datagrams before rules change. */
const OF_RULES = 112;

export interface Judge {
  load(policy: RandomPolicy, addresses: readonly Addresses[], isStrict: boolean): Promise<void>;
  send(steps: readonly Step[]): Promise<Verdict[]>;
}

export interface Difference {
  saying: Saying;
  ours: Ours;
  theirs: Verdict;
  history: History;
  isStrict: boolean;
}

/** Its number, or undefined. `isOver`: nothing is said of its connection any more. */
export type Differences = (what: Difference) => { row: number; isOver?: boolean } | undefined;

/** Of a connection, or of what could be one. */
export interface History {
  /** A packet has passed at both. */
  hasPassed: boolean;
  /** Of it a known one was refused, after a change of rules. */
  wasRefused: boolean;
  /** It passed between ports that were in no group: nobody looked. */
  wasFree: boolean;
  /** A datagram of it came in fragments, of which neither let all through. */
  wasTorn: boolean;
  /** A SYN came when both ends had answered each other. */
  hadLateSyn: boolean;
  /** Flags of TCP that were seen, of both ends. */
  flags: number;
}

export interface Counts {
  sets: number;
  datagrams: number;
  passed: number;
  /** Of connections that are known to differ. */
  unsaid: number;
  states: Record<string, number>;
  rows: Record<number, number>;
}

export class Comparison {
  readonly counts: Counts = { sets: 0, datagrams: 0, passed: 0, unsaid: 0, states: {}, rows: {} };
  private readonly judge: Judge;
  private readonly differences: Differences;
  private readonly protocols: readonly number[];

  constructor(judge: Judge, differences: Differences, protocols: readonly number[]) {
    this.judge = judge;
    this.differences = differences;
    this.protocols = protocols;
  }

  /** One set of rules, and two changes. @throws Error about the first datagram that differs */
  async set(seed: number): Promise<void> {
    const random = new Random(seed);
    const addresses = addressesOf(seed);
    const isStrict = seed % 3 === 0;
    const datagrams = new RandomDatagrams(random, addresses, { protocols: this.protocols });
    const histories = new Map<string, History>();
    const over = new Set<string>();
    let ours: OurFilter | undefined;
    for (let n = 0; n < OF_A_SET; n += OF_RULES) {
      const policy = randomPolicy(random, addresses);
      await this.judge.load(policy, addresses, isStrict);
      ours ??= await OurFilter.open(policy, addresses, isStrict);
      if (n > 0) await ours.change(policy, isStrict);
      const sayings = Array.from({ length: OF_RULES }, () => datagrams.next());
      const verdicts = await this.judge.send(sayings);
      for (const [at, saying] of sayings.entries()) {
        const said = ours.send(saying);
        this.counts.datagrams++;
        const history = histories.get(saying.name) ?? {
          hasPassed: false,
          wasRefused: false,
          wasFree: false,
          wasTorn: false,
          hadLateSyn: false,
          flags: 0,
        };
        histories.set(saying.name, history);
        const theirs = verdicts[at];
        const isFree = [saying.from, saying.to].every((host) => policy.groupsOf[host - 1].length === 0);
        if (over.has(saying.name)) this.counts.unsaid++;
        else if (isFree) {
          const isSame = said.to.join() === theirs.to.join() || saying.isDisordered || isStrict;
          const what = { saying, ours: said, theirs, history: { ...history, wasFree: false }, isStrict };
          if (!isSame && this.differences(what) === undefined)
            throw new Error(`ports in no group are asked: ${JSON.stringify([seed, n + at, said, theirs])}`);
          history.wasFree = true;
        } else {
          const row = this.compare(saying, said, theirs, history, isStrict, () => ({
            seed,
            n: n + at,
            policy,
          }));
          if (row?.isOver) over.add(saying.name);
        }
        if (!saying.isError) history.flags |= saying.datagram.flags;
        history.hasPassed ||= said.to.length > 0 && theirs.to.length > 0;
        history.wasTorn ||= saying.frames.length > 1 && said.to.length === 0 && theirs.to.length === 0;
        history.hadLateSyn ||= isSyn(saying) && said.state === 'established';
        history.wasRefused ||= said.wasKnown && said.to.length === 0;
      }
    }
    this.counts.sets++;
    await ours?.close();
  }

  private compare(
    saying: Saying,
    ours: Ours,
    theirs: Verdict,
    history: History,
    isStrict: boolean,
    about: () => object,
  ) {
    const { counts } = this;
    const isInvalid = theirs.state === 'invalid';
    const wanted = isInvalid ? [] : theirs.to;
    const isSame = wanted.join() === ours.to.join();
    const isSameState =
      wanted.length === 0 || ours.state === undefined || history.wasRefused || ours.state === theirs.state;
    if (isSame && isSameState) {
      counts.passed += ours.to.length;
      const state = theirs.state ?? 'refused';
      counts.states[state] = (counts.states[state] ?? 0) + 1;
      return undefined;
    }
    const row = this.differences({ saying, ours, theirs, history, isStrict });
    if (row === undefined) {
      const { frames, datagram, ...rest } = saying;
      const payload = datagram.payload.length;
      throw new Error(
        `differs: ${JSON.stringify({ ...about(), ...rest, ...datagram, payload, frames: frames.length, ours, theirs, history }, null, 1)}`,
      );
    }
    counts.rows[row.row] = (counts.rows[row.row] ?? 0) + 1;
    return row;
  }
}

function isSyn({ isError, datagram: { flags } }: Saying): boolean {
  return !isError && (flags & SYN) !== 0;
}

function addressesOf(seed: number): Addresses[] {
  const [a, b] = [(seed >> 8) & 0xff, seed & 0xff];
  return NUMBERS.map((n) => ({ v4: `10.${a}.${b}.${n}`, v6: `fd00:${(seed & 0xffff).toString(16)}::${n}` }));
}
