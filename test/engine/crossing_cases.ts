// The crossing matrix: what becomes of a frame's offload request on its way from one kind of port to another. Cases for
// crossing.test.ts here, whose devices make no system calls, and in test/system, whose devices are real.

import { createHash } from 'node:crypto';
import type { VlanConfig } from '../../src/config/schema.ts';
import type { Offload } from '../../src/port/memory.ts';
import { build, type OffloadFrame, payloadOf, type Shape } from './offload_frames.ts';

/** pass: as it came. complete: the checksum is filled in. segment: cut into finished frames. */
export type Action = 'pass' | 'complete' | 'segment';

export const LOADS = [
  'super-frame',
  'super-frame with CWR',
  'partial checksum',
  'full checksum',
  'wrong checksum',
] as const;
export type Load = (typeof LOADS)[number];

export const SOURCES = ['tap', 'memory', 'af_packet', 'vxlan'] as const;
export type Source = (typeof SOURCES)[number];

const takesAll: Record<Load, Action> = {
  'super-frame': 'pass',
  'super-frame with CWR': 'pass',
  'partial checksum': 'pass',
  'full checksum': 'pass',
  'wrong checksum': 'pass',
};
const takesNothing: Record<Load, Action> = {
  'super-frame': 'segment',
  'super-frame with CWR': 'segment',
  'partial checksum': 'complete',
  'full checksum': 'pass',
  'wrong checksum': 'pass', // nobody repairs it
};
export const DESTINATIONS = {
  tap: takesAll,
  'tap without offloads': takesNothing,
  memory: takesAll,
  'memory without offloads': takesNothing,
  af_packet: takesAll,
  vxlan: takesNothing,
} as const;
export type Destination = keyof typeof DESTINATIONS;

/** What a frame has on the wire of a port: nothing, a tag of ours, a customer's, or a service tag before that. */
export const TAGGINGS = ['untagged', 'tagged', 'customer', 'service'] as const;
export type Tagging = (typeof TAGGINGS)[number];
/** A customer's tag stays in its frame. */
export const isCustomers = (tagging: Cell['ingress']) => tagging === 'customer' || tagging === 'service';
/** Tags that stay in the frame, behind the one of its VLAN. A bridge without VLANs looks at none. */
export const INSIDE: Record<string, number[]> = {
  '802.1Q': [0x8100_2007],
  'a priority tag': [0x8100_a000],
  '802.1Q in 802.1Q': [0x8100_2007, 0x8100_0064],
  '802.1Q in 802.1ad': [0x88a8_0064, 0x8100_2007],
};

export interface Cell {
  name: string;
  source: Source;
  destination: Destination;
  /** A priority tag is that of a frame in the port's own VLAN. */
  ingress: Tagging | 'priority-tagged';
  egress: Tagging;
  load: Load;
  frame: OffloadFrame;
  action: Action;
}

/** The port that a cell's frame comes in by. */
export function entrance({ ingress }: Cell): Tagging {
  return ingress === 'priority-tagged' ? 'untagged' : ingress;
}

export interface Carried {
  bytes: Uint8Array;
  offload?: Offload;
}

/** The VLAN in which everything happens, and the priority of tagged frames on their way in. */
export const VLAN = 10;
const PRIORITY = 3;
const CUSTOMERS_VLAN = 15;
/** What makes a port one of such frames. */
export const VLAN_OF: Record<Tagging, VlanConfig> = {
  untagged: { access: VLAN },
  tagged: { trunk: [VLAN] },
  customer: { tunnel: VLAN },
  service: { trunk: [VLAN], protocol: '802.1ad' },
};
/** MTU of the tunnels. What a super-frame that lost its segment size is cut for. */
export const TUNNEL_MTU = 1450;

const CWR = 0x80;
const FIN_PSH_ACK = 0x19;
const GSO_ECN = 0x80;
const TIMESTAMPS = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];

function frameOf(
  version: 4 | 6,
  protocol: 'tcp' | 'udp',
  load: Load,
  source: Source,
  tags?: number[],
): OffloadFrame {
  const isSuper = load.startsWith('super-frame');
  const tcpOptions = protocol === 'tcp' ? TIMESTAMPS : [];
  const headers = (version === 4 ? 20 : 40) + 20 + tcpOptions.length;
  const frame = build({
    version,
    protocol,
    tags,
    tcpOptions,
    // An odd rest, so that the last byte counts as half a word.
    payload: payloadOf(isSuper ? 3001 : 701),
    // A datagram does not tell the size of what was not segmented.
    gsoSize: !isSuper ? 0 : source === 'vxlan' ? TUNNEL_MTU - headers : 1300,
    flags: load === 'super-frame with CWR' ? FIN_PSH_ACK | CWR : FIN_PSH_ACK,
    seq: 0xffff_fc00, // both wrap
    id: 0xffff,
    finished: load === 'full checksum' || load === 'wrong checksum',
  });
  if (!isSuper)
    return { ...frame, gsoType: 0, bytes: load === 'wrong checksum' ? spoilt(frame) : frame.bytes };
  return load === 'super-frame with CWR' ? { ...frame, gsoType: frame.gsoType | GSO_ECN } : frame;
}

/** One bit of the checksum is another. */
function spoilt({ bytes, l4, shape }: OffloadFrame): Uint8Array {
  const field = l4 + (shape.protocol === 'tcp' ? 16 : 6);
  return bytes.with(field, bytes[field] ^ 0x10);
}

