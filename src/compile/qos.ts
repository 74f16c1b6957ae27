// Quality of service in the configuration -> the table of shapers. The memory of a port's queues stays with it, while it is large enough
// and its classes stay of the same kind: so a reconfiguration loses nothing that waits.

import { parseRate, parseSize, parseTime } from '../config/amounts.ts';
import { devicesIn } from '../config/members.ts';
import type { QosClass, QosConfig } from '../config/qos_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { type Region, unitsOf } from '../table/frame_store.ts';
import { CLASS, classAt, FAIR, MAX_CLASSES, QOS, QOS_ROW, type QosTable } from '../table/qos_table.ts';
import { layOut, storeSize } from '../table/shaper_state.ts';
import type { Names } from './names.ts';
import { compileMatches, portsByGroup } from './qos_matches.ts';
import { RegionMaker } from './regions.ts';
import { shared } from './shared.ts';
import { TenantShapeSlots } from './tenant_shapes.ts';

/** What may leave at once after a pause, ms. */
const BURST = 5;
/** Bytes that may wait: what the rate takes so long for (ms), and so many at least and at most. A super-frame is 64 KiB. */
const LIMIT_TIME = 50;
const MIN_LIMIT = 65_536;
const MAX_LIMIT = 8 * 1024 * 1024;
/** RFC 8289, 4.3 and 4.4, ms; at low rates a frame takes longer than that. */
const TARGET = 5;
const INTERVAL = 100;
const FRAMES_OF_TARGET = 1.5;
const FULL_FRAME = 1514;

type ShapedConfig = Pick<QosConfig, 'classes' | 'fair' | 'limit'> & {
  shape: NonNullable<QosConfig['shape']>;
};

/** A port with a shaper, in the order of the table's rows. */
export interface Shaped {
  name: string;
  port: number;
  qos: ShapedConfig;
  classes: readonly { name: string; rate: string; min?: string }[];
}

export class QosMemories {
  /** By name of a port: which kind of queues, how many bytes they hold, and where they are. */
  private readonly known = new Map<string, { key: string; limit: number; region: Region }>();
  private readonly slabs = new RegionMaker();
  private readonly tenants = new TenantShapeSlots();

  /** Null if no port is shaped. */
  compile(config: SwitchConfig, ports: Names): QosTable | null {
    const all = shapedPorts(config, ports);
    this.keep(new Set(all.map(({ name }) => name)));
    if (all.length === 0) return null;
    const { kinds, rows } = kindsOf(all);
    const matches = compileMatches(kinds.map(classesOf), portsByGroup(config, ports));
    const table = shared({
      ports: [Uint16Array, all.length],
      rows: [Uint16Array, all.length],
      settings: [Float64Array, kinds.length * QOS_ROW],
    });
    table.rows.set(rows);
    kinds.forEach((qos, row) => {
      const settings = rowOf(table.settings, row);
      set(settings, qos);
      settings[QOS.vlans] = matches.vlanRows[row];
      settings[QOS.marks] = matches.markRows[row];
      settings[QOS.sources] = matches.sourceRows[row];
      settings[QOS.memory] = Number.POSITIVE_INFINITY;
    });
    const tenants = this.tenants.compile(
      config,
      all.map(({ name }) => name),
    );
    const regions = all.map((one, n) => {
      table.ports[n] = one.port;
      return this.regionOf(one.name, rowOf(table.settings, rows[n]));
    });
    const { pcps, dscps, vlans, marks, sources } = matches;
    return { ...table, pcps, dscps, vlans, marks, sources, regions, tenants };
  }

  private regionOf(name: string, settings: Float64Array): Region {
    let limit = 0;
    let key = '';
    for (let c = 0; c < settings[QOS.classes]; c++) {
      limit += settings[classAt(c) + CLASS.limit];
      key += settings[classAt(c) + CLASS.fair];
    }
    const before = this.known.get(name);
    const isEnough = before?.key === key && before.limit >= limit && before.limit <= 4 * limit;
    settings[QOS.memory] = Math.min(settings[QOS.memory], isEnough ? before.limit : limit);
    if (isEnough) return before.region;
    const region = this.slabs.make(unitsOf(storeSize(settings, limit)));
    layOut(region, settings, limit);
    this.known.set(name, { key, limit, region });
    return region;
  }

  private keep(names: ReadonlySet<string>): void {
    for (const name of this.known.keys()) if (!names.has(name)) this.known.delete(name);
  }
}

/** The shaped ports, in the order of the table's rows. */
export function shapedPorts({ bridges }: SwitchConfig, ports: Names): Shaped[] {
  return Object.values(bridges).flatMap((bridge) =>
    devicesIn(bridge).flatMap(([name, device]) => {
      const qos = 'qos' in device ? device.qos : undefined;
      const port = ports.find(name);
      if (qos?.shape === undefined || port === undefined) return [];
      const { shape } = qos;
      const all = typeof shape === 'string' ? shape : shape.rate;
      const classes = classesOf(qos as ShapedConfig).map(({ name, max = all, min }) => ({
        ...{ name, rate: max, min },
      }));
      return [{ name, port, qos: qos as ShapedConfig, classes }];
    }),
  );
}

