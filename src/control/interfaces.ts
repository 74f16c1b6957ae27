// Which network interfaces there are here. /proc/self/net belongs to the network namespace of the process; /sys/class/net
// belongs to that of whoever mounted it.

import { readFileSync } from 'node:fs';

export function interfaceExists(name: string): boolean {
  return interfaceNames().includes(name);
}

export function interfaceNames(): string[] {
  // two lines of head, then one `  name: numbers` for each interface; a name has no colon
  const lines = readFileSync('/proc/self/net/dev', 'utf8').trimEnd().split('\n').slice(2);
  return lines.map((line) => line.slice(0, line.indexOf(':')).trim());
}
