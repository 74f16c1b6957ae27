// Trust and rewriting of priorities in the configuration -> the engine's table.

import type { QosConfig } from '../config/qos_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { KEEP_DSCP, type PriorityTable, RANKS, TRUST } from '../table/priority_table.ts';
import { classSelector, priorityOfDscp } from '../wire/dscp.ts';
import { decodePriority, encodePriority } from '../wire/priority_code.ts';
import type { Names } from './names.ts';
import { shared } from './shared.ts';

const DSCPS = 64;

/** Null if no port has any. */
export function compilePriorities({ bridges }: SwitchConfig, ports: Names): PriorityTable | null {
  const all = Object.values(bridges).flatMap((bridge) =>
    Object.entries(bridge.ports).flatMap(([name, config]) => {
      const port = ports.find(name);
      const qos = 'qos' in config ? config.qos : undefined;
      return port === undefined || qos === undefined || !(reads(qos) || writes(qos)) ? [] : [{ port, qos }];
    }),
  );
  if (all.length === 0) return null;
  const rows = all.length + 1;
  const table = shared({
    in: [Uint16Array, ports.length],
    out: [Uint16Array, ports.length],
    trust: [Uint8Array, rows],
    fallback: [Uint8Array, rows],
    pcps: [Uint8Array, rows * RANKS],
    dscps: [Uint8Array, rows * DSCPS],
    tags: [Uint8Array, rows * RANKS],
    dscpOf: [Uint8Array, rows * RANKS],
  });
  all.forEach(({ port, qos }, k) => {
    const n = k + 1;
    if (reads(qos)) table.in[port] = n;
    if (writes(qos)) table.out[port] = n;
    set(table, n, qos);
  });
  return { ...table, hasIn: table.in.some((n) => n !== 0), hasOut: table.out.some((n) => n !== 0) };
}

function reads({ trust, priority, pcp_coding, dscp_map }: QosConfig): boolean {
  return (trust ?? priority ?? pcp_coding ?? dscp_map) !== undefined;
}

function writes({ rewrite, pcp_coding }: QosConfig): boolean {
  return (rewrite ?? pcp_coding) !== undefined;
}

type Arrays = Omit<PriorityTable, 'in' | 'out' | 'hasIn' | 'hasOut'>;

function set(table: Arrays, n: number, qos: QosConfig): void {
  const { trust = 'pcp', priority = 0, pcp_coding = '8p0d', dscp_map = 'class_selector', rewrite } = qos;
  table.trust[n] = TRUST[trust];
  table.fallback[n] = priority << 1;
  for (let dscp = 0; dscp < DSCPS; dscp++) {
    const found =
      typeof dscp_map === 'string' ? priorityOfDscp(dscp_map, dscp) : (dscp_map[dscp] ?? priority);
    table.dscps[n * DSCPS + dscp] = found << 1;
  }
  for (let rank = 0; rank < RANKS; rank++) {
    const own = rank >>> 1;
    table.pcps[n * RANKS + rank] = decodePriority(pcp_coding, rank);
    const said = ((rewrite?.pcp?.[own] ?? own) << 1) | (rewrite?.dei === false ? 0 : rank & 1);
    table.tags[n * RANKS + rank] = encodePriority(pcp_coding, said);
    const dscp = rewrite?.dscp;
    table.dscpOf[n * RANKS + rank] =
      dscp === 'class_selector' ? classSelector(own) : (dscp?.[own] ?? KEEP_DSCP);
  }
}
