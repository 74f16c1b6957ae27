// What security groups must satisfy beyond their shape: that whom they name is there, and that a rule says nothing in vain.

import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import { hasRulePorts, isIcmp, parseMember, parsePeer, peersOf, protocolNumber } from './group_rule.ts';
import type { GroupConfig, GroupRuleConfig } from './group_shape.ts';
import { isListener } from './guest_ports.ts';
import type { Path } from './path.ts';
import type { PortConfig } from './port_shape.ts';
import type { SwitchConfig } from './shape.ts';
import { suggest } from './suggest.ts';

type Report = (path: Path, message: string) => void;
const SIDES = ['in', 'out'] as const;

export function checkGroups(config: SwitchConfig, doubts: Doubts, problems: Problem[]): void {
  const groups = config.groups ?? {};
  const names = Object.keys(groups);
  const report: Report = (path, message) => problems.push({ path, message });
  const isKnown = (name: string) => Object.hasOwn(groups, name) || doubts.group(name);
  const missing = (name: string) => {
    const meant = suggest(name, names);
    return `there is no group ${name}${meant === undefined ? ': add it to groups' : `, did you mean ${meant}?`}`;
  };
  for (const [name, group] of Object.entries(groups)) {
    for (const side of SIDES) {
      const rules = group[side];
      if (rules === 'any') continue;
      for (const [index, rule] of rules.entries()) {
        const path = ['groups', name, side, index];
        checkRule(rule, side, path, report);
        for (const text of peersOf(rule, side)) {
          const peer = parsePeer(text);
          if (typeof peer === 'object' && 'group' in peer && !isKnown(peer.group))
            report([...path, side === 'in' ? 'from' : 'to'], missing(peer.group));
        }
      }
    }
    checkMembers(name, group, report);
  }
  const check = (path: Path, list: string[]) => {
    for (const [index, name] of list.entries()) {
      if (list.indexOf(name) !== index) report([...path, index], `${name} is listed twice`);
      else if (!isKnown(name)) report([...path, index], missing(name));
    }
  };
  for (const [bridge, { local, ports }] of Object.entries(config.bridges)) {
    if (local !== false) check(['bridges', bridge, 'local', 'groups'], local.groups ?? []);
    for (const [port, own] of Object.entries(ports))
      for (const [place, list] of listsOf(own)) check(['bridges', bridge, 'ports', port, ...place], list);
  }
}

/** Lists of groups of a port, and of the guests of a listening one. */
function listsOf(port: PortConfig): [Path, string[]][] {
  const lists: [Path, string[]][] = [];
  const add = (place: Path, list: string[] | undefined) => {
    if (list !== undefined) lists.push([[...place, 'groups'], list]);
  };
  add([], port.groups);
  if (!isListener(port)) return lists;
  add(['template'], port.template?.groups);
  for (const [uid, guest] of Object.entries(port.users ?? {})) add(['users', uid], guest.groups);
  return lists;
}

function checkRule(rule: GroupRuleConfig, side: 'in' | 'out', path: Path, report: Report): void {
  const protocol = protocolNumber(rule);
  const wrong = side === 'in' ? 'to' : 'from';
  if (rule[wrong] !== undefined)
    report(
      [...path, wrong],
      side === 'in'
        ? 'an in rule says where packets come from, they go to the port itself: write from'
        : 'an out rule says where packets go, they come from the port itself: write to',
    );
  if (rule.ports !== undefined && !hasRulePorts(protocol))
    report(
      [...path, 'ports'],
      'only tcp, udp and sctp have ports: name one as protocol, or leave this key out',
    );
  if (rule.type !== undefined && !isIcmp(protocol))
    report([...path, 'type'], 'only icmp and icmpv6 have types: name one as protocol, or leave this key out');
  for (const text of peersOf(rule, side)) {
    const peer = parsePeer(text);
    if (typeof peer !== 'object' || !('prefix' in peer) || !isIcmp(protocol)) continue;
    const isV6 = peer.prefix.address.length === 16;
    if (isV6 !== (protocol === 58))
      report(
        [...path, side === 'in' ? 'from' : 'to'],
        `${text} is IPv${isV6 ? 6 : 4}, and ${isV6 ? 'icmp' : 'icmpv6'} is not: write ${isV6 ? 'icmpv6' : 'icmp'}`,
      );
  }
}

function checkMembers(name: string, { members }: GroupConfig, report: Report): void {
  const seen = new Set<string>();
  for (const [index, text] of members.entries()) {
    const { address, bits } = parseMember(text) ?? {};
    const key = `${address?.join()}/${bits}`;
    if (seen.has(key)) report(['groups', name, 'members', index], `${text} is listed twice`);
    seen.add(key);
  }
}
