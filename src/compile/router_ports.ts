// Interfaces of routers as ports: where they are, and what they are called. They are members of their domains, so that frames
// may come in and leave, but nothing is flooded to them.

import { machineId } from '../config/defaults.ts';
import { type PortVlans, type PrivateVlans, portVlans, privateVlans } from '../config/private_vlans.ts';
import { interfacesIn, type RouterInterface } from '../config/router_interfaces.ts';
import { interfaceMac } from '../config/router_mac.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { Mac } from '../wire/mac.ts';
import { type PortView, plainView, UNAWARE } from './port_view.ts';

/** No frame is too large to be looked at by the router, which says so itself. */
export const ROUTER_PORT_MTU = 65_535;

export interface RouterPort extends RouterInterface {
  /** 0 in a bridge that does not filter VLANs. */
  vid: number;
  mac: Mac;
  view: PortView;
  vlans: PortVlans;
}

/** All whose bridge is there, by bridge. `id`: of the machine, if it is not this one. */
export function routerPorts(config: SwitchConfig, id?: string): Map<string, RouterPort[]> {
  const found = new Map<string, RouterPort[]>();
  if (config.routers === undefined) return found;
  const machine = id ?? machineId();
  const privates = new Map<string, PrivateVlans>();
  for (const one of interfacesIn(config)) {
    const { bridge: name, vlan } = one.config;
    const bridge = Object.hasOwn(config.bridges, name) ? config.bridges[name] : undefined;
    if (bridge === undefined || bridge.vlan_filtering !== (vlan !== undefined)) continue;
    const plain = plainView(name, bridge);
    const view: PortView = { ...plain, name: one.port, protocol: '802.1Q', learning: false, fdbLimit: 0 };
    const ofVlans = privates.get(name) ?? privateVlans(bridge);
    privates.set(name, ofVlans);
    const vlans = vlan === undefined ? UNAWARE : portVlans(ofVlans, { access: vlan });
    const ofBridge = found.get(name) ?? [];
    found.set(name, ofBridge);
    ofBridge.push({ ...one, vid: vlan ?? 0, mac: interfaceMac(one, machine), view, vlans });
  }
  return found;
}
