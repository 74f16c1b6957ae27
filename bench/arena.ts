// The contenders of a bench, set up side by side in one lab, and rounds of work that they do in turns.

import { setTimeout } from 'node:timers/promises';
import { type BenchOptions, Skip } from './bench.ts';
import {
  type Contender,
  type ContenderKind,
  cpuTime,
  type LinkCounters,
  linkCounters,
  type Needs,
  needTool,
} from './contenders/contender.ts';
import { TAPLOOM } from './contenders/taploom.ts';
import { Lab } from './lab.ts';

/** A round that ends in an error, and what it was about, counts as nothing done. */
export interface Sample {
  /** By metric. */
  values: Record<string, number>;
  /** ns that the switch spent, and frames that left it towards the second host. */
  cpuNs: number;
  forwarded: number;
  /** Of one CPU, while there was traffic: the switch's processes. */
  switchShare: number;
  /** Frames that the first host sent, and where they were lost. */
  sent: number;
  lostInQueue: number;
  lostInSwitch: number;
  drops: Record<string, number>;
}

export interface Rounds {
  samples: Map<string, Sample[]>;
  /** Contender -> why it did no work. */
  failed: Map<string, string>;
}

export type Work = (lab: Lab, contender: Contender, seconds: number) => Promise<Record<string, number>>;

/** The first rounds are slower: code is not compiled yet, addresses are not learned. */
const WARM_UP_SECONDS = 1;
const SETTLE_MS = 60;

export class Arena {
  readonly lab = new Lab();
  readonly contenders: Contender[] = [];
  /** Who is not there, and why. */
  readonly notes: string[] = [];

  /** @throws Skip without the rights or the tools, or if Taploom itself cannot take part */
  static async open(
    kinds: readonly ContenderKind[],
    needs: Needs,
    { say, peers }: BenchOptions,
  ): Promise<Arena> {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'setpriv', 'taskset', 'sysctl', 'iperf3');
    const arena = new Arena();
    try {
      const wanted = ({ name }: ContenderKind) =>
        name === TAPLOOM || peers.length === 0 || peers.some((peer) => name.toLowerCase().includes(peer));
      for (const kind of kinds.filter(wanted)) await arena.add(kind, needs, say);
    } catch (error) {
      arena.close();
      throw error;
    }
    return arena;
  }

  close(): void {
    this.lab.close();
  }

  /** Everybody in turns, and each round starts with another: a machine that gets slower is unfair to all alike. */
  async alternate(label: string, { rounds, seconds, say }: BenchOptions, work: Work): Promise<Rounds> {
    const samples = new Map<string, Sample[]>();
    const failed = new Map<string, string>();
    for (const one of this.contenders) {
      const why = await this.warmUp(one, work, Math.min(WARM_UP_SECONDS, seconds));
      if (why === undefined) continue;
      failed.set(one.name, why);
      say(`${label}: ${one.name} fails: ${why}`);
    }
    const fit = this.contenders.filter(({ name }) => !failed.has(name));
    for (let round = 0; round < rounds; round++) {
      say(`${label}: round ${round + 1} of ${rounds}`);
      for (let n = 0; n < fit.length; n++) {
        const one = fit[(n + round) % fit.length];
        const done = samples.get(one.name) ?? [];
        samples.set(one.name, [...done, await this.observe(one, () => work(this.lab, one, seconds))]);
      }
    }
    return { samples, failed };
  }

  /** Why the contender cannot do this work, after a second chance. */
  private async warmUp(one: Contender, work: Work, seconds: number): Promise<string | undefined> {
    const once = () =>
      work(this.lab, one, seconds).then(
        () => undefined,
        (error: unknown) => explain(error),
      );
    return (await once()) && (await once());
  }

  private async add(kind: ContenderKind, needs: Needs, say: BenchOptions['say']): Promise<void> {
    try {
      this.contenders.push(await kind.open(this.lab, needs));
    } catch (error) {
      if (kind.name === TAPLOOM) throw error;
      const why = `${kind.name} is left out: ${explain(error)}`;
      say(why);
      this.notes.push(why);
    }
  }

  private async observe(one: Contender, work: () => Promise<Record<string, number>>): Promise<Sample> {
    const before = await this.read(one);
    const values = await work().catch((): Record<string, number> => ({}));
    // Starting and ending the traffic's programs takes time, too, but not the switch's.
    const seconds = values.seconds ?? (performance.now() - before.at) / 1000;
    const cpuNs = cpuTime(one.processes) - before.cpu;
    await setTimeout(SETTLE_MS);
    const after = await this.read(one);
    const delta = (end: 'from' | 'to', counter: keyof LinkCounters) =>
      after[end][counter] - before[end][counter];
    const lostInQueue = delta('from', 'queueDropped');
    const forwarded = delta('to', 'received');
    const sent = delta('from', 'sent') + lostInQueue;
    const drops = Object.entries(after.drops).map(([reason, n]): [string, number] => [
      reason,
      n - (before.drops[reason] ?? 0),
    ]);
    return {
      values,
      cpuNs,
      forwarded,
      switchShare: cpuNs / 1e9 / seconds,
      sent,
      lostInQueue,
      // Only of datagrams: what TCP sends in one piece may arrive in several.
      lostInSwitch: values.received === undefined ? 0 : Math.max(0, sent - lostInQueue - forwarded),
      drops: Object.fromEntries(drops.filter(([, n]) => n > 0)),
    };
  }

  private async read(one: Contender) {
    const [from, to] = one.hosts.map((host) => linkCounters(this.lab, host));
    const drops = (await one.drops?.()) ?? {};
    return { from, to, drops, cpu: cpuTime(one.processes), at: performance.now() };
  }
}

export function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
