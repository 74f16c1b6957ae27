// Another list of rules between bridged ports: nftables' `table bridge` on a bridge of the kernel, without connection tracking.

import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.ts';
import { packet } from '../nat/packets.ts';
import type { Netns } from '../netns.ts';
import { colons, MARK_TO, macOf, NUMBERS, openLinks } from '../policy/judge_ports.ts';
import type { Background } from '../process.ts';

const HELPER = fileURLToPath(new URL('links.py', import.meta.url));
const MARK = packet({ src: '203.0.113.1', dst: MARK_TO, sport: 9, dport: 9 });

export class NftJudge {
  private readonly netns: Netns;
  private readonly helper: Background;
  private readonly answers: Interface;
  private answered: (line: string) => void = () => {};
  private failed: (error: Error) => void = () => {};

  private constructor(netns: Netns) {
    this.netns = netns;
    const mark = (n: number) => `ffffffffffff${macOf(n)}0800${Buffer.from(MARK).toString('hex')}`;
    const marks = NUMBERS.flatMap((n) => [`e${n}`, mark(n)]);
    this.helper = netns.spawn(['python3', HELPER, ...marks], { pipes: 1 });
    this.answers = createInterface(this.helper.child.stdio[3] as Readable);
    this.answers.on('line', (line) => this.answered(line));
    const fail = () => this.failed(new Error(`links.py has ended: ${this.helper.stderr}`));
    this.helper.exited.then(fail, fail);
  }

  static async open(lab: Lab): Promise<NftJudge> {
    const netns = await openLinks(lab, 'nft');
    // Otherwise br_netfilter, if it is loaded, judges IP headers, too.
    const off = ['iptables', 'ip6tables', 'arptables'].map((what) => `net.bridge.bridge-nf-call-${what}=0`);
    await netns.check(['sysctl', '-q', '-e', '-w', ...off]);
    await netns.ip('link add br0 type bridge mcast_snooping 0', 'link set br0 up');
    for (const n of NUMBERS) {
      await netns.ip(`link set l${n} master br0`);
      await netns.check(['bridge', 'fdb', 'add', colons(macOf(n)), 'dev', `l${n}`, 'master', 'static']);
    }
    return new NftJudge(netns);
  }

  /** @param lines what comes in by host 1's port, rule by rule */
  async load(lines: readonly string[]): Promise<void> {
    const rules = [`ip daddr ${MARK_TO} accept`, 'iifname != "l1" accept', ...lines, 'drop'];
    const chain = `chain f {\ntype filter hook forward priority 0;\n${rules.join('\n')}\n}`;
    await this.netns.check(['nft', '-f', '-'], {
      input: `flush ruleset\ntable bridge judged {\n${chain}\n}\n`,
    });
  }

  /** Numbers of the hosts that get a frame. */
  async send(from: number, frame: Uint8Array): Promise<number[]> {
    const line = await new Promise<string>((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
      const hex = Buffer.from(frame).toString('hex');
      this.helper.child.stdin?.write(`${JSON.stringify([`e${from}`, hex])}\n`);
    });
    return (JSON.parse(line) as string[]).map((link) => Number(link.slice(1))).sort();
  }
}
