// The guard of a port, or of a template for some: what needs each other.

import type { Problem } from './config_error.ts';
import { addressesOf, type GuardConfig } from './guard_shape.ts';
import type { Path } from './path.ts';

export function checkGuard(path: Path, guard: GuardConfig, problems: Problem[]): void {
  const report = (keys: Path, message: string) => problems.push({ path: [...path, ...keys], message });
  const { source, bindings, trusted } = guard;
  if (trusted && source !== undefined)
    report(
      ['trusted'],
      'leads to servers and routers of others, who have any address: remove source, or this',
    );
  if (source === 'mac' && bindings.length === 0)
    report(
      ['source'],
      'mac lets in stations that are bound to the port, and none is: list them as bindings: [{ mac }]',
    );
  if (source === undefined && bindings.length > 0 && !trusted)
    report(['bindings'], 'nobody asks for them: set source to strict, or to mac');
  const owners = new Map<string, string>();
  for (const [index, binding] of bindings.entries()) {
    for (const ip of addressesOf(binding)) {
      const owner = owners.get(ip);
      if (owner !== undefined && owner !== binding.mac)
        report(
          ['bindings', index, 'ip'],
          `${ip} is bound to ${owner} already: behind a port an address has one owner`,
        );
      owners.set(ip, binding.mac);
    }
  }
}