export interface Tags {
  ingresses?: readonly Cell['ingress'][];
  egresses?: readonly Tagging[];
  /** A key of INSIDE. */
  inside?: string;
  loads?: readonly Load[];
}

export function cells(
  sources: readonly Source[] = SOURCES,
  destinations: readonly Destination[] = Object.keys(DESTINATIONS) as Destination[],
  { ingresses = TAGGINGS, egresses = TAGGINGS, inside = '', loads = LOADS }: Tags = {},
): Cell[] {
  const all: Cell[] = [];
  for (const source of sources)
    for (const destination of destinations)
      for (const version of [4, 6] as const)
        for (const protocol of ['tcp', 'udp'] as const)
          for (const ingress of ingresses)
            for (const egress of egresses.filter((one) => isCustomers(one) === isCustomers(ingress)))
              for (const load of loads) {
                if (!exists(source, protocol, load)) continue;
                const packet = `${protocol.toUpperCase()} over IPv${version}${inside && ` behind ${inside}`}`;
                const what = `${packet}, ${ingress} to ${egress}, ${load}`;
                const action = DESTINATIONS[destination][load];
                all.push({
                  name: `${source} to ${destination}: ${what}: ${action}`,
                  source,
                  destination,
                  ingress,
                  egress,
                  load,
                  frame: frameOf(version, protocol, load, source, INSIDE[inside]),
                  action,
                });
              }
  return all;
}

/** UDP has no CWR. In a datagram nothing tells a UDP super-frame from a large packet, and the flag is lost, too. */
function exists(source: Source, protocol: 'tcp' | 'udp', load: Load): boolean {
  if (load === 'super-frame with CWR') return protocol === 'tcp' && source !== 'vxlan';
  return load !== 'super-frame' || protocol === 'tcp' || source !== 'vxlan';
}

/** Tags of a frame on the wire of such a port; `pcp` is that of a tag of ours, a customer's has its own. */
export function tagsOf(tagging: Cell['ingress'], pcp: number): Uint8Array {
  const tag = (tpid: number, priority: number, vid: number) => [tpid >>> 8, tpid & 255, priority << 5, vid];
  const customers = isCustomers(tagging) ? tag(0x8100, PRIORITY, CUSTOMERS_VLAN) : [];
  const own = {
    untagged: [],
    'priority-tagged': tag(0x8100, pcp, 0),
    tagged: tag(0x8100, pcp, VLAN),
    customer: [],
    service: tag(0x88a8, pcp, VLAN),
  };
  return Uint8Array.of(...own[tagging], ...customers);
}

/** Addresses in place of those of the frame, and tags. */
function onWire(bytes: Uint8Array, to: Uint8Array, from: Uint8Array, tags: Uint8Array): Uint8Array {
  return Uint8Array.of(...to, ...from, ...tags, ...bytes.subarray(12));
}

function request(frame: OffloadFrame, shift: number): Offload | undefined {
  if (frame.csumStart === 0 && frame.gsoType === 0) return undefined;
  const { csumOffset, gsoType, shape } = frame;
  return { gsoType, gsoSize: shape.gsoSize, csumStart: frame.csumStart + shift, csumOffset };
}

/** What the source sends; a tunnel has no way to say what it asks for. */
export function sent({ frame, ingress }: Cell, to: Uint8Array, from: Uint8Array): Carried {
  const tags = tagsOf(ingress, PRIORITY);
  return { bytes: onWire(frame.bytes, to, from, tags), offload: request(frame, tags.length) };
}

/** What has to arrive. */
export function expected(cell: Cell, to: Uint8Array, from: Uint8Array): Carried[] {
  const { frame, ingress, egress, action } = cell;
  const tags = tagsOf(egress, ingress === 'untagged' ? 0 : PRIORITY);
  if (action === 'pass') {
    const offload = request(frame, tags.length);
    const bytes = onWire(frame.bytes, to, from, tags);
    return [offload === undefined ? { bytes } : { bytes, offload }];
  }
  return finished(frame).map((bytes) => ({ bytes: onWire(bytes, to, from, tags) }));
}

/** The frame or its segments with complete checksums, each built from nothing. */
export function finished({ shape }: OffloadFrame): Uint8Array[] {
  const { payload, gsoSize, seq = 0, id = 0, flags = 0 } = shape;
  if (gsoSize === 0) return [build({ ...shape, finished: true }).bytes];
  const count = Math.ceil(payload.length / gsoSize);
  return Array.from({ length: count }, (_, n) => {
    let own = flags;
    if (n > 0) own &= ~CWR;
    if (n < count - 1) own &= ~0x09; // FIN, PSH
    const segment: Shape = {
      ...shape,
      payload: payload.subarray(n * gsoSize, (n + 1) * gsoSize),
      seq: (seq + n * gsoSize) % 2 ** 32,
      id: (id + n) % 2 ** 16,
      flags: own,
      finished: true,
    };
    return build(segment).bytes;
  });
}

/** What a frame is compared by, short enough to be read where two differ. */
export function summary({ bytes, offload }: Carried) {
  return {
    length: bytes.length,
    headers: Buffer.from(bytes.subarray(0, 90)).toString('hex'),
    digest: createHash('sha1').update(bytes).digest('hex'),
    offload,
  };
}
