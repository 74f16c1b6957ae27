// Mirrors of the configuration -> the engine's table.

import { compileSubset } from '../config/filter/compile_subset.ts';
import type { MirrorConfig, SwitchConfig } from '../config/schema.ts';
import { BPF_WORDS, MIRROR, MIRROR_WORDS, type MirrorTable, TO, VLAN_WORDS } from '../engine/mirror_table.ts';
import { hop } from '../frame/hop.ts';
import { type Domains, type Names, remoteName } from './names.ts';
import { shared } from './shared.ts';

interface Numbers {
  readonly ports: Names;
  readonly domains: Domains;
  readonly remotes: Names;
}

/** All mirrors, in the order of their numbers. */
export function mirrorsOf({
  bridges,
}: Pick<SwitchConfig, 'bridges'>): { bridge: string; name: string; mirror: MirrorConfig }[] {
  return Object.entries(bridges).flatMap(([bridge, { mirrors }]) =>
    Object.entries(mirrors).map(([name, mirror]) => ({ bridge, name, mirror })),
  );
}

/** Null if there are none: then nobody looks. What is not there (yet) is mirrored by nobody. */
export function compileMirrors({ bridges }: SwitchConfig, numbers: Numbers): MirrorTable | null {
  const mirrors = mirrorsOf({ bridges }).map(({ bridge, mirror }) => ({
    bridge,
    mirror,
    from: mirror.from ?? [bridge, ...Object.keys(bridges[bridge].ports)],
    filter: mirror.filter === undefined ? [] : compileSubset(mirror.filter),
  }));
  if (mirrors.length === 0) return null;
  const { ports } = numbers;
  const instructions = mirrors.reduce((sum, { filter }) => sum + filter.length, 0);
  const table = shared({
    in: [Uint16Array, ports.length],
    out: [Uint16Array, ports.length],
    words: [Int32Array, mirrors.length * MIRROR_WORDS],
    vlans: [Int32Array, mirrors.length * VLAN_WORDS],
    filters: [Int32Array, instructions * BPF_WORDS],
  });
  let filterAt = 0;
  for (const [m, { bridge, mirror, from, filter }] of mirrors.entries()) {
    const target = targetOf(bridge, mirror, numbers);
    if (target === undefined) continue;
    const at = m * MIRROR_WORDS;
    table.words[at + MIRROR.to] = target.to;
    table.words[at + MIRROR.kind] = target.kind;
    table.words[at + MIRROR.vid] = target.vid;
    table.words[at + MIRROR.sample] = mirror.sample;
    table.words[at + MIRROR.snaplen] = mirror.snaplen;
    table.words[at + MIRROR.byVlan] = mirror.vlans === undefined ? 0 : 1;
    table.words[at + MIRROR.filterAt] = filterAt;
    table.words[at + MIRROR.filterLength] = filter.length;
    table.filters.set(filter.flat(), filterAt * BPF_WORDS);
    filterAt += filter.length;
    for (const vid of mirror.vlans ?? []) table.vlans[m * VLAN_WORDS + (vid >>> 5)] |= 1 << (vid & 31);
    for (const name of from) {
      const port = ports.find(name);
      if (port === undefined || name === mirror.to) continue;
      if (mirror.direction !== 'out') table.in[port] |= 1 << m;
      if (mirror.direction !== 'in') table.out[port] |= 1 << m;
    }
  }
  return table;
}

function targetOf(
  bridge: string,
  { to }: MirrorConfig,
  { ports, domains, remotes }: Numbers,
): { to: number; kind: number; vid: number } | undefined {
  if (typeof to === 'string') {
    const port = ports.find(to);
    return port === undefined ? undefined : { to: port, kind: to === bridge ? TO.local : TO.port, vid: 0 };
  }
  if ('vlan' in to) {
    const domain = domains.find(bridge, to.vlan);
    return domain === undefined ? undefined : { to: 2 * domain, kind: TO.vlan, vid: to.vlan };
  }
  const port = ports.find(to.port);
  const row = remotes.find(remoteName(to.port, to.remote));
  return port === undefined || row === undefined ? undefined : { to: hop(port, row), kind: TO.port, vid: 0 };
}
