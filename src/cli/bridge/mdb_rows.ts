// Groups as `bridge mdb` tells them. As the kernel it tells a group twice where sources are named: as (*, G) with a list of
// them, and as (S, G) for each.

import type { MdbEntry } from '../../api.ts';
import type { Context } from './scene.ts';

export interface GroupRow {
  readonly index: number;
  readonly dev: string;
  readonly port: string;
  readonly grp: string;
  readonly src?: string;
  readonly state: 'permanent' | 'temp';
  readonly filter_mode?: string;
  readonly source_list?: { address: string; timer: string }[];
  readonly protocol?: string;
  readonly flags: string[];
  readonly vid?: number;
  readonly timer?: string;
}

type Options = Pick<Context['options'], 'details' | 'statistics'>;

/** @param index number of the bridge's interface */
export function groupRows(entries: readonly MdbEntry[], index: number, options: Options): GroupRow[] {
  return [...grouped(entries).values()].flatMap((members) => {
    const sources = new Set(members.flatMap((member) => member.sources.map(({ address }) => address)));
    return members.flatMap((member) => memberRows(member, sources, index, options));
  });
}

function grouped(entries: readonly MdbEntry[]): Map<string, MdbEntry[]> {
  const groups = new Map<string, MdbEntry[]>();
  for (const entry of entries) {
    const key = `${entry.vlan} ${entry.group}`;
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [entry]);
    else members.push(entry);
  }
  return groups;
}

/** Rows of a port in a group. @param named sources that any port of the group names */
function memberRows(
  { bridge, vlan, group, port, mode, sources, expiresIn }: MdbEntry,
  named: ReadonlySet<string>,
  index: number,
  { details, statistics }: Options,
): GroupRow[] {
  const isHost = port === bridge;
  const row = (more: Pick<GroupRow, 'state' | 'src' | 'source_list' | 'flags'>, timer: number): GroupRow => ({
    index,
    dev: bridge,
    port,
    grp: group,
    ...(more.src !== undefined && { src: more.src }),
    state: more.state,
    ...(details && !isHost && { filter_mode: more.src === undefined ? mode : 'include' }),
    ...(details && !isHost && more.source_list !== undefined && { source_list: more.source_list }),
    ...(details && !isHost && { protocol: more.state === 'permanent' ? 'static' : 'kernel' }),
    flags: more.flags,
    ...(vlan !== 0 && { vid: vlan }),
    ...(statistics && { timer: timerText(timer) }),
  });
  const isFixed = ({ isBlocked, expiresIn: until }: MdbEntry['sources'][number]) =>
    !isBlocked && until === undefined;
  const rows = sources.map((source) => {
    const flags = source.isBlocked ? ['blocked'] : [];
    return row({ src: source.address, state: isFixed(source) ? 'permanent' : 'temp', flags }, 0);
  });
  // an exclude member gets what others name, too
  const others = [...named].filter((source) => sources.every(({ address }) => address !== source));
  if (mode === 'exclude' && !isHost)
    rows.push(...others.map((src) => row({ src, state: 'temp', flags: ['added_by_star_ex'] }, 0)));
  const heard = sources.filter((source) => !isFixed(source));
  if (mode === 'include' && heard.length === 0) return rows;
  const list = heard.map(({ address, expiresIn: until = 0 }) => ({ address, timer: until.toFixed(2) }));
  const state = mode === 'exclude' && expiresIn === undefined ? 'permanent' : 'temp';
  const source_list = list.length === 0 ? undefined : list;
  return [...rows, row({ state, flags: [], source_list }, mode === 'exclude' ? (expiresIn ?? 0) : 0)];
}

/** Of seconds. */
export function timerText(time: number): string {
  return time.toFixed(2).padStart(7);
}

export function groupText(row: GroupRow): string {
  const { dev, port, grp, src, state, filter_mode, source_list, protocol, flags, vid, timer } = row;
  const list = source_list?.map(({ address, timer: left }) => `${address}/${left}`).join(',');
  return [
    `dev ${dev} port ${port} grp ${grp}`,
    ...(src === undefined ? [] : [` src ${src}`]),
    ` ${state}`,
    ...(filter_mode === undefined ? [] : [` filter_mode ${filter_mode}`]),
    ...(list === undefined ? [] : [` source_list ${list}`]),
    ...(protocol === undefined ? [] : [` proto ${protocol} `]),
    ...flags.map((flag) => ` ${flag}`),
    ...(vid === undefined ? [] : [` vid ${vid}`]),
    ...(timer === undefined ? [] : [` ${timer}`]),
  ].join('');
}
