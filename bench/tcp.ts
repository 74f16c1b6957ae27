import type { Bench } from './bench.ts';
import { alternate } from './rounds.ts';
import { median, ratioInterval } from './statistics.ts';
import { TapPair } from './tap_pair.ts';

/** Of the C pump, as the median of the rounds. */
const EXPECTED_RATIO = 0.9;

export const tcp: Bench = {
  name: 'tcp',
  question: 'How much TCP passes between two TAPs, compared with a C program that only copies?',
  async run(options) {
    const pair = await TapPair.open();
    try {
      const contenders = pair.contenders(options);
      for (const one of contenders) await pair.tcp(one, 1);
      const rounds = await alternate(contenders, options, (one) => pair.tcp(one, options.seconds));
      const gbits = { taploom: rounds.taploom.map((r) => r.gbits), pump: rounds.pump.map((r) => r.gbits) };
      const retransmits = (runs: { retransmits: number }[]) =>
        runs.reduce((sum, run) => sum + run.retransmits, 0);
      const ours = median(gbits.taploom);
      const lost = `retransmitted segments ${retransmits(rounds.taploom)}`;
      if (gbits.pump.length === 0) {
        return [
          { what: 'TCP, TAP to TAP', value: ours, unit: 'Gb/s', detail: `${lost}; no pump to compare` },
        ];
      }
      const theirs = median(gbits.pump);
      return [
        {
          what: 'TCP, TAP to TAP, of the C pump',
          value: ours / theirs,
          unit: 'times',
          interval: ratioInterval(gbits.taploom, gbits.pump),
          expected: { atLeast: EXPECTED_RATIO },
          detail:
            `Taploom ${ours.toFixed(2)} Gb/s, pump ${theirs.toFixed(2)} Gb/s; ` +
            `${lost}, pump ${retransmits(rounds.pump)}`,
        },
      ];
    } finally {
      pair.close();
    }
  },
};
