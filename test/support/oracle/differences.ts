// Where Taploom and another switch differ on purpose: the rows of docs/differences.md, by number. For most the other one is
// told another frame, with which it has to do exactly what Taploom does with the original. Row 10, 13 and
// most of snooping are circumstances, which no scene makes while they are known (scene.ts); 11 and 12 are how much is
// compared (oracle.ts).

import type { Scene, ScenePort } from './scene.ts';

interface Difference {
  /** Its row in docs/differences.md. */
  number: number;
  matches(frame: Buffer, port: ScenePort, scene: Scene): boolean;
  /** What the other switch is told; null = nothing. */
  instead(frame: Buffer, port: ScenePort, scene: Scene): Buffer | null;
  /** Taploom learns from it and forwards it to nobody, whatever the other switch does. */
  isForNobody?: true;
}

const MACS_LEN = 12;
const TAG_LEN = 4;
/** Of a second tag. */
const SECOND_AT = MACS_LEN + TAG_LEN;
/** From here on a frame leaves as it came, and is like no other. */
const PAYLOAD_AT = MACS_LEN + TAG_LEN;
const TPID = 0x8100;
const SERVICE_TPID = 0x88a8;
/** IEEE 802, 9.2.3: local experimental EtherType 2. Nobody takes it for a tag. */
const NO_TPID = 0x88b6;
const DEI = 0x1000;
/** With DEI. */
const PRIORITY = 0xf000;

const tpidOf = (frame: Buffer) => frame.readUInt16BE(MACS_LEN);
const tciOf = (frame: Buffer) => frame.readUInt16BE(MACS_LEN + 2);
const isTag = (tpid: number) => tpid === TPID || tpid === SERVICE_TPID;
const isTagged = (frame: Buffer) => tpidOf(frame) === TPID;
const vidOf = (frame: Buffer) => tciOf(frame) & 0xfff;
/** The kind of tag that a port of ours knows. */
const tpidAt = ({ vlan }: ScenePort, { provider }: Scene) =>
  provider !== '802.1ad' || (vlan !== undefined && 'tunnel' in vlan) ? TPID : SERVICE_TPID;
const isTunnel = ({ vlan }: ScenePort) => vlan !== undefined && 'tunnel' in vlan;
const TYPE_IPV6 = 0x86dd;
const IPV6_LEN = 40;
const NEXT_HEADER_AT = 6;
const ICMPV6 = 58;
const NO_NEXT_HEADER = 59;
/** Query, report and done of MLDv1 (RFC 2710), report of MLDv2 (RFC 3810). */
const MLD_TYPES = [130, 131, 132, 143];
const reservedOf = (frame: Buffer) =>
  frame.readUIntBE(0, 5) === 0x01_80c2_0000 && frame[5] < 16 ? frame[5] : -1;

function changed(frame: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(frame);
  change(copy);
  return copy;
}

function withoutTpid(frame: Buffer, at: number): Buffer {
  return changed(frame, (copy) => copy.writeUInt16BE(NO_TPID, at));
}

/** Where a tag is that this port of ours does not know as one, or -1; behind a service tag is a customer's. */
function foreignTagAt(frame: Buffer, port: ScenePort, scene: Scene): number {
  if (!scene.isAware || !isTag(tpidOf(frame))) return -1;
  if (tpidOf(frame) !== tpidAt(port, scene)) return MACS_LEN;
  const isInner = scene.provider !== undefined && frame.readUInt16BE(SECOND_AT) === SERVICE_TPID;
  return isInner ? SECOND_AT : -1;
}

/** Where a customer's priority tag is, or -1. */
function priorityTagAt(frame: Buffer, port: ScenePort, { isAware, provider }: Scene): number {
  if (!isTag(tpidOf(frame))) return -1;
  if (!isAware || isTunnel(port)) return vidOf(frame) === 0 ? MACS_LEN : -1;
  const isInner = provider !== undefined && isTag(frame.readUInt16BE(SECOND_AT));
  return isInner && (frame.readUInt16BE(SECOND_AT + 2) & 0xfff) === 0 ? SECOND_AT : -1;
}

const BAD_SOURCE: Difference = {
  number: 1,
  matches: (frame) => (frame[6] & 1) !== 0 || frame.readUIntBE(6, 6) === 0,
  instead: () => null,
};
const PAUSE: Difference = {
  number: 2,
  matches: (frame) => reservedOf(frame) === 1,
  instead: () => null,
};
const LACP: Difference = {
  number: 3,
  matches: (frame) => reservedOf(frame) === 2,
  instead: (frame) => frame,
  isForNobody: true,
};
const SERVICE_TAG: Difference = {
  number: 4,
  matches: (frame, port, scene) => foreignTagAt(frame, port, scene) > 0,
  instead: (frame, port, scene) => withoutTpid(frame, foreignTagAt(frame, port, scene)),
};
const OWN_TAG: Difference = {
  number: 5,
  matches: (frame, { vlan = { access: 1 } }, { isAware }) =>
    isAware && isTagged(frame) && 'access' in vlan && vidOf(frame) === vlan.access,
  instead: (frame) => changed(frame, (copy) => copy.writeUInt16BE(tciOf(frame) & 0xf000, MACS_LEN + 2)),
};
const ELIGIBLE: Difference = {
  number: 6,
  matches: (frame, _port, { isAware }) => isAware && isTag(tpidOf(frame)) && (tciOf(frame) & DEI) !== 0,
  instead: (frame) => changed(frame, (copy) => copy.writeUInt16BE(tciOf(frame) & ~DEI, MACS_LEN + 2)),
};
const SECOND_TAG: Difference = {
  number: 7,
  matches: (frame, port, { isAware }) =>
    (!isAware || isTunnel(port)) && isTag(tpidOf(frame)) && isTag(frame.readUInt16BE(MACS_LEN + TAG_LEN)),
  instead: (frame) => changed(frame, (copy) => copy.writeUInt16BE(NO_TPID, MACS_LEN + TAG_LEN)),
};
const PRIORITY_TAG: Difference = {
  number: 8,
  matches: (frame, port, scene) => priorityTagAt(frame, port, scene) > 0,
  instead: (frame, port, scene) => withoutTpid(frame, priorityTagAt(frame, port, scene)),
};
const SERVICE_PRIORITY: Difference = {
  number: 23,
  matches: (frame, port) => isTunnel(port) && isTagged(frame) && (tciOf(frame) & PRIORITY) !== 0,
  instead: (frame) => frame,
};

