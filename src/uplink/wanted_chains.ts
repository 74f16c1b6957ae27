// The chains that let guests out through the host's kernel, and nothing else in. A verdict to accept is this table's: what
// another table drops stays dropped.
//
//   forward: host-only networks | answers | published ports | guests out | routed networks in | what is newly forwarded
//   postrouting: guests of `nat` leave as the host, or as a given address     prerouting, output: published ports
//
// A chain's order is what it says: each part relies on those before it.

import { ipFamily } from '../wire/ip_address.ts';
import { type IpPrefix, parsePrefix } from '../wire/ip_prefix.ts';
import {
  addressIn,
  counter,
  destinationTo,
  familyIs,
  interfaceIs,
  isAnswer,
  isDestinationTranslated,
  isInvalid,
  isToHost,
  masquerade,
  portIs,
  type Statement,
  sourceTo,
  verdict,
} from '../wire/nf_expressions.ts';
import { type NfChain, type NfRule, PRIORITY } from '../wire/nf_tables.ts';
import {
  FAMILIES,
  type Family,
  type HostNetwork,
  leadsOut,
  type PublishedPort,
  subnetsOf,
} from './network.ts';

/** An interface by which the outside is reached. */
export interface Uplink {
  name: string;
  family: Family;
  /** It forwards because of us alone: what came in there went nowhere before. */
  isNew: boolean;
}

const LOOPBACK = { 4: parsePrefix('127.0.0.0/8') as IpPrefix, 6: parsePrefix('::1/128') as IpPrefix };

/** No chains: there is nothing to let out or to keep in. */
export function wantedChains(networks: readonly HostNetwork[], uplinks: readonly Uplink[]): NfChain[] {
  const ofHost = networks.filter(({ mode }) => mode !== 'isolated');
  if (ofHost.length === 0) return [];
  const filter = forwardRules(ofHost, uplinks);
  const guests = ofHost.filter(leadsOut);
  const source = guests.flatMap((network) => sourceRules(network, exitsOf(network, guests, uplinks)));
  const chains: NfChain[] = [
    { name: 'forward', type: 'filter', hook: 'forward', priority: PRIORITY.filter, rules: filter },
    { name: 'postrouting', type: 'nat', hook: 'postrouting', priority: PRIORITY.srcnat, rules: source },
  ];
  for (const hook of ['prerouting', 'output'] as const) {
    const rules = guests.flatMap((network) =>
      network.publish.map((port) => publishRule(network, port, hook)),
    );
    chains.push({ name: hook, type: 'nat', hook, priority: PRIORITY.dstnat, rules });
  }
  return chains.filter(({ rules }) => rules.length > 0);
}

function forwardRules(networks: readonly HostNetwork[], uplinks: readonly Uplink[]): NfRule[] {
  const guests = networks.filter(leadsOut);
  const routed = guests.filter(({ mode }) => mode === 'routed');
  return [
    ...networks.filter((network) => !leadsOut(network)).flatMap(hostOnlyRules),
    ...guests.filter(({ mode }) => mode === 'nat').map(invalidRule),
    ...guests.flatMap(answerRules),
    ...guests.flatMap((network) => network.publish.map((port) => publishedRule(network, port))),
    ...guests.flatMap((network) => outRules(network, exitsOf(network, guests, uplinks))),
    ...guests.map(({ interface: name }) => dropRule(`other from ${name}`, interfaceIs('iifname', name))),
    ...routed.flatMap(inRules),
    ...guests.map(({ interface: name }) => dropRule(`other to ${name}`, interfaceIs('oifname', name))),
    ...uplinks.filter(({ isNew }) => isNew).flatMap(uplinkRules),
  ];
}

function hostOnlyRules({ interface: name }: HostNetwork): NfRule[] {
  return [
    dropRule(`host-only ${name}`, interfaceIs('iifname', name)),
    dropRule(`host-only ${name}`, interfaceIs('oifname', name)),
  ];
}

function invalidRule({ interface: name }: HostNetwork): NfRule {
  return dropRule(`invalid from ${name}`, interfaceIs('iifname', name), isInvalid());
}

function answerRules({ interface: name }: HostNetwork): NfRule[] {
  return [
    acceptRule(`answers from ${name}`, interfaceIs('iifname', name), isAnswer()),
    acceptRule(`answers to ${name}`, interfaceIs('oifname', name), isAnswer()),
  ];
}

