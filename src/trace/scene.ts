// What a trace is told from: the frame as it was received, what was seen of its way, and names for the numbers.

import type { TraceStage, TraceStep } from '../api.ts';
import type { PlacedAclRule } from '../compile/acls.ts';
import type { PortState } from '../compile/overlay.ts';
import type { Path } from '../config/path.ts';
import type { FileLine } from '../config/rule_lines.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { Topology } from '../engine/topology.ts';
import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { dstHi, dstLo, etherType, HEADER_LEN, MACS_LEN, srcHi, srcLo } from '../wire/ethernet.ts';
import { formatMac } from '../wire/mac.ts';
import { dei, isTag, pcp, skip, TAG_LEN, vid } from '../wire/vlan.ts';
import type { Cause } from './cause.ts';
import type { Knowledge } from './dry_run.ts';
import type { Sighting } from './sighting.ts';

/** Names for the data plane's numbers, and what only the control plane knows. */
export interface TraceNames {
  port(number: number): string | undefined;
  /** Address in a row of remotes, one of `port`. */
  remote(row: number, port: string): string | undefined;
  bridgeOf(domain: number): string | undefined;
  /** `disabled`: for an error, whatever a protocol says. */
  state(port: string, vlan: number): PortState | 'disabled';
  /** Undefined: nobody can see. */
  device(port: string): 'up' | 'down' | 'gone' | undefined;
  /** TUNSETOFFLOAD bits that the port's device takes. */
  offloads(port: string): number;
  /** Where a hook is in the configuration, and what it is. */
  hook(id: number): string | undefined;
  /** Where a rule of an access list stands. */
  aclRule(rule: number): PlacedAclRule | undefined;
  /** Where a rule of a security group is in the configuration. */
  groupRule(rule: number): Path | undefined;
  /** Where a rule is in the file that it came from. */
  fileLine(path: Path): FileLine | undefined;
  /** The MAC of a TUN; undefined: it is none. */
  tunMac(port: string): string | undefined;
}

export interface Scene {
  bridge: string;
  port: string;
  config: SwitchConfig;
  topology: Topology;
  names: TraceNames;
  frame: FrameHead;
  knowledge: Knowledge;
  sighting: Sighting;
  /** It was a real frame: what is told has happened. */
  isLive: boolean;
}

export interface FrameHead {
  length: number;
  /** Undefined in a runt. */
  macs?: { dst: string; src: string; dstHi: number; dstLo: number; srcHi: number; srcLo: number };
  /** Tags from the outside in. */
  tags: { tpid: number; vlan: number; pcp: number; dei: boolean }[];
  /** Behind the tags. */
  etherType?: number;
}

export function headOf(bytes: Uint8Array, length: number): FrameHead {
  const head: FrameHead = { length, tags: [] };
  if (bytes.length < HEADER_LEN) return head;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [toHi, toLo, hi, lo] = [dstHi(view, 0), dstLo(view, 0), srcHi(view, 0), srcLo(view, 0)];
  head.macs = {
    dst: formatMac(toHi, toLo),
    src: formatMac(hi, lo),
    dstHi: toHi,
    dstLo: toLo,
    srcHi: hi,
    srcLo: lo,
  };
  for (let at = MACS_LEN; at + 2 + TAG_LEN <= bytes.length && isTag(view.getUint16(at)); at += TAG_LEN) {
    const tci = view.getUint16(at + 2);
    head.tags.push({ tpid: view.getUint16(at), vlan: vid(tci), pcp: pcp(tci), dei: dei(tci) === 1 });
  }
  const typeAt = skip(view, MACS_LEN, bytes.length);
  head.etherType = typeAt < 0 ? etherType(view, 0) : view.getUint16(typeAt);
  return head;
}

export function step(stage: TraceStage, verdict: string, message: string, cause?: Cause): TraceStep {
  if (cause === undefined) return { stage, verdict, message };
  const { text, ...where } = cause;
  return { stage, verdict, message, ...where };
}

/** `vm1`, or `vx42 (192.0.2.2)`. */
export function hopText({ names }: Pick<Scene, 'names'>, hop: number): string {
  const port = names.port(hop & PORT_MASK) ?? 'a port that is gone';
  const remote = hop >>> PORT_BITS;
  return remote === 0 ? port : `${port} (${names.remote(remote, port) ?? 'a remote that is gone'})`;
}

/** `VLAN 10`, or in a bridge that knows none, the bridge. */
export function domainText({ config }: Pick<Scene, 'config'>, bridge: string, vlan: number): string {
  return config.bridges[bridge]?.vlan_filtering ? `VLAN ${vlan}` : bridge;
}

export const hex = (value: number, digits = 4) => `0x${value.toString(16).padStart(digits, '0')}`;

export function secondsText(ms: number): string {
  return ms < 100_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}
