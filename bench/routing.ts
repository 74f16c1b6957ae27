// What a router between two TAPs costs TCP: the engine's, beside one domain of the engine and beside the kernel's forwarding;
// and with translated addresses, beside nftables.

import { Arena } from './arena.ts';
import type { Bench, BenchOptions, Outcome } from './bench.ts';
import { compare, join } from './compare.ts';
import type { ContenderKind } from './contenders/contender.ts';
import { kernelRouted, taploomRouted } from './contenders/routed.ts';
import { taploomWith } from './contenders/taploom.ts';
import { estimate } from './estimate.ts';
import { sendTcp } from './traffic/iperf.ts';

const BRIDGED = 'Taploom-bridged';
const FORWARDING = 'kernel forwarding';
const MASQUERADE = 'nftables masquerade';
const AT_LEAST = 0.9;

const bridged = () => taploomWith(BRIDGED, {});

export const routing: Bench = {
  name: 'routing',
  question: 'How much TCP passes between two subnets, and through translated addresses?',
  duration: (options) => estimate(options, 6),
  async run(options) {
    return join([
      await measure(
        'routing',
        'TCP between two subnets',
        [taploomRouted(false), bridged(), kernelRouted(FORWARDING, false)],
        [BRIDGED, FORWARDING],
        options,
      ),
      await measure(
        'nat',
        'TCP through source NAT',
        [taploomRouted(true), bridged(), kernelRouted(MASQUERADE, true)],
        [BRIDGED, MASQUERADE],
        options,
      ),
    ]);
  },
};

async function measure(
  name: string,
  what: string,
  kinds: readonly ContenderKind[],
  peers: readonly string[],
  options: BenchOptions,
): Promise<Outcome> {
  const arena = await Arena.open(kinds, {}, options);
  try {
    const rounds = await arena.alternate(what, options, async (lab, { hosts }, seconds) => ({
      ...(await sendTcp(lab, hosts, seconds)),
    }));
    const compared = compare(rounds, {
      name,
      what: `${what}, TAP to TAP`,
      unit: 'Gb/s',
      better: 'more',
      metric: ({ values }) => values.gbits,
      expected: Object.fromEntries(peers.map((peer) => [peer, AT_LEAST])),
    });
    return join([compared, { notes: arena.notes }]);
  } finally {
    arena.close();
  }
}
