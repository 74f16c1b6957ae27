// Pings and a TCP connection to several hosts, and when each was silent: see probe.py.

import { fileURLToPath } from 'node:url';
import type { Netns } from './netns.ts';
import type { Background } from './process.ts';

const PROBE = fileURLToPath(new URL('./probe.py', import.meta.url));
const PACE_MS = 20;

/** From one answer to the next, ms since 1970. */
type Silence = [from: number, to: number];

interface Answers {
  silences: Silence[];
  /** When the last one came. */
  last: number;
}

/** What there was in a time. */
export interface Heard {
  ping: { sent: number; answered: number; twice: number } & Answers;
  /** `returned` are bytes. */
  tcp: { returned: number; error: string | null } & Answers;
}

export class Probe {
  private readonly process: Background;
  private seen = 0;

  private constructor(process: Background) {
    this.process = process;
  }

  /** Resolves when all have answered, by ping and on port 9. */
  static async start(from: Netns, addresses: readonly string[]): Promise<Probe> {
    const probe = new Probe(from.spawn(['/usr/bin/python3', PROBE, ...addresses]));
    await probe.untilAllAnswer(1);
    return probe;
  }

  end(): void {
    this.process.child.stdin?.end();
  }

  /** By address, what there was since the last time. */
  async report(): Promise<Record<string, Heard>> {
    this.process.child.stdin?.write('\n');
    for (;;) {
      const { stdout, running } = this.process;
      const end = stdout.indexOf('\n', this.seen);
      const line = stdout.slice(this.seen, end);
      if (end >= 0) {
        this.seen = end + 1;
        return JSON.parse(line);
      }
      if (!running) throw new Error(`the probe has ended: ${this.process.output()}`);
      await pause();
    }
  }

  /** What there was until all have answered after this time, in both ways; the silences that this ended are among it. */
  async untilAllAnswer(time: number, timeoutMs = 40_000): Promise<Record<string, Heard>> {
    const end = Date.now() + timeoutMs;
    const sum: Record<string, Heard> = {};
    for (;;) {
      await pause();
      const heard = await this.report();
      for (const [address, one] of Object.entries(heard)) sum[address] = add(sum[address], one);
      if (Object.values(heard).every(({ ping, tcp }) => Math.min(ping.last, tcp.last) >= time)) return sum;
      if (Date.now() > end) throw new Error(`after ${timeoutMs} ms: ${brief(heard)}`);
    }
  }
}

/** The longest silence, ms; moments do not count. @param at during this time only */
export function silence(answers: Answers, at?: number): number {
  if (at !== undefined) return lengthOf(silenceAt(answers, at) ?? [0, 0]);
  return Math.max(0, ...answers.silences.map(lengthOf));
}

export function silenceAt({ silences }: Answers, at: number): Silence | undefined {
  return silences.find(([from, to]) => from <= at && at <= to);
}

const lengthOf = ([from, to]: Silence) => to - from;

function add(before: Heard | undefined, { ping, tcp }: Heard): Heard {
  if (before === undefined) return { ping, tcp };
  return {
    ping: {
      sent: before.ping.sent + ping.sent,
      answered: before.ping.answered + ping.answered,
      twice: before.ping.twice + ping.twice,
      ...join(before.ping, ping),
    },
    tcp: { returned: before.tcp.returned + tcp.returned, error: tcp.error, ...join(before.tcp, tcp) },
  };
}

function join(a: Answers, b: Answers): Answers {
  return { silences: [...a.silences, ...b.silences], last: b.last };
}

/** Without the silences. */
function brief(heard: Record<string, Heard>): string {
  return JSON.stringify(heard, (key, value) => (key === 'silences' ? undefined : value));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PACE_MS));
}
