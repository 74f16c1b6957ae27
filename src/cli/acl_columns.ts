// Columns of what `taploom acl` lists.

import { si } from '../amount.ts';
import type { AclPlace, AclRuleStatus, AclStatus } from '../api.ts';
import { lineText } from '../config/rule_lines.ts';
import type { Columns } from './list.ts';

export const ACL_COLUMNS: Columns<AclStatus> = {
  acl: { title: 'ACL', value: ({ name }) => name },
  rules: { title: 'RULES', value: ({ rules }) => rules, right: true },
  permitted: {
    title: 'PERMITTED',
    value: ({ permitted }) => permitted,
    text: ({ permitted }) => si(permitted),
    right: true,
  },
  denied: { title: 'DENIED', value: ({ denied }) => denied, text: ({ denied }) => si(denied), right: true },
  places: { title: 'PLACES', value: ({ places }) => places.map(placeText).join(', ') },
};

/** A rule, and the list that it is of. */
export type ListedRule = AclRuleStatus & { acl: string };

export const ACL_RULE_COLUMNS: Columns<ListedRule> = {
  acl: { title: 'ACL', value: ({ acl }) => acl },
  rule: { title: 'RULE', value: ({ rule }) => rule ?? 'end', right: true },
  verdict: { title: 'VERDICT', value: ({ verdict }) => verdict },
  match: { title: 'MATCH', value: ({ match }) => brief(match) },
  does: { title: 'DOES', value: doesText },
  frames: { title: 'FRAMES', value: ({ frames }) => frames, text: ({ frames }) => si(frames), right: true },
  bytes: { title: 'BYTES', value: ({ bytes }) => bytes, text: ({ bytes }) => si(bytes), right: true },
  // A directory would leave no room for the line.
  line: { title: 'LINE', value: lineOf, text: (rule) => lineOf(rule)?.replace(/^.*\//, '') ?? '' },
};

/** Of a table: without lines, if no rule came from a file. */
export function shownRuleColumns(rules: readonly ListedRule[]): Columns<ListedRule> {
  if (rules.some((rule) => lineOf(rule) !== undefined)) return ACL_RULE_COLUMNS;
  const { line: _, ...rest } = ACL_RULE_COLUMNS;
  return rest;
}

/** `office.yaml:7` */
function lineOf({ file, line }: ListedRule): string | undefined {
  return file === undefined || line === undefined ? undefined : lineText({ file, line });
}

function placeText({ bridge, port, vlan, side }: AclPlace): string {
  const where = port ?? (vlan === undefined ? bridge : `${bridge} VLAN ${vlan}`);
  return `${where} ${side}`;
}

function doesText({ mark, mirror, police, log, exceeded }: ListedRule): string | undefined {
  const parts = [
    mark === undefined ? [] : [`mark ${mark}`],
    mirror === undefined ? [] : [`mirror ${mirror}`],
    police === undefined ? [] : [`police ${brief(police)} (${exceeded ?? 0} over)`],
    log === true ? ['log'] : [],
  ].flat();
  return parts.length === 0 ? undefined : parts.join(', ');
}

/** `protocol: tcp, ports: [80, 443]` */
function brief(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(brief).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${key}: ${brief(item)}`)
    .join(', ');
}
