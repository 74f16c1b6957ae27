// The second half of a trace's way in: what is learned of the source, and where the destination is.

import type { TraceStep } from '../api.ts';
import { primaryOf, privateVlans } from '../config/private_vlans.ts';
import { DOMAIN_SHIFT, LEARNING, LOCKED, TUNNEL } from '../engine/topology.ts';
import { COLUMN } from '../frame/frame_batch.ts';
import { DEST_DROP, DEST_LIST, DEST_VALUE, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { ageAt, LOCKED as ENTRY_LOCKED, LOCAL, MS_PER_TICK, STATIC, WORDS } from '../table/fdb_entry.ts';
import { FIRST_GROUP } from '../table/groups.ts';
import { FIRST_LIST } from '../table/lists.ts';
import { isGroup, isReservedGroup } from '../wire/ethernet.ts';
import { VID_MASK } from '../wire/vlan.ts';
import {
  bridgeCause,
  type Cause,
  groupCause,
  limitCause,
  portCause,
  settingCause,
  staticCause,
} from './cause.ts';
import { domainText, hopText, type Scene, secondsText, step } from './scene.ts';
import type { SeenRow } from './sighting.ts';
import { dropOf } from './tell_classify.ts';
import { isInterface } from './tell_route.ts';

/** An entry of the FDB as the data plane has it. */
interface Entry {
  hop: number;
  stamp: number;
  isStatic: boolean;
  isLocal: boolean;
  /** Learned only. */
  ageMs: number;
  isFresh: boolean;
}

/** The entry of (domain, address) before the frame, if there is one that is alive. */
function entryOf({ knowledge, topology }: Scene, domain: number, hi: number, lo: number): Entry | undefined {
  const { keys, entries, tick } = knowledge;
  for (let n = 0; n * 3 < keys.length; n++) {
    if (keys[n * 3] !== domain || keys[n * 3 + 1] !== hi || keys[n * 3 + 2] !== lo) continue;
    const hop = entries[n * WORDS + 2];
    const stamp = entries[n * WORDS + 3];
    if (hop === 0) return undefined;
    const isStatic = (stamp & STATIC) !== 0;
    const age = Math.max(0, ageAt(stamp, tick));
    const most = Math.ceil(topology.ageing[domain] / MS_PER_TICK);
    const isFresh = isStatic || (most > 0 && age <= most);
    return { hop, stamp, isStatic, isLocal: (stamp & LOCAL) !== 0, ageMs: age * MS_PER_TICK, isFresh };
  }
  return undefined;
}

export function tellLearn(
  scene: Scene,
  bridge: string,
  { columns, learned, isRefused, isPortFull }: SeenRow,
): TraceStep[] {
  const { config, frame, topology, isLive, knowledge, names } = scene;
  const word = columns[COLUMN.domain];
  const domain = word >>> DOMAIN_SHIFT;
  if (domain === 0 || frame.macs === undefined) return [];
  const { src, srcHi, srcLo } = frame.macs;
  const hop = columns[COLUMN.ingress];
  const port = names.port(hop & PORT_MASK) ?? scene.port;
  const vid = columns[COLUMN.tci] & VID_MASK;
  const where = `${hopText(scene, hop)} in ${domainText(scene, bridge, vid)}`;
  const tell = (verdict: string, text: string, cause?: Cause) => [
    step('learn', verdict, cause === undefined ? text : `${text} (${cause.text})`, cause),
  ];
  if ((word & LOCKED) !== 0) {
    const cause = portCause(config, bridge, port, 'locked');
    const waits = learned[2] !== 0 && (learned[3] & ENTRY_LOCKED) !== 0;
    const isNew = waits && entryOf(scene, domain, srcHi, srcLo)?.isFresh !== true;
    if (dropOf(columns[COLUMN.dest]) === 'locked' && isNew && !isLive)
      return tell('asked', `${src} is new, and would wait on ${port} to be admitted: dropped, locked`, cause);
    if (dropOf(columns[COLUMN.dest]) === 'locked')
      return tell('locked', `${src} has no entry on ${port} that admits it: dropped, locked`, cause);
    return tell('admitted', `${src} has an entry on ${port}`, cause);
  }
  if (dropOf(columns[COLUMN.dest]) === 'address_limit') {
    const cause = portCause(config, bridge, port, 'fdb_limit');
    return tell('address_limit', `${src} is one more than ${port} may have: dropped, address_limit`, cause);
  }
  if ((word & LEARNING) === 0) {
    const cause = portCause(config, bridge, port, 'learning');
    if (cause?.value === false) return tell('learning_off', `${src} is not learned on ${port}`, cause);
    const state = names.state(port, vid);
    const why =
      state === 'disabled' ? `${port} is disabled for an error` : `a protocol holds ${port} ${state}`;
    return tell('port_blocked', `${src} is not learned: ${why}`);
  }
  const before = entryOf(scene, domain, srcHi, srcLo);
  if (before?.isStatic) {
    const cause = staticOf(scene, bridge, src, vid);
    const whose = before.isLocal
      ? `${bridge}'s own address`
      : `a static entry on ${hopText(scene, before.hop)}`;
    return tell('static', `${src} is ${whose}: nothing is learned of it`, cause);
  }
  if (isLive) {
    if (before === undefined) return tell('unknown', `${src} is not known now`);
    return tell('known', `${src} is known on ${hopText(scene, before.hop)} now`);
  }
  if (topology.ageing[domain] === 0) {
    const cause = settingCause(config, bridge, vid, 'learning');
    if (cause !== undefined) return tell('learning_off', `VLAN ${vid} learns nothing`, cause);
    return tell('learning_off', `${bridge} learns nothing`, bridgeCause(config, bridge, 'ageing_time'));
  }
  if (isRefused) {
    if ((word & TUNNEL) !== 0 && hop >>> PORT_BITS === 0)
      return tell('refused', `${src} is not learned on ${port}: it is not known from which remote it comes`);
    if (knowledge.isFull)
      return tell(
        'refused',
        `${src} would not be learned: the table is full of entries that are being forgotten`,
      );
    const cause = limitCause(config, bridge, port, isPortFull);
    return tell('refused', `${src} would not be learned on ${where}: no more addresses are allowed`, cause);
  }
  if (before === undefined) {
    return learned[2] === 0
      ? tell('not_learned', `${src} would not be learned`)
      : tell('learned', `${src} is new: it would be learned on ${where}`);
  }
  const seen = `${secondsText(before.ageMs)} ago`;
  const sticky = portCause(config, bridge, names.port(before.hop & PORT_MASK) ?? '', 'sticky');
  if (
    before.isFresh &&
    sticky?.value === true &&
    learned[2] === before.hop &&
    ((hop ^ before.hop) & PORT_MASK) !== 0
  )
    return tell('sticky', `${src} stays on ${hopText(scene, before.hop)}`, sticky);
  if (before.hop !== learned[2])
    return tell(
      'moved',
      `${src} would move from ${hopText(scene, before.hop)}, where it was seen ${seen}, to ${where}`,
    );
  if (!before.isFresh)
    return tell('learned', `${src} was seen on ${where} ${seen} and has expired: it would be learned again`);
  return tell('known', `${src} is known on ${where}, seen ${seen}: it would be refreshed`);
}

export function tellDecide(
  scene: Scene,
  bridge: string,
  { columns, decided: dest, learned, members }: SeenRow,
): TraceStep[] {
  const { config, frame, knowledge, sighting, names } = scene;
  const ingress = names.port(columns[COLUMN.ingress] & PORT_MASK) ?? scene.port;
  const domain = columns[COLUMN.domain] >>> DOMAIN_SHIFT;
  const reason = dropOf(dest);
  if (domain === 0 || frame.macs === undefined) return [];
  const { dst, dstHi, dstLo, src } = frame.macs;
  const vid = columns[COLUMN.tci] & VID_MASK;
  const where = domainText(scene, bridge, vid);
  const tell = (verdict: string, text: string, cause?: Cause) => [step('decide', verdict, text, cause)];
  if (reason === 'reserved_group') {
    const bit = dstLo & 15;
    const cause = groupCause(config, bridge, ingress, bit);
    const text = `${dst} is for the link's other end, and bit ${bit} is not set (${cause.text}): dropped, ${reason}`;
    return tell(reason, text, cause);
  }
  if (reason?.startsWith('storm_')) {
    const cause = portCause(config, bridge, ingress, 'storm_control');
    const text = `${ingress} sends more than it may${cause === undefined ? '' : ` (${cause.text})`}`;
    return tell(reason, `${text}: dropped, ${reason}`, cause);
  }
  if (reason === 'unknown_multicast') {
    return tell(reason, `Nobody has joined ${dst} in ${where}, and ${bridge} drops such: dropped, ${reason}`);
  }
  if (reason === 'loop') return tell(reason, 'It came back too often: dropped, loop');
  if (reason !== undefined) return [];
  const entry = entryOf(scene, domain, dstHi, dstLo);
  if (dest < DEST_DROP) {
    const to = hopText(scene, dest);
    if (isInterface(scene, dest))
      return tell('router', `${dst} is ${to}, an interface of a router in ${where}`);
    if (entry?.isLocal) return tell('local', `${dst} is ${bridge}'s own address in ${where}`);
    if (entry?.isStatic) {
      const cause = staticOf(scene, bridge, dst, vid);
      const text = `${dst} is on ${to} in ${where}, a static entry`;
      return tell('static', cause === undefined ? text : `${text} (${cause.text})`, cause);
    }
    if (entry === undefined || entry.hop !== dest) {
      const isOwn = dst === src && learned[2] === dest;
      return tell('known', `${dst} is on ${to} in ${where}${isOwn ? ', as this frame itself says' : ''}`);
    }
    return tell('known', `${dst} is on ${to} in ${where}, seen ${secondsText(entry.ageMs)} ago`);
  }
  if ((dest & DEST_DROP) !== 0) {
    return tell('consumed', sighting.rows.length > 1 ? 'It goes on in another domain' : 'It ends here');
  }
  const list = dest & DEST_VALUE;
  if (list >= FIRST_GROUP) {
    const names = members.map((hop) => hopText(scene, hop)).join(', ');
    const whom = names === '' ? 'nobody, as snooping found' : `those who want it, and routers: ${names}`;
    return tell('group', `${dst} is a group in ${where}, and goes to ${whom}`);
  }
  if (list >= FIRST_LIST) {
    const content = knowledge.lists.find(({ row }) => row === (list | 0));
    const members = content?.members.map((hop) => hopText(scene, hop)).join(', ') ?? 'nobody';
    return tell('list', `${dst} goes to ${content?.isByFlow ? 'one of' : 'all of'} ${members}`);
  }
  if (isGroup(dstHi)) {
    const isBroadcast = dst === 'ff:ff:ff:ff:ff:ff';
    const allowed = isReservedGroup(dstHi, dstLo) && (dstLo & 15) !== 0;
    const cause = allowed ? groupCause(config, bridge, ingress, dstLo & 15) : undefined;
    const bpdu = isReservedGroup(dstHi, dstLo) && !allowed ? ', as no spanning tree runs here' : '';
    const what = isBroadcast ? 'A broadcast' : `${dst} is a group, and`;
    const why = cause === undefined ? bpdu : ` (${cause.text})`;
    return tell('flood', `${what} goes to all of ${where}${why}`, cause);
  }
  if (entry !== undefined && !entry.isFresh) {
    const cause = bridgeCause(config, bridge, 'ageing_time');
    const text = `${dst} was seen on ${hopText(scene, entry.hop)} ${secondsText(entry.ageMs)} ago and has expired (${cause.text})`;
    return tell('flood', `${text}: it floods ${where}`, cause);
  }
  return tell('flood', `${dst} is not known: it floods ${where}`);
}

function staticOf({ config }: Scene, bridge: string, mac: string, vid: number): Cause | undefined {
  const owner = config.bridges[bridge];
  const entries = owner?.static ?? [];
  const own = owner === undefined ? vid : primaryOf(privateVlans(owner), vid);
  const index = entries.findIndex((entry) => entry.mac === mac && (entry.vlan ?? 0) === own);
  return index < 0 ? undefined : staticCause(bridge, index, entries[index]);
}

export function isList(dest: number): boolean {
  return (dest & DEST_LIST) !== 0 && (dest & DEST_DROP) === 0;
}