/** How ports are shaped, each way once, and which of these is whose. Where ports have queues the rate may change in place: see storeRate. */
function kindsOf(all: readonly Shaped[]): { kinds: ShapedConfig[]; rows: number[] } {
  const kinds: ShapedConfig[] = [];
  const known = new Map<string, number>();
  const rows = all.map(({ name, qos: { shape, classes, fair, limit } }) => {
    const qos = { shape, classes, fair, limit };
    const isAlone = classesOf(qos).some((one) => one.fair === 'ports');
    const key = JSON.stringify(isAlone ? [name] : qos);
    const row = known.get(key) ?? kinds.push(qos) - 1;
    known.set(key, row);
    return row;
  });
  return { kinds, rows };
}

function rowOf(settings: Float64Array, row: number): Float64Array {
  return settings.subarray(row * QOS_ROW, (row + 1) * QOS_ROW);
}

/** Names of the classes of a shaped port, in their order. */
export function classNames(qos: QosConfig): string[] {
  return classesOf(qos as ShapedConfig).map(({ name }) => name);
}

/** The classes as they are: those that were written, and one that takes the rest if none does. */
function classesOf({ classes = [], fair = false, limit }: ShapedConfig): QosClass[] {
  if (classes.some(({ match }) => match === undefined) || classes.length === MAX_CLASSES) return classes;
  return [...classes, { name: 'default', fair, limit: classes.length === 0 ? limit : undefined }];
}

function set(settings: Float64Array, qos: ShapedConfig): void {
  const shape = typeof qos.shape === 'string' ? { rate: qos.shape, overhead: 0 } : qos.shape;
  const { catch_up: catchUp } = shape;
  const classes = classesOf(qos);
  const rate = bitsOf(shape.rate);
  settings[QOS.cost] = costOf(rate);
  settings[QOS.burst] = shape.burst === undefined ? BURST : (parseTime(shape.burst) as number);
  settings[QOS.overhead] = shape.overhead;
  settings[QOS.catchUp] = catchUp === undefined ? Number.POSITIVE_INFINITY : (parseTime(catchUp) as number);
  settings[QOS.classes] = classes.length;
  const open = classes.findIndex(({ match }) => match === undefined);
  settings[QOS.fallback] = open < 0 ? classes.length - 1 : open;
  settings[QOS.readsDscp] = classes.some(({ match }) => match?.dscp !== undefined) ? 1 : 0;
  classes.forEach(({ priority, weight, min, max, limit, fair }, c) => {
    const at = classAt(c);
    const own = max === undefined ? rate : bitsOf(max);
    // 0 = by weight
    settings[at + CLASS.priority] = priority === undefined ? 0 : priority + 1;
    settings[at + CLASS.weight] = weight ?? 1;
    settings[at + CLASS.minCost] = min === undefined ? 0 : costOf(bitsOf(min));
    settings[at + CLASS.maxCost] = max === undefined ? 0 : costOf(own);
    const time = limit === undefined ? undefined : parseTime(limit);
    settings[at + CLASS.maxAge] = time ?? Number.POSITIVE_INFINITY;
    settings[at + CLASS.limit] = limitOf(own, time, limit);
    settings[at + CLASS.fair] = fair === 'ports' ? FAIR.ports : fair ? FAIR.flows : FAIR.off;
    settings[at + CLASS.target] = targetOf(own);
    settings[at + CLASS.interval] = INTERVAL;
  });
}

/** Another rate for a port whose shaper has one class and none of its own, at once; it holds no more than there is memory for. */
export function storeRate({ ports, rows, settings }: QosTable, port: number, bits: number): void {
  const n = ports.indexOf(port);
  if (n < 0) return;
  const at = rows[n] * QOS_ROW;
  settings[at + QOS.cost] = costOf(bits);
  const only = at + classAt(0);
  settings[only + CLASS.limit] = Math.min(limitOf(bits, undefined, undefined), settings[at + QOS.memory]);
  settings[only + CLASS.target] = targetOf(bits);
}

/** Bytes that may wait. A time that was asked for is one of waiting, and bounds the bytes by what the rate takes it for. */
function limitOf(rate: number, time: number | undefined, limit: string | undefined): number {
  if (limit !== undefined && time === undefined) return parseSize(limit) as number;
  const bytes = ((time ?? LIMIT_TIME) / 1000) * (rate / 8);
  return Math.ceil(Math.min(Math.max(bytes, time === undefined ? MIN_LIMIT : 2 * FULL_FRAME), MAX_LIMIT));
}

function targetOf(bits: number): number {
  return Math.max(TARGET, FRAMES_OF_TARGET * FULL_FRAME * costOf(bits));
}

function bitsOf(text: string): number {
  return (parseRate(text) as { amount: number }).amount;
}

/** ms that a byte takes. */
function costOf(bits: number): number {
  return 8000 / bits;
}
