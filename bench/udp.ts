import type { Bench } from './bench.ts';
import { alternate } from './rounds.ts';
import { median, ratioInterval } from './statistics.ts';
import { TapPair } from './tap_pair.ts';

export const udp: Bench = {
  name: 'udp',
  question: 'How many 64-byte UDP frames a second arrive between two TAPs, compared with the C pump?',
  async run(options) {
    const pair = await TapPair.open();
    try {
      const contenders = pair.contenders(options);
      for (const one of contenders) await pair.udp(one, 1);
      const rounds = await alternate(contenders, options, (one) => pair.udp(one, options.seconds));
      const kpps = { taploom: rounds.taploom.map((r) => r.kpps), pump: rounds.pump.map((r) => r.kpps) };
      const loss = (runs: { lost: number }[]) =>
        `${(100 * median(runs.map((run) => run.lost))).toFixed(0)} %`;
      const ours = median(kpps.taploom);
      if (kpps.pump.length === 0) {
        const detail = `lost ${loss(rounds.taploom)} of what was sent; no pump to compare`;
        return [{ what: '64-byte UDP received, TAP to TAP', value: ours, unit: 'kpps', detail }];
      }
      const theirs = median(kpps.pump);
      return [
        {
          what: '64-byte UDP received, TAP to TAP, of the C pump',
          value: ours / theirs,
          unit: 'times',
          interval: ratioInterval(kpps.taploom, kpps.pump),
          detail:
            `Taploom ${ours.toFixed(0)} kpps, pump ${theirs.toFixed(0)} kpps; ` +
            `lost ${loss(rounds.taploom)} of what was sent, pump ${loss(rounds.pump)}`,
        },
      ];
    } finally {
      pair.close();
    }
  },
};
