// Another stateful filter between bridged ports: the kernel's bridge with br_netfilter, and nftables' `table ip` with `ct state`. It sees
// no ports of the bridge, so rules go by the address of the host behind each.

import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../lab.ts';
import { packet } from '../nat/packets.ts';
import type { Netns } from '../netns.ts';
import type { Background } from '../process.ts';

const HELPER = fileURLToPath(new URL('../nat/forwarder_ports.py', import.meta.url));
export const HOSTS = 3;
/** Of the host behind port `n`, from 1 on. */
export const macOf = (n: number) => `0200000000a${n}`;
const colons = (mac: string) => mac.replaceAll(/(..)(?=.)/g, '$1:');
const MARK = packet({ src: '203.0.113.1', dst: '203.0.113.253', sport: 9, dport: 9 });
const SETTINGS = [
  'net.bridge.bridge-nf-call-iptables=1',
  // What sequence numbers say is not looked at here.
  'net.netfilter.nf_conntrack_tcp_be_liberal=1',
];

export function frameOf(from: number, to: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${macOf(to)}${macOf(from)}0800`, 'hex'), bytes]);
}

export class BridgeJudge {
  private readonly netns: Netns;
  private readonly helper: Background;
  private readonly answers: Interface;
  private answered: (line: string) => void = () => {};
  private failed: (error: Error) => void = () => {};

  private constructor(netns: Netns) {
    this.netns = netns;
    const numbers = Array.from({ length: HOSTS }, (_, n) => n + 1);
    const marks = numbers.flatMap((n) => [`e${n}`, frameOf(n, n === 1 ? 2 : 1, MARK).toString('hex')]);
    this.helper = netns.spawn(['python3', HELPER, ...marks], { pipes: 1 });
    this.answers = createInterface(this.helper.child.stdio[3] as Readable);
    this.answers.on('line', (line) => this.answered(line));
    const fail = () => this.failed(new Error(`forwarder_ports.py has ended: ${this.helper.stderr}`));
    this.helper.exited.then(fail, fail);
  }

  static async open(lab: Lab): Promise<BridgeJudge> {
    const netns = await lab.netns('judge');
    await netns.withoutIpv6();
    await netns.ip('link add br0 type bridge mcast_snooping 0', 'link set br0 up');
    for (let n = 1; n <= HOSTS; n++) {
      await netns.ip(
        `link add l${n} type veth peer name e${n}`,
        `link set l${n} master br0 up`,
        `link set e${n} up`,
      );
      await netns.check(['bridge', 'fdb', 'add', colons(macOf(n)), 'dev', `l${n}`, 'master', 'static']);
    }
    await netns.check(['nft', '-f', '-'], {
      input:
        'table ip judged {\n chain f {\n type filter hook forward priority 0;\n ct state invalid drop\n }\n}\n',
    });
    await netns.check(['sysctl', '-q', '-w', ...SETTINGS]);
    return new BridgeJudge(netns);
  }

  /** @param chains `in1`, `out1`, ...: lines that return what is let through */
  async load(addresses: readonly string[], chains: Record<string, string[]>): Promise<void> {
    const own = Object.entries(chains).map(
      ([name, lines]) => `chain ${name} {\n${[...lines, 'drop'].join('\n')}\n}`,
    );
    const jumps = addresses.flatMap((address, n) => [`ip saddr ${address} jump out${n + 1}`]);
    const into = addresses.map((address, n) => `ip daddr ${address} jump in${n + 1}`);
    const rules = [
      'ip daddr 203.0.113.253 accept',
      'ct state invalid drop',
      'ct state established,related accept',
      ...jumps,
      ...into,
    ];
    const forward = `chain f {\ntype filter hook forward priority 0;\n${rules.join('\n')}\n}`;
    await this.netns.check(['nft', '-f', '-'], {
      input: `flush ruleset\ntable ip judged {\n${own.join('\n')}\n${forward}\n}\n`,
    });
  }

  /** Numbers of the hosts that get a frame. */
  async send(from: number, frame: Buffer): Promise<number[]> {
    const line = await new Promise<string>((resolve, reject) => {
      this.answered = resolve;
      this.failed = reject;
      this.helper.child.stdin?.write(`${JSON.stringify([`e${from}`, [frame.toString('hex')]])}\n`);
    });
    const seen: [string, string][] = JSON.parse(line);
    return seen.map(([link]) => Number(link.slice(1))).sort();
  }
}
