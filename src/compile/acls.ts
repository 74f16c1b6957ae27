// Access lists of the configuration -> what the data plane asks (table/acl_table.ts). Only lists that some place has are compiled.

import type { AclRuleConfig, PlacedAclsConfig } from '../config/acl_shape.ts';
import { verdictOf } from '../config/acl_shape.ts';
import type { PolicerConfig } from '../config/qos_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { MIRROR, MIRROR_WORDS, type MirrorTable } from '../engine/mirror_table.ts';
import type { Parts } from '../parts.ts';
import {
  ACL_WORKERS,
  ACTION,
  AclState,
  type AclTable,
  END,
  END_RULES,
  MAX_SLOTS,
} from '../table/acl_table.ts';
import { METER_STATE_WORDS, METER_WORDS } from '../table/meter.ts';
import { AclBuilder, type AclQuestion } from './acl_builder.ts';
import { questionOf } from './acl_questions.ts';
import { mirrorsOf } from './mirrors.ts';
import { type Domains, Names } from './names.ts';
import { policerSettings } from './policers.ts';
import { shared } from './shared.ts';

/** Rules that are read from one breath to the next. */
const PART = 128;

interface Numbers {
  readonly ports: Names;
  readonly domains: Domains;
  readonly bridges: Names;
}

/** Where a rule stands; `link` and `rest`: what a list does with frames that none of its rules fits. */
export interface PlacedAclRule {
  list: string;
  index: number | keyof typeof END;
}

export class AclNumbers {
  /** By number of a rule, of the last compilation. */
  rules: readonly PlacedAclRule[] = [];
  /** Made for the first list. */
  private state: AclState | null = null;
  private readonly slots = new Names('rules of access lists', MAX_SLOTS);
  /** By slot: what its counters had counted when it was given to its rule, or reset. */
  private bases = new Float64Array(0);
  private last: { name: string; table: AclTable } | undefined;

  /** Null if no place has any. @throws TaploomError `too_many` */
  *compile(config: SwitchConfig, numbers: Numbers, mirrors: MirrorTable | null): Parts<AclTable | null> {
    const used = usedLists(config);
    const wanted = Object.entries(config.acls ?? {}).filter(([name]) => used.has(name));
    if (wanted.length === 0) {
      this.last = undefined;
      this.slots.keep(new Set());
      return null;
    }
    const places = placesIn(config, numbers);
    const bits = mirrorBits(config, numbers, mirrors);
    const name = JSON.stringify([
      wanted,
      places.map(({ config, at }) => [config, at]),
      bits,
      numbers.ports.length,
      numbers.domains.length,
    ]);
    // A topology for another reason: a port that is up, a route.
    if (this.last?.name === name) return this.last.table;
    const state = this.stateOf();
    const count = wanted.reduce((sum, [, rules]) => sum + rules.length + END_RULES, 0);
    const policers = wanted.reduce((sum, [, rules]) => sum + rules.filter(({ police }) => police).length, 0);
    const chains = chainsOf(places, new Map(wanted.map(([list], index) => [list, index])));
    const mirrorNames = [...new Set(bits.map(({ name }) => name))];
    const table = shared({
      portIn: [Uint16Array, numbers.ports.length],
      portOut: [Uint16Array, numbers.ports.length],
      vlanIn: [Uint16Array, numbers.domains.length],
      vlanOut: [Uint16Array, numbers.domains.length],
      bridgeIn: [Uint16Array, numbers.domains.length],
      bridgeOut: [Uint16Array, numbers.domains.length],
      chainAt: [Int32Array, chains.length + 1],
      chains: [Int32Array, chains.flat().length],
      actions: [Uint8Array, count],
      marks: [Uint8Array, count],
      mirrors: [Uint8Array, count],
      mirrorBits: [Uint16Array, numbers.bridges.length * (mirrorNames.length + 1)],
      policers: [Uint16Array, count],
      settings: [Float64Array, (1 + policers) * METER_WORDS],
      slots: [Int32Array, count],
    });
    for (const { bridge, name, bit } of bits)
      table.mirrorBits[bridge * (mirrorNames.length + 1) + 1 + mirrorNames.indexOf(name)] |= bit;
    const builder = new AclBuilder();
    const rules: PlacedAclRule[] = [];
    const kept = new Set<string>();
    let policer = 0;
    for (const [list, own] of wanted) {
      const firstRule = rules.length;
      const seen = new Map<string, number>();
      const questions: AclQuestion[] = [];
      for (const [index, rule] of own.entries()) {
        const at = firstRule + index;
        rules.push({ list, index });
        const text = `${list} ${JSON.stringify(rule)}`;
        const before = seen.get(text) ?? 0;
        seen.set(text, before + 1);
        table.slots[at] = this.slotOf(`${text} ${before}`, kept, state);
        setAction(table, at, rule, mirrorNames);
        if (rule.police !== undefined) {
          table.policers[at] = ++policer;
          policerSettings(table.settings.subarray(policer * METER_WORDS), policerOf(rule.police));
        }
        questions.push(questionOf(verdictOf(rule).match));
        if (index % PART === PART - 1) yield;
      }
      for (const end of Object.keys(END) as (keyof typeof END)[]) {
        const at = firstRule + own.length + END[end];
        rules.push({ list, index: end });
        table.slots[at] = this.slotOf(`${list} ${end}`, kept, state);
        table.actions[at] = end === 'rest' ? ACTION.deny : 0;
      }
      yield* builder.addList(questions, firstRule);
    }
    this.slots.keep(kept);
    setChains(table, chains, places);
    const built = yield* builder.build();
    const whole: AclTable = {
      ...table,
      ...built,
      hasIn: places.some(({ config }) => config.in.length > 0),
      hasOut: places.some(({ config }) => config.out.length > 0),
      mirrorNames: mirrorNames.length + 1,
      memory: state.memory,
    };
    this.rules = rules;
    this.last = { name, table: whole };
    return whole;
  }

