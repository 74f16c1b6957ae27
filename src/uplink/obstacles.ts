// Tables of others that drop what ours lets through: a packet must pass all of them. What they drop in the end is told,
// but for interfaces that they have rules for, in both directions: then somebody has thought of them.

import { legacyForwardDrops } from '../sys/iptables.ts';
import type { NfTablesSocket } from '../sys/nftables.ts';
import { NFPROTO } from '../wire/nf_expressions.ts';
import {
  chainsRequest,
  type ListedChain,
  type ListedRule,
  parseChains,
  parseRules,
  rulesRequest,
} from '../wire/nf_listing.ts';
import { HOOK, NFPROTO_INET } from '../wire/nf_tables.ts';
import { FAMILIES, type Family } from './network.ts';

/** Interfaces of networks that have addresses of a family. */
export type Gateways = Readonly<Record<Family, readonly string[]>>;

/** Families of nftables that see forwarded packets, by the name that nft has for them, and what they see. */
const TABLE_FAMILIES = new Map<number, { name: string; sees: readonly Family[] }>([
  [NFPROTO_INET, { name: 'inet', sees: FAMILIES }],
  [NFPROTO[4], { name: 'ip', sees: [4] }],
  [NFPROTO[6], { name: 'ip6', sees: [6] }],
]);
const IPTABLES = new Map([
  ['ip', 'iptables'],
  ['ip6', 'ip6tables'],
]);
/** Docker leaves this one to the administrator, and asks it first. */
const DOCKER_USER = 'DOCKER-USER';

/** A sentence for each chain in which packets of these networks may end. Throws SysError. */
export function findObstacles(socket: NfTablesSocket, ownTable: string, gateways: Gateways): string[] {
  const chains = [...socket.list(chainsRequest())].flatMap((part) => [...parseChains(part)]);
  const dropping = chains.filter((chain) => chain.table !== ownTable && dropsInTheEnd(socket, chain));
  return dropping.flatMap((chain) => {
    const seen = TABLE_FAMILIES.get(chain.family)?.sees.flatMap((family) => gateways[family]);
    const rules = listRules(socket, { family: chain.family, table: chain.table });
    const strangers = [...new Set(seen)].filter((name) => !isKnown(name, rules));
    return strangers.length === 0 ? [] : [describe(chain, chains, strangers)];
  });
}

/** The same of iptables' old back end, whose rules nobody lists; in the namespace of this process. */
export function findLegacyObstacles(gateways: Gateways): string[] {
  const families = FAMILIES.filter((family) => gateways[family].length > 0 && legacyForwardDrops(family));
  return families.map((family) => {
    const command = family === 4 ? 'iptables-legacy' : 'ip6tables-legacy';
    const commands = acceptCommands(command, 'FORWARD', gateways[family]);
    return sentence(`Chain FORWARD of ${command}`, gateways[family], commands);
  });
}

function dropsInTheEnd(socket: NfTablesSocket, chain: ListedChain): boolean {
  if (chain.hook !== HOOK.forward || !TABLE_FAMILIES.has(chain.family)) return false;
  const last = chain.isPolicyDrop ? undefined : listRules(socket, chain).at(-1);
  return chain.isPolicyDrop || (last?.stops === true && last.isUnconditional);
}

function listRules(
  socket: NfTablesSocket,
  of: { family: number; table: string; name?: string },
): ListedRule[] {
  return [...socket.list(rulesRequest(of))].flatMap((part) => [...parseRules(part)]);
}

function isKnown(name: string, rules: readonly ListedRule[]): boolean {
  const lets = rules.filter(({ stops }) => !stops);
  return (['from', 'to'] as const).every((side) => lets.some(({ interfaces }) => interfaces[side] === name));
}

function describe(chain: ListedChain, all: readonly ListedChain[], interfaces: readonly string[]): string {
  const family = TABLE_FAMILIES.get(chain.family)?.name ?? '';
  const where = `Chain ${chain.name} of nftables' table ${family} ${chain.table}`;
  return sentence(where, interfaces, advice(chain, family, all, interfaces));
}

function sentence(where: string, interfaces: readonly string[], commands: readonly string[]): string {
  const what = `${where} drops what it does not accept itself, and another table's drop cannot be overridden`;
  const help = commands.length === 0 ? '' : `: ${commands.join('; ')}`;
  return `${what}: it must accept ${interfaces.join(', ')}${help}`;
}

function advice(
  { table, name, family: number }: ListedChain,
  family: string,
  all: readonly ListedChain[],
  interfaces: readonly string[],
): string[] {
  const command = IPTABLES.get(family);
  if (table === 'filter' && name === 'FORWARD' && command !== undefined) {
    const isDockers = (one: ListedChain) =>
      one.family === number && one.table === table && one.name === DOCKER_USER;
    return acceptCommands(command, all.some(isDockers) ? DOCKER_USER : name, interfaces);
  }
  if (table !== 'firewalld') return [];
  return interfaces.map((one) => `firewall-cmd --zone=trusted --add-interface=${one}`);
}

function acceptCommands(command: string, chain: string, interfaces: readonly string[]): string[] {
  return interfaces.flatMap((one) =>
    ['-i', '-o'].map((side) => `${command} -I ${chain} ${side} ${one} -j ACCEPT`),
  );
}
