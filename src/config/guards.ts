// The guard of a port, or of a template for some: what needs each other.

import type { Problem } from './config_error.ts';
import { addressesOf, type GuardConfig, shareVlan } from './guard_shape.ts';
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
  const owners = new Map<string, Owner[]>();
  for (const [index, { mac, vlan, ...binding }] of bindings.entries()) {
    for (const ip of addressesOf(binding)) {
      const known = owners.get(ip) ?? [];
      const other = known.find((one) => one.mac !== mac && shareVlan(one.vlan, vlan));
      if (other !== undefined)
        report(
          ['bindings', index, 'ip'],
          `${ip} is bound to ${other.mac} already: behind a port an address has one owner${vlan === undefined ? '' : ' in a VLAN'}`,
        );
      owners.set(ip, [...known, { mac, vlan }]);
    }
  }
}

interface Owner {
  readonly mac: string;
  readonly vlan: number | undefined;
}
