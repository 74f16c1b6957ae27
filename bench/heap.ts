import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Bench } from './bench.ts';
import type { HeapGrowth } from './measure_heap.ts';

const PROGRAM = fileURLToPath(new URL('./measure_heap.js', import.meta.url));
const FRAMES = 10_000_000;
const TIMEOUT_MS = 120_000;

export const heap: Bench = {
  name: 'heap',
  question: 'How much does the heap grow while the engine forwards 10 million frames?',
  duration: () => 5,
  async run() {
    const args = ['--expose-gc', PROGRAM, String(FRAMES)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS });
    const { bytes, frames, collections } = JSON.parse(stdout) as HeapGrowth;
    const detail = `${(bytes / frames).toFixed(4)} bytes/frame; ${collections} garbage collections meanwhile`;
    return {
      results: [{ what: 'heap growth over 10 million frames', value: bytes, unit: 'bytes', detail }],
    };
  },
};
