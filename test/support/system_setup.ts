// Before and after the system tests: removes what an earlier run left behind because it was killed.

import { removeOrphans } from './orphans.ts';

export function setup(): void {
  removeOrphans();
}

export function teardown(): void {
  removeOrphans();
}
