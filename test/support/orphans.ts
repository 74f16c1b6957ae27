// Network namespaces of test processes that no longer live. A namespace is named after the process that made it,
// `tltest-<pid>-<label>`, so that nothing is removed under the feet of another run on the same machine.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

export const PREFIX = 'tltest-';
export const NETNS_DIR = '/run/netns';

export function removeOrphans(): void {
  if (process.getuid?.() !== 0 || !existsSync(NETNS_DIR)) return;
  for (const name of readdirSync(NETNS_DIR)) {
    const pid = name.match(/^tltest-(\d+)-/)?.[1];
    if (!pid || existsSync(`/proc/${pid}`)) continue;
    execFileSync('ip', ['netns', 'del', name]);
  }
}
