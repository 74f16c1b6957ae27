// Hooks for the fuzzer, on some ports at random: they read anywhere, refuse, change addresses, generate, and throw.

import type { HookNumbers } from '../../../src/compile/hooks.ts';
import type { SwitchConfig, SwitchConfigInput } from '../../../src/config/schema.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { Hook, HookFrame } from '../../../src/engine/hook.ts';
import type { Random } from './random.ts';

/** What a generated frame says. */
export const GENERATED = 'made by a hook';

type Bridges = NonNullable<SwitchConfigInput['bridges']>;

/** Puts hooks into a configuration. */
export function addHooks(random: Random, bridges: Bridges): void {
  const some = () =>
    Array.from({ length: random.between(1, 3) }, () => ({
      function: 'fuzz',
      on_error: random.pick(['pass', 'drop'] as const),
    }));
  for (const bridge of Object.values(bridges)) {
    if (random.chance(0.15)) bridge.hooks = some();
    for (const port of Object.values(bridge.ports ?? {})) if (random.chance(0.15)) port.hooks = some();
  }
}

/** Gives the engine what the configuration asks for. */
export function startHooks(engine: Engine, numbers: HookNumbers, config: SwitchConfig, random: Random): void {
  for (const { id, bridge, port, hook } of numbers.number(config)) {
    const place = { id, bridge, port, onError: hook.on_error };
    engine.hooks.add(place, random.chance(0.1) ? null : randomHook(random, port !== undefined));
  }
}

function randomHook(random: Random, isOfPort: boolean): Hook {
  const breakDown = () => {
    if (random.chance(0.001)) throw new Error('fuzz');
  };
  const read = (frame: HookFrame) => {
    const at = random.between(-2, frame.length + 2);
    return frame.getUint8(at) + frame.getUint16(at) + frame.getUint32(at) + frame.flowHash + frame.segments;
  };
  const hook: Hook = {
    observe(frame) {
      breakDown();
      read(frame);
    },
  };
  if (random.chance(0.5)) {
    hook.filter = (frame) => {
      breakDown();
      return read(frame) % 16 !== 0;
    };
  }
  if (random.chance(0.5)) {
    hook.rewrite = (frame) => {
      breakDown();
      if (random.chance(0.3)) frame.setUint8(random.pick([5, 11]), random.between(0, 12));
      if (random.chance(0.05)) frame.setUint8(random.pick([0, 6]), random.between(0, 255));
      frame.setUint32(frame.length - 1, frame.getUint32(frame.length - 1));
    };
  }
  if (isOfPort && random.chance(0.5)) {
    const frame = Buffer.from(`\x02\0\0\0\0\x07\x02\0\0\0\0\x08\x88\xb5${GENERATED}`, 'latin1');
    hook.generate = (out) => {
      breakDown();
      for (let n = random.between(0, 3); n > 0; n--) {
        if (random.chance(0.7)) out.receive(frame);
        else out.transmit(frame);
      }
      return random.pick([0, 1, 200, 10_000]);
    };
  }
  return hook;
}
