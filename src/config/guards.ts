// Guards of ports: what needs each other.

import type { Problem } from './config_error.ts';
import { addressesOf } from './guard_shape.ts';
import type { Path } from './path.ts';
import type { PortConfig } from './port_shape.ts';

export function checkGuard(path: Path, { guard }: PortConfig, problems: Problem[]): void {
  if (guard === undefined) return;
  const report = (keys: Path, message: string) =>
    problems.push({ path: [...path, 'guard', ...keys], message });
  const { source, bindings } = guard;
  if (source !== undefined && bindings.length === 0)
    report(
      ['source'],
      `${source} lets in what is bound to the port, and nothing is: list its guest as bindings: [{ mac, ip }]`,
    );
  if (source === undefined && bindings.length > 0)
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
