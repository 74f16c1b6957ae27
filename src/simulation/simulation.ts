// A network in one process and on one virtual clock: switches, stations and the links between them. Time passes only in `run`,
// `until` and `expect`, as fast as the machine can (timeline.ts), and everything that is random follows from one seed.

import type { ActionResult } from '../config/action.ts';
import type { SwitchConfigInput } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { Switch } from '../switch/switch.ts';
import type { World } from '../switch/world.ts';
import { CaptureFile } from './capture_file.ts';
import { Direction, type LinkOptions, NS } from './direction.ts';
import { Link } from './link.ts';
import { Node } from './node.ts';
import { Random } from './random.ts';
import type { Recording, Step } from './recording.ts';
import { Station } from './station.ts';
import { Timeline, UP_SINCE } from './timeline.ts';

/** In a moment, what is done to links comes before all frames. */
const FIRST = -1;

/** What a simulation begins with. */
export interface SimulationOptions {
  /** Of everything that is random; an integer, default 1. */
  seed?: number;
  /** The date on which it begins, for whoever asks for one. Default: 2026-01-01T00:00:00Z. */
  start?: string;
}

/** A network of switches, stations and links on one virtual clock. The same seed and the same calls give the same bytes. */
export class Simulation implements AsyncDisposable {
  private readonly seed: number;
  /** ms since 1970. */
  private readonly start: number;
  private readonly timeline = new Timeline();
  private readonly nodes = new Map<string, Node>();
  private readonly stations = new Map<string, Station>();
  /** By station: the end of its link. */
  private readonly plugs = new Map<string, (bytes: Uint8Array) => void>();
  private readonly links: [Direction, Direction][] = [];
  private readonly file = new CaptureFile();
  private readonly steps: Step[] = [];

  constructor({ seed = 1, start = '2026-01-01T00:00:00Z' }: SimulationOptions = {}) {
    const date = Date.parse(start);
    if (!Number.isSafeInteger(seed))
      throw new TaploomError('invalid_option', `seed: ${seed} is not an integer`);
    if (Number.isNaN(date)) throw new TaploomError('invalid_option', `start: ${start} is not a date`);
    this.seed = seed;
    this.start = date;
  }

  /**
   * Plays a recording again, to its end.
   * @throws TaploomError `invalid_recording` if it is of another version
   */
  static async replay({ version, seed, start, steps }: Recording): Promise<Simulation> {
    if (version !== 1)
      throw new TaploomError('invalid_recording', `A recording of version ${version}: this is for version 1`);
    const simulation = new Simulation({ seed, start: new Date(start).toISOString() });
    for (const [n, step] of steps.entries()) {
      if (step.during) continue; // scheduled with the run before it
      const isNext = (one: number): boolean => steps[one]?.during === true;
      if (step.do === 'run') for (let next = n + 1; isNext(next); next++) simulation.play(steps[next]);
      await simulation.play(step);
    }
    return simulation;
  }

  /** ms since the start. */
  get now(): number {
    return this.timeline.time / NS;
  }

  /**
   * Adds a switch: without threads, its bridges with `local: false`, its ports of type `memory`.
   * @throws ConfigError, TaploomError as `Switch.open`
   */
  async switch(name: string, config: SwitchConfigInput): Promise<Switch> {
    this.mustBeNew(name);
    this.note({ do: 'switch', name, config: structuredClone(config) });
    const node = await Node.open(config, this.world(name));
    this.nodes.set(name, node);
    this.timeline.add(node);
    return node.taploom;
  }

  /** Gives a switch another configuration. `Switch.apply` does the same, and is not recorded. */
  async apply(name: string, config: SwitchConfigInput): Promise<ActionResult[]> {
    const node = this.nodes.get(name);
    if (node === undefined) throw new TaploomError('no_such_node', `There is no switch ${name}`);
    this.note({ do: 'apply', name, config: structuredClone(config) });
    return node.apply(config);
  }

  /** Adds a host that the program plays. */
  station(name: string): Station {
    this.mustBeNew(name);
    this.note({ do: 'station', name });
    const station = new Station(name, {
      send: (frame, at) => this.send(name, frame, at === undefined ? 0 : Math.round(at * NS)),
      now: () => this.now,
      until: (condition, ms) => this.until(condition, ms),
    });
    this.stations.set(name, station);
    return station;
  }

  /**
   * Connects two ends, each the name of a station or `switch/port`. `back`: what it is like from the second end to the first,
   * if it is not the same.
   * @throws TaploomError `no_such_node`, `no_such_port`, `already_linked`; RangeError for options
   */
  link(first: string, second: string, options: LinkOptions = {}, back: LinkOptions = options): Link {
    const number = this.links.length;
    for (const end of [first, second]) this.mustBeFree(end);
    this.note({ do: 'link', ends: [first, second], options, back });
    const there = this.direct(first, second, 2 * number, options);
    const here = this.direct(second, first, 2 * number + 1, back);
    this.links.push([there, here]);
    return new Link([there.counters, here.counters], (deed) =>
      this.control({ ...deed, link: number, at: this.timeline.soonest }),
    );
  }

  /** Lets so many ms pass. */
  async run(ms: number): Promise<void> {
    await this.pass(this.timeline.time + Math.round(ms * NS));
  }