/** Where the IPv6 header of a frame is, behind its tags, or -1. */
function ipv6At(frame: Buffer): number {
  let at = MACS_LEN;
  while (at < MACS_LEN + 2 * TAG_LEN && isTag(frame.readUInt16BE(at))) at += TAG_LEN;
  return frame.readUInt16BE(at) === TYPE_IPV6 && frame.length > at + 2 + IPV6_LEN ? at + 2 : -1;
}

const NO_ROUTER_ALERT: Difference = {
  number: 26,
  matches: (frame, _port, { snooping }) => {
    const at = snooping === undefined ? -1 : ipv6At(frame);
    return at > 0 && frame[at + NEXT_HEADER_AT] === ICMPV6 && MLD_TYPES.includes(frame[at + IPV6_LEN]);
  },
  instead: (frame) =>
    changed(frame, (copy) => copy.writeUInt8(NO_NEXT_HEADER, ipv6At(copy) + NEXT_HEADER_AT)),
};

const LACP_AT_LOCKED: Difference = {
  number: 14,
  matches: (frame, { locked }) => locked && reservedOf(frame) === 2,
  instead: () => null,
};

/** In the order in which they count. */
const RETOLD = [
  BAD_SOURCE,
  PAUSE,
  LACP,
  SERVICE_TAG,
  OWN_TAG,
  SERVICE_PRIORITY,
  ELIGIBLE,
  SECOND_TAG,
  PRIORITY_TAG,
  NO_ROUTER_ALERT,
  LACP_AT_LOCKED,
];

export const SNOOPING_ROWS: readonly number[] = [15, 17, 18, 19, 20, 21, 22, 26];
/** Of customers' tunnels. */
export const TUNNEL_ROWS: readonly number[] = [23, 24, 25];
const PLAIN_ROWS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12];
export const OVS_ROWS: readonly number[] = [...PLAIN_ROWS, ...SNOOPING_ROWS, ...TUNNEL_ROWS];
export const KERNEL_ROWS: readonly number[] = [13, 14];

export interface Told {
  frame: Buffer | null;
  /** Rows that counted. */
  numbers: number[];
  isForNobody: boolean;
}

export function tell(rows: ReadonlySet<number>, frame: Buffer, port: ScenePort, scene: Scene): Told {
  const told: Told = { frame, numbers: [], isForNobody: false };
  for (const row of RETOLD) {
    if (!rows.has(row.number) || told.frame === null || !row.matches(told.frame, port, scene)) continue;
    told.frame = row.instead(told.frame, port, scene);
    told.numbers.push(row.number);
    told.isForNobody ||= row.isForNobody === true;
  }
  return told;
}

function withPriority(hex: string, priority: number): string {
  const made = Buffer.from(hex, 'hex');
  return changed(made, (copy) => copy.writeUInt16BE(tciOf(made) | priority, MACS_LEN + 2)).toString('hex');
}

/** What left the other switch, as if it had been told the originals. */
export function untold(list: readonly string[], frames: readonly (Told & { original: Buffer })[]): string[] {
  return list.flatMap((hex) => {
    const one = frames.find(({ frame }) => frame !== null && hex.endsWith(frame.toString('hex', PAYLOAD_AT)));
    if (one === undefined || one.frame === null) return [hex];
    return one.isForNobody ? [] : [restore(hex, one.original, one.frame, one.numbers)];
  });
}

function restore(hex: string, frame: Buffer, told: Buffer, numbers: readonly number[]): string {
  const isPushed = hex.length === 2 * (told.length + TAG_LEN);
  if (isPushed && numbers.includes(SERVICE_PRIORITY.number))
    return restore(withPriority(hex, tciOf(frame) & PRIORITY), frame, told, []);
  const whole = replaced(hex, frame, told, MACS_LEN);
  if (whole !== undefined) return whole;
  const inner = replaced(hex, frame, told, SECOND_AT) ?? hex;
  const areTags = isTag(tpidOf(frame)) && tpidOf(frame) === tpidOf(told);
  const isDeiLost = areTags && ((tciOf(frame) ^ tciOf(told)) & DEI) !== 0;
  return isDeiLost && hex.length === 2 * told.length ? withPriority(inner, DEI) : inner;
}

/** With what the original has from byte `at` on, if it ends as the other one was told. */
function replaced(hex: string, frame: Buffer, told: Buffer, at: number): string | undefined {
  const [was, is] = [frame, told].map((one) => one.toString('hex', at));
  return hex.endsWith(is) ? hex.slice(0, -is.length) + was : undefined;
}
