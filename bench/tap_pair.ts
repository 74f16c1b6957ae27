// Two hosts (network namespaces) joined twice, side by side: by Taploom, and by the C pump. Both stand ready from the
// beginning and sleep while the other one works, so that rounds can alternate at no cost.
//
//   host a   tl0 10.98.1.1 -- Taploom -- 10.98.1.2 tl1   host b
//            pm0 10.98.2.1 --  pump   -- 10.98.2.2 pm1

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BenchOptions, Skip } from './bench.ts';
import { Lab, netnsPath, type Process } from './lab.ts';

/** Built by scripts/bench.mjs; seen from dist/bench. */
const PUMP = fileURLToPath(new URL('../../build/pump', import.meta.url));
const SWITCH = fileURLToPath(new URL('./switch_process.js', import.meta.url));
const IPERF_PORT = 5201;

export interface Contender {
  name: 'taploom' | 'pump';
  address: string;
}
export const TAPLOOM: Contender = { name: 'taploom', address: '10.98.1.2' };
export const PUMP_PEER: Contender = { name: 'pump', address: '10.98.2.2' };

/** The part of iperf3's report that both TCP and UDP runs have. */
interface IperfReport {
  error?: string;
  end: {
    sum_sent: { retransmits?: number };
    sum_received: { bits_per_second: number; bytes: number };
    sum: { packets: number; lost_packets: number; seconds: number };
  };
}

export class TapPair {
  /** The process that runs Taploom. */
  readonly switch: Process;
  readonly hasPump = existsSync(PUMP);
  private readonly lab = new Lab();
  private readonly a: string;
  private readonly b: string;

  private constructor(nodeOptions: readonly string[]) {
    const { lab } = this;
    this.a = lab.netns('a');
    this.b = lab.netns('b');
    const ports = { tl0: { type: 'tap', netns: this.a }, tl1: { type: 'tap', netns: this.b } };
    const config = { version: 1, bridges: { tlbench: { local: false, ports } } };
    this.switch = lab.start([process.execPath, ...nodeOptions, SWITCH, JSON.stringify(config)]);
  }

  /** @throws Skip without the rights or the tools */
  static async open(nodeOptions: readonly string[] = []): Promise<TapPair> {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    for (const tool of ['ip', 'iperf3', 'nsenter']) {
      if (!hasTool(tool)) throw new Skip(`${tool} is not installed.`);
    }
    const pair = new TapPair(nodeOptions);
    try {
      await pair.connect();
    } catch (error) {
      pair.close();
      throw error;
    }
    return pair;
  }

  /** Contenders that are there; says which one is not. */
  contenders({ say }: BenchOptions): Contender[] {
    if (this.hasPump) return [TAPLOOM, PUMP_PEER];
    say('build/pump is not built, so the C pump is left out.');
    return [TAPLOOM];
  }

  /** TCP, one stream, a to b. */
  async tcp(to: Contender, seconds: number): Promise<{ gbits: number; retransmits: number }> {
    const { end } = await this.iperf(to, seconds, []);
    return { gbits: end.sum_received.bits_per_second / 1e9, retransmits: end.sum_sent.retransmits ?? 0 };
  }

  /** 64-byte frames (FCS included) as fast as one sender makes them, a to b. */
  async udp(to: Contender, seconds: number): Promise<{ kpps: number; lost: number }> {
    const { end } = await this.iperf(to, seconds, ['-u', '-b', '0', '-l', '18']);
    const { packets, lost_packets } = end.sum;
    return { kpps: (packets - lost_packets) / end.sum.seconds / 1000, lost: lost_packets / packets };
  }

  close(): void {
    this.lab.close();
  }

  private async connect(): Promise<void> {
    const { lab, a, b } = this;
    await this.switch.waitFor(/^ready/m);
    const pairs = [['tl0', 'tl1', 1]] as [string, string, number][];
    if (this.hasPump) {
      const pump = lab.start([PUMP, netnsPath(a), 'pm0', netnsPath(b), 'pm1']);
      await pump.waitFor(/^ready/m);
      pairs.push(['pm0', 'pm1', 2]);
    }
    for (const [left, right, net] of pairs) {
      lab.ip(a, `addr add 10.98.${net}.1/24 dev ${left}`, `link set dev ${left} up`);
      lab.ip(b, `addr add 10.98.${net}.2/24 dev ${right}`, `link set dev ${right} up`);
    }
  }

  private async iperf(to: Contender, seconds: number, args: string[]): Promise<IperfReport> {
    const port = String(IPERF_PORT);
    const server = this.lab.start(['iperf3', '-s', '-1', '-p', port, '--forceflush'], this.b);
    await server.waitFor(/listening/);
    const command = ['iperf3', '-c', to.address, '-p', port, '-t', String(seconds), '-J', ...args];
    const text = await this.lab.start(command, this.a).output((seconds + 15) * 1000);
    await server.output(5000);
    const report = JSON.parse(text) as IperfReport;
    if (report.error !== undefined) throw new Error(`iperf3 to ${to.name}: ${report.error}`);
    return report;
  }
}

function hasTool(name: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
