// A hook: counts frames by EtherType, drops those of one that nobody wants, and reports once a second. See docs/hooks.md.

import type { HookFactory } from 'taploom';

const TYPE_AT = 12;
const SECOND = 1000;

const count: HookFactory = ({ refuse }, context) => {
  // An array for all types: nothing is made per frame.
  const frames = new Uint32Array(0x1_0000);
  let refused = 0;
  let nextReport = context.now + SECOND;

  return {
    filter(frame) {
      const type = frame.getUint16(TYPE_AT);
      frames[type] += 1;
      if (type !== refuse) return true;
      refused += 1;
      return false;
    },

    // Says nothing itself, but is called by the clock.
    generate() {
      if (context.now < nextReport) return nextReport - context.now; // the first call comes at once
      nextReport += SECOND;
      const seen = [...frames.entries()].filter(([, number]) => number > 0);
      const text = seen.map(([type, number]) => `0x${type.toString(16).padStart(4, '0')}: ${number}`);
      if (seen.length > 0) context.report(`${text.join(', ')}; refused ${refused}`);
      return SECOND;
    },
  };
};

export default count;
