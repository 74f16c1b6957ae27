// What the parts of a policer need of each other.

import { parseRate } from './amounts.ts';
import type { Path } from './path.ts';
import type { PolicerConfig } from './qos_shape.ts';

export function checkPolicer(
  path: Path,
  policer: PolicerConfig,
  report: (path: Path, message: string) => void,
): void {
  const own = (key: string) => [...path, key];
  const rate = parseRate(policer.rate);
  const peak = policer.peak === undefined ? undefined : parseRate(policer.peak);
  for (const key of ['burst', 'peak_burst'] as const) {
    const burst = policer[key];
    if (burst === undefined) continue;
    if ((typeof burst === 'number') !== (rate?.unit === 'frames'))
      report(
        own(key),
        'a rate in bits has a burst in bytes, such as 64kb; one in pps has a number of frames',
      );
  }
  if (peak === undefined) {
    for (const key of ['peak_burst', 'exceed'] as const)
      if (policer[key] !== undefined && policer[key] !== 'pass')
        report(own(key), 'is about what is more than rate and less than peak: set peak');
    return;
  }
  if (peak.unit !== rate?.unit) report(own('peak'), 'rate and peak are both in bits, or both in pps');
  else if (peak.amount < rate.amount)
    report(own('peak'), `${policer.peak} is less than the rate, ${policer.rate}`);
}
