import { Arena } from './arena.ts';
import type { Bench, BenchOptions, Outcome } from './bench.ts';
import { compare, join } from './compare.ts';
import type { ContenderKind } from './contenders/contender.ts';
import { kernelBridge } from './contenders/kernel_bridge.ts';
import { OVS, OVS_TSO, ovsTaps, ovsTsoTaps } from './contenders/open_vswitch.ts';
import { pumpTaps } from './contenders/pump.ts';
import { taploomTaps } from './contenders/taploom.ts';
import { vdeTaps } from './contenders/vde.ts';
import { estimate } from './estimate.ts';
import { sendTcp, type TcpOptions } from './traffic/iperf.ts';

const WITH_OFFLOADS = [taploomTaps, pumpTaps, ovsTsoTaps, ovsTaps, vdeTaps, kernelBridge];
const WITHOUT_OFFLOADS = [taploomTaps, pumpTaps, ovsTaps];
const PUMP = pumpTaps.name;

interface Work extends TcpOptions {
  name: string;
  what: string;
  expected?: Record<string, number | undefined>;
}

const OFFLOADED: Work[] = [
  { name: 'tcp', what: 'TCP', expected: { [PUMP]: 0.97, [OVS_TSO]: 1, [OVS]: 8 } },
  { name: 'tcp-4', what: 'TCP, 4 streams', streams: 4, expected: { [PUMP]: 0.95 } },
  { name: 'tcp-both', what: 'TCP, both directions at once', bothWays: true, expected: { [PUMP]: 0.95 } },
];
const PLAIN: Work[] = [
  { name: 'tcp-plain', what: 'TCP, offloads off, MTU 1500', expected: { [PUMP]: 0.97, [OVS]: 1.2 } },
];

export const tcp: Bench = {
  name: 'tcp',
  question: 'How much TCP passes between two TAPs, compared with other switches?',
  duration: (options) =>
    estimate(options, OFFLOADED.length * WITH_OFFLOADS.length + PLAIN.length * WITHOUT_OFFLOADS.length),
  async run(options) {
    return join([
      await measure(WITH_OFFLOADS, true, OFFLOADED, options),
      await measure(WITHOUT_OFFLOADS, false, PLAIN, options),
    ]);
  },
};

async function measure(
  kinds: readonly ContenderKind[],
  offloads: boolean,
  works: readonly Work[],
  options: BenchOptions,
): Promise<Outcome> {
  const arena = await Arena.open(kinds, { offloads }, options);
  try {
    const outcomes: Partial<Outcome>[] = [{ notes: arena.notes }];
    for (const { name, what, expected, ...tcpOptions } of works) {
      const rounds = await arena.alternate(what, options, async (lab, { hosts }, seconds) => {
        return { ...(await sendTcp(lab, hosts, seconds, tcpOptions)) };
      });
      outcomes.push(
        compare(rounds, {
          name,
          what: `${what}, TAP to TAP`,
          unit: 'Gb/s',
          better: 'more',
          metric: ({ values }) => values.gbits,
          expected,
        }),
      );
    }
    return join(outcomes);
  } finally {
    arena.close();
  }
}
