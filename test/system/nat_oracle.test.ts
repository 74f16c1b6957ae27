// NAT beside others: the same packets through ours and theirs, and the same must come of them, but for the ports that each chooses.
//
//   NAT_PACKETS  how many (default 400: 3 s on an idle machine)       NAT_SEED

import { test } from 'vitest';
import { openLab } from '../support/lab.ts';
import { Forwarder } from '../support/nat/forwarder.ts';
import { NatJudge } from '../support/nat/judge.ts';
import { TCP, UDP } from '../support/nat/packets.ts';
import { NatRig, type Rule } from '../support/nat/rig.ts';
import { needs } from '../support/needs.ts';
import { seedOf } from '../support/seed.ts';

needs('nft', 'python3', 'ovs-vswitchd', 'ovs-ofctl');

const PACKETS = Number(process.env.NAT_PACKETS ?? 400);
/** ms; a packet takes 7. */
const LIMIT = 60_000 + 300 * PACKETS;
const SEED = seedOf(process.env.NAT_SEED);

const RULES: Rule[] = [
  { kind: 'destination', match: '', protocol: TCP, ports: [80, 80], to: '10.0.1.2', toPort: 8080 },
  { kind: 'destination', match: '', protocol: UDP, ports: [5000, 5001], to: '10.0.1.4' },
  { kind: 'one_to_one', match: '10.0.1.3/32', to: '192.0.2.3' },
  { kind: 'source', match: '10.0.1.0/24' },
];
const NFT = (source: string) => `
table ip judged {
  chain raw { type filter hook prerouting priority raw; ip daddr 203.0.113.253 notrack; }
  chain before {
    type nat hook prerouting priority dstnat;
    ip daddr 192.0.2.1 tcp dport 80 dnat to 10.0.1.2:8080
    ip daddr 192.0.2.1 udp dport 5000-5001 dnat to 10.0.1.4
    ip daddr 192.0.2.3 dnat to 10.0.1.3
  }
  chain after {
    type nat hook postrouting priority srcnat;
    oifname l2 ip saddr 10.0.1.3 snat to 192.0.2.3
    oifname l2 ip saddr 10.0.1.0/24 ${source}
  }
  chain pass { type filter hook forward priority filter; ct state invalid drop; }
  chain host { type filter hook input priority filter; policy drop; }
  chain self { type filter hook output priority filter; policy drop; }
}
`;

// A packet is new there until somebody answers; then it has been translated already.
const FLOWS = `
table=0,priority=200,in_port=1,ip,nw_dst=203.0.113.253,actions=output:2
table=0,priority=200,in_port=2,ip,nw_dst=203.0.113.253,actions=output:1
table=0,priority=100,ip,actions=ct(zone=1,nat,table=1)
table=1,priority=200,ct_state=+inv,ip,actions=drop
table=1,priority=100,ct_state=-new+trk,in_port=1,ip,actions=output:2
table=1,priority=100,ct_state=-new+trk,in_port=2,ip,actions=output:1
table=1,priority=100,ct_state=+new+trk,in_port=1,ip,nw_src=192.0.2.0/24,actions=output:2
table=1,priority=100,ct_state=+new+trk,in_port=2,ip,nw_dst=10.0.1.0/24,actions=output:1
table=1,priority=90,ct_state=+new+trk,in_port=1,ip,nw_src=10.0.1.3,actions=ct(commit,zone=1,nat(src=192.0.2.3)),output:2
table=1,priority=80,ct_state=+new+trk,in_port=1,ip,nw_src=10.0.1.0/24,actions=ct(commit,zone=1,nat(src=192.0.2.1)),output:2
table=1,priority=90,ct_state=+new+trk,in_port=2,tcp,nw_dst=192.0.2.1,tp_dst=80,actions=ct(commit,zone=1,nat(dst=10.0.1.2:8080)),output:1
table=1,priority=90,ct_state=+new+trk,in_port=2,udp,nw_dst=192.0.2.1,tp_dst=5000,actions=ct(commit,zone=1,nat(dst=10.0.1.4)),output:1
table=1,priority=90,ct_state=+new+trk,in_port=2,udp,nw_dst=192.0.2.1,tp_dst=5001,actions=ct(commit,zone=1,nat(dst=10.0.1.4)),output:1
table=1,priority=90,ct_state=+new+trk,in_port=2,ip,nw_dst=192.0.2.3,actions=ct(commit,zone=1,nat(dst=10.0.1.3)),output:1
`;

/** Uniform in [0, 1), the same for a seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function agree(other: Forwarder, tellsApart = true): Promise<void> {
  const judge = new NatJudge(new NatRig(RULES, 100_000), other, randomOf(SEED), tellsApart);
  try {
    while (judge.packets < PACKETS) await judge.step();
  } catch (error) {
    throw new Error(`seed ${SEED}, packet ${judge.packets}: ${(error as Error).message}`, { cause: error });
  } finally {
    other.close();
  }
  console.log(`${judge.packets} packets, seed ${SEED}`);
}

test.each(['masquerade', 'snat to 192.0.2.1'])(
  'nftables: %s',
  async (source) => {
    await agree(await Forwarder.kernel(await openLab(), NFT(source)));
  },
  LIMIT,
);

// Its second connection with an identifier, or of a protocol without ports, would leave untranslated.
test(
  'Open vSwitch in userspace',
  async () => {
    await agree(await Forwarder.openVSwitch(await openLab(), FLOWS), false);
  },
  LIMIT,
);
