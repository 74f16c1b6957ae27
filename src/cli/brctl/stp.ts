// The commands for parameters of the spanning tree protocol. While it is off they are kept and shown, and change nothing:
// that is all that most scripts ask for, which set them on every bridge.

import { bridgeStp } from '../../config/stp.ts';
import type { ControlClient } from '../../control/client.ts';
import { BrctlFailure, codeOf, failure, has, isInterface, type Run } from './failure.ts';
import { integer, seconds } from './numbers.ts';

const RANGE = 'Numerical result out of range';

interface Parameter {
  readonly key: string;
  /** What failed, and what is said of an argument that is no number. */
  readonly what: string;
  readonly bad: string;
  readonly parse: (text: string) => number | undefined;
  /** The kernel's, where ours takes more. */
  readonly max?: number;
}

const priority = (text: string) => {
  const value = integer(text);
  // as the kernel, which keeps 16 bits
  return value === undefined ? undefined : value & 0xffff;
};

export const setfd = ofBridge({
  key: 'forward_delay',
  what: 'set forward delay failed',
  bad: 'bad forward delay value',
  parse: seconds,
});

export const sethello = ofBridge({
  key: 'hello_time',
  what: 'set hello timer failed',
  bad: 'bad hello timer value',
  parse: seconds,
});

export const setmaxage = ofBridge({
  key: 'max_age',
  what: 'set max age failed',
  bad: 'bad max age value',
  parse: seconds,
});

export const setbridgeprio = ofBridge({
  key: 'priority',
  what: 'set bridge priority failed',
  bad: 'bad priority',
  parse: priority,
});

export const setpathcost = ofPort({
  key: 'cost',
  what: 'set path cost failed',
  bad: 'bad path cost value',
  parse: integer,
  max: 65_535, // BR_MAX_PATH_COST
});

export const setportprio = ofPort({
  key: 'priority',
  what: 'set port priority failed',
  bad: 'bad path priority value',
  parse: integer,
});

function ofBridge({ key, what, bad, parse }: Parameter): Run {
  return async (client, [bridge, text]) => {
    const value = numberOf(parse(text), bad);
    const summary = await client.summary();
    if (!has(summary.bridges, bridge)) {
      const reason = isInterface(summary, bridge) ? 'Operation not supported' : 'No such device';
      throw new BrctlFailure(`${what}: ${reason}`);
    }
    const { protocol } = bridgeStp((await client.bridge(bridge)).config);
    await change(what, () => client.setBridge(bridge, { stp: { protocol, [key]: value } }));
  };
}

/** Like bridge-utils it looks only at the port: the bridge may be any word. */
function ofPort({ key, what, bad, parse, max = Number.POSITIVE_INFINITY }: Parameter): Run {
  return async (client, [, name, text]) => {
    const value = numberOf(parse(text), bad);
    const summary = await client.summary();
    const port = summary.ports.find((other) => other.name === name && other.type !== 'local');
    if (port === undefined) {
      const reason = isInterface(summary, name) ? 'No such file or directory' : 'No such device';
      throw new BrctlFailure(`${what}: ${reason}`);
    }
    if (value > max) throw new BrctlFailure(`${what}: ${RANGE}`);
    await change(what, () => client.setPort(port.bridge, name, { stp: { [key]: value } }));
  };
}

function numberOf(value: number | undefined, bad: string): number {
  if (value === undefined) throw new BrctlFailure(bad);
  return value;
}

export async function change(what: string, act: () => ReturnType<ControlClient['setBridge']>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (codeOf(error) === 'invalid_config') throw new BrctlFailure(`${what}: ${RANGE}`);
    throw failure(what, error);
  }
}
