// Security groups beside the kernel's connection tracking: random rules and packets through both, and the same must arrive.
//
//   GROUPS_PACKETS  how many (default: what takes 8 s)       GROUPS_SEED
//
// One difference has a number: the kernel follows TCP by its table of states, and calls segments invalid that do not fit there; here
// flags only end connections, so what is of one that both have let in passes. It also forgets a connection at once whose SYN was
// answered by RST, and then knows nothing of errors about it.                                                              (row 1)

import { expect, test } from 'vitest';
import { Random } from '../support/engine/random.ts';
import { openLab } from '../support/lab.ts';
import {
  ACK,
  FIN,
  type Fields,
  ICMP,
  icmpError,
  packet,
  RST,
  SYN,
  TCP,
  UDP,
} from '../support/nat/packets.ts';
import { needs } from '../support/needs.ts';
import { BridgeJudge, frameOf, HOSTS, macOf } from '../support/policy/bridge_judge.ts';
import { openPolicy } from '../support/policy/rig.ts';

needs('nft', 'python3', 'bridge', 'sysctl');

const PACKETS = Number(process.env.GROUPS_PACKETS ?? Number.POSITIVE_INFINITY);
const MILLISECONDS = process.env.GROUPS_PACKETS === undefined ? 8000 : 3_600_000;
const SEED = Number(process.env.GROUPS_SEED ?? Date.now() % 2 ** 31);
const OF_A_SET = 150;
const PORTS = [1, 2, 80, 81, 443];
const NUMBERS = Array.from({ length: HOSTS }, (_, n) => n + 1);

interface Rule {
  protocol?: string | number;
  ports?: number | string;
  type?: number;
  from?: string;
  to?: string;
}

function randomRule(
  random: Random,
  side: 'in' | 'out',
  addresses: string[],
): { rule: Rule; lines: string[] } {
  const rule: Rule = {};
  let match = '';
  const protocol = random.pick(['tcp', 'udp', 'icmp', 99, undefined]);
  if (protocol !== undefined) {
    rule.protocol = protocol;
    match = `ip protocol ${protocol}`;
  }
  if ((protocol === 'tcp' || protocol === 'udp') && random.chance(0.7)) {
    const [first, last] = [random.pick(PORTS), random.pick(PORTS)].sort((a, b) => a - b);
    rule.ports = first === last ? first : `${first}-${last}`;
    match = `${protocol} dport ${first}-${last}`;
  }
  if (protocol === 'icmp' && random.chance(0.5)) {
    rule.type = random.pick([8, 13]);
    match = `icmp type ${rule.type}`;
  }
  const n = random.pick(NUMBERS);
  const peer = random.pick(['any', `g${n}`, addresses[n - 1], `${addresses[0].replace(/\d+$/, '0')}/30`]);
  const key = side === 'in' ? 'from' : 'to';
  rule[key] = peer;
  const address = peer === 'any' ? '' : peer.startsWith('g') ? addresses[n - 1] : peer;
  const whom = address === '' ? '' : `ip ${side === 'in' ? 'saddr' : 'daddr'} ${address}`;
  return { rule, lines: [`${whom} ${match} return`] };
}

function randomGroups(random: Random, addresses: string[]) {
  const groups: Record<string, { in: Rule[]; out: Rule[] | 'any' }> = {};
  const chains: Record<string, string[]> = {};
  for (const n of NUMBERS) {
    const own = (side: 'in' | 'out') =>
      Array.from({ length: random.between(0, 3) }, () => randomRule(random, side, addresses));
    const [into, out] = [own('in'), own('out')];
    const isOpen = random.chance(0.5);
    groups[`g${n}`] = { in: into.map(({ rule }) => rule), out: isOpen ? 'any' : out.map(({ rule }) => rule) };
    chains[`in${n}`] = into.flatMap(({ lines }) => lines);
    chains[`out${n}`] = isOpen ? ['return'] : out.flatMap(({ lines }) => lines);
  }
  return { groups, chains };
}

