// What access lists must satisfy beyond their shape: that what they name is there, and that a rule says nothing in vain.

import { all, etherTypeOf, maskText, parseMaskedMac } from './acl_match.ts';
import {
  type AclMatchConfig,
  type AclRuleConfig,
  type PlacedAclsConfig,
  VERDICTS,
  verdictOf,
} from './acl_shape.ts';
import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import { ANY, hasRulePorts, isIcmp, parseMember, protocolNumber } from './group_rule.ts';
import { isListener } from './guest_ports.ts';
import type { Path } from './path.ts';
import { checkPolicer } from './policer.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import { suggest } from './suggest.ts';

/** Rules of a switch: their counters lie in memory of this size. */
export const MAX_ACL_RULES = 60_000;
/** Different masks of MAC addresses in a list: each is one more look-up. */
export const MAX_MASKS = 8;
const TCP = 6;

type Report = (path: Path, message: string) => void;

export function checkAcls(config: SwitchConfig, doubts: Doubts, problems: Problem[]): void {
  const acls = config.acls ?? {};
  const report: Report = (path, message) => problems.push({ path, message });
  let rules = 0;
  for (const [name, list] of Object.entries(acls)) {
    rules += list.length;
    for (const [index, rule] of list.entries()) checkRule(rule, ['acls', name, index], report);
    checkMasks(list, ['acls', name], report);
  }
  if (rules > MAX_ACL_RULES) report(['acls'], `${rules} rules; at most ${MAX_ACL_RULES} are possible`);
  const isKnown = (name: string) => Object.hasOwn(acls, name) || doubts.acl(name);
  for (const [bridgeName, bridge] of Object.entries(config.bridges)) {
    for (const [path, placed] of placesOf(bridgeName, bridge)) {
      for (const side of ['in', 'out'] as const) {
        for (const [index, name] of placed[side].entries()) {
          const place = [...path, side, index];
          if (placed[side].indexOf(name) !== index) report(place, `${name} is listed twice`);
          else if (!isKnown(name)) report(place, missing(name, Object.keys(acls)));
          else checkMirrorsOf(acls[name] ?? [], name, bridgeName, bridge, place, report);
        }
      }
    }
  }
}

function missing(name: string, names: readonly string[]): string {
  const meant = suggest(name, [...names]);
  return `there is no access list ${name}${meant === undefined ? ': add it to acls' : `, did you mean ${meant}?`}`;
}

/** Everything in a bridge that has lists, and where. */
function placesOf(name: string, bridge: BridgeConfig): [Path, PlacedAclsConfig][] {
  const places: [Path, PlacedAclsConfig][] = [];
  const add = (path: Path, placed: PlacedAclsConfig | undefined) => {
    if (placed !== undefined) places.push([['bridges', name, ...path, 'acls'], placed]);
  };
  add([], bridge.acls);
  if (bridge.local !== false) add(['local'], bridge.local.acls);
  for (const [vid, vlan] of Object.entries(bridge.vlans)) add(['vlans', vid], vlan.acls);
  for (const [port, own] of Object.entries(bridge.ports)) {
    add(['ports', port], own.acls);
    if (!isListener(own)) continue;
    add(['ports', port, 'template'], own.template?.acls);
    for (const [uid, guest] of Object.entries(own.users ?? {}))
      add(['ports', port, 'users', uid], guest.acls);
  }
  return places;
}

function checkMirrorsOf(
  list: readonly AclRuleConfig[],
  name: string,
  bridgeName: string,
  { mirrors }: BridgeConfig,
  place: Path,
  report: Report,
): void {
  const wanted = new Set(list.flatMap(({ mirror }) => mirror ?? []));
  for (const mirror of wanted) {
    if (Object.hasOwn(mirrors, mirror)) continue;
    report(
      place,
      `rules of ${name} copy frames to the mirror ${mirror}, and bridge ${bridgeName} has none of this name: add it to its mirrors, with from: [] if it is for these rules only`,
    );
  }
}

function checkRule(rule: AclRuleConfig, path: Path, report: Report): void {
  const said = VERDICTS.filter((one) => rule[one] !== undefined);
  if (said.length !== 1) {
    const found = said.length === 0 ? 'none' : said.join(' and ');
    report(path, `expected one of permit, deny and count, found ${found}`);
    return;
  }
  const { verdict, match } = verdictOf(rule);
  for (const key of ['mark', 'police'] as const)
    if (verdict === 'deny' && rule[key] !== undefined)
      report([...path, key], `what is denied goes nowhere: say permit or count, or remove ${key}`);
  if (typeof rule.police === 'object') checkPolicer([...path, 'police'], rule.police, report);
  checkMatch(match, [...path, verdict], report);
}

