// The same packets through the same routers, once Taploom's and once the kernel's: what comes out where must have the same bytes.
// If not, the scene is tried again packet by packet, until one alone makes the difference.

import { Random } from '../../engine/random.ts';
import type { Lab } from '../../lab.ts';
import { KernelRouters } from './kernel_routers.ts';
import { RoutedPackets } from './routed_packets.ts';
import { type RoutedScene, randomRoutedScene } from './routed_scene.ts';
import { isEdge } from './routed_world.ts';
import { isEndOfCircle, isOfRouter6, LIMITED, shown } from './shown.ts';
import { SpreadJudge } from './spread_judge.ts';
import { spread } from './spread_scene.ts';
import { TaploomRouters } from './taploom_routers.ts';

const BURSTS = 12;
const BURST = 40;
/** ms without a packet: usually all are there by then, and certainly after the longer time. */
const QUIET = 4;
const CERTAIN = 400;
/** Scenes with several next hops. */
const SPREAD = 0.3;

export interface Findings {
  packets: number;
  /** That came out. */
  seen: number;
  scenes: number;
  seed: number;
  failure?: string;
}

export interface RouteOracleOptions {
  seed: number;
  packets: number;
  ms: number;
}

interface Burst {
  port: string;
  frames: Buffer[];
}

export class RouteOracle {
  private readonly kernel: KernelRouters;

  private constructor(kernel: KernelRouters) {
    this.kernel = kernel;
  }

  static async open(lab: Lab): Promise<RouteOracle> {
    return new RouteOracle(await KernelRouters.start(lab));
  }

  async consult({ seed, packets, ms }: RouteOracleOptions): Promise<Findings> {
    const end = Date.now() + ms;
    const found: Findings = { packets: 0, seen: 0, scenes: 0, seed };
    for (let next = seed; found.packets < packets && Date.now() < end; next++) {
      found.seed = next;
      found.scenes++;
      const random = new Random(next);
      const scene = randomRoutedScene(random);
      const several = random.chance(SPREAD) ? spread(random, scene) : undefined;
      if (several !== undefined) {
        const { packets, seen, failure } = await new SpreadJudge(this.kernel, random, several).judge();
        found.packets += packets;
        found.seen += seen;
        if (failure === undefined) continue;
        found.failure = `seed ${next}: ${failure}\n${describe(several)}`;
        break;
      }
      const taploom = new TaploomRouters(scene);
      await this.kernel.begin(scene);
      const maker = new RoutedPackets(random, scene);
      for (let n = 0; n < BURSTS && found.failure === undefined; n++) {
        const network = random.pick(scene.networks.filter(isEdge));
        const frames = Array.from({ length: BURST }, () => maker.next(network));
        found.packets += frames.length;
        found.failure = await this.play(taploom, scene, { port: `h${network.number}`, frames }, found);
      }
      if (found.failure === undefined) continue;
      found.failure = `seed ${next}: ${found.failure}\n${describe(scene)}`;
      break;
    }
    return found;
  }

  /** Whether the frames of a host in network 0 make a difference. */
  async differs(scene: RoutedScene, frames: Buffer[]): Promise<boolean> {
    await this.kernel.begin(scene);
    const { ours, theirs } = await this.alone(scene, { port: 'h0', frames });
    return compare(ours, theirs) !== undefined;
  }

  /** What is wrong with the ways of a scene in which routes have several next hops. */
  async spreads(seed: number, scene: RoutedScene): Promise<string | undefined> {
    return (await new SpreadJudge(this.kernel, new Random(seed), scene).judge()).failure;
  }

  close(): void {
    this.kernel.close();
  }

  private async play(
    taploom: TaploomRouters,
    scene: RoutedScene,
    burst: Burst,
    found: Findings,
  ): Promise<string | undefined> {
    const ours = shown(taploom.send(burst.port, burst.frames));
    const raw = await this.kernel.send(burst.port, burst.frames, QUIET);
    found.seen += ours.length;
    if (compare(ours, shown(raw)) === undefined) return undefined;
    const rest = await this.kernel.send(burst.port, [], CERTAIN);
    for (const [name, frames] of rest) raw.set(name, [...(raw.get(name) ?? []), ...frames]);
    const difference = compare(ours, shown(raw));
    if (difference === undefined) return undefined;
    for (const frame of burst.frames) {
      const alone = await this.playAlone(scene, { port: burst.port, frames: [frame] });
      if (alone !== undefined) return `${burst.port}: ${frame.toString('hex')}\n${alone}`;
    }
    const onlyOurs = without(ours, shown(raw));
    const onlyTheirs = without(shown(raw), ours);
    const isKnown = (line: string) => isOfRouter6(line) || isEndOfCircle(line);
    if (onlyOurs.every((line) => LIMITED.test(line)) && onlyTheirs.every(isKnown)) return undefined;
    return `together, and not alone\n${difference}`;
  }

  private async playAlone(scene: RoutedScene, burst: Burst): Promise<string | undefined> {
    const { ours, theirs, drops } = await this.alone(scene, burst);
    const difference = compare(ours, theirs);
    if (difference === undefined) return undefined;
    if (isRow33(ours, theirs, drops) || isRow37(ours, theirs, drops)) return undefined;
    return [difference, ...drops].join('\n');
  }

  private async alone(scene: RoutedScene, { port, frames }: Burst) {
    const taploom = new TaploomRouters(scene);
    const ours = shown(taploom.send(port, frames));
    const theirs = shown(await this.kernel.send(port, frames, CERTAIN));
    return { ours, theirs, drops: taploom.drops() };
  }
}

/** What a router said has come back to it, by the table of another interface: ours goes no further. */
function isRow33(ours: readonly string[], theirs: readonly string[], drops: readonly string[]): boolean {
  if (without(ours, theirs).length > 0 || !drops.some((line) => line.endsWith(': martian'))) return false;
  return without(theirs, ours).every(isOfRouter6);
}

/** What a router said goes in a circle of routers: ours ends it before its hops do. */
function isRow37(ours: readonly string[], theirs: readonly string[], drops: readonly string[]): boolean {
  if (without(ours, theirs).length > 0 || !drops.some((line) => line.endsWith(': loop'))) return false;
  return without(theirs, ours).every(isEndOfCircle);
}

function compare(ours: readonly string[], theirs: readonly string[]): string | undefined {
  if (ours.join() === theirs.join()) return undefined;
  const indented = (lines: readonly string[]) => lines.map((line) => `\n    ${line}`).join('');
  return `only ours:${indented(without(ours, theirs))}\nonly theirs:${indented(without(theirs, ours))}`;
}

/** Those that the other side does not have as often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function describe({ networks, routers }: RoutedScene): string {
  const nets = networks.map(({ number, mtu }) => `n${number} mtu ${mtu}`).join(', ');
  const lines = routers.map(({ number, routes, reversePath, tabled }) =>
    [
      `r${number}: ${JSON.stringify(reversePath)} table from ${tabled}`,
      ...routes.map(({ to, via, type, table = '' }) => `    ${to} ${type ?? via} ${table}`),
    ].join('\n'),
  );
  return [nets, ...lines].join('\n');
}
