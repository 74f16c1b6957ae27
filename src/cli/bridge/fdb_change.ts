// `bridge fdb add`, `append`, `replace` and `del`: static entries of a bridge, and the remotes of a tunnel.

import type { FdbEntry } from '../../api.ts';
import { portVlans, primaryOf, privateVlans } from '../../config/private_vlans.ts';
import { explained, refused } from './failure.ts';
import { type Named, named } from './fdb_named.ts';
import { ZERO } from './fdb_rows.ts';
import type { Context, Port } from './scene.ts';
import type { Words } from './words.ts';

const PAGE = 10_000;

export function fdbChange(
  how: 'add' | 'append' | 'replace',
): (context: Context, words: Words) => Promise<void> {
  return async (context, words) => {
    const entry = await named(context, words, true);
    const { mac, device, dst, isSelf } = entry;
    if (isSelf && dst === undefined) throw refused('Invalid argument');
    if (mac === ZERO) {
      if (!isSelf || dst === undefined) throw refused('Invalid argument');
      return setRemotes(context, device, dst, how);
    }
    const { bridge, name } = device;
    const vlans = vlansOf(entry);
    const known = await entries(context, { bridge, mac });
    for (const vlan of vlans) {
      const isThere = known.some((other) => other.vlan === (vlan ?? 0));
      if (how === 'add' && isThere) throw refused('File exists');
    }
    for (const vlan of vlans) {
      const added = context.client.putStatic({ bridge, mac, port: name, vlan, remote: dst });
      await added.catch((error) => Promise.reject(explained(error)));
    }
  };
}

/** Without one in a bridge that filters VLANs: all of the port. */
function vlansOf({ device, vlan }: Named): (number | undefined)[] {
  const { bridgeConfig, config } = device;
  if (!bridgeConfig.vlan_filtering) {
    if (vlan !== undefined) throw refused('Invalid argument');
    return [undefined];
  }
  const vlans = privateVlans(bridgeConfig);
  const { tagged, untagged } = portVlans(vlans, config.vlan);
  const ranges = [...untagged, ...tagged];
  if (vlan === undefined) {
    const all = ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
    // Addresses of a private VLAN are its primary's.
    return vlans.size === 0 ? all : [...new Set(all.map((vid) => primaryOf(vlans, vid)))];
  }
  if (!ranges.some(({ from, to }) => from <= vlan && vlan <= to)) throw refused('Invalid argument');
  return [vlan];
}

async function setRemotes({ client }: Context, device: Port, dst: string, how: string): Promise<void> {
  const { config, bridge, name } = device;
  const remotes = config.type === 'vxlan' ? config.remotes : [];
  if (how === 'del' && !remotes.includes(dst)) throw refused('No such file or directory');
  if (how === 'add' && remotes.length > 0) throw refused('File exists');
  const others = remotes.filter((remote) => remote !== dst);
  const next = how === 'replace' ? [dst] : how === 'del' ? others : [...others, dst];
  await client.setPort(bridge, name, { remotes: next }).catch((error) => Promise.reject(explained(error)));
}

export async function fdbDelete(context: Context, words: Words): Promise<void> {
  const { mac, device, vlan, dst, isSelf } = await named(context, words, false);
  const { bridge, name } = device;
  if (isSelf && mac === ZERO) {
    if (dst === undefined) throw refused('Invalid argument');
    return setRemotes(context, device, dst, 'del');
  }
  const known = await entries(context, { bridge, mac, port: name, vlan });
  if (known.length === 0) throw refused('No such file or directory');
  await removeStatic(context, known);
  const isLearned = known.some(({ type }) => type === 'learned');
  if (isLearned) await context.client.flush({ bridge, mac, port: name, vlan });
}

/** Without those of the host. */
export async function entries(
  { client }: Context,
  filter: { bridge: string; mac?: string; port?: string; vlan?: number },
): Promise<FdbEntry[]> {
  const found: FdbEntry[] = [];
  for await (const page of client.fdb(filter, PAGE)) found.push(...page);
  return found.filter(({ type }) => type !== 'local');
}

export async function removeStatic({ client }: Context, known: readonly FdbEntry[]): Promise<void> {
  for (const { bridge, mac, vlan, type } of known) {
    if (type === 'static') await client.deleteStatic({ bridge, mac, ...(vlan !== 0 && { vlan }) });
  }
}
