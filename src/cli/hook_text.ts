// The state of a hook in words.

import type { HookStatus } from '../api.ts';

/** `on`, or why not. */
export function hookText({ state, reason, onError }: HookStatus): string {
  if (state === 'on') return 'on';
  return `off: ${reason}; frames ${onError === 'drop' ? 'are dropped' : 'pass without it'}`;
}
