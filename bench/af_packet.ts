import { Arena } from './arena.ts';
import type { Bench } from './bench.ts';
import { compare, join } from './compare.ts';
import { kernelBridge } from './contenders/kernel_bridge.ts';
import { ovsTsoVeth, ovsVeth, packetPump, taploomVeth } from './contenders/veth.ts';
import { estimate } from './estimate.ts';
import { sendTcp } from './traffic/iperf.ts';

const KINDS = [taploomVeth, packetPump, ovsTsoVeth, ovsVeth, kernelBridge];

export const afPacket: Bench = {
  name: 'af_packet',
  question: 'How much TCP passes between two veth pairs at their defaults, attached as existing interfaces?',
  duration: (options) => estimate(options, KINDS.length),
  async run(options) {
    const arena = await Arena.open(KINDS, {}, options);
    try {
      const rounds = await arena.alternate('TCP on veth', options, async (lab, { hosts }, seconds) => ({
        ...(await sendTcp(lab, hosts, seconds)),
      }));
      const outcome = compare(rounds, {
        name: 'af_packet',
        what: 'TCP, veth to veth',
        unit: 'Gb/s',
        better: 'more',
        metric: ({ values }) => values.gbits,
        expected: { [packetPump.name]: 0.95, [ovsTsoVeth.name]: 1 },
      });
      return join([{ notes: arena.notes }, outcome]);
    } finally {
      arena.close();
    }
  },
};
