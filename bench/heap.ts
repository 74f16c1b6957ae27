import type { Bench } from './bench.ts';
import type { HeapGrowth } from './measure_heap.ts';
import { measure } from './measuring.ts';

const FRAMES = 10_000_000;
const TIMEOUT_MS = 120_000;

export const heap: Bench = {
  name: 'heap',
  question: 'How much does the heap grow while the engine forwards 10 million frames?',
  duration: () => 5,
  async run() {
    const growth = await measure(TIMEOUT_MS, 'measure_heap', [FRAMES], ['--expose-gc']);
    const { bytes, frames, collections } = growth as HeapGrowth;
    const detail = `${(bytes / frames).toFixed(4)} bytes/frame; ${collections} garbage collections meanwhile`;
    return {
      results: [{ what: 'heap growth over 10 million frames', value: bytes, unit: 'bytes', detail }],
    };
  },
};