  /** Frames and bytes of a rule, all workers' together, and frames beyond its policer's rate. */
  hits(slot: number): { frames: number; bytes: number } {
    const { bases } = this;
    const { frames, bytes } = this.sum(slot);
    return { frames: frames - bases[2 * slot], bytes: bytes - bases[2 * slot + 1] };
  }

  /** Rules by name of their list, with their slots. */
  slotsOf(list: string, table: AclTable): Map<number | keyof typeof END, { rule: number; slot: number }> {
    const found = new Map<number | keyof typeof END, { rule: number; slot: number }>();
    for (const [rule, place] of this.rules.entries())
      if (place.list === list) found.set(place.index, { rule, slot: table.slots[rule] });
    return found;
  }

  /** Counts anew from here on. */
  reset(slot: number): void {
    const { frames, bytes } = this.sum(slot);
    this.bases[2 * slot] = frames;
    this.bases[2 * slot + 1] = bytes;
  }

  get meters(): Float64Array | null {
    return this.state?.meters ?? null;
  }

  private sum(slot: number): { frames: number; bytes: number } {
    const hits = this.state?.hits;
    let frames = 0;
    let bytes = 0;
    for (let worker = 0; hits !== undefined && worker < ACL_WORKERS; worker++) {
      const at = 2 * (worker * MAX_SLOTS + slot);
      frames += hits[at];
      bytes += hits[at + 1];
    }
    return { frames, bytes };
  }

  private stateOf(): AclState {
    if (this.state === null) {
      this.state = new AclState(AclState.allocate(ACL_WORKERS), ACL_WORKERS);
      this.bases = new Float64Array(2 * MAX_SLOTS);
    }
    return this.state;
  }

  private slotOf(name: string, kept: Set<string>, state: AclState): number {
    kept.add(name);
    const known = this.slots.find(name);
    if (known !== undefined) return known;
    const slot = this.slots.number(name);
    this.reset(slot);
    state.meters.fill(0, slot * METER_STATE_WORDS, (slot + 1) * METER_STATE_WORDS);
    return slot;
  }
}

function policerOf(police: NonNullable<AclRuleConfig['police']>): PolicerConfig {
  return typeof police === 'string' ? { rate: police, exceed: 'pass' } : police;
}

function setAction(
  { actions, marks, mirrors }: Pick<AclTable, 'actions' | 'marks' | 'mirrors'>,
  at: number,
  rule: AclRuleConfig,
  mirrorNames: readonly string[],
): void {
  const { verdict } = verdictOf(rule);
  const isSpecial = rule.mark !== undefined || rule.mirror !== undefined || rule.police !== undefined;
  actions[at] =
    (verdict === 'deny' ? ACTION.deny : 0) |
    (verdict === 'count' ? ACTION.goesOn : 0) |
    (isSpecial || rule.log === true ? ACTION.special : 0) |
    (rule.log === true ? ACTION.log : 0);
  marks[at] = rule.mark ?? 0;
  mirrors[at] = rule.mirror === undefined ? 0 : 1 + mirrorNames.indexOf(rule.mirror);
}