  /** Lets time pass until the condition is true, at most so many ms. Resolves with whether it is. */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    await this.pass(this.timeline.time + Math.round(ms * NS), condition);
    return condition();
  }

  /** What has passed the ends of the links so far: a pcapng file, the same bytes for the same scenario. */
  capture(): Uint8Array {
    return this.file.write(this.start);
  }

  /** What was done so far, as JSON can hold it. What was done to switches past the simulation is not in it. */
  recording(): Recording {
    return { version: 1, seed: this.seed, start: this.start, steps: structuredClone(this.steps) };
  }

  /** Closes all switches. */
  async close(): Promise<void> {
    for (const { taploom } of this.nodes.values()) await taploom.close();
    this.nodes.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private world(name: string): World {
    const random = new Random(this.seed, `switch ${name}`);
    return {
      now: () => UP_SINCE + this.now,
      unixMs: () => this.start + Math.floor(this.now),
      randomBytes: (length) => random.bytes(length),
      machine: `simulation ${this.seed} ${name}`,
      hostName: name,
    };
  }

  private async play(step: Step): Promise<void> {
    switch (step.do) {
      case 'switch':
        await this.switch(step.name, step.config);
        break;
      case 'apply':
        await this.apply(step.name, step.config);
        break;
      case 'station':
        this.station(step.name);
        break;
      case 'link':
        this.link(...step.ends, step.options, step.back);
        break;
      case 'send':
        this.send(step.name, Buffer.from(step.frame, 'hex'), step.at);
        break;
      case 'run':
        await this.pass(step.to);
        break;
      default:
        this.control(step);
    }
  }

  private async pass(end: number, condition = () => false): Promise<void> {
    const step: Step = { do: 'run', to: end };
    this.note(step);
    await this.timeline.pass(end, condition);
    step.to = this.timeline.time;
  }

  private send(name: string, frame: Uint8Array, wanted: number): void {
    const plug = this.plugs.get(name);
    if (plug === undefined) throw new TaploomError('not_linked', `Station ${name} has no link`);
    const at = Math.max(wanted, this.timeline.soonest);
    this.notice({ do: 'send', at, name, frame: Buffer.from(frame).toString('hex') });
    // Stations send after whatever is done to links, in the order in which they were made.
    this.act(at, this.order(name), () => plug(frame));
  }

  private control(step: Extract<Step, { do: 'cut' | 'mend' | 'change' }>): void {
    this.notice(step);
    const [there, back] = this.links[step.link];
    this.act(step.at, FIRST, () => {
      if (step.do === 'change') {
        there.change(step.options);
        back.change(step.back);
      } else for (const direction of [there, back]) direction.isCut = step.do === 'cut';
    });
  }

  /** Now, if nothing else happens now. */
  private act(at: number, by: number, deed: () => void): void {
    if (at <= this.timeline.time && !this.timeline.isRunning) deed();
    else this.timeline.at(at, by, deed);
  }

  /** The way from one end to another; frames that leave at `from` take it. */
  private direct(from: string, to: string, number: number, options: LinkOptions): Direction {
    const [start, end] = [from, to].map((name) => this.file.endOf(name));
    const hear = this.ear(to);
    const { timeline, file } = this;
    const name = `${from} > ${to}`;
    const direction = new Direction(this.seed, name, options, (at, bytes) =>
      timeline.at(at, number, () => {
        direction.counters.arrived++;
        file.add(end, timeline.time, true, bytes);
        hear(bytes);
      }),
    );
    const plug = (bytes: Uint8Array) => {
      file.add(start, timeline.time, false, bytes);
      direction.send(timeline.time, bytes);
    };
    const [node, port] = this.portOf(from);
    if (node === undefined) this.plugs.set(from, plug);
    else node.connect(port, plug);
    return direction;
  }

  private ear(name: string): (bytes: Uint8Array) => void {
    const [node, port] = this.portOf(name);
    if (node === undefined) return (bytes) => this.stations.get(name)?.hear(bytes);
    return (bytes) => {
      node.hear(port, bytes);
      this.timeline.wake(node);
    };
  }

  private portOf(end: string): [Node | undefined, string] {
    const [name, port = ''] = end.split('/');
    return [this.nodes.get(name), port];
  }

  private order(station: string): number {
    return [...this.stations.keys()].indexOf(station);
  }

  private mustBeFree(end: string): void {
    const [node, port] = this.portOf(end);
    if (node === undefined && !this.stations.has(end))
      throw new TaploomError('no_such_node', `${end} is neither a station nor the port of a switch, as a/p1`);
    node?.taploom.memoryPort(port);
    if (node?.isConnected(port) || this.plugs.has(end))
      throw new TaploomError('already_linked', `${end} has a link already`);
  }

  private mustBeNew(name: string): void {
    if (this.nodes.has(name) || this.stations.has(name))
      throw new TaploomError('already_there', `There is a switch or station ${name} already`);
    if (name === '' || name.includes('/'))
      throw new TaploomError(
        'invalid_name',
        `${JSON.stringify(name)} is no name: one character at least, and no /`,
      );
  }

  /** What is done between two runs. */
  private note(step: Step): void {
    this.timeline.mustStand();
    this.steps.push(step);
  }

  /** What may be done at any time. */
  private notice(step: Step): void {
    this.steps.push(this.timeline.isRunning ? { ...step, during: true } : step);
  }
}
