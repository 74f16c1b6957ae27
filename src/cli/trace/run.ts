// `taploom trace`: reads or describes the frame, asks the daemon, and prints each decision.

import type { Trace, TraceFields } from '../../api.ts';
import { ControlError } from '../../control/client.ts';
import type { Context } from '../context.ts';
import { readPcapFrame } from './pcap.ts';
import { traceText } from './text.ts';

interface TraceFlags {
  in: string;
  frame?: string;
  pcap?: string;
  number?: number;
  src?: string;
  dst?: string;
  vlan?: number;
  pcp?: number;
  type?: number;
  ipSrc?: string;
  ipDst?: string;
  proto?: TraceFields['proto'];
  sport?: number;
  dport?: number;
  size?: number;
  remote?: string;
  live?: boolean;
  timeout?: number;
}

export async function runTrace(context: Context, bridge: string): Promise<void> {
  const { client, terminal, json } = context;
  const flags = context.options as unknown as TraceFlags;
  refuseContradictions(flags);
  const { in: port, remote, src, dst, vlan, type: etherType, timeout, number: frames } = flags;
  let traces: Trace[];
  if (flags.live) {
    traces = await client.traceLive({ bridge, port, frames, timeout, src, dst, vlan, etherType });
  } else {
    const frame = flags.pcap === undefined ? flags.frame : await readPcapFrame(flags.pcap, frames ?? 1);
    const what = frame === undefined ? { fields: fieldsOf(flags) } : { frame };
    traces = [await client.trace({ bridge, port, remote, ...what })];
  }
  if (json) {
    terminal.out(`${JSON.stringify(flags.live ? traces : traces[0], null, 2)}\n`);
    return;
  }
  if (traces.length === 0) terminal.out(`${port} received no such frame in ${timeout ?? 10} s\n`);
  terminal.out(traces.map((trace) => traceText(trace, terminal.columns)).join('\n'));
}

/** What makes a frame; of these the first two must be there. */
function fieldsOf(flags: TraceFlags): TraceFields {
  const { src, dst, vlan, pcp, type: etherType, ipSrc, ipDst, proto, sport, dport, size } = flags;
  if (src === undefined || dst === undefined)
    throw usage('Which frame? Give --frame HEX, --pcap FILE, or --src and --dst; or --live for real ones');
  return { src, dst, vlan, pcp, etherType, ipSrc, ipDst, proto, sport, dport, size };
}

function refuseContradictions(flags: TraceFlags): void {
  const { frame, pcap, live, number, timeout } = flags;
  const made = (['pcp', 'ipSrc', 'ipDst', 'proto', 'sport', 'dport', 'size'] as const).find(
    (key) => flags[key] !== undefined,
  );
  const field = made ?? (['src', 'dst', 'vlan', 'type'] as const).find((key) => flags[key] !== undefined);
  const name = (key: string) => `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  if (frame !== undefined && pcap !== undefined) throw usage('--frame and --pcap exclude each other');
  const given = frame !== undefined ? '--frame' : pcap !== undefined ? '--pcap' : undefined;
  if (given !== undefined && live) throw usage(`${given} and --live exclude each other`);
  if (given !== undefined && field !== undefined)
    throw usage(`${given} and ${name(field)} exclude each other`);
  if (live && made !== undefined)
    throw usage(`--live takes --src, --dst, --vlan and --type, not ${name(made)}`);
  if (live && flags.remote !== undefined) throw usage('--live and --remote exclude each other');
  if (number !== undefined && pcap === undefined && !live) throw usage('-n belongs to --pcap or --live');
  if (timeout !== undefined && !live) throw usage('--timeout belongs to --live');
}

function usage(message: string): ControlError {
  return new ControlError('invalid_trace', message);
}
