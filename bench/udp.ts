// Small frames cost as much as large ones but carry nothing, so they show what a frame costs. The sender is faster than
// any switch here; what counts is what the receiver's socket got. The CPU time of the switch comes from the same rounds.

import { Arena } from './arena.ts';
import type { Bench, Outcome } from './bench.ts';
import { type Comparison, compare, join } from './compare.ts';
import { kernelBridge } from './contenders/kernel_bridge.ts';
import { OVS, OVS_TSO, ovsTaps, ovsTsoTaps } from './contenders/open_vswitch.ts';
import { pumpTaps } from './contenders/pump.ts';
import { taploomTaps } from './contenders/taploom.ts';
import { vdeTaps } from './contenders/vde.ts';
import { estimate } from './estimate.ts';
import { SMALLEST, sendUdp } from './traffic/load.ts';

const KINDS = [taploomTaps, pumpTaps, ovsTaps, ovsTsoTaps, vdeTaps, kernelBridge];
const PUMP = pumpTaps.name;
const SIZES = [SMALLEST, 64, 512, 1400];
/** Frames a second, so few that the switch sleeps between any two. */
export const SLOW = 10_000;

const RECEIVED = { [PUMP]: 0.97, [OVS]: 1, VDE: 1.5, [OVS_TSO]: undefined };

export const udp: Bench = {
  name: 'udp',
  question: 'How many UDP datagrams a second arrive between two TAPs, and what does each cost the switch?',
  duration: (options) => estimate(options, (SIZES.length + 1) * KINDS.length),
  async run(options) {
    const arena = await Arena.open(KINDS, {}, options);
    try {
      const outcomes: Partial<Outcome>[] = [{ notes: arena.notes }];
      for (const size of SIZES) {
        const what = `UDP, ${size} bytes`;
        const rounds = await arena.alternate(what, options, async (lab, { hosts }, seconds) => {
          return { ...(await sendUdp(lab, hosts, size, seconds)) };
        });
        outcomes.push(
          compare(rounds, {
            name: `udp-${size}`,
            what: `${what}, received`,
            unit: 'kpps',
            better: 'more',
            metric: ({ values }) => values.kpps,
            expected: size === SMALLEST ? RECEIVED : undefined,
          }),
        );
        if (size === SMALLEST) outcomes.push(compare(rounds, cpuOf('saturation', 'saturated', 1.1)));
      }
      const rounds = await arena.alternate('10,000 frames/s', options, async (lab, { hosts }, seconds) => {
        return { ...(await sendUdp(lab, hosts, SMALLEST, seconds, { rate: SLOW })) };
      });
      outcomes.push(compare(rounds, cpuOf('paced', '10,000 a second', 1.5)));
      return join(outcomes);
    } finally {
      arena.close();
    }
  },
};

function cpuOf(name: string, when: string, bound: number): Comparison {
  return {
    name: `cpu-${name}`,
    what: `CPU for a small frame, ${when}`,
    unit: 'ns of the switch',
    better: 'less',
    // The kernel's bridge has no process of its own.
    metric: ({ cpuNs, forwarded }) => (cpuNs > 0 && forwarded > 0 ? cpuNs / forwarded : undefined),
    expected: { [PUMP]: bound },
  };
}