/** Of every place in a configuration. */
function* placedIn({ bridges }: SwitchConfig): Generator<PlacedAclsConfig> {
  for (const { acls, local, vlans, ports } of Object.values(bridges)) {
    for (const one of [acls, local === false ? undefined : local.acls]) if (one !== undefined) yield one;
    for (const one of [...Object.values(vlans), ...Object.values(ports)])
      if (one.acls !== undefined) yield one.acls;
  }
}

/** Lists that some place has. */
export function usedLists(config: SwitchConfig): Set<string> {
  const names = new Set<string>();
  for (const { in: into, out } of placedIn(config)) for (const name of [...into, ...out]) names.add(name);
  return names;
}

interface NumberedPlace {
  kind: 'port' | 'vlan' | 'bridge';
  config: PlacedAclsConfig;
  /** Ports, or domains. */
  at: number[];
}

function placesIn({ bridges }: SwitchConfig, { ports, domains }: Numbers): NumberedPlace[] {
  const places: NumberedPlace[] = [];
  const add = (
    kind: NumberedPlace['kind'],
    config: PlacedAclsConfig | undefined,
    at: (number | undefined)[],
  ) => {
    const there = at.filter((one) => one !== undefined && one !== 0) as number[];
    if (config !== undefined && there.length > 0) places.push({ kind, config, at: there });
  };
  for (const [name, bridge] of Object.entries(bridges)) {
    const numbers = domains.ofBridge(name);
    if (bridge.acls !== undefined) add('bridge', bridge.acls, [...numbers]);
    if (bridge.local !== false) add('port', bridge.local.acls, [ports.find(name)]);
    for (const [vid, { acls }] of Object.entries(bridge.vlans)) add('vlan', acls, [numbers[Number(vid)]]);
    for (const [port, { acls }] of Object.entries(bridge.ports)) add('port', acls, [ports.find(port)]);
  }
  return places;
}

/** Rows of numbers of lists; the first is that of places without. A list that is not there lets nothing pass. */
function chainsOf(places: readonly NumberedPlace[], numbers: ReadonlyMap<string, number>): number[][] {
  const chains = new Map<string, number[]>([['', []]]);
  for (const { config } of places)
    for (const names of [config.in, config.out])
      chains.set(
        names.join(),
        names.flatMap((name) => numbers.get(name) ?? []),
      );
  return [...chains.values()];
}

function setChains(
  table: Pick<
    AclTable,
    'portIn' | 'portOut' | 'vlanIn' | 'vlanOut' | 'bridgeIn' | 'bridgeOut' | 'chainAt' | 'chains'
  >,
  chains: readonly (readonly number[])[],
  places: readonly NumberedPlace[],
): void {
  let at = 0;
  for (const [chain, lists] of chains.entries()) {
    table.chainAt[chain] = at;
    table.chains.set(lists, at);
    at += lists.length;
  }
  table.chainAt[chains.length] = at;
  const names = new Map([['', 0]]);
  const numberOf = (list: readonly string[]) => {
    const known = names.get(list.join());
    if (known !== undefined) return known;
    names.set(list.join(), names.size);
    return names.size - 1;
  };
  for (const { kind, config, at } of places) {
    const [into, out] = [numberOf(config.in), numberOf(config.out)];
    for (const one of at) {
      table[`${kind}In`][one] = into;
      table[`${kind}Out`][one] = out;
    }
  }
}

/** Bits of mirrors that have an end, by number of a bridge and name. */
function mirrorBits(
  config: SwitchConfig,
  { bridges }: Numbers,
  table: MirrorTable | null,
): { bridge: number; name: string; bit: number }[] {
  if (table === null) return [];
  return mirrorsOf(config).flatMap(({ bridge, name }, m) => {
    const number = bridges.find(bridge);
    if (number === undefined || table.words[m * MIRROR_WORDS + MIRROR.to] === 0) return [];
    return [{ bridge: number, name, bit: 1 << m }];
  });
}
