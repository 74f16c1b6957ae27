// What the parts of a port's quality of service need of each other.

import { parseRate } from './amounts.ts';
import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import type { Path } from './path.ts';
import { checkPolicer } from './policer.ts';
import type { MemberConfig, PortConfig } from './port_shape.ts';
import type { QosConfig, QosMatch } from './qos_shape.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import { LEAD_AWAY } from './shared_uplinks.ts';
import { suggest } from './suggest.ts';

type Report = (keys: Path, message: string) => void;

/** Where quality of service is. */
export interface QosPlace {
  config: SwitchConfig;
  bridge: BridgeConfig;
  doubts: Doubts;
}

/** That of a port or a member, and of what a listening socket makes of its guests. */
export function checkQualities(
  path: Path,
  port: PortConfig | MemberConfig,
  isMember: boolean,
  place: QosPlace,
  problems: Problem[],
): void {
  const one = (keys: Path, of: { qos?: QosConfig }) => {
    if (of.qos === undefined) return;
    const at = [...path, ...keys, 'qos'];
    checkQos(at, of.qos, isMember, place, problems);
    if (of.qos.when_full === undefined) return;
    const message = LEAD_AWAY.has(port.type)
      ? of.qos.shape !== undefined &&
        'a port with a shape is never full: its queues say who waits; remove one of them'
      : `is of uplinks: ${[...LEAD_AWAY].join(', ')} ports; what a guest does not take is dropped`;
    if (message) problems.push({ path: [...at, 'when_full'], message });
  };
  if ('qos' in port) one([], port);
  if (port.type !== 'stream') return;
  if (port.template !== undefined) one(['template'], port.template);
  for (const [uid, guest] of Object.entries(port.users ?? {})) one(['users', uid], guest);
}

function checkQos(path: Path, qos: QosConfig, isMember: boolean, place: QosPlace, problems: Problem[]): void {
  const report = (keys: Path, message: string) => problems.push({ path: [...path, ...keys], message });
  const { shape, classes } = qos;
  checkPolice(qos, isMember, place, report);
  checkPriorities(
    qos,
    isMember,
    place.bridge.vlan_filtering || place.doubts.filtering(String(path[1])),
    report,
  );
  checkMatches(qos, place, report);
  if (shape === undefined) {
    for (const key of ['classes', 'fair', 'limit'] as const) {
      if (qos[key] === undefined) continue;
      report(
        [key],
        'frames wait only where a rate makes them: set shape to the rate of what is behind the port',
      );
    }
    return;
  }
  if (classes === undefined) return;
  for (const key of ['fair', 'limit'] as const) {
    if (qos[key] !== undefined) report([key], 'belongs to each class where there are classes');
  }
  const rate = bits(typeof shape === 'string' ? shape : shape.rate);
  const names = new Set<string>();
  let least = 0;
  classes.forEach(({ name, min, max, priority, weight }, n) => {
    const own = (key: string) => ['classes', n, key] as Path;
    if (names.has(name)) report(own('name'), `there is a class ${name} before`);
    names.add(name);
    if (priority !== undefined && weight !== undefined)
      report(own('weight'), 'a class with a priority goes before those with a weight: remove one of them');
    if (priority !== undefined && min !== undefined)
      report(
        own('min'),
        'a class with a priority goes before every minimum: give min to the others, and max to it',
      );
    if (max !== undefined && bits(max) > rate) report(own('max'), `${max} is more than the port has`);
    if (min !== undefined && max !== undefined && bits(min) > bits(max))
      report(own('min'), `${min} is more than its max, ${max}`);
    least += min === undefined ? 0 : bits(min);
  });
  if (least > rate) report(['classes'], `their minima are ${least} bit/s together, and the port has ${rate}`);
  const open = classes.flatMap(({ match }, n) => (match === undefined ? [n] : []));
  for (const n of open.slice(0, -1))
    report(['classes', n, 'match'], 'missing; only one class takes what no other does');
}

/** A member's frames are its aggregate's, and a bridge that filters no VLANs leaves tags as they are. */
function checkPriorities(qos: QosConfig, isMember: boolean, isAware: boolean, report: Report): void {
  const { trust, dscp_map, rewrite } = qos;
  for (const key of ['trust', 'priority', 'pcp_coding', 'dscp_map', 'rewrite'] as const)
    if (isMember && qos[key] !== undefined)
      report([key], "frames are the aggregate's once they came in: only ports of a bridge have priorities");
  if (dscp_map !== undefined && trust !== 'dscp') report(['dscp_map'], 'is asked only with trust: dscp');
  if (isAware) return;
  if (rewrite?.pcp !== undefined || rewrite?.dei === false)
    report(
      ['rewrite'],
      'tags pass untouched in a bridge that filters no VLANs: set vlan_filtering, or rewrite dscp',
    );
}

function checkMatches({ classes = [] }: QosConfig, place: QosPlace, report: Report): void {
  classes.forEach(({ match }, n) => {
    checkGroups(['classes', n, 'match', 'group'], match, place, report);
  });
}

/** Groups that a match names. */
function checkGroups(
  path: Path,
  match: QosMatch | undefined,
  { config, doubts }: QosPlace,
  report: Report,
): void {
  const names = Object.keys(config.groups ?? {});
  const group = match?.group;
  for (const name of group === undefined ? [] : typeof group === 'string' ? [group] : group) {
    if (names.includes(name) || doubts.group(name)) continue;
    const meant = suggest(name, names);
    const help = meant === undefined ? ': add it to groups' : `, did you mean ${meant}?`;
    report(path, `there is no group ${name}${help}`);
  }
}

function bits(text: string): number {
  return parseRate(text)?.amount ?? 0;
}

function checkPolice({ police }: QosConfig, isMember: boolean, place: QosPlace, report: Report): void {
  if (police !== undefined && isMember)
    report(['police'], "frames are the aggregate's once they came in: only ports of a bridge are policed");
  for (const direction of ['in', 'out'] as const) {
    const said = police?.[direction];
    if (said === undefined || typeof said === 'string') continue;
    if (!Array.isArray(said)) {
      checkPolicer(['police', direction], said, report);
      continue;
    }
    said.forEach((one, n) => {
      const path = ['police', direction, n];
      checkPolicer(path, one, report);
      checkGroups([...path, 'match', 'group'], one.match, place, report);
      if (one.match === undefined && n < said.length - 1)
        report([...path, 'match'], 'missing; only the last policer of a list takes what no other does');
    });
  }
}
