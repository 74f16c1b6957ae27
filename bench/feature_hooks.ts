// Hooks that features.ts times: what they do themselves is nearly nothing.

import type { HookFactory } from '../src/engine/hook.ts';

export const HOOKS: Readonly<Record<string, HookFactory>> = {
  /** Looks at a byte of the payload. */
  look: () => {
    let seen = 0;
    return {
      observe(frame) {
        seen += frame.getUint8(20);
      },
      close() {
        if (seen < 0) throw new Error('unreachable'); // so that the sum is of use
      },
    };
  },
  /** Lets through what is no ARP. */
  pass: () => ({ filter: (frame) => frame.getUint16(12) !== 0x0806 }),
  /** Writes what was there already. */
  write: () => ({ rewrite: (frame) => frame.setUint8(20, frame.getUint8(20)) }),
};
