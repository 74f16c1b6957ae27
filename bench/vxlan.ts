import { Arena, explain } from './arena.ts';
import type { Bench, BenchOptions, Outcome } from './bench.ts';
import { compare, join } from './compare.ts';
import {
  kernelVxlan,
  openTaplooms,
  ovsVxlan,
  taploomUnderlayTap,
  taploomVxlan,
  tunnelGsoPump,
  vxlanPump,
} from './contenders/vxlan.ts';
import { estimate } from './estimate.ts';
import { Lab } from './lab.ts';
import { PROFILED, profile } from './profile.ts';
import { sendTcp } from './traffic/iperf.ts';
import { SMALLEST, sendUdp } from './traffic/load.ts';

const KINDS = [taploomVxlan, taploomUnderlayTap, vxlanPump, tunnelGsoPump, kernelVxlan, ovsVxlan];
const EXPECTED = {
  [kernelVxlan.name]: 0.5,
  [vxlanPump.name]: 0.9,
  [tunnelGsoPump.name]: undefined,
  [taploomUnderlayTap.name]: undefined,
  [ovsVxlan.name]: 3,
};
const SIZES = [SMALLEST, 1400];
const PROFILE_S = 3;
const COSTS = 3;

export const vxlan: Bench = {
  name: 'vxlan',
  question: 'How much TCP and UDP passes between two hosts behind two VTEPs?',
  duration: (options) => PROFILE_S + 8 + estimate(options, (1 + SIZES.length) * KINDS.length),
  async run(options) {
    const arena = await Arena.open(KINDS, {}, options);
    try {
      const tcp = await arena.alternate('TCP over VXLAN', options, async (lab, { hosts }, seconds) => ({
        ...(await sendTcp(lab, hosts, seconds)),
      }));
      const outcomes: Partial<Outcome>[] = [{ notes: arena.notes }];
      outcomes.push(
        compare(tcp, {
          name: 'vxlan-tcp',
          what: 'TCP over VXLAN',
          unit: 'Gb/s',
          better: 'more',
          metric: ({ values }) => values.gbits,
          expected: EXPECTED,
        }),
      );
      for (const size of SIZES) {
        const what = `UDP over VXLAN, ${size} bytes, received`;
        const udp = await arena.alternate(what, options, async (lab, { hosts }, seconds) => ({
          ...(await sendUdp(lab, hosts, size, seconds)),
        }));
        outcomes.push(
          compare(udp, {
            name: `vxlan-udp-${size}`,
            what,
            unit: 'kpps',
            better: 'more',
            metric: ({ values }) => values.kpps,
          }),
        );
      }
      outcomes.push({ notes: [await largestCosts(options)] });
      return join(outcomes);
    } finally {
      arena.close();
    }
  },
};

/** In Taplooms of their own, because telling perf the names of functions takes time too. */
async function largestCosts({ say }: BenchOptions): Promise<string> {
  say('profile');
  const lab = new Lab();
  try {
    const { hosts, processes } = await openTaplooms(lab, 'profile', { nodeOptions: PROFILED });
    await sendTcp(lab, hosts, 1);
    const costs = await profile(lab, processes, PROFILE_S, () => sendTcp(lab, hosts, PROFILE_S));
    if (costs === undefined) return 'Without perf (Debian: linux-perf) there is no profile.';
    const largest = costs.slice(0, COSTS).map(({ name, percent }) => `\`${name}\` ${percent.toFixed(0)} %`);
    return `Where both Taplooms spend their time in TCP over VXLAN, by perf: ${largest.join(', ')}.`;
  } catch (error) {
    return `There is no profile: ${explain(error)}`;
  } finally {
    lab.close();
  }
}
