// Another stateful filter between bridged ports: the kernel's bridge with br_netfilter, and nftables with `ct state`. It sees no ports
// of the bridge, so rules go by the address of the host behind each; and by the first packet of a connection (`ct original`), so that
// packets of later rules are asked about as ours are.

import type { Lab } from '../lab.ts';
import type { Netns } from '../netns.ts';
import {
  colons,
  DSCP,
  JudgePorts,
  MARK_TO,
  macOf,
  NUMBERS,
  openLinks,
  type Step,
  type Verdict,
} from './judge_ports.ts';
import { type Addresses, type Case, casesOf, type RandomPolicy } from './random_policy.ts';

const SETTINGS = [
  'net.bridge.bridge-nf-call-iptables=1',
  'net.bridge.bridge-nf-call-ip6tables=1',
  // What is not whole after a second never will be, here.
  'net.ipv4.ipfrag_time=1',
];
/** Any rule makes the kernel track connections. */
const FIRST =
  'table ip t {\n chain f {\n type filter hook forward priority 0;\n ct state invalid drop\n }\n}\n';
const FAMILIES = [
  { family: 'v4', word: 'ip' },
  { family: 'v6', word: 'ip6' },
] as const;

export class KernelJudge {
  private readonly netns: Netns;
  private readonly ports: JudgePorts;

  private constructor(netns: Netns) {
    this.netns = netns;
    this.ports = new JudgePorts(netns);
  }

  static async open(lab: Lab): Promise<KernelJudge> {
    const netns = await openLinks(lab, 'kernel');
    await netns.ip('link add br0 type bridge mcast_snooping 0', 'link set br0 up');
    for (const n of NUMBERS) {
      await netns.ip(`link set l${n} master br0`);
      await netns.check(['bridge', 'fdb', 'add', colons(macOf(n)), 'dev', `l${n}`, 'master', 'static']);
    }
    await netns.check(['nft', '-f', '-'], { input: FIRST });
    await netns.check(['sysctl', '-q', '-w', ...SETTINGS]);
    return new KernelJudge(netns);
  }

  /** Connections that are there stay. @param isStrict TCP's windows are looked at */
  async load(policy: RandomPolicy, addresses: readonly Addresses[], isStrict: boolean): Promise<void> {
    const tables = FAMILIES.map(({ family, word }) => tableOf(policy, addresses, family, word));
    await this.netns.check(['nft', '-f', '-'], { input: `flush ruleset\n${tables.join('\n')}` });
    await this.netns.sysctl(`net.netfilter.nf_conntrack_tcp_be_liberal=${isStrict ? 0 : 1}`);
  }

  send(steps: readonly Step[]): Promise<Verdict[]> {
    return this.ports.send(steps);
  }
}

function tableOf(
  policy: RandomPolicy,
  addresses: readonly Addresses[],
  family: 'v4' | 'v6',
  word: 'ip' | 'ip6',
): string {
  const chains: string[] = [];
  const jumps: string[] = [];
  for (const side of ['out', 'in'] as const) {
    for (const n of NUMBERS) {
      const cases = casesOf(policy, addresses, n, side, family);
      if (cases === null) continue;
      const lines = cases.map((one) => `${matchOf(one, side, word)} return`);
      chains.push(`chain ${side}${n} {\n${[...lines, 'drop'].join('\n')}\n}`);
      const key = side === 'out' ? 'saddr' : 'daddr';
      jumps.push(`ct original ${word} ${key} ${addresses[n - 1][family]} jump ${side}${n}`);
    }
  }
  const rules = [
    word === 'ip' ? `ip daddr ${MARK_TO} accept` : '',
    `ct state invalid ${word} dscp set ${DSCP.invalid} accept`,
    'ct state untracked accept',
    `ct state new ${word} dscp set ${DSCP.new}`,
    `ct state established ${word} dscp set ${DSCP.established}`,
    `ct state related ${word} dscp set ${DSCP.related}`,
    // Also of those that nobody has answered yet.
    policy.keepEstablished ? 'ct status confirmed accept' : '',
    ...jumps,
  ];
  const forward = `chain f {\ntype filter hook forward priority 0;\n${rules.join('\n')}\n}`;
  return `table ${word} judged {\n${chains.join('\n')}\n${forward}\n}\n`;
}

function matchOf({ protocol, ports, type, peers }: Case, side: 'in' | 'out', word: 'ip' | 'ip6'): string {
  const parts: string[] = [];
  if (peers !== undefined)
    parts.push(`ct original ${word} ${side === 'in' ? 'saddr' : 'daddr'} { ${peers.join(', ')} }`);
  if (protocol !== undefined) parts.push(`ct original protocol ${protocol}`);
  if (ports !== undefined) parts.push(`ct original proto-dst { ${ports.join(', ')} }`);
  // Type and code are where others have a port.
  if (type !== undefined) parts.push(`ct original proto-dst ${type << 8}`);
  return parts.join(' ');
}
