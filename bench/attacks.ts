// What a hostile guest costs its neighbours, with a guard and rates on its port: TCP between two of them, beside the same
// attacker on a bridge of its own, where nobody is.
//
//   gateway -- TCP --> victim      attacker: frames as fast as Python makes them

import { fileURLToPath } from 'node:url';
import type { SwitchConfigInput } from '../src/index.ts';
import { attackFrames, type Ends } from './attack_frames.ts';
import { type Bench, type BenchOptions, type Result, Skip } from './bench.ts';
import { connect, type Host, needTool } from './contenders/contender.ts';
import { startDaemon } from './daemon.ts';
import { Lab } from './lab.ts';
import { median, medianInterval, ratios } from './statistics.ts';
import { sendTcp } from './traffic/iperf.ts';

const PROGRAM = fileURLToPath(new URL('../../bench/traffic/attack.py', import.meta.url));
const RATE = 100_000;
const AT_LEAST = 0.9;
/** Of a round, beside its traffic, s. */
const AROUND = 3;
const MACS: Ends = { gateway: '02:00:5e:10:00:01', victim: '02:00:5e:10:00:02', evil: '02:00:5e:10:00:03' };
const NAMES = ['gateway', 'victim', 'evil'] as const;

type Place = 'guarded' | 'without a guard' | 'disabled';
const PLACES: readonly Place[] = ['disabled', 'guarded', 'without a guard'];

interface Scene {
  place: Place;
  lab: Lab;
  hosts: Host[];
}

export const attacks: Bench = {
  name: 'attacks',
  question: 'How much TCP have two guests beside a hostile one, with a guard on its port?',
  duration: ({ rounds, seconds }) => PLACES.length * (5 + rounds * (Math.ceil(seconds) + AROUND)),
  async run(options) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'sysctl', 'iperf3', 'python3');
    const labs = PLACES.map(() => new Lab());
    try {
      const scenes: Scene[] = [];
      for (const [n, place] of PLACES.entries()) scenes.push(await open(labs[n], place));
      return { results: results(await measure(scenes, options)) };
    } finally {
      for (const lab of labs) lab.close();
    }
  },
};

async function measure(
  scenes: readonly Scene[],
  { rounds, seconds, say }: BenchOptions,
): Promise<number[][]> {
  const rates = scenes.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    // Each round begins with another one.
    for (let n = 0; n < scenes.length; n++) {
      const at = (round + n) % scenes.length;
      rates[at].push(await beside(scenes[at], seconds));
    }
  }
  return rates;
}

async function beside({ place, lab, hosts }: Scene, seconds: number): Promise<number> {
  const [, , evil] = hosts;
  const length = String(Math.ceil(seconds) + 1);
  const attacker = lab.start(['python3', PROGRAM, evil.device, length, String(RATE)], { netns: evil.netns });
  const input = attackFrames(MACS).map((frame) => `${Buffer.from(frame).toString('hex')}\n`);
  attacker.child.stdin?.end(input.join(''));
  await attacker.waitFor(/ready/);
  // Without a guard false ARP takes the connection away: none at all is a result, but not of what others are compared with.
  const gbits = await sendTcp(lab, hosts, seconds).then(
    (traffic) => traffic.gbits,
    (error) => {
      if (place === 'disabled') throw error;
      return 0;
    },
  );
  await attacker.output(20_000);
  return gbits;
}

async function open(lab: Lab, place: Place): Promise<Scene> {
  const label = place.split(' ')[0];
  const namespaces = NAMES.map((name) => lab.netns(`${label}-${name}`));
  startDaemon(lab, lab.folder(), configOf(place, namespaces));
  for (const [n, name] of NAMES.entries()) await lab.deviceAppears(namespaces[n], name);
  const hosts = connect(
    lab,
    NAMES.map((device, n) => ({ netns: namespaces[n], device })),
  );
  return { place, lab, hosts };
}

function configOf(place: Place, namespaces: readonly string[]): SwitchConfigInput {
  const [gateway, victim, evil] = NAMES.map((name, n) => ({
    type: 'tap' as const,
    netns: namespaces[n],
    mac: MACS[name],
    ...(place === 'guarded' && {
      guard: { source: 'strict' as const, bindings: [{ mac: MACS[name], ip: `10.98.0.${n + 1}` }] },
      fdb_limit: 4,
      storm_control: { broadcast: { frames: 100 }, multicast: { frames: 100 } },
    }),
  }));
  const alone = { tlalone: { local: false as const, ports: { evil } } };
  const ports = { gateway, victim, ...(place !== 'disabled' && { evil }) };
  return {
    version: 1,
    bridges: { tlbench: { local: false, ports }, ...(place === 'disabled' && alone) },
  };
}

function results([disabled, guarded, bare]: readonly number[][]): Result[] {
  const ratio = (ours: readonly number[], what: string): Result => {
    const shares = ratios(ours, disabled);
    return { what, value: median(shares), unit: 'times', interval: medianInterval(shares) };
  };
  return [
    {
      ...ratio(
        guarded,
        'TCP of two guests beside a hostile one with a guard / beside one whose port is disabled',
      ),
      expected: { atLeast: AT_LEAST },
      detail: `${median(guarded).toFixed(2)} and ${median(disabled).toFixed(2)} Gb/s`,
    },
    ratio(bare, 'the same without a guard'),
  ];
}
