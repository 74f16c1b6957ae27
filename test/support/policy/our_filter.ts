// Our side of a comparison: a switch with the same security groups, and what it says of each datagram.

import { GROUP_PROTOCOLS } from '../../../src/config/group_rule.ts';
import { colons, macOf, NUMBERS, type State } from './judge_ports.ts';
import { connectionName, type Saying } from './random_datagrams.ts';
import type { Addresses, RandomPolicy } from './random_policy.ts';
import { openPolicy, type PolicyRig } from './rig.ts';

export interface Ours {
  to: number[];
  state?: State;
  told: string[];
  /** Whether its connection was there before. */
  wasKnown: boolean;
  /** What is listed of it. */
  tcp: string | undefined;
}

export class OurFilter {
  private readonly rig: PolicyRig;
  private readonly hosts = new Map<string, number>();
  private known = new Map<string, { tcp: string | undefined; hasAnswer: boolean | undefined }>();

  private constructor(rig: PolicyRig, addresses: readonly Addresses[]) {
    this.rig = rig;
    for (const [index, { v4, v6 }] of addresses.entries()) {
      this.hosts.set(v4, index + 1);
      this.hosts.set(v6, index + 1);
    }
  }

  static async open(
    policy: RandomPolicy,
    addresses: readonly Addresses[],
    isStrict: boolean,
  ): Promise<OurFilter> {
    const fdb = NUMBERS.map((n) => ({ mac: colons(macOf(n)), port: `p${n}` }));
    const ports = Object.fromEntries(policy.groupsOf.map((groups, n) => [`p${n + 1}`, { groups }]));
    const rig = await openPolicy(
      { br0: { static: fdb, ports } },
      { groups: policy.groups, connections: settingsOf(policy, isStrict) },
    );
    return new OurFilter(rig, addresses);
  }

  async change(policy: RandomPolicy, isStrict: boolean): Promise<void> {
    await this.rig.change((config) => {
      config.groups = policy.groups as never;
      Object.assign(config.connections as object, settingsOf(policy, isStrict));
      for (const [n, groups] of policy.groupsOf.entries())
        config.bridges.br0.ports[`p${n + 1}`].groups = groups;
    });
  }

  send({ from, frames, name, isError }: Saying): Ours {
    const wasKnown = this.known.has(name);
    const told = frames.flatMap((frame) => this.rig.sendFrame(`p${from}`, frame));
    this.list();
    const drops = told.filter((line) => line.includes(' drops: '));
    if (drops.some((line) => !line.includes('drops: policy_'))) throw new Error(`not by policy: ${drops}`);
    // What lacks a fragment never becomes whole.
    const heard = drops.length > 0 ? [] : told;
    const to = new Set(heard.map((line) => Number(line[1])));
    const connection = this.known.get(name);
    const state = isError ? 'related' : connection?.hasAnswer ? 'established' : 'new';
    const got = { to: [...to].sort(), told, wasKnown, tcp: connection?.tcp };
    // Of an ambiguous name nothing is said.
    const isTold = to.size > 0 && (isError || connection?.hasAnswer !== undefined);
    return isTold ? { ...got, state } : got;
  }

  async close(): Promise<void> {
    await this.rig.taploom.close();
  }

  private list(): void {
    this.known = new Map();
    for (const page of this.rig.taploom.policy.connections()) {
      for (const { protocol, source, destination, state, packets } of page) {
        const [src, dst] = [source, destination].map((text) => this.endOf(text));
        const number = GROUP_PROTOCOLS[protocol as keyof typeof GROUP_PROTOCOLS] ?? Number(protocol);
        const name = connectionName(number, src.family, src.host, src.port, dst.host, dst.port);
        const hasAnswer = this.known.has(name) ? undefined : packets.received > 0;
        this.known.set(name, { tcp: state, hasAnswer });
      }
    }
  }

  private endOf(text: string): { host: number; port: number; family: 'v4' | 'v6' } {
    const wide = /^\[(.*)\]:(\d+)$/.exec(text);
    const isPlain = wide === null && (text.match(/:/g)?.length ?? 0) !== 1;
    const [address, port] = wide?.slice(1) ?? (isPlain ? [text, '0'] : text.split(':'));
    const family = address.includes(':') ? 'v6' : 'v4';
    return { host: this.hosts.get(address) as number, port: Number(port), family };
  }
}

function settingsOf({ keepEstablished }: RandomPolicy, isStrict: boolean) {
  return { keep_established: keepEstablished, ...(isStrict && { tcp_window: 'strict' as const }) };
}
