// Open vSwitch's connection tracker in userspace, between the same hosts: `ct` looks a packet up, flows ask about the first packet of its
// connection (`ct_nw_src` and the like), and `ct(commit)` opens it.
//
//   0: ct -> 1: what it says, into the DSCP -> 2: may it be sent -> 3: may it be received -> 4: commit -> 5: the host's port

import type { Lab } from '../lab.ts';
import type { Netns } from '../netns.ts';
import { OpenVSwitch } from '../open_vswitch.ts';
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

const FAMILIES = [
  { family: 'v4', type: 'ip', words: { src: 'ct_nw_src', dst: 'ct_nw_dst' } },
  { family: 'v6', type: 'ipv6', words: { src: 'ct_ipv6_src', dst: 'ct_ipv6_dst' } },
] as const;
type Family = (typeof FAMILIES)[number];
/** Some are refused as too short by default. */
const LEAST_FRAGMENT = '400';

export class OvsJudge {
  private readonly netns: Netns;
  private readonly ports: JudgePorts;
  private readonly ovs: OpenVSwitch;
  private readonly bridge: string;

  private constructor(netns: Netns, ovs: OpenVSwitch, bridge: string) {
    this.netns = netns;
    this.ovs = ovs;
    this.bridge = bridge;
    this.ports = new JudgePorts(netns);
  }

  static async open(lab: Lab): Promise<OvsJudge> {
    const netns = await openLinks(lab, 'ovs');
    const ovs = await OpenVSwitch.start(lab, netns, { settings: ['userspace-tso-enable=false'] });
    await ovs.vsctl('add-br', 'b0', '--', 'set', 'bridge', 'b0', 'datapath_type=netdev', 'fail_mode=secure');
    for (const n of NUMBERS)
      await ovs.vsctl('add-port', 'b0', `l${n}`, '--', 'set', 'interface', `l${n}`, `ofport_request=${n}`);
    for (const family of ['v4', 'v6']) await ovs.appctl('dpctl/ipf-set-min-frag', family, LEAST_FRAGMENT);
    return new OvsJudge(netns, ovs, `unix:${lab.dir}/ovs/b0.mgmt`);
  }

  async load(policy: RandomPolicy, addresses: readonly Addresses[], isStrict: boolean): Promise<void> {
    await this.ovs.appctl(`dpctl/ct-${isStrict ? 'enable' : 'disable'}-tcp-seq-chk`);
    const flows = [
      `table=0,priority=300,ip,nw_dst=${MARK_TO},actions=flood`,
      ...NUMBERS.map((n) => `table=5,priority=10,dl_dst=${colons(macOf(n))},actions=output:${n}`),
      ...FAMILIES.flatMap((family) => flowsOf(policy, addresses, family)),
    ];
    await this.netns.check(['ovs-ofctl', '--bundle', 'replace-flows', this.bridge, '-'], {
      input: `${flows.join('\n')}\n`,
    });
    // What it keeps of old flows it looks at by and by, and on a busy machine that takes a while.
    await this.ovs.appctl('revalidator/purge');
  }

  send(steps: readonly Step[]): Promise<Verdict[]> {
    return this.ports.send(steps);
  }
}

function flowsOf(policy: RandomPolicy, addresses: readonly Addresses[], family: Family): string[] {
  const { type, words } = family;
  const write = (state: keyof typeof DSCP) => `mod_nw_tos:${DSCP[state] << 2}`;
  const kept = policy.keepEstablished ? 'goto_table:5' : 'goto_table:2';
  const flows = [
    `table=0,priority=100,${type},actions=ct(zone=1,table=1)`,
    `table=1,priority=400,ct_state=+trk+inv,${type},actions=${write('invalid')},goto_table:5`,
    `table=1,priority=300,ct_state=+trk+rel,${type},actions=${write('related')},${kept}`,
    `table=1,priority=200,ct_state=+trk+est,${type},actions=${write('established')},${kept}`,
    // Nobody has answered it yet, but it is known.
    `table=1,priority=150,ct_state=+trk+new,ct_mark=1,${type},actions=${write('new')},${kept}`,
    `table=1,priority=100,ct_state=+trk+new,${type},actions=${write('new')},goto_table:2`,
    `table=4,priority=100,ct_state=+trk+new,${type},actions=ct(commit,zone=1,exec(load:1->NXM_NX_CT_MARK[])),goto_table:5`,
    `table=4,priority=0,${type},actions=goto_table:5`,
  ];
  for (const [side, table] of [
    ['out', 2],
    ['in', 3],
  ] as const) {
    const [own, other] = side === 'out' ? [words.src, words.dst] : [words.dst, words.src];
    const next = `actions=goto_table:${table + 1}`;
    flows.push(`table=${table},priority=0,${type},${next}`);
    for (const n of NUMBERS) {
      const cases = casesOf(policy, addresses, n, side, family.family);
      if (cases === null) continue;
      const host = `ct_state=+trk-inv,${type},${own}=${addresses[n - 1][family.family]}`;
      flows.push(`table=${table},priority=10,${host},actions=drop`);
      for (const one of cases)
        for (const match of matchesOf(one, other))
          flows.push(`table=${table},priority=20,${host}${match},${next}`);
    }
  }
  return flows;
}

/** A flow for each peer and port. */
function matchesOf({ protocol, ports, type, peers }: Case, other: string): string[] {
  const proto = protocol === undefined ? '' : `,ct_nw_proto=${protocol}`;
  const kind = type === undefined ? '' : `,ct_tp_src=${type}`;
  const whom = peers?.map((peer) => `,${other}=${peer}`) ?? [''];
  const where = ports?.map((port) => `,ct_tp_dst=${port}`) ?? [''];
  return whom.flatMap((peer) => where.map((port) => `${peer}${proto}${kind}${port}`));
}
