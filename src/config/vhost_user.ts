// What ports of guests must satisfy beside others: each has a socket of its own.

import type { Problem } from './config_error.ts';
import { devicesIn } from './members.ts';
import type { SwitchConfig } from './shape.ts';
import { checkOwner } from './sockets.ts';

export function checkVhostUser({ bridges }: SwitchConfig, problems: Problem[]): void {
  const owner = new Map<string, string>();
  for (const [name, bridge] of Object.entries(bridges)) {
    for (const [portName, port, place] of devicesIn(bridge)) {
      if (port.type !== 'vhost_user') continue;
      checkOwner(['bridges', name, ...place], port, problems);
      const other = owner.get(port.path);
      if (other === undefined) owner.set(port.path, portName);
      else {
        const message = `port ${other} has this socket: each guest needs one of its own`;
        problems.push({ path: ['bridges', name, ...place, 'path'], message });
      }
    }
  }
}
