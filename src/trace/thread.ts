// The thread of `Runner`: one dry run after the other.

import { parentPort } from 'node:worker_threads';
import { nameSources } from '../source_positions.ts';
import { DryRun, type Flight } from './dry_run.ts';
import type { RunnerAnswer } from './runner.ts';

nameSources();

const dryRun = new DryRun();

parentPort?.on('message', (flight: Flight) => {
  let answer: RunnerAnswer;
  try {
    answer = { sighting: dryRun.run(flight) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
