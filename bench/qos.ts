// Quality of service: whether rates are kept, how long others wait, who gets how much, and what many shaped ports cost.

import { type Bench, Skip } from './bench.ts';
import { join } from './compare.ts';
import { needTool } from './contenders/contender.ts';
import { delays, delaysDuration } from './qos/delays.ts';
import { many, manyDuration } from './qos/many.ts';
import { rates, ratesDuration } from './qos/rates.ts';
import { shares, sharesDuration } from './qos/shares.ts';
import { uplink, uplinkDuration } from './qos/uplink.ts';

export const qos: Bench = {
  name: 'qos',
  question: 'Are rates, delays and shares of shaped ports what was promised, and what do they cost?',
  duration: (options) =>
    ratesDuration(options) +
    delaysDuration(options) +
    sharesDuration(options) +
    uplinkDuration(options) +
    manyDuration(options),
  async run(options) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'tc', 'nsenter', 'setpriv', 'taskset', 'sysctl', 'iperf3');
    return join([
      await many(options),
      await delays(options),
      await shares(options),
      await uplink(options),
      await rates(options),
    ]);
  },
};
