// The rules of NAT, beyond their shape: what they lead to has to be possible.

import { ipv4Number } from '../wire/ip_address.ts';
import { MAX_POOL, parseDestination, parsePool, parseSource, parseTarget } from './nat_rule.ts';
import type { NatRuleConfig } from './nat_shape.ts';
import type { RouterInterface } from './router_interfaces.ts';
import type { RouterConfig } from './router_shape.ts';
import { show } from './show.ts';

type Report = (path: (string | number)[], message: string) => void;

const POOL = 'interface, an address, a range (192.0.2.9-192.0.2.12) or a subnet outside';

/** Of `to`: the address of the interface by which a packet leaves. */
export const TO_INTERFACE = 'interface';

export function checkNat(
  { nat }: Pick<RouterConfig, 'nat'>,
  interfaces: readonly RouterInterface[],
  report: Report,
): void {
  const published = new Map<string, number>();
  for (const [index, rule] of nat.entries()) {
    const tell: Report = (path, message) => report(['nat', index, ...path], message);
    if (rule.source !== undefined) checkSource(rule, interfaces, tell);
    else if (rule.destination !== undefined) checkDestination(rule, rule.destination, tell);
    else if (rule.one_to_one !== undefined) checkPair(rule, rule.one_to_one, tell);
    if (rule.via !== undefined && !interfaces.some(({ name }) => name === rule.via))
      tell(['via'], `this router has no interface ${rule.via}`);
    const what = rule.source ?? rule.destination ?? rule.one_to_one;
    const key = `${what} ${rule.via} ${rule.protocol}`;
    const other = published.get(key);
    if (what !== undefined && other !== undefined)
      tell([], `nat[${other}] is about ${what}, too: the first rule that fits decides, so leave one out`);
    else published.set(key, index);
  }
}

function checkSource(rule: NatRuleConfig, interfaces: readonly RouterInterface[], report: Report): void {
  const { to } = rule;
  if (to === TO_INTERFACE) {
    const has4 = ({ addresses, config }: RouterInterface) =>
      config.dhcp || addresses.some(({ bytes }) => bytes.length === 4);
    const via = interfaces.filter(({ name }) => rule.via === undefined || name === rule.via);
    if (via.length > 0 && !via.some(has4))
      report(
        ['to'],
        'no interface by which it could leave has an IPv4 address: give one, or write addresses here',
      );
    return;
  }
  if (parsePool(to) === undefined)
    report(['to'], `${show(to)} is not ${POOL}, of at most ${MAX_POOL.toLocaleString('en-US')} addresses`);
  if (rule.protocol === 'icmp' && rule.ports !== undefined)
    report(['ports'], 'ICMP has identifiers, no ports: leave this key out');
}

function checkDestination(rule: NatRuleConfig, text: string, report: Report): void {
  unused(rule, ['via', 'protocol', 'ports', 'mapping', 'filtering', 'private'], 'a destination rule', report);
  const { ports } = parseDestination(text) ?? {};
  const target = parseTarget(rule.to);
  if (target === undefined)
    report(['to'], `${show(rule.to)} is not the address of a guest, with or without a port: 10.0.1.5:80`);
  else if (target.port !== undefined && ports === undefined)
    report(
      ['to'],
      `${text} has no ports: leave :${target.port} out, or name a port there, as tcp/${text}:80`,
    );
  else if (
    target.port !== undefined &&
    ports !== undefined &&
    target.port + ports.last - ports.first > 65_535
  )
    report(
      ['to'],
      `a range of ${ports.last - ports.first + 1} ports does not fit behind port ${target.port}`,
    );
}

function checkPair(rule: NatRuleConfig, text: string, report: Report): void {
  unused(rule, ['protocol', 'ports', 'mapping', 'filtering', 'private'], 'a one-to-one rule', report);
  const inside = parseSource(text);
  const outside = parseSource(rule.to);
  if (outside === undefined)
    report(['to'], `${show(rule.to)} is not an IPv4 address or subnet outside, such as 192.0.2.5`);
  else if (inside !== undefined && inside.prefix !== outside.prefix)
    report(
      ['to'],
      `${text} and ${rule.to} are not of the same size: one to one needs as many addresses on both sides`,
    );
  else if (outside.prefix < 16) report(['to'], `${rule.to} has more than 65,536 addresses`);
}

function unused(rule: NatRuleConfig, keys: (keyof NatRuleConfig)[], what: string, report: Report): void {
  for (const key of keys)
    if (rule[key] !== undefined) report([key], `${what} has no such choice: leave this key out`);
}

/** IPv4 addresses of interfaces, unsigned. */
export function ownAddresses(interfaces: readonly RouterInterface[]): Set<number> {
  return new Set(
    interfaces.flatMap(({ addresses }) =>
      addresses.filter(({ bytes }) => bytes.length === 4).map(({ bytes }) => ipv4Number(bytes)),
    ),
  );
}
