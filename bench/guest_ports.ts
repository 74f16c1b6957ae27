// What ports of guests (vhost-user) cost beside those of TAPs, idle, in memory, and until they are up. The guests are fake ones
// in this process, which do nothing unless they are asked to; those that start are a process of their own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../src/control/client.ts';
import type { SwitchEvent } from '../src/event.ts';
import { FakeGuest } from '../src/tester/guest/fake_guest.ts';
import { type Bench, type Outcome, type Result, Skip } from './bench.ts';
import { cpuTime, needTool } from './contenders/contender.ts';
import { startDaemon } from './daemon.ts';
import { Lab } from './lab.ts';
import type { PathTimes, Times } from './measure_guest_paths.ts';
import type { Process } from './process.ts';
import { median, medianInterval } from './statistics.ts';

const TURNS = 40;
const QUICK_TURNS = 3;
const STARTS = 20;
const QUICK_STARTS = 2;
const IDLE_PORTS = 64;
const MANY_PORTS = 256;
/** As in idle.ts: what V8 does once. */
const SETTLE_MS = 110_000;
const IDLE_MS = 30_000;
const QUICK_MS = 1000;
const PATHS_MS = 120_000;
const UP_MS = 20_000;
const AT_LEAST = 1;
const PING_AT_MOST = 1.2;
const START_AT_MOST_MS = 5;
/** Nothing, as far as that can be measured. */
const IDLE_AT_MOST_US = 10;
const MEMORY_AT_MOST_MB = 1024;
const BRIDGE = 'tlguests';
const FRONT_END = fileURLToPath(new URL('../../bench/traffic/front_end.py', import.meta.url));
/** Between an event and the next one of the same moment, ms. */
const DOUBT_MS = 5;
/** Starts that are not counted: the first few of a daemon take several times as long. */
const WARM_UP = 2;

export const guestPorts: Bench = {
  name: 'guest-ports',
  question: 'What do ports of guests (vhost-user) cost: a frame, a ping, a start, silence, memory?',
  duration: ({ quick }) => 30 + (quick ? 2 * QUICK_MS : SETTLE_MS + IDLE_MS) / 1000,
  async run({ quick, say }) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'sysctl', 'setpriv', 'python3');
    const results: Result[] = [];
    for (const [what, part] of [
      ['frames and pings', paths],
      ['starts', starts],
      ['silence', silence],
      ['memory', memory],
    ] as const) {
      say(what);
      const lab = new Lab();
      try {
        results.push(...(await part(lab, quick)));
      } finally {
        lab.close();
      }
    }
    return { results } satisfies Outcome;
  },
};

async function paths(lab: Lab, quick: boolean): Promise<Result[]> {
  const program = fileURLToPath(new URL('./measure_guest_paths.js', import.meta.url));
  const command = [process.execPath, program, String(quick ? QUICK_TURNS : TURNS)];
  const output = await lab.start(command, { netns: lab.netns('paths') }).output(PATHS_MS);
  const { small, large, ping } = JSON.parse(output) as PathTimes;
  const rate = (what: string, times: Times) =>
    ratio(
      `${what} from a guest's ring to a TAP, by those from a TAP`,
      times,
      ({ vhost, tap }) => tap / vhost,
      {
        atLeast: AT_LEAST,
      },
    );
  return [
    rate('frames of 64 bytes', small),
    rate('super-frames of 64 KiB', large),
    ratio(
      'ping from a guest to the host behind a TAP, by that from a TAP',
      ping,
      ({ vhost, tap }) => vhost / tap,
      { atMost: PING_AT_MOST },
    ),
  ];
}

/** Turn by turn: both took theirs one after the other. */
function ratio(
  what: string,
  { vhost, tap }: Times,
  of: (turn: Record<keyof Times, number>) => number,
  expected: Result['expected'],
): Result {
  const ratios = vhost.map((ns, n) => of({ vhost: ns, tap: tap[n] }));
  const detail = `medians: ${median(vhost).toFixed(1)} and ${median(tap).toFixed(1)}`;
  return {
    what,
    value: median(ratios),
    unit: 'times',
    interval: medianInterval(ratios),
    expected,
    detail,
  };
}

/** From the request at the control socket until a frame of the guest's, who listens, was taken, and until it is said that it is up. */
async function starts(lab: Lab, quick: boolean): Promise<Result[]> {
  const { client, daemon, folder } = await daemonWith(lab, 0);
  const news = new Comings(client.follow({ type: 'port', since: (await client.events()).at(-1)?.seq }));
  const guests = lab.start(['/usr/bin/python3', FRONT_END]);
  const links: number[] = [];
  const times: number[] = [];
  const answers: number[] = [];
  const work: number[] = [];
  for (let n = 0; n < WARM_UP + (quick ? QUICK_STARTS : STARTS); n++) {
    const [name, path] = [`vm${n}`, join(folder, `vm${n}`)];
    guests.child.stdin?.write(`${path}\n`);
    await guests.waitFor(new RegExp(`listening ${name}\n`));
    const [begun, from, before] = [performance.now(), process.hrtime.bigint(), cpuTime([daemon])];
    await client.addPort(BRIDGE, name, { type: 'vhost_user', path, mode: 'client' });
    answers.push(performance.now() - begun);
    times.push((await news.up(name)) - begun);
    work.push((cpuTime([daemon]) - before) / 1e6);
    const [, taken] = await guests.waitFor(new RegExp(`taken ${name} (\\d+)\\n`));
    links.push(Number(BigInt(taken) - from) / 1e6);
    guests.child.stdin?.write('close\n');
    await client.deletePort(BRIDGE, name);
  }
  const [linked, told, answered, busy] = [links, times, answers, work].map((all) => all.slice(WARM_UP));
  const part = (values: number[]) => median(values).toFixed(1);
  const what =
    'port of a guest that listens: from the request to add it until it has taken a frame of the guest';
  const expected = { atMost: START_AT_MOST_MS };
  const detail = `answered after ${part(answered)} ms; the daemon was at work for ${part(busy)} ms; the first one took ${links[0].toFixed(1)} ms`;
  const heard = 'until a listener of events has heard of it';
  return [
    { what, value: median(linked), unit: 'ms', interval: medianInterval(linked), expected, detail },
    { what: heard, value: median(told), unit: 'ms', interval: medianInterval(told) },
  ];
}

