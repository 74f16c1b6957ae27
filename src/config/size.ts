// Bounds on how much a configuration says, looked at before anything else. What lies beyond could not come into force
// anyway, and judging each of a million keys would keep the control plane from everybody else.

import { MAX_PORTS } from '../frame/hop.ts';
import type { Problem } from './config_error.ts';
import { MAX_MIRRORS } from './mirrors.ts';
import type { Path } from './path.ts';

/** Keys of one mapping whose keys are fixed: more than there are, so that a few unknown ones are still told by name. */
const MAX_KEYS = 1000;
/** VLAN ids and ranges of one list, as many as there are VLANs. */
const MAX_VLANS = 4094;
/** Remotes of a port: table/remotes.ts has room for fewer in all. */
const MAX_REMOTES = 65_536;
/** Static entries of a bridge: some 4 MiB of text, which is what a request may have. */
const MAX_STATICS = 65_536;

/** Routes of a router, and neighbours or addresses of an interface. */
const MAX_ROUTES = 65_536;

/** Security groups, and rules of one in a direction, addresses of one, and groups of a port. */
const MAX_GROUPS = 4096;
const MAX_RULES = 16_384;
const MAX_ADDRESSES = 65_536;

/** What is too large to be judged; empty = nothing is. Looks at every mapping and list once, and at no value. */
export function tooLarge(input: unknown): Problem[] {
  const problems: Problem[] = [];
  const atMost = (limit: number, value: unknown, path: Path, what: string) => {
    const count = Array.isArray(value) ? value.length : Object.keys(mapping(value)).length;
    if (count > limit) problems.push({ path, message: `${count} ${what}; at most ${limit} are possible` });
    return count <= limit;
  };
  const vlans = (value: unknown, path: Path) => {
    const { trunk, translate, tunnel } = mapping(mapping(value).vlan);
    const isFew = (list: unknown, ...keys: Path) =>
      atMost(MAX_VLANS, list, [...path, 'vlan', ...keys], 'VLAN ids and ranges');
    isFew(trunk, 'trunk');
    isFew(translate, 'translate');
    if (isFew(tunnel, 'tunnel'))
      for (const [vlan, list] of Object.entries(mapping(tunnel))) isFew(list, 'tunnel', vlan);
  };

  if (!atMost(MAX_KEYS, input, [], 'keys')) return problems;
  const { bridges, routers, groups, acls } = mapping(input);
  if (!atMost(MAX_GROUPS, acls, ['acls'], 'access lists')) return problems;
  for (const [name, rules] of Object.entries(mapping(acls))) {
    if (!atMost(MAX_RULES, rules, ['acls', name], 'rules') || !Array.isArray(rules)) continue;
    for (const [index, rule] of rules.entries()) {
      for (const [verdict, match] of Object.entries(mapping(rule))) {
        const place = ['acls', name, index, verdict];
        if (!atMost(MAX_KEYS, mapping(match), place, 'keys')) continue;
        for (const [key, value] of Object.entries(mapping(match)))
          atMost(MAX_KEYS, listOf(value), [...place, key], 'entries');
      }
    }
  }
  if (!atMost(MAX_GROUPS, groups, ['groups'], 'groups')) return problems;
  for (const [name, group] of Object.entries(mapping(groups))) {
    const path = ['groups', name];
    const { members } = mapping(group);
    atMost(MAX_KEYS, group, path, 'keys');
    atMost(MAX_ADDRESSES, members, [...path, 'members'], 'addresses');
    for (const side of ['in', 'out']) {
      const rules = mapping(group)[side];
      if (!atMost(MAX_RULES, rules, [...path, side], 'rules') || !Array.isArray(rules)) continue;
      for (const [index, rule] of rules.entries()) {
        for (const key of ['ports', 'from', 'to'])
          atMost(MAX_KEYS, listOf(mapping(rule)[key]), [...path, side, index, key], 'entries');
      }
    }
  }
  if (!atMost(MAX_PORTS, routers, ['routers'], 'routers')) return problems;
  for (const [name, router] of Object.entries(mapping(routers))) {
    const path = ['routers', name];
    const { interfaces, routes } = mapping(router);
    atMost(MAX_KEYS, router, path, 'keys');
    atMost(MAX_ROUTES, routes, [...path, 'routes'], 'routes');
    if (!atMost(MAX_PORTS, interfaces, [...path, 'interfaces'], 'interfaces')) continue;
    for (const [own, value] of Object.entries(mapping(interfaces))) {
      const place = [...path, 'interfaces', own];
      atMost(MAX_KEYS, value, place, 'keys');
      atMost(MAX_KEYS, mapping(value).address, [...place, 'address'], 'addresses');
      atMost(MAX_ROUTES, mapping(value).neighbours, [...place, 'neighbours'], 'neighbours');
    }
  }
  if (!atMost(2 * MAX_PORTS, bridges, ['bridges'], 'bridges')) return problems;
  let ports = 0;
  for (const [name, bridge] of Object.entries(mapping(bridges))) {
    const path = ['bridges', name];
    if (!atMost(MAX_KEYS, bridge, path, 'keys')) continue;
    const { local, static: entries, mirrors, vlans: settings, ports: own } = mapping(bridge);
    vlans(local, [...path, 'local']);
    atMost(MAX_KEYS, local, [...path, 'local'], 'keys');
    atMost(MAX_STATICS, entries, [...path, 'static'], 'static entries');
    if (atMost(MAX_VLANS, settings, [...path, 'vlans'], 'VLANs')) {
      for (const [vid, value] of Object.entries(mapping(settings))) {
        const place = [...path, 'vlans', vid, 'private', 'communities'];
        atMost(MAX_VLANS, mapping(mapping(value).private).communities, place, 'VLAN ids');
      }
    }
    if (atMost(MAX_MIRRORS, mirrors, [...path, 'mirrors'], 'mirrors')) {
      for (const [mirror, value] of Object.entries(mapping(mirrors))) {
        const { from, vlans: vids } = mapping(value);
        atMost(MAX_PORTS, from, [...path, 'mirrors', mirror, 'from'], 'ports');
        atMost(MAX_VLANS, vids, [...path, 'mirrors', mirror, 'vlans'], 'VLAN ids');
      }
    }
    ports += Object.keys(mapping(own)).length;
    if (ports >= MAX_PORTS) continue;
    for (const [portName, port] of Object.entries(mapping(own))) {
      const portPath = [...path, 'ports', portName];
      vlans(port, portPath);
      atMost(MAX_KEYS, port, portPath, 'keys');
      atMost(MAX_KEYS, listOf(mapping(port).groups), [...portPath, 'groups'], 'groups');
      atMost(MAX_REMOTES, mapping(port).remotes, [...portPath, 'remotes'], 'remotes');
      atMost(MAX_KEYS, mapping(port).members, [...portPath, 'members'], 'members');
    }
  }
  if (ports >= MAX_PORTS) {
    const message = `${ports} ports; at most ${MAX_PORTS - 1} are possible`;
    problems.push({ path: ['bridges'], message });
  }
  return problems;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

type Mapping = Readonly<Record<string, unknown>>;
const NOTHING: Mapping = {};

function mapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : NOTHING;
}
