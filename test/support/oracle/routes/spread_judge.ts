// Routes with several next hops beside the kernel's: spread_scene.ts has what is right, spread_flows.ts who took which way. The
// kernel's own choice is judged, too, which shows that the ways are those that it knows.

import type { Random } from '../../engine/random.ts';
import type { KernelRouters } from './kernel_routers.ts';
import { RoutedPackets } from './routed_packets.ts';
import { isTabled, type RoutedScene } from './routed_scene.ts';
import { isEndOfCircle, isOfRouter6, LIMITED, shown } from './shown.ts';
import { bySender, Flows, flowOf, senderOf } from './spread_flows.ts';
import { choicesOf, sendersOf } from './spread_scene.ts';
import { TaploomRouters } from './taploom_routers.ts';
import { withHops } from './vnet_frames.ts';

const BURSTS = 4;
const BURST = 40;
/** ms without a packet; of a second try. */
const QUIET = 4;
const CERTAIN = 400;
/** Enough for all ways, and few enough for a circle to end. */
const HOPS = [9, 10, 11, 12];

interface Burst {
  port: string;
  frames: Buffer[];
}

interface Outcome {
  packets: number;
  seen: number;
  failure?: string;
}

export class SpreadJudge {
  private readonly kernel: KernelRouters;
  private readonly scene: RoutedScene;
  private readonly bursts: Burst[];
  /** What a router says itself may come back to it by another table: row 33. */
  private readonly mayComeBack: boolean;

  constructor(kernel: KernelRouters, random: Random, scene: RoutedScene) {
    this.kernel = kernel;
    this.scene = scene;
    this.mayComeBack = scene.routers.some(isTabled);
    const maker = new RoutedPackets(random, scene, { isHonest: true });
    const senders = sendersOf(scene);
    const first = Array.from({ length: BURSTS }, () => {
      const network = random.pick(senders);
      const frames = Array.from({ length: BURST }, () => maker.next(network));
      return { port: `h${network.number}`, frames };
    });
    // In another order: nothing but the flow decides.
    const again = first.map(({ port, frames }) => ({
      port,
      frames: frames.toReversed().map((frame) => withHops(frame, random.pick(HOPS))),
    }));
    this.bursts = [...first, ...again];
  }

  async judge(): Promise<Outcome> {
    const taploom = new TaploomRouters(this.scene);
    const ours = this.bursts.map(({ port, frames }) => shown(taploom.send(port, frames)));
    const packets = this.bursts.reduce((sum, { frames }) => sum + frames.length, 0);
    const seen = ours.reduce((sum, { length }) => sum + length, 0);
    for (const ms of [QUIET, CERTAIN]) {
      const right = [];
      for (const choice of choicesOf(this.scene)) right.push(await this.ask(choice, ms));
      const theirs = await this.ask(this.scene, ms);
      const failure = this.compare('ours', ours, right) ?? this.compare('theirs', theirs, right);
      if (failure === undefined) return { packets, seen };
      if (ms === CERTAIN) return { packets, seen, failure };
    }
    return { packets, seen };
  }

  /** What the kernel makes of each burst. */
  private async ask(scene: RoutedScene, ms: number): Promise<string[][]> {
    await this.kernel.begin(scene);
    const all = [];
    for (const { port, frames } of this.bursts) all.push(shown(await this.kernel.send(port, frames, ms)));
    return all;
  }

  private compare(who: string, lines: readonly string[][], right: readonly string[][][]): string | undefined {
    const flows = new Flows();
    const isTold = (line: string) =>
      !LIMITED.test(line) && !isEndOfCircle(line) && !(this.mayComeBack && isOfRouter6(line));
    for (const [n, { port, frames }] of this.bursts.entries()) {
      const senders = frames.map(senderOf);
      const found = bySender(lines[n].filter(isTold), senders);
      const ways = right.map((choice) => bySender(choice[n].filter(isTold), senders));
      for (const frame of frames) {
        const sender = senderOf(frame);
        const choices = [...ways.keys()].filter((k) => ways[k].get(sender) === found.get(sender));
        const what = `${port}: ${frame.toString('hex')}\n${who}: ${found.get(sender)}`;
        if (choices.length === 0)
          return `${what}\nright: ${ways.map((way) => way.get(sender)).join('\n  or')}`;
        if (!flows.note(flowOf(frame), choices)) return `another way than its flow went before\n${what}`;
      }
    }
    return undefined;
  }
}
