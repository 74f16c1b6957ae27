// Random security groups, and who is in them: as ours are written, and as a list of cases for judges, who know no groups.

import type { Random } from '../engine/random.ts';
import { NUMBERS } from './judge_ports.ts';

/** All that hosts use, in order: a range of ports is a list for those who know no ranges. */
export const PORTS = [1, 2, 80, 81, 443];
const PROTOCOLS = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132 } as const;

export interface Rule {
  protocol?: keyof typeof PROTOCOLS | number;
  ports?: string;
  type?: number;
  from?: string;
  to?: string;
}

/** What a rule lets pass, of one family. */
export interface Case {
  protocol?: number;
  ports?: readonly number[];
  /** ICMP */
  type?: number;
  /** Prefixes of the other end; undefined: everybody. */
  peers?: readonly string[];
}

export interface Addresses {
  v4: string;
  v6: string;
}

export interface RandomPolicy {
  groups: Record<string, { in: Rule[]; out: Rule[] | 'any'; members: string[] }>;
  /** By host, from 0 on: its groups. */
  groupsOf: string[][];
  keepEstablished: boolean;
}

export function randomPolicy(random: Random, addresses: readonly Addresses[]): RandomPolicy {
  const names = NUMBERS.map((n) => `g${n}`);
  const groups: RandomPolicy['groups'] = {};
  for (const name of names) {
    const own = (side: 'from' | 'to') =>
      Array.from({ length: random.between(0, 3) }, () => randomRule(random, side, addresses, names));
    groups[name] = {
      in: own('from'),
      out: random.chance(0.5) ? 'any' : own('to'),
      members: random.chance(0.2) ? [random.pick([...addresses])[random.pick(['v4', 'v6'] as const)]] : [],
    };
  }
  const groupsOf = NUMBERS.map((n) => {
    if (random.chance(0.1)) return [];
    const other = random.pick(names);
    return random.chance(0.25) && other !== `g${n}` ? [`g${n}`, other] : [`g${n}`];
  });
  return { groups, groupsOf, keepEstablished: random.chance(0.5) };
}

function randomRule(
  random: Random,
  side: 'from' | 'to',
  addresses: readonly Addresses[],
  names: string[],
): Rule {
  const rule: Rule = {};
  const protocol = random.pick(['tcp', 'tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 99, undefined] as const);
  if (protocol !== undefined) rule.protocol = protocol;
  if ((protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp') && random.chance(0.7)) {
    const [first, last] = [random.pick(PORTS), random.pick(PORTS)].sort((a, b) => a - b);
    rule.ports = `${first}-${last}`;
  }
  if (protocol === 'icmp' && random.chance(0.5)) rule.type = random.pick([8, 13]);
  if (protocol === 'icmpv6' && random.chance(0.5)) rule.type = 128;
  const { v4, v6 } = random.pick([...addresses]);
  const narrow = [v4, v4.replace(/\d+$/, '0/30')];
  const wide = [v6, v6.replace(/\w+$/, '/126')];
  const peers = protocol === 'icmp' ? narrow : protocol === 'icmpv6' ? wide : [...narrow, ...wide];
  rule[side] = random.pick(['any', random.pick(names), random.pick(peers)]);
  return rule;
}

/** What host `n` may send, or get. Null: everything. */
export function casesOf(
  { groups, groupsOf }: RandomPolicy,
  addresses: readonly Addresses[],
  n: number,
  side: 'in' | 'out',
  family: 'v4' | 'v6',
): Case[] | null {
  const own = groupsOf[n - 1];
  const isFamily = (text: string) => text.includes(':') === (family === 'v6');
  if (own.length === 0) return null;
  const cases: Case[] = [];
  for (const name of own) {
    const rules = groups[name][side];
    if (rules === 'any') return null;
    for (const { protocol, ports, type, from, to } of rules) {
      const peer = from ?? to ?? 'any';
      const group = groups[peer];
      const ofGroup = addresses.filter((_, at) => groupsOf[at].includes(peer)).map((one) => one[family]);
      const peers = group === undefined ? [peer] : [...ofGroup, ...group.members];
      const range = ports?.split('-').map(Number);
      cases.push({
        protocol: typeof protocol === 'string' ? PROTOCOLS[protocol] : protocol,
        ports: range && PORTS.filter((port) => port >= range[0] && port <= range[1]),
        type,
        peers: peer === 'any' ? undefined : peers.filter(isFamily),
      });
    }
  }
  return cases.filter(({ peers }) => peers?.length !== 0);
}
