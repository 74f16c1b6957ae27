// RFC 2889: address caching capacity (5.7) and address learning rate (5.8), with the RFC's three ports:
//
//   learning port: N stations say where they are       test port: sends a frame to each of them
//   monitor port: receives a frame only if the switch floods it, because it does not know the station
//
// For the capacity, the station of the test port speaks last, so that it takes no place in the table before all
// others had their turn; and what the learning port sends is flooded, so that the test port sees that nothing of it was
// lost. A full table may let one of the others give way to it, now and then: where a single frame was flooded, the trial
// is made again. For the learning rate the station of the test port is known from the start: flooding is not what is measured.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, flatOut } from './bench.ts';
import { type RateSearch, searchNumber, searchRate } from './search.ts';
import { testFrame } from './test_frame.ts';
import { TesterError } from './tester_error.ts';
import { runTrial, type Trial } from './trial.ts';

const LEARNING = 0;
const TEST = 1;
/** A frame that was lost, and not flooded, tells nothing: the trial is made again. */
const ATTEMPTS = 4;
/** Looks at a number where one frame was flooded: one too many is so in each of them, one that gave way is not. */
const LOOKS = 4;
const MOMENT_MS = 20;

export interface AddressOptions {
  /** Bytes of a frame. */
  size: number;
  /** Frames a second that the test port sends. */
  testRate: number;
}

export interface CachingOptions extends AddressOptions {
  /** The most stations to try. */
  addresses: number;
  /** Frames a second that the learning port sends. */
  learningRate: number;
}

export interface AddressTrial {
  ok: boolean;
  addresses: number;
  /** Learning frames a second that were really offered. */
  offered: number;
  /** Learning frames that did not reach the test port. */
  learningLost: number;
  /** Frames to stations that the switch did not know. */
  flooded: number;
  /** Stations that were learned before the trial: they take up places, too. */
  others?: number;
}

export interface Caching {
  addresses: number;
  /** All that were tried fitted. */
  atLeast: boolean;
  /** Stations of others that the table held at the same time; undefined if the switch does not tell. */
  otherAddresses?: number;
  trials: AddressTrial[];
}

export interface Learning {
  addressesPerSecond: number;
  limit: RateSearch<AddressTrial>['limit'];
  addresses: number;
  trials: AddressTrial[];
}

export async function cachingCapacity(bench: Bench, options: CachingOptions): Promise<Caching> {
  const search = await searchNumber(options.addresses, async (addresses) => {
    let trial = await cachingTrial(bench, options, addresses);
    for (let looks = 1; trial.flooded === 1 && looks < LOOKS; looks++) {
      trial = await cachingTrial(bench, options, addresses);
    }
    return trial;
  });
  const { largest, atLeast, trials } = search;
  const found = trials.find((trial) => trial.ok && trial.addresses === largest);
  return { addresses: largest, atLeast, otherAddresses: found?.others, trials };
}

function cachingTrial(bench: Bench, options: CachingOptions, addresses: number): Promise<AddressTrial> {
  return insist(async () => {
    await bench.forget();
    const others = await bench.learned();
    const learning = await learn(bench, options, addresses, options.learningRate);
    // nothing can be said about the table if the stations were not seen
    const trial = learning.lost > 0 ? undefined : await probe(bench, options, addresses);
    const outcome = judge(addresses, learning, trial, others);
    const verdict = outcome === undefined ? 'frames were lost, again' : `${outcome.flooded} flooded`;
    bench.say(`${addresses} addresses: ${verdict}`);
    return outcome;
  });
}

export async function learningRate(
  bench: Bench,
  options: AddressOptions & { addresses: number; rate?: number; resolution: number },
): Promise<Learning> {
  const { addresses, resolution } = options;
  const one = { size: options.size, bidirectional: false, stations: 1 };
  const { offered } = await flatOut(bench, one, 1);
  const top = Math.min(options.rate ?? Number.POSITIVE_INFINITY, offered);
  const search = await searchRate(
    { top, resolution, topIs: top === options.rate ? 'rate' : 'generator' },
    (rate) =>
      insist(async () => {
        await bench.forget();
        const others = await bench.learned();
        await hello(bench, options);
        const learning = await learn(bench, options, addresses, rate);
        const outcome = judge(addresses, learning, await probe(bench, options, addresses), others);
        bench.say(
          `${Math.round(learning.offered)} addresses/s: ${outcome?.flooded ?? 'frames lost, again'} not learned`,
        );
        return outcome;
      }),
  );
  return {
    addressesPerSecond: Math.round(search.best?.offered ?? 0),
    limit: search.limit,
    addresses,
    trials: search.trials,
  };
}

/** N stations speak, once each, at the learning port. */
function learn(bench: Bench, { size }: AddressOptions, addresses: number, rate: number): Promise<Trial> {
  const [learning, test] = bench.ports;
  const stream = { from: learning, to: [test], frame: testFrame(size, LEARNING, TEST), sources: addresses };
  return runTrial([stream], plan(bench, rate, addresses), bench);
}

/** A frame from the test port to each of N stations; `at` is what the learning and the monitor port received. */
function probe(bench: Bench, { size, testRate }: AddressOptions, addresses: number): Promise<Trial> {
  const [learning, test, monitor] = bench.ports;
  const frame = testFrame(size, TEST, LEARNING);
  const stream = { from: test, to: [learning, monitor], frame, destinations: addresses };
  return runTrial([stream], plan(bench, testRate, addresses), bench);
}

/** The station of the test port says where it is. */
async function hello(bench: Bench, { size, testRate }: AddressOptions): Promise<void> {
  const stream = { from: bench.ports[TEST], to: [], frame: testFrame(size, TEST, LEARNING) };
  await runTrial([stream], plan(bench, testRate, 1), bench);
  await sleep(MOMENT_MS);
}

function plan({ settle }: Bench, rate: number, frames: number) {
  return { rate, frames, settle, seconds: (2 * frames) / rate + 1 };
}

/** Undefined if frames were lost where the answer depends on them. */
function judge(
  addresses: number,
  learning: Trial,
  probed: Trial | undefined,
  others: number | undefined,
): AddressTrial | undefined {
  if (probed === undefined) return undefined;
  const [, monitor] = probed.streams[0].at;
  const flooded = monitor.received;
  if (flooded === 0 && probed.lost > 0) return undefined;
  return {
    ok: flooded === 0,
    addresses,
    offered: learning.offered,
    learningLost: learning.lost,
    flooded,
    others,
  };
}

async function insist(attempt: () => Promise<AddressTrial | undefined>): Promise<AddressTrial> {
  for (let left = ATTEMPTS; left > 0; left--) {
    const trial = await attempt();
    if (trial !== undefined) return trial;
  }
  throw new TesterError(
    'frames_lost',
    `Frames were lost in ${ATTEMPTS} trials in a row, so nothing can be said about addresses: try a lower --learning-rate and --test-rate`,
  );
}
