// Tells of frames that fitted a rule with `log`, a few of each rule: who sends could fill every log.

import type { PlacedAclRule } from '../compile/acls.ts';
import { verdictOf } from '../config/acl_shape.ts';
import { formatPath } from '../config/path.ts';
import type { RuleOrigin } from '../config/rule_lines.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { bridgeOf } from '../config/without_ports.ts';
import type { EventFact } from '../event.ts';
import type { Host, Punt } from '../protocol/host.ts';
import { monotonicMs } from '../sys/clock.ts';
import { frameLine } from '../wire/frame_line.ts';
import type { Service } from './service.ts';

/** So many of a rule are told in a second; the next one says how many there were in between. */
const AT_MOST = 5;
const SECOND = 1000;

export interface AclLogFacts {
  /** Knows where a rule of the data plane stands. */
  compiler: { acls: { rules: readonly PlacedAclRule[] } };
  origin: RuleOrigin;
  tell(fact: EventFact): void;
}

interface Told {
  since: number;
  count: number;
  more: number;
}

export class AclLog implements Service {
  private readonly facts: AclLogFacts;
  private readonly told = new Map<string, Told>();
  private config: SwitchConfig | undefined;
  private stopListening: () => void = () => {};

  constructor(facts: AclLogFacts) {
    this.facts = facts;
  }

  attach(host: Host): void {
    this.stopListening = host.onPunt('acl', (punt) => this.hear(punt));
  }

  update(config: SwitchConfig): void {
    this.config = config;
    this.told.clear();
  }

  poll(): void {}

  deadline(): number {
    return Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.stopListening();
  }

  private hear({ port, vlan, bytes, detail = 0, at = monotonicMs() }: Punt): void {
    const { config } = this;
    if (config === undefined) return;
    const { compiler, origin, tell } = this.facts;
    const place = compiler.acls.rules.at(detail >>> 1);
    const bridge = bridgeOf(config, port);
    if (place === undefined || bridge === undefined || typeof place.index !== 'number') return;
    const { list, index } = place;
    const rule = config.acls?.[list]?.[index];
    // Of the configuration before this one.
    if (rule?.log !== true) return;
    const more = this.admit(`${list} ${index}`, at);
    if (more < 0) return;
    const path = ['acls', list, index];
    tell({
      type: 'acl',
      change: 'matched',
      bridge,
      port,
      vlan,
      side: (detail & 1) === 0 ? 'in' : 'out',
      list,
      rule: index + 1,
      path: formatPath(path),
      ...origin.of(path, config),
      verdict: verdictOf(rule).verdict,
      frame: frameLine(bytes),
      ...(more > 0 && { more }),
    });
  }

  /** How many were not told since the last one; -1: this is not told either. */
  private admit(name: string, at: number): number {
    const told = this.told.get(name) ?? { since: at, count: 0, more: 0 };
    this.told.set(name, told);
    if (at - told.since >= SECOND) Object.assign(told, { since: at, count: 0 });
    if (told.count === AT_MOST) {
      told.more++;
      return -1;
    }
    told.count++;
    const { more } = told;
    told.more = 0;
    return more;
  }
}
