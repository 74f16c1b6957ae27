// Shows scenes to Taploom and to another switch. What leaves, and the tables, must agree after every step; if they do
// not, the scene is made as small as it can be and still differ.

import { Random } from '../engine/random.ts';
import { tell, untold } from './differences.ts';
import type { Egress, Peer } from './peer.ts';
import { type Abilities, randomScene, type Scene, type Step } from './scene.ts';

/** MAC addresses, and tags behind them. */
const TAGS = /^(.{24})(?:8100.{4})+/;

export interface Findings {
  frames: number;
  scenes: number;
  /** Seed of the last scene. */
  seed: number;
  /** By number of the row: how many frames it explained. */
  explained: Map<number, number>;
  failure?: string;
}

export interface OracleOptions {
  /** Of docs/differences.md, those that are known. */
  rows: ReadonlySet<number>;
  can: Abilities;
  seed: number;
  /** Ends after so many frames, or so many ms. */
  frames: number;
  ms: number;
  /** Whether a failure is tried again with less, and told in full. */
  shrinks?: boolean;
}

export async function consult(ours: Peer, theirs: Peer, options: OracleOptions): Promise<Findings> {
  const { rows, can, frames, ms, shrinks = true } = options;
  const end = Date.now() + ms;
  const found: Findings = { frames: 0, scenes: 0, seed: options.seed, explained: new Map() };
  for (let seed = options.seed; found.frames < frames && Date.now() < end; seed++) {
    found.seed = seed;
    const scene = randomScene(new Random(seed), can, rows);
    found.scenes++;
    const difference = await play(ours, theirs, scene, rows, found, end);
    if (difference === undefined) continue;
    found.failure = shrinks ? await report(ours, theirs, scene, rows, seed, difference) : difference;
    break;
  }
  return found;
}

/** Returns the first disagreement in words, or undefined. */
async function play(
  ours: Peer,
  theirs: Peer,
  scene: Scene,
  rows: ReadonlySet<number>,
  found?: Findings,
  end = Number.POSITIVE_INFINITY,
): Promise<string | undefined> {
  await Promise.all([ours.begin(scene), theirs.begin(scene)]);
  const steps = [...scene.opening, ...scene.steps];
  for (const [n, step] of steps.entries()) {
    const isLooked = (n + 1) % theirs.tableEvery === 0 || n === steps.length - 1;
    const difference = await playStep(ours, theirs, scene, rows, step, isLooked, found);
    if (difference !== undefined) return `step ${n + 1}: ${difference}`;
    if (Date.now() > end) break;
  }
  return undefined;
}

async function playStep(
  ours: Peer,
  theirs: Peer,
  scene: Scene,
  rows: ReadonlySet<number>,
  step: Step,
  isLooked: boolean,
  found?: Findings,
): Promise<string | undefined> {
  const tables = async () => compareTables(scene, rows, await ours.table(), await theirs.table());
  if ('seconds' in step) {
    await Promise.all([ours.wait(step.seconds), theirs.wait(step.seconds)]);
    return tables();
  }
  if ('vlan' in step) {
    await Promise.all([ours, theirs].map((peer) => peer.change(step.port, step.vlan)));
    return undefined;
  }
  const port = scene.ports.find(({ name }) => name === step.port);
  if (port === undefined) throw new Error(`no port ${step.port}`);
  const told = step.frames.map((frame) => ({ ...tell(rows, frame, port, scene), original: frame }));
  if (found !== undefined) {
    found.frames += told.length;
    for (const number of told.flatMap(({ numbers }) => numbers))
      found.explained.set(number, (found.explained.get(number) ?? 0) + 1);
  }
  const sent = told.flatMap(({ frame }) => (frame === null ? [] : [frame]));
  const expected = shown(scene, rows, await ours.send(step.port, step.frames));
  const actual: Egress = sent.length === 0 ? new Map() : await theirs.send(step.port, sent);
  const seen = shown(scene, rows, new Map([...actual].map(([name, list]) => [name, untold(list, told)])));
  const ports = different(expected, seen);
  if (ports.length > 0)
    return ports.map((name) => sides(name, expected.get(name), seen.get(name))).join('\n');
  return isLooked ? tables() : undefined;
}

/** Copies for a watcher in no order, and without tags, which may be those of either side of the bridge. */
function shown({ isAware, mirror }: Scene, rows: ReadonlySet<number>, egress: Egress): Egress {
  const list = mirror === undefined ? undefined : egress.get(mirror.to);
  if (mirror === undefined || list === undefined) return egress;
  const bare = isAware && rows.has(12) ? list.map((hex) => hex.replace(TAGS, '$1')) : list;
  return new Map([...egress, [mirror.to, [...bare].sort()]]);
}

function different(ours: Egress, theirs: Egress): string[] {
  const names = new Set([...ours.keys(), ...theirs.keys()]);
  return [...names].filter((name) => (ours.get(name) ?? []).join() !== (theirs.get(name) ?? []).join());
}

function compareTables(
  scene: Scene,
  rows: ReadonlySet<number>,
  ours: string[],
  theirs: string[],
): string | undefined {
  const isCounted = scene.limit !== undefined && rows.has(11);
  const isSame = isCounted ? ours.length === theirs.length : ours.join() === theirs.join();
  return isSame ? undefined : sides('table', ours, theirs);
}

function sides(what: string, ours: readonly string[] = [], theirs: readonly string[] = []): string {
  const lines = (list: readonly string[], other: readonly string[]) =>
    list.filter((line) => !other.includes(line)).map((line) => `\n      ${line}`);
  return [
    `${what}: ${ours.length} of ours, ${theirs.length} of theirs`,
    `    only ours:${lines(ours, theirs).join('')}`,
    `    only theirs:${lines(theirs, ours).join('')}`,
  ].join('\n');
}

async function report(
  ours: Peer,
  theirs: Peer,
  scene: Scene,
  rows: ReadonlySet<number>,
  seed: number,
  first: string,
): Promise<string> {
  const fails = async (steps: readonly Step[]) =>
    (await play(ours, theirs, { ...scene, steps }, rows)) !== undefined;
  if (!(await fails(scene.steps))) return `seed ${seed}: once and not again, ${first}`;
  const steps = await shrink(scene.steps, fails);
  const smallest = { ...scene, steps };
  const outcome = await play(ours, theirs, smallest, rows);
  return `seed ${seed}: ${first}\n${describe(smallest)}\n${outcome ?? 'not again'}`;
}

/** Fewer and fewer steps, each with one frame, that still fail: delta debugging with halves. */
async function shrink(all: readonly Step[], fails: (steps: Step[]) => Promise<boolean>): Promise<Step[]> {
  let steps = all.flatMap((step): Step[] =>
    'frames' in step ? step.frames.map((frame) => ({ port: step.port, frames: [frame] })) : [step],
  );
  if (!(await fails(steps))) steps = [...all];
  for (let size = steps.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < steps.length; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (await fails(fewer)) steps = fewer;
      else at += size;
    }
  }
  return steps;
}

function describe({ opening, steps, ports, ...bridge }: Scene): string {
  const lines = [...opening, ...steps].map((step, n) =>
    'seconds' in step
      ? `  ${n + 1}. ${step.seconds} s pass`
      : `  ${n + 1}. ${step.port}: ${
          'vlan' in step
            ? JSON.stringify(step.vlan)
            : step.frames.map((frame) => frame.toString('hex')).join(' ')
        }`,
  );
  return [JSON.stringify(bridge), ...ports.map((port) => JSON.stringify(port)), ...lines].join('\n');
}
