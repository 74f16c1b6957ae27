// Guards of the ports of a bridge: where addresses come from that they let in.

import type { Problem } from './config_error.ts';
import { checkGuard } from './guards.ts';
import { networkPlaces } from './network_places.ts';
import { networkOf } from './networks.ts';
import type { Path } from './path.ts';
import type { StreamPortConfig } from './port_shape.ts';
import type { BridgeConfig } from './shape.ts';

export function checkGuards(name: string, bridge: BridgeConfig, problems: Problem[]): void {
  const givesAddresses = hasAddresses(name, bridge);
  const isSnooped = Object.values(bridge.ports).some(({ guard }) => guard?.trusted === true);
  for (const [port, config] of Object.entries(bridge.ports)) {
    if (config.type === 'stream') checkTemplates(['bridges', name, 'ports', port], config, problems);
    const { guard } = config;
    if (guard === undefined) continue;
    const path = ['bridges', name, 'ports', port, 'guard'];
    checkGuard(path, guard, problems);
    if (guard.source === 'strict' && guard.bindings.length === 0 && !givesAddresses && !isSnooped)
      problems.push({
        path: [...path, 'source'],
        message:
          'strict lets in what is bound to the port, and nothing would be: list its guest as bindings: [{ mac, ip }], give the bridge a network with DHCP, or set trusted in the guard of the port that leads to a DHCP server',
      });
    if (guard.option_82 && !(isSnooped && (guard.source === 'strict' || guard.source === 'first')))
      problems.push({
        path: [...path, 'option_82'],
        message:
          'it is put into what DHCP snooping passes on: set source to strict, and trusted in the guard of the port that leads to the DHCP server',
      });
  }
}

/** What a listening socket makes of its guests. */
function checkTemplates(path: Path, { template, users = {} }: StreamPortConfig, problems: Problem[]): void {
  if (template?.guard !== undefined) checkGuard([...path, 'template', 'guard'], template.guard, problems);
  for (const [uid, { guard }] of Object.entries(users))
    if (guard !== undefined) checkGuard([...path, 'users', uid, 'guard'], guard, problems);
}

/** Whether a network of the bridge gives addresses, which are bindings. */
function hasAddresses(name: string, bridge: BridgeConfig): boolean {
  return networkPlaces(name, bridge).some((place) => {
    const network = networkOf(place, bridge);
    return network?.dhcp !== undefined || network?.ipv6?.dhcp !== undefined;
  });
}
