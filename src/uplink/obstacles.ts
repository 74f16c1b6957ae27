// Tables of others that drop what ours lets through: in nftables a packet must pass all of them.

import type { NfTablesSocket } from '../sys/nftables.ts';
import { NFPROTO } from '../wire/nf_expressions.ts';
import {
  chainsRequest,
  type ListedChain,
  parseChains,
  parseStops,
  rulesRequest,
} from '../wire/nf_listing.ts';
import { HOOK, NFPROTO_INET } from '../wire/nf_tables.ts';

/** As nft names families that see forwarded packets. */
const FAMILY_NAMES = new Map<number, string>([
  [NFPROTO_INET, 'inet'],
  [NFPROTO[4], 'ip'],
  [NFPROTO[6], 'ip6'],
]);
const IPTABLES = new Map([
  ['ip', 'iptables'],
  ['ip6', 'ip6tables'],
]);
/** Docker leaves this one to the administrator, and asks it first. */
const DOCKER_USER = 'DOCKER-USER';

/** A sentence for each chain in which packets of these interfaces may end. Throws SysError. */
export function findObstacles(
  socket: NfTablesSocket,
  ownTable: string,
  interfaces: readonly string[],
): string[] {
  const chains = [...socket.list(chainsRequest())].flatMap((part) => [...parseChains(part)]);
  return chains
    .filter((chain) => FAMILY_NAMES.has(chain.family) && chain.table !== ownTable)
    .filter((chain) => chain.hook === HOOK.forward && (chain.isPolicyDrop || endsWithStop(socket, chain)))
    .map((chain) => describe(chain, chains, interfaces));
}

function endsWithStop(socket: NfTablesSocket, chain: ListedChain): boolean {
  const stops = [...socket.list(rulesRequest(chain))].flatMap((part) => [...parseStops(part)]);
  return stops.at(-1) === true;
}

function describe(chain: ListedChain, all: readonly ListedChain[], interfaces: readonly string[]): string {
  const family = FAMILY_NAMES.get(chain.family) ?? '';
  return (
    `Chain ${chain.name} of nftables' table ${family} ${chain.table} drops what it does not accept itself, and ` +
    `another table's drop cannot be overridden: it must accept ${interfaces.join(', ')}${advice(chain, family, all, interfaces)}`
  );
}

function advice(
  { table, name, family: number }: ListedChain,
  family: string,
  all: readonly ListedChain[],
  interfaces: readonly string[],
): string {
  const command = IPTABLES.get(family);
  if (table === 'filter' && name === 'FORWARD' && command !== undefined) {
    const hasDocker = all.some(
      (one) => one.family === number && one.table === table && one.name === DOCKER_USER,
    );
    const chain = hasDocker ? DOCKER_USER : name;
    return `: ${commands(interfaces, (one) => [`${command} -I ${chain} -i ${one} -j ACCEPT`, `${command} -I ${chain} -o ${one} -j ACCEPT`])}`;
  }
  if (table !== 'firewalld') return '';
  return `: ${commands(interfaces, (one) => [`firewall-cmd --zone=trusted --add-interface=${one}`])}`;
}

function commands(interfaces: readonly string[], of: (name: string) => string[]): string {
  return interfaces.flatMap(of).join('; ');
}
