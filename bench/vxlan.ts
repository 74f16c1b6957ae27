import { Arena } from './arena.ts';
import type { Bench, Outcome } from './bench.ts';
import { compare, join } from './compare.ts';
import { kernelVxlan, ovsVxlan, taploomVxlan, vxlanPump } from './contenders/vxlan.ts';
import { estimate } from './estimate.ts';
import { sendTcp } from './traffic/iperf.ts';
import { SMALLEST, sendUdp } from './traffic/load.ts';

const KINDS = [taploomVxlan, vxlanPump, kernelVxlan, ovsVxlan];
const EXPECTED = { [kernelVxlan.name]: 0.5, [vxlanPump.name]: 0.9, [ovsVxlan.name]: 3 };
const SIZES = [SMALLEST, 1400];

export const vxlan: Bench = {
  name: 'vxlan',
  question: 'How much TCP and UDP passes between two hosts behind two VTEPs?',
  duration: (options) => estimate(options, (1 + SIZES.length) * KINDS.length),
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
      return join(outcomes);
    } finally {
      arena.close();
    }
  },
};
