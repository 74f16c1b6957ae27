// All lies by name, and a source of more of them.

import type { FakeGuest } from '../fake_guest.ts';
import type { Lie } from './lie.ts';
import { MEMORY_LIES } from './memory_lies.ts';
import { MESSAGE_LIES } from './message_lies.ts';
import { RING_LIES } from './ring_lies.ts';

/** All lies of a hostile guest, by name. */
export const LIES: Readonly<Record<string, Lie>> = { ...RING_LIES, ...MEMORY_LIES, ...MESSAGE_LIES };

/** Those that mean something to a guest with these features. */
export function liesFor(guest: FakeGuest): [string, Lie][] {
  const layout = guest.has('ringPacked') ? 'packed' : 'split';
  return Object.entries(LIES).filter(
    ([, lie]) =>
      (lie.layout === undefined || lie.layout === layout) && (!lie.isIndirect || guest.has('indirectDesc')),
  );
}