/** A packet of its host: a beginning, or an answer, or an error about one that was sent. */
function randomPacket(
  random: Random,
  addresses: string[],
  sent: { from: number; to: number; fields: Fields }[],
) {
  const last = sent.length > 0 && random.chance(0.5) ? random.pick(sent) : undefined;
  if (last !== undefined && random.chance(0.15)) {
    const bytes = icmpError(addresses[last.to - 1], packet(last.fields));
    return { from: last.to, to: last.from, bytes, fields: undefined, about: last.fields };
  }
  if (last !== undefined && random.chance(0.7)) {
    const { fields } = last;
    const flags = random.pick([SYN | ACK, ACK, ACK, FIN | ACK, RST]);
    const type = fields.type === 8 ? 0 : fields.type === 13 ? 14 : fields.type;
    const isIcmp = fields.protocol === ICMP;
    const back: Fields = {
      ...fields,
      src: fields.dst,
      dst: fields.src,
      ...(isIcmp ? { type } : { sport: fields.dport, dport: fields.sport, flags }),
    };
    return { from: last.to, to: last.from, bytes: packet(back), fields: back, about: back };
  }
  const from = last?.from ?? random.pick(NUMBERS);
  const to = last?.to ?? random.pick(NUMBERS.filter((n) => n !== from));
  const fields: Fields = last?.fields ?? {
    src: addresses[from - 1],
    dst: addresses[to - 1],
    protocol: random.pick([TCP, TCP, UDP, UDP, ICMP, 99]),
    sport: random.pick(PORTS),
    dport: random.pick(PORTS),
    type: random.pick([8, 13, 0]),
  };
  const flags = random.pick([SYN, SYN, ACK, SYN | ACK, FIN | ACK, RST]);
  const about = { ...fields, flags };
  return { from, to, bytes: packet(about), fields: about, about };
}

/** Both directions of a connection have the same name. */
function nameOf({ protocol, src, dst, sport, dport }: Fields): string {
  return [protocol, ...[`${src}:${sport}`, `${dst}:${dport}`].sort()].join(' ');
}

test('what the kernel lets through a bridge is what security groups let through', {
  timeout: MILLISECONDS + 60_000,
}, async () => {
  const judge = await BridgeJudge.open(await openLab());
  const end = Date.now() + MILLISECONDS;
  let count = 0;
  let known = 0;
  let through = 0;
  for (let round = 0; count < PACKETS && Date.now() < end; round++) {
    const random = new Random(SEED + round);
    const addresses = NUMBERS.map((n) => `10.${(SEED + round) % 200}.${round % 250}.${n}`);
    const { groups, chains } = randomGroups(random, addresses);
    await judge.load(addresses, chains);
    const ports = Object.fromEntries(NUMBERS.map((n) => [`p${n}`, { groups: [`g${n}`] }]));
    const fdb = NUMBERS.map((n) => ({ mac: macOf(n).replaceAll(/(..)(?=.)/g, '$1:'), port: `p${n}` }));
    const rig = await openPolicy({ br0: { static: fdb, ports } }, { groups: groups as never });
    const sent: { from: number; to: number; fields: Fields }[] = [];
    const passed = new Set<string>();
    for (let n = 0; n < OF_A_SET && count < PACKETS && Date.now() < end; n++, count++) {
      const { from, to, bytes, fields, about } = randomPacket(random, addresses, sent);
      const frame = frameOf(from, to, bytes);
      const theirs = await judge.send(from, frame);
      const told = rig.sendFrame(`p${from}`, frame);
      const ours = told.flatMap((line) => (line.includes('drops') ? [] : [Number(line[1])])).sort();
      const name = nameOf(about);
      const isRow1 = about.protocol === TCP && passed.has(name) && theirs.length === 0 && ours.length === 1;
      if (isRow1) known++;
      else
        expect({ seed: SEED + round, n, told, got: ours }).toEqual({
          seed: SEED + round,
          n,
          told,
          got: theirs,
        });
      through += ours.length;
      if (ours.length === 1 && fields !== undefined) passed.add(name);
      if (fields !== undefined) sent.push({ from, to, fields });
    }
  }
  console.log(`groups: seed ${SEED}, ${count} packets, ${through} let through, row 1: ${known}`);
  expect(count).toBeGreaterThan(100);
});
