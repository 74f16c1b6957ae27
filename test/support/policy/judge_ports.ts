// The hosts of a judge, behind links e1, e2, ... of a namespace: they send datagrams, and tell who got them, and what the judge's
// connection tracking says of each, which it writes into the DSCP.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.ts';
import { packet } from '../nat/packets.ts';
import type { Netns } from '../netns.ts';
import type { Background } from '../process.ts';

const HELPER = fileURLToPath(new URL('judge_ports.py', import.meta.url));
export const HOSTS = 3;
export const NUMBERS = Array.from({ length: HOSTS }, (_, n) => n + 1);
/** Of the host behind port `n`, from 1 on. */
export const macOf = (n: number) => `0200000000a${n}`;
export const colons = (mac: string) => mac.replaceAll(/(..)(?=.)/g, '$1:');
/** Where marks go: no rule of a judge is asked about them. */
export const MARK_TO = '203.0.113.253';
const MARK = packet({ src: '203.0.113.1', dst: MARK_TO, sport: 9, dport: 9 });

/** What a judge says of a packet, by the DSCP with which it leaves. `invalid` ones leave, too, so that they are told from refused ones. */
export const DSCP = { untracked: 0, new: 1, established: 2, related: 3, invalid: 7 } as const;
export type State = keyof typeof DSCP;

export interface Step {
  from: number;
  frames: readonly Uint8Array[];
}

export interface Verdict {
  /** Numbers of hosts that got it, or a part of it. */
  to: number[];
  /** Undefined: nobody got it, or its fragments are of several. */
  state?: State;
}

export function frameOf(from: number, to: number, bytes: Uint8Array): Buffer {
  const type = bytes[0] >>> 4 === 6 ? '86dd' : '0800';
  return Buffer.concat([Buffer.from(`${macOf(to)}${macOf(from)}${type}`, 'hex'), bytes]);
}

/** A namespace with a link for each host: l1 is the judge's, e1 the host's. */
export async function openLinks(lab: Lab, label: string): Promise<Netns> {
  const netns = await lab.netns(label);
  await netns.withoutIpv6();
  await netns.ip(
    ...NUMBERS.flatMap((n) => [
      `link add l${n} type veth peer name e${n}`,
      `link set l${n} up`,
      `link set e${n} up`,
    ]),
  );
  return netns;
}

export class JudgePorts {
  private readonly helper: Background;
  private answered: (line: string) => void = () => {};
  private failed: (error: Error) => void = () => {};

  constructor(netns: Netns) {
    const mark = (n: number) => `ffffffffffff${macOf(n)}0800${Buffer.from(MARK).toString('hex')}`;
    this.helper = netns.spawn(['python3', HELPER, ...NUMBERS.flatMap((n) => [`e${n}`, mark(n)])], {
      pipes: 1,
    });
    createInterface(this.helper.child.stdio[3] as Readable).on('line', (line) => this.answered(line));
    const fail = () => this.failed(new Error(`judge_ports.py has ended: ${this.helper.stderr}`));
    this.helper.exited.then(fail, fail);
  }

  async send(steps: readonly Step[]): Promise<Verdict[]> {
    const request = steps.map(({ from, frames }) => [
      `e${from}`,
      frames.map((frame) => Buffer.from(frame).toString('hex')),
    ]);
    const line = await new Promise<string>((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
      this.helper.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    return (JSON.parse(line) as [string, number][][]).map(verdictOf);
  }
}

function verdictOf(seen: [string, number][]): Verdict {
  const to = [...new Set(seen.map(([link]) => Number(link.slice(1))))].sort();
  if (to.length === 0) return { to };
  const states = new Set(seen.map(([, dscp]) => dscp));
  const state = (Object.keys(DSCP) as State[]).find((one) => DSCP[one] === seen[0][1]);
  // Not of all its fragments the same is said.
  return states.size === 1 ? { to, state } : { to };
}
