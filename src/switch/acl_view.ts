// Access lists in names and texts, read in the memory that the data plane uses, without asking it.

import type { AclApi, AclPlace, AclRuleStatus, AclRules, AclSample, AclStatus } from '../api.ts';
import type { PlacedAclRule } from '../compile/acls.ts';
import type { Compiler } from '../compile/compiler.ts';
import { type AclRuleConfig, type PlacedAclsConfig, verdictOf } from '../config/acl_shape.ts';
import { formatPath } from '../config/path.ts';
import type { RuleOrigin } from '../config/rule_lines.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { AclTable } from '../table/acl_table.ts';
import { METER_STATE, METER_STATE_WORDS } from '../table/meter.ts';

/** What the end of a list does: the last rules that `taploom acl show` shows. */
const ENDS = [
  ['link', 'permit', 'ARP and neighbour discovery, if no rule fits'],
  ['rest', 'deny', 'everything else'],
] as const;

export interface AclFacts {
  compiler: Compiler;
  config(): SwitchConfig;
  table(): AclTable | null;
  origin: Pick<RuleOrigin, 'of'>;
}

type Slots = ReadonlyMap<PlacedAclRule['index'], number>;

export class AclView implements AclApi {
  private readonly facts: AclFacts;

  constructor(facts: AclFacts) {
    this.facts = facts;
  }

  lists(): AclStatus[] {
    const slots = this.slotsByList();
    return Object.entries(this.facts.config().acls ?? {}).map(([name, rules]) =>
      this.status(name, rules, slots.get(name)),
    );
  }

  list(name: string): AclRules {
    const rules = this.rulesOf(name);
    const slots = this.slotsByList().get(name);
    const config = this.facts.config();
    const list = rules.map((rule, index): AclRuleStatus => {
      const { verdict, match } = verdictOf(rule);
      const { mark, mirror, police, log } = rule;
      const slot = slots?.get(index);
      const path = ['acls', name, index];
      return {
        rule: index + 1,
        path: formatPath(path),
        ...this.facts.origin.of(path, config),
        verdict,
        match: rule[verdict] ?? match,
        ...(mark !== undefined && { mark }),
        ...(mirror !== undefined && { mirror }),
        ...(police !== undefined && { police }),
        ...(log !== undefined && { log }),
        ...this.hits(slot),
        ...(police !== undefined && { exceeded: this.exceeded(slot) }),
      };
    });
    const ends = ENDS.map(([end, verdict, match]) => ({ verdict, match, ...this.hits(slots?.get(end)) }));
    return { ...this.status(name, rules, slots), list: [...list, ...ends] };
  }

  samples(rules: number): AclSample[] {
    const slots = this.slotsByList();
    return Object.entries(this.facts.config().acls ?? {}).flatMap(([acl, list]) => {
      const own = slots.get(acl);
      const count = Math.min(rules, list.length);
      const first = Array.from(
        { length: count },
        (_, index) => [String(index + 1), own?.get(index)] as const,
      );
      return [...first, ['end', own?.get('rest')] as const].map(([rule, slot]) => ({
        acl,
        rule,
        ...this.hits(slot),
      }));
    });
  }

  reset(name?: string): number {
    const { compiler } = this.facts;
    if (name !== undefined) this.rulesOf(name);
    const lists = this.slotsByList();
    for (const [list, slots] of lists)
      if (name === undefined || list === name) for (const slot of slots.values()) compiler.acls.reset(slot);
    return name === undefined ? Object.keys(this.facts.config().acls ?? {}).length : 1;
  }

  private rulesOf(name: string): AclRuleConfig[] {
    const { acls = {} } = this.facts.config();
    if (!Object.hasOwn(acls, name)) throw new TaploomError('no_such_acl', `There is no access list ${name}`);
    return acls[name];
  }

  private status(name: string, rules: readonly AclRuleConfig[], slots: Slots | undefined): AclStatus {
    const sums = { permit: 0, deny: 0, count: 0 };
    for (const [index, rule] of rules.entries())
      sums[verdictOf(rule).verdict] += this.hits(slots?.get(index)).frames;
    for (const [end, verdict] of ENDS) sums[verdict] += this.hits(slots?.get(end)).frames;
    const places = placesOf(this.facts.config(), name);
    return { name, rules: rules.length, places, permitted: sums.permit, denied: sums.deny };
  }

  private hits(slot: number | undefined): { frames: number; bytes: number } {
    return slot === undefined ? { frames: 0, bytes: 0 } : this.facts.compiler.acls.hits(slot);
  }

  private exceeded(slot: number | undefined): number {
    if (slot === undefined) return 0;
    const { meters } = this.facts.compiler.acls;
    if (meters === null) return 0;
    const at = slot * METER_STATE_WORDS;
    return meters[at + METER_STATE.yellow] + meters[at + METER_STATE.red];
  }

  private slotsByList(): Map<string, Map<PlacedAclRule['index'], number>> {
    const { compiler } = this.facts;
    const table = this.facts.table();
    const found = new Map<string, Map<PlacedAclRule['index'], number>>();
    if (table === null) return found;
    for (const [rule, { list, index }] of compiler.acls.rules.entries()) {
      const slots = found.get(list) ?? new Map();
      found.set(list, slots.set(index, table.slots[rule]));
    }
    return found;
  }
}

function placesOf({ bridges }: SwitchConfig, name: string): AclPlace[] {
  const places: AclPlace[] = [];
  const add = (placed: PlacedAclsConfig | undefined, place: Omit<AclPlace, 'side'>) => {
    for (const side of ['in', 'out'] as const)
      if (placed?.[side].includes(name) === true) places.push({ ...place, side });
  };
  for (const [bridge, { acls, local, vlans, ports }] of Object.entries(bridges)) {
    add(acls, { bridge });
    for (const [vid, vlan] of Object.entries(vlans)) add(vlan.acls, { bridge, vlan: Number(vid) });
    if (local !== false) add(local.acls, { bridge, port: bridge });
    for (const [port, own] of Object.entries(ports)) add(own.acls, { bridge, port });
  }
  return places;
}
