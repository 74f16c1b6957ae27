// Where the state of a shaped port lies: times and queues of its classes, between the header of its region and the frames that wait.
// What a port of one class needs of it for a frame is in two lines of a cache.
//
//   | header of frame_store.ts | next, virtual time | class 0: times, tallies, words of its queue | class 1 ... | flows of fair classes |

import { FLOW_BYTES } from './flow_queues.ts';
import {
  blocksFor,
  ENTRY_FLOATS,
  ENTRY_WORDS,
  HEADER_WORDS,
  layOutStore,
  type Region,
  type StoreSize,
} from './frame_store.ts';
import { CLASS, classAt, FAIR, MAX_CLASSES, QOS } from './qos_table.ts';

// Words of the port, in numbers of 64 bits from its header on.
export const NEXT = HEADER_WORDS / 2;
/** Virtual time of the class that had the last turn by weight. */
export const VIRTUAL_NOW = NEXT + 1;
export const FIRST_CLASS = NEXT + 2;
/** Of a class: times, then what it counts. */
export const TALLY = {
  virtual: 0,
  maxNext: 1,
  sentFrames: 2,
  sentBytes: 3,
  /** ms, of the last frames. */
  delay: 4,
  // Here are the words below; what follows is not asked for with each frame.
  minNext: 8,
  full: 9,
  late: 10,
  marked: 11,
} as const;
export const CLASS_FLOATS = 12;
// Words of a class.
export const HEAD = 10;
export const TAIL = 11;
export const FRAMES = 12;
export const BYTES = 13;
/** Where its flows begin in the slab, in words; 0 = it has none. */
export const FLOWS = 14;

const STATE_BYTES = (FIRST_CLASS - NEXT + MAX_CLASSES * CLASS_FLOATS) * 8;

/** Blocks and state for a port with these settings, whose frames that wait are so many bytes at most. */
export function storeSize(settings: Float64Array, memory: number): StoreSize {
  let fair = 0;
  for (let c = 0; c < settings[QOS.classes]; c++) if (settings[classAt(c) + CLASS.fair] !== FAIR.off) fair++;
  return { ...blocksFor(memory), state: STATE_BYTES + fair * FLOW_BYTES };
}

/** Makes zeros the queues of a port with these settings: which classes there are and which are fair stays as it is. */
export function layOut(region: Region, settings: Float64Array, memory: number): void {
  layOutStore(region, storeSize(settings, memory));
  const { at } = region;
  const words = new Int32Array(region.memory);
  const first = at * ENTRY_WORDS + HEADER_WORDS + STATE_BYTES / 4;
  let flows = 0;
  for (let c = 0; c < settings[QOS.classes]; c++) {
    if (settings[classAt(c) + CLASS.fair] === FAIR.off) continue;
    words[2 * (at * ENTRY_FLOATS + FIRST_CLASS + c * CLASS_FLOATS) + FLOWS] =
      first + (flows * FLOW_BYTES) / 4;
    flows++;
  }
}
