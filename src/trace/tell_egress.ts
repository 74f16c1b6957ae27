// The way out of a trace: whom the frame reaches, as which tag, and who is left out for what.

import type { TraceCopy, TraceStep } from '../api.ts';
import { portViews } from '../compile/port_view.ts';
import { MAX_SEGMENTS, needs, PASS, SEGMENT } from '../engine/segment.ts';
import {
  DOMAIN_SHIFT,
  FORWARDING,
  HAIRPIN,
  ISOLATED,
  leavingTag,
  NO_BROADCAST,
  NO_EXIT,
  NO_MULTICAST,
  SELECTIVE,
  SPLIT_HORIZON,
  type Topology,
  VLAN_STRIDE,
} from '../engine/topology.ts';
import { COLUMN, type FrameBatch } from '../frame/frame_batch.ts';
import { DEST_VALUE, PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { DROPS, type DropName } from '../table/drops.ts';
import { FIRST_LIST } from '../table/lists.ts';
import { formatMac } from '../wire/mac.ts';
import { dei, pcp, TPID_8021Q, tpid, VID_MASK } from '../wire/vlan.ts';
import {
  type Cause,
  keyCause,
  mirrorCause,
  mtuCause,
  portCause,
  privateText,
  settingCause,
  vlanCause,
  vlanOf,
} from './cause.ts';
import { domainText, hex, hopText, type Scene, step } from './scene.ts';
import type { SeenCopy, SeenRow } from './sighting.ts';
import { blockedBy, dropOf, helpOf } from './tell_classify.ts';
import { isList } from './tell_decide.ts';
import { tellPolicedOut } from './tell_policers.ts';
import { isPolicyDrop } from './tell_policy.ts';
import { tellQueue } from './tell_queue.ts';
import { tellTun } from './tell_tun.ts';

/** What `replicate` made of a row. */
export function tellReplicate(scene: Scene, bridge: string, seen: SeenRow): TraceStep[] {
  const { sighting, config, names } = scene;
  const { row, columns } = seen;
  const drop = sighting.drops.find((one) => one.row === row && DROPS[one.code].side === 'receive');
  const reason = drop === undefined ? undefined : (DROPS[drop.code].name as DropName);
  const dest = columns[COLUMN.dest];
  if (dropOf(dest) !== undefined) return []; // told where it was decided
  const vid = columns[COLUMN.tci] & VID_MASK;
  const from = names.port(columns[COLUMN.ingress] & PORT_MASK) ?? scene.port;
  const steps = isList(dest) ? leftOut(scene, bridge, seen) : [];
  const tell = (text: string, cause?: Cause) => [
    ...steps,
    step(
      'replicate',
      reason as string,
      `${text}${cause === undefined ? '' : ` (${cause.text})`}: dropped, ${reason}`,
      cause,
    ),
  ];
  const to = names.port(dest & PORT_MASK) ?? 'a port that is gone';
  switch (reason) {
    case 'same_port':
      return tell(
        `${hopText(scene, dest)} is where it came from`,
        portCause(config, bridge, from, 'hairpin'),
      );
    case 'isolated':
      return tell(`${from} and ${to} are both isolated`, portCause(config, bridge, to, 'isolated'));
    case 'private_vlan':
      return tell(
        `VLAN ${vid}${privateText(config, bridge, vid)}, does not reach ${to}`,
        settingCause(config, bridge, vid, 'private'),
      );
    case 'split_horizon':
      return tell(`${from} and ${to} are both tunnels`, portCause(config, bridge, from, 'hairpin'));
    case 'not_member':
      return tell(`${to} is not in ${domainText(scene, bridge, vid)}`, vlanCause(config, bridge, to, vid));
    case 'customer_vlan':
      return tell(
        `${to} does not carry this VLAN of the customer in ${domainText(scene, bridge, vid)}`,
        vlanCause(config, bridge, to, vid),
      );
    case 'port_blocked': {
      const { text, cause } = blockedBy(scene, bridge, to, vid);
      return tell(text, cause);
    }
    case 'no_destination':
      return tell(`Nobody else is there to take it in ${domainText(scene, bridge, vid)}`);
    default:
      return steps;
  }
}

/** The ports of the bridge that a flood or a list does not reach, each with the first reason, in the order of `flood`. */
function leftOut(scene: Scene, bridge: string, { row, columns }: SeenRow): TraceStep[] {
  const { config, topology, sighting, names, knowledge } = scene;
  const ingress = columns[COLUMN.ingress];
  const vid = columns[COLUMN.tci] & VID_MASK;
  const source = columns[COLUMN.domain];
  const list = columns[COLUMN.dest] & DEST_VALUE;
  const reached = new Set<number>();
  for (const copy of sighting.copies) if (copy.row === row) reached.add(copy.hop & PORT_MASK);
  for (const drop of sighting.drops) {
    if (drop.row === row && DROPS[drop.code].side === 'transmit') reached.add(drop.port);
  }
  const members = new Set(
    list < FIRST_LIST
      ? topology.hops
          .subarray(topology.listAt[2 * list], topology.listAt[2 * list + 1])
          .map((hop) => hop & PORT_MASK)
      : knowledge.lists.find((one) => one.row === list)?.members.map((hop) => hop & PORT_MASK),
  );
  const owner = config.bridges[bridge];
  if (owner === undefined) return [];
  const from = names.port(ingress & PORT_MASK) ?? scene.port;
  return portViews(bridge, owner).flatMap((view) => {
    const { name } = view;
    const port = numberOf(topology, names, name);
    if (port === undefined || reached.has(port)) return [];
    const tell = (verdict: string, text: string, cause?: Cause) => [
      step(
        'replicate',
        verdict,
        `${name} is left out: ${text}${cause === undefined ? '' : ` (${cause.text})`}`,
        cause,
      ),
    ];
    const word = topology.vlan[port * VLAN_STRIDE + vid];
    const domain = source >>> DOMAIN_SHIFT;
    const isOut =
      word >>> DOMAIN_SHIFT !== domain || ((word & NO_EXIT) !== 0 && port !== (ingress & PORT_MASK));
    if (isOut && topology.vlan[port * VLAN_STRIDE + topology.domainVid[domain]] >>> DOMAIN_SHIFT === domain)
      return tell(
        'private_vlan',
        `VLAN ${vid}${privateText(config, bridge, vid)}, does not reach it`,
        settingCause(config, bridge, vid, 'private'),
      );
    if (isOut) return tell('other_vlan', `not in VLAN ${vid}`, vlanCause(config, bridge, name, vid));
    if (port === (ingress & PORT_MASK) && (!members.has(port) || (source & HAIRPIN) === 0))
      return tell('ingress', 'the frame came from there', portCause(config, bridge, name, 'hairpin'));
    if (!members.has(port)) {
      if (list >= FIRST_LIST) return tell('not_in_list', 'not in the list');
      if (view.isTunnel && view.remotes.length === 0)
        return tell('no_remotes', 'no remotes are configured', keyCause(config, bridge, name, 'remotes', []));
      const cause = settingCause(config, bridge, vid, 'flood') ?? portCause(config, bridge, name, 'flood');
      return tell('flood_off', 'no unknown addresses', cause);
    }
    if (port === (ingress & PORT_MASK)) return tell('ingress', 'the frame came from its only remote');
    if ((source & word & ISOLATED) !== 0)
      return tell(
        'isolated',
        `${from} and ${name} are both isolated`,
        portCause(config, bridge, name, 'isolated'),
      );
    if ((source & word & NO_BROADCAST) !== 0)
      return tell('flood_off', 'no broadcasts', portCause(config, bridge, name, 'bcast_flood'));
    if ((source & word & NO_MULTICAST) !== 0)
      return tell('flood_off', 'no multicasts', portCause(config, bridge, name, 'mcast_flood'));
    if ((source & word & SPLIT_HORIZON) !== 0)
      return tell(
        'split_horizon',
        `${from} and ${name} are both tunnels`,
        portCause(config, bridge, name, 'hairpin'),
      );
    if (view.isMirrorEnd)
      return tell('port_blocked', 'the end of a mirror', mirrorCause(config, bridge, name));
    if ((word & FORWARDING) === 0) return tell('port_blocked', heldText(names.state(name, vid)));
    if ((word & SELECTIVE) !== 0)
      return tell('customer_vlan', 'not this VLAN of the customer', vlanCause(config, bridge, name, vid));
    return tell('not_chosen', 'its flow belongs to another member');
  });
}

function heldText(state: string): string {
  return state === 'disabled' ? 'it is disabled for an error' : `a protocol holds it ${state}`;
}

function numberOf(topology: Topology, names: Scene['names'], name: string): number | undefined {
  for (let port = 1; port < topology.pvid.length; port++) if (names.port(port) === name) return port;
  return undefined;
}

/** Every copy, and every copy that would be dropped, with the sentence that tells of it. */
export function tellEgress(scene: Scene, bridge: string): { steps: TraceStep[]; copies: TraceCopy[] } {
  const steps: TraceStep[] = [];
  const copies: TraceCopy[] = [];
  const first = scene.sighting.rows[0]?.columns;
  for (const copy of scene.sighting.copies) {
    const told = tellCopy(scene, ownerOf(scene, copy.hop & PORT_MASK) ?? bridge, copy);
    steps.push(...told.steps);
    copies.push(told.copy);
  }
  for (const { row, port, code } of scene.sighting.drops) {
    const { name: reason, side } = DROPS[code];
    if (side !== 'transmit') continue;
    const name = scene.names.port(port) ?? '';
    const owner = ownerOf(scene, port) ?? bridge;
    const columns = scene.sighting.rows.find((seen) => seen.row === row)?.columns ?? first;
    const word = scene.topology.vlan[port * VLAN_STRIDE + (columns[COLUMN.tci] & VID_MASK)];
    const word32 = leavingTag(scene.topology, port, word, columns[COLUMN.tci]);
    const tag = word32 === 0 ? undefined : tagOf(word32);
    const bytes = columns[COLUMN.length] + (tag === undefined ? 0 : 4);
    const isAnswer = scene.sighting.rows.some((seen) => seen.row === row && seen.isAnswer);
    copies.push({
      port: name,
      ...(tag && { tag }),
      bytes,
      dropped: reason,
      ...(isAnswer && { isAnswer: true }),
    });
    if (reason === 'too_big') {
      const cause = mtuCause(scene.config, owner, name, scene.topology.mtu[port]);
      const text = `${name}: ${columns[COLUMN.length]} bytes carry a packet larger than its MTU (${cause.text})`;
      steps.push(step('egress', reason, `${text}: dropped, ${reason}`, cause));
    } else if (reason === 'tunnel_protocol') {
      const cause = portCause(scene.config, owner, name, 'tunnel_protocols');
      const why = cause === undefined ? '' : ` (${cause.text})`;
      steps.push(
        step('egress', reason, `${name} does not carry this protocol${why}: dropped, ${reason}`, cause),
      );
    } else if (isPolicyDrop(reason)) {
      steps.push(step('egress', reason, `${name}: ${helpOf(reason)}: dropped, ${reason}`));
    } else {
      steps.push(step('egress', reason, `${name} has no device: dropped, ${reason}`));
    }
  }
  return { steps, copies };
}

/** The bridge of a port: behind a router it is another one than that of the frame. */
function ownerOf({ config, names }: Scene, port: number): string | undefined {
  const name = names.port(port) ?? '';
  return Object.keys(config.bridges).find(
    (bridge) => bridge === name || Object.hasOwn(config.bridges[bridge].ports, name),
  );
}

function tellCopy(scene: Scene, bridge: string, copy: SeenCopy): { steps: TraceStep[]; copy: TraceCopy } {
  const { config, names, isLive } = scene;
  const name = names.port(copy.hop & PORT_MASK) ?? '';
  const remote = copy.hop >>> PORT_BITS === 0 ? undefined : names.remote(copy.hop >>> PORT_BITS, name);
  const tag = copy.tag === 0 ? undefined : tagOf(copy.tag);
  const settings = config.bridges[bridge]?.ports[name];
  const told: TraceCopy = { port: name, ...(remote && { remote }), ...(tag && { tag }), bytes: copy.length };
  const cause = config.bridges[bridge]?.vlan_filtering
    ? vlanCause(config, bridge, name, copy.columns[COLUMN.tci] & VID_MASK)
    : undefined;
  const vlan = vlanOf(config.bridges[bridge], name);
  const isTunnel = vlan !== undefined && 'tunnel' in vlan;
  const how =
    cause === undefined
      ? 'as it came'
      : tag === undefined
        ? `${isTunnel ? 'with nothing but the customer’s tags' : 'untagged'} (${cause.text})`
        : `tagged with ${tpid(copy.tag) === TPID_8021Q ? '' : `${hex(tpid(copy.tag))}, `}VLAN ${tag.vlan}${tag.pcp === 0 ? '' : `, priority ${tag.pcp}`} (${cause.text})`;
  const tunnel = settings?.type === 'vxlan' ? `, through VNI ${settings.vni} to ${remote ?? 'nobody'}` : '';
  const again =
    copy.restored === undefined ? '' : `, for ${formatMac(copy.restored.hi, copy.restored.lo)} again`;
  const isSaid = scene.sighting.rows.some(({ row, isAnswer }) => row === copy.row && isAnswer);
  const who = copy.isAnswer
    ? `An answer by ICMP, "too big", to ${hopText(scene, copy.hop)}`
    : isSaid
      ? `The router's answer, by ${name}`
      : name;
  if (copy.isMirrored) return tellMirrored(scene, bridge, copy, told);
  if (copy.isAnswer || isSaid) told.isAnswer = true;
  const steps = [
    step(
      'egress',
      told.isAnswer ? 'answer' : 'copy',
      `${who}: ${how}${again}, ${copy.length} bytes${tunnel}`,
      cause,
    ),
  ];
  const need = needs({ rows: copy.columns } as FrameBatch, 0, copy.tag, names.offloads(name));
  if (need !== PASS) {
    told.offload = need === SEGMENT ? 'segments' : 'checksum';
    const payload = copy.columns[COLUMN.length] - copy.columns[COLUMN.headerLength];
    const count = need === SEGMENT ? Math.ceil(payload / copy.columns[COLUMN.gsoSize]) : 0;
    const text = need === SEGMENT ? `cut into ${count} segments` : 'given its checksum';
    const why = tunnel === '' ? 'in software, as its device takes less' : 'for the tunnel';
    steps.push(step('egress', told.offload, `${name}: ${text} ${why}`));
    if (count > MAX_SEGMENTS) told.dropped = 'bad_packet';
  }
  const state = names.device(name);
  if (state === 'down' || state === 'gone') {
    told.dropped = state === 'down' ? 'port_down' : 'device_gone';
    const when = isLive ? 'now' : 'at the moment';
    steps.push(step('egress', told.dropped, `${name} is ${state} ${when}: dropped, ${told.dropped}`));
  }
  const tun = tellTun(scene, name);
  if (tun !== undefined) {
    if (tun.verdict !== 'answered') told.dropped ??= tun.verdict;
    steps.push(tun);
  }
  steps.push(...tellPolicedOut(scene, bridge, name, copy), ...tellQueue(scene, bridge, name, copy));
  const fault = portCause(config, bridge, name, 'fault');
  if (fault?.value !== undefined) {
    const text = `${name} has faults on purpose, which a trace leaves out (${fault.text})`;
    steps.push(step('egress', 'fault', text, fault));
  }
  return { steps, copy: told };
}

/** A copy for somebody who watches: it left as it was, whatever the VLANs of its port say. */
function tellMirrored(
  { config }: Scene,
  bridge: string,
  { tag, length }: SeenCopy,
  told: TraceCopy,
): { steps: TraceStep[]; copy: TraceCopy } {
  const how = tag === 0 ? 'without a tag' : `with VLAN ${tag & VID_MASK}`;
  const cause = mirrorCause(config, bridge, told.port);
  const by = cause === undefined ? '' : ` (${cause.text})`;
  const text = `${told.port}: mirrored${by}, ${how}, ${length} bytes`;
  return { steps: [step('egress', 'mirrored', text, cause)], copy: { ...told, isMirrored: true } };
}

function tagOf(tci: number): NonNullable<TraceCopy['tag']> {
  return { vlan: tci & VID_MASK, pcp: pcp(tci), dei: dei(tci) === 1 };
}