function checkMatch(match: AclMatchConfig, path: Path, report: Report): void {
  const protocol = protocolNumber(match);
  for (const key of ['ports', 'source_ports'] as const)
    if (match[key] !== undefined && !hasRulePorts(protocol))
      report(
        [...path, key],
        'only tcp, udp and sctp have ports: name one as protocol, or leave this key out',
      );
  if (match.tcp_flags !== undefined && protocol !== TCP)
    report([...path, 'tcp_flags'], 'only tcp has them: say protocol: tcp, or leave this key out');
  if (match.type !== undefined && !isIcmp(protocol))
    report([...path, 'type'], 'only icmp and icmpv6 have types: name one as protocol, or leave this key out');
  if (match.code !== undefined && match.type === undefined)
    report([...path, 'code'], 'a code belongs to a type: say which');
  const transport = (['ports', 'source_ports', 'tcp_flags', 'type'] as const).find(
    (key) => match[key] !== undefined,
  );
  if (match.fragment === 'later' && transport !== undefined)
    report([...path, transport], `no later fragment has it, so nothing would fit: remove it, or fragment`);
  checkFamilies(match, protocol, path, report);
}

/** IPv4, IPv6, or neither: keys that contradict each other fit nothing. */
function checkFamilies(
  match: AclMatchConfig,
  protocol: number | undefined,
  path: Path,
  report: Report,
): void {
  const types = match.ethertype === undefined ? undefined : all(match.ethertype).map(etherTypeOf);
  const families = (key: 'from' | 'to') =>
    new Set(
      all(match[key])
        .filter((text) => text !== ANY)
        .map((text) => parseMember(text)?.address.length),
    );
  const from = families('from');
  const to = families('to');
  const isSplit = from.size === 1 && to.size === 1 && ![...from].some((family) => to.has(family));
  if (isSplit) report([...path, 'to'], 'from and to are of different IP versions, so nothing would fit');
  const needsIp = (['from', 'to', 'protocol', 'dscp', 'fragment'] as const).find(
    (key) => match[key] !== undefined,
  );
  if (needsIp === undefined) return;
  const mayBe = (family: number) => types === undefined || types.includes(family === 4 ? 0x0800 : 0x86dd);
  if (!mayBe(4) && !mayBe(16)) {
    report(
      [...path, needsIp],
      'only IPv4 and IPv6 have it: say one of them as ethertype, or leave one of the keys out',
    );
    return;
  }
  for (const key of ['from', 'to'] as const) {
    for (const text of all(match[key])) {
      const family = parseMember(text)?.address.length;
      if (family === undefined) continue;
      const version = family === 4 ? 4 : 6;
      if (!mayBe(family)) report([...path, key], `${text} is IPv${version}, and ethertype is not`);
      if (isIcmp(protocol) && (protocol === 58) !== (version === 6))
        report(
          [...path, key],
          `${text} is IPv${version}, and ${version === 6 ? 'icmp' : 'icmpv6'} is not: write ${version === 6 ? 'icmpv6' : 'icmp'}`,
        );
    }
  }
}

/** Each mask is a look-up of its own, in which a rule has all its addresses or none. */
function checkMasks(list: readonly AclRuleConfig[], path: Path, report: Report): void {
  const masks = new Set<string>();
  for (const [index, rule] of list.entries()) {
    const { verdict, match } = verdictOf(rule);
    for (const key of ['from_mac', 'to_mac'] as const) {
      const own = new Set(
        all(match[key]).flatMap((text) => {
          const parsed = parseMaskedMac(text);
          return parsed === undefined ? [] : [maskText(parsed)];
        }),
      );
      for (const mask of own) masks.add(`${key} ${mask}`);
      if (own.size > 1)
        report([...path, index, verdict, key], 'a rule has MAC addresses of one mask: write a rule for each');
    }
  }
  if (masks.size > MAX_MASKS)
    report(path, `${masks.size} different masks of MAC addresses; at most ${MAX_MASKS} are possible`);
}