/** Ports that come up, as any listener hears of it: whoever asks again and again keeps the daemon from its work. */
class Comings {
  private readonly events: AsyncGenerator<SwitchEvent>;
  private next: Promise<IteratorResult<SwitchEvent>> | undefined;

  constructor(events: AsyncGenerator<SwitchEvent>) {
    this.events = events;
  }

  /** When it was heard. A new port counts as up, unless the next event says otherwise. */
  async up(name: string): Promise<number> {
    let heard: number | undefined;
    for (;;) {
      this.next ??= this.events.next();
      const result = await (heard === undefined
        ? this.next
        : Promise.race([this.next, setTimeout(DOUBT_MS)]));
      if (result === undefined) return heard as number;
      this.next = undefined;
      const { value } = result;
      if (value?.type !== 'port' || value.port !== name) continue;
      if (value.change === 'up') return performance.now();
      heard = value.change === 'added' ? performance.now() : undefined;
    }
  }
}

/** Two daemons side by side, one of them without guests. */
async function silence(lab: Lab, quick: boolean): Promise<Result[]> {
  const empty = await daemonWith(lab, 0);
  const full = await daemonWith(lab, IDLE_PORTS);
  const guests = await plugAll(full.paths);
  try {
    await areUp(full.client, IDLE_PORTS);
    await setTimeout(quick ? QUICK_MS : SETTLE_MS);
    const daemons = [empty.daemon, full.daemon];
    const before = daemons.map((daemon) => cpuTime([daemon]));
    const from = performance.now();
    await setTimeout(quick ? QUICK_MS : IDLE_MS);
    const seconds = (performance.now() - from) / 1000;
    const [none, many] = daemons.map((daemon, n) => (cpuTime([daemon]) - before[n]) / 1e6 / seconds);
    return [
      {
        what: `an idle guest: CPU time in a second, as one of ${IDLE_PORTS}`,
        value: ((many - none) * 1000) / IDLE_PORTS,
        unit: 'us',
        expected: { atMost: IDLE_AT_MOST_US },
        detail: `${many.toFixed(2)} ms in a second with all of them, ${none.toFixed(2)} ms without any port; all threads, by schedstat, over ${seconds.toFixed(0)} s`,
      },
    ];
  } finally {
    for (const guest of guests) guest.close();
  }
}

async function memory(lab: Lab): Promise<Result[]> {
  const { client, daemon, paths } = await daemonWith(lab, MANY_PORTS);
  const guests = await plugAll(paths);
  try {
    await areUp(client, MANY_PORTS);
    // What guests share is shmem.
    const resident = ['RssAnon', 'RssFile'].reduce((sum, key) => sum + statusOf(daemon, key), 0);
    const detail = `and ${statusOf(daemon, 'RssShmem').toFixed(0)} MB of guests' and its own shared memory`;
    const what = `resident memory with ${MANY_PORTS} guests connected, theirs apart`;
    return [{ what, value: resident, unit: 'MB', expected: { atMost: MEMORY_AT_MOST_MB }, detail }];
  } finally {
    for (const guest of guests) guest.close();
  }
}

/** MB */
function statusOf({ pid }: Process, key: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024) / 1e6;
}

async function daemonWith(lab: Lab, count: number) {
  const folder = lab.folder();
  const paths = Array.from({ length: count }, (_, n) => join(folder, `vm${n}`));
  const ports = Object.fromEntries(paths.map((path, n) => [`vm${n}`, { type: 'vhost_user' as const, path }]));
  const daemon = startDaemon(lab, folder, {
    version: 1,
    bridges: { [BRIDGE]: { local: false as const, ports } },
  });
  await daemon.waitFor(/is ready/, UP_MS);
  return { daemon, folder, paths, client: new ControlClient(join(folder, 'taploom.sock')) };
}

async function plugAll(paths: readonly string[]): Promise<FakeGuest[]> {
  const guests: FakeGuest[] = [];
  for (const path of paths) guests.push(await FakeGuest.open({ path, maxFrame: 1514 }));
  return guests;
}

async function areUp(client: ControlClient, count: number): Promise<void> {
  const end = performance.now() + UP_MS;
  while ((await client.stats()).ports.filter(({ state }) => state === 'up').length < count) {
    if (performance.now() > end) throw new Error('not all guests come up');
    await setTimeout(50);
  }
}
