// Guards of the ports of a bridge: where addresses come from that they let in, and VLANs of bindings.

import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import type { GuardConfig } from './guard_shape.ts';
import { checkGuard } from './guards.ts';
import { networkPlaces } from './network_places.ts';
import { networkOf } from './networks.ts';
import type { Path } from './path.ts';
import type { StreamPortConfig } from './port_shape.ts';
import { maySend, privateVlans, sharedProblem } from './private_vlans.ts';
import type { BridgeConfig } from './shape.ts';
import type { VlanConfig } from './vlan_config.ts';

/** A port, or what makes ports of guests. */
interface Guarded {
  readonly guard?: GuardConfig;
  readonly vlan?: VlanConfig;
}

export function checkGuards(name: string, bridge: BridgeConfig, doubts: Doubts, problems: Problem[]): void {
  const givesAddresses = hasAddresses(name, bridge);
  const isSnooped = Object.values(bridge.ports).some(({ guard }) => guard?.trusted === true);
  for (const [place, port] of guardedIn(name, bridge)) {
    const { guard } = port;
    if (guard === undefined) continue;
    const path = [...place, 'guard'];
    checkGuard(path, guard, problems);
    if (!doubts.filtering(name)) checkVlans(path, name, bridge, port, problems);
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

function guardedIn(name: string, { ports, bridge_helper }: BridgeConfig): [Path, Guarded][] {
  const all = Object.entries(ports).flatMap(([port, config]): [Path, Guarded][] => {
    const path = ['bridges', name, 'ports', port];
    return [[path, config], ...(config.type === 'stream' ? templatesOf(path, config) : [])];
  });
  if (bridge_helper === undefined) return all;
  return [...all, [['bridges', name, 'bridge_helper', 'template'], bridge_helper.template]];
}

/** What a listening socket makes of its guests. */
function templatesOf(path: Path, { template, users = {} }: StreamPortConfig): [Path, Guarded][] {
  const own = Object.entries(users).map(([uid, user]): [Path, Guarded] => [[...path, 'users', uid], user]);
  return template === undefined ? own : [[[...path, 'template'], template], ...own];
}

function checkVlans(
  path: Path,
  name: string,
  bridge: BridgeConfig,
  { guard, vlan: carried }: Guarded,
  problems: Problem[],
): void {
  const vlans = privateVlans(bridge);
  for (const [index, { vlan }] of (guard?.bindings ?? []).entries()) {
    if (vlan === undefined) continue;
    const report = (message: string) =>
      problems.push({ path: [...path, 'bindings', index, 'vlan'], message });
    if (!bridge.vlan_filtering) {
      report(`bridge ${name} does not filter VLANs: set its vlan_filtering to true, or remove this key`);
      continue;
    }
    const shared = sharedProblem(vlans, vlan);
    if (shared !== undefined) report(shared);
    else if (!maySend(vlans, carried, vlan))
      report(`the port does not carry VLAN ${vlan}: add that to its vlan, or correct this`);
  }
}

/** Whether a network of the bridge gives addresses, which are bindings. */
export function hasAddresses(name: string, bridge: BridgeConfig): boolean {
  return networkPlaces(name, bridge).some((place) => {
    const network = networkOf(place, bridge);
    return network?.dhcp !== undefined || network?.ipv6?.dhcp !== undefined;
  });
}