function publishedRule(
  { interface: name }: HostNetwork,
  { protocol, port, to, toPort }: PublishedPort,
): NfRule {
  const guest = { address: to, bits: to.length * 8 };
  return acceptRule(
    `published ${protocol}/${port}`,
    interfaceIs('oifname', name),
    addressIn('daddr', guest),
    portIs(protocol, toPort),
    isDestinationTranslated(),
  );
}

/** An interface that guests of the network leave by, for packets of one family. */
interface Exit {
  name: string;
  family: Family;
}

function exitsOf(from: HostNetwork, guests: readonly HostNetwork[], uplinks: readonly Uplink[]): Exit[] {
  const routed = guests.filter((network) => network.mode === 'routed' && network !== from);
  const inside = routed.flatMap((network) => FAMILIES.map((family) => ({ name: network.interface, family })));
  return [...uplinks, ...inside];
}

/** Each subnet with each interface by which its packets may leave. */
function ways(network: HostNetwork, exits: readonly Exit[]): { subnet: IpPrefix; exit: string }[] {
  return exits.flatMap(({ name, family }) =>
    subnetsOf(network, family).map((subnet) => ({ subnet, exit: name })),
  );
}

function outRules(network: HostNetwork, exits: readonly Exit[]): NfRule[] {
  const from = interfaceIs('iifname', network.interface);
  return ways(network, exits).map(({ subnet, exit }) =>
    acceptRule(`out of ${network.interface}`, from, interfaceIs('oifname', exit), addressIn('saddr', subnet)),
  );
}

function inRules(network: HostNetwork): NfRule[] {
  const to = interfaceIs('oifname', network.interface);
  return network.subnets.map((subnet) =>
    acceptRule(`into ${network.interface}`, to, addressIn('daddr', subnet)),
  );
}

/** What the outside could send through this host to others, since the interface forwards. NAT of others is theirs. */
function uplinkRules({ name, family }: Uplink): NfRule[] {
  const from = interfaceIs('iifname', name);
  return [
    acceptRule(`answers by ${name}`, from, familyIs(family), isAnswer()),
    acceptRule(`translated by ${name}`, from, familyIs(family), isDestinationTranslated()),
    dropRule(`other by ${name}`, from, familyIs(family)),
  ];
}

function sourceRules(network: HostNetwork, exits: readonly Exit[]): NfRule[] {
  const name = network.interface;
  const out = network.mode === 'nat' ? ways(network, exits) : [];
  const translation = (subnet: IpPrefix) => {
    const given = network.as?.find((address) => address.length === subnet.address.length);
    return given === undefined ? masquerade() : sourceTo(given);
  };
  const published = FAMILIES.filter((family) => network.publish.some(({ to }) => ipFamily(to) === family));
  return [
    ...out.map(({ subnet, exit }) =>
      rule(
        `guests of ${name}`,
        addressIn('saddr', subnet),
        interfaceIs('oifname', exit),
        translation(subnet),
      ),
    ),
    // A guest that asks another one by a published port must be answered by the same way.
    ...published.flatMap((family) =>
      subnetsOf(network, family).map((subnet) =>
        rule(
          `${name} to itself`,
          addressIn('saddr', subnet),
          interfaceIs('oifname', name),
          isDestinationTranslated(),
          masquerade(),
        ),
      ),
    ),
  ];
}

/** The gateway's own address stays the host's, and so does the loopback, whose packets can leave for no guest. */
function publishRule(
  network: HostNetwork,
  { protocol, port, to, toPort }: PublishedPort,
  hook: 'prerouting' | 'output',
): NfRule {
  const family = ipFamily(to);
  const kept = [...subnetsOf(network, family), ...(hook === 'output' ? [LOOPBACK[family]] : [])];
  return rule(
    `published ${protocol}/${port}`,
    ...kept.map((prefix) => addressIn('daddr', prefix, true)),
    isToHost(),
    portIs(protocol, port),
    counter(),
    destinationTo(to, toPort),
  );
}

function acceptRule(comment: string, ...statements: Statement[]): NfRule {
  return rule(comment, ...statements, verdict('accept'));
}

/** Counted, for who wonders where packets go. */
function dropRule(comment: string, ...statements: Statement[]): NfRule {
  return rule(comment, ...statements, counter(), verdict('drop'));
}

function rule(comment: string, ...statements: Statement[]): NfRule {
  return { comment, statements };
}
