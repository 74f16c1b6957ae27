// What a configuration must satisfy beyond its shape: names, VLANs, tunnels and static entries that have to fit
// together. Pure; every rule reports all its problems.

import { MAX_PORTS } from '../frame/hop.ts';
import { parseIp } from '../wire/ip_address.ts';
import { checkAcls } from './acls.ts';
import { checkBridgeHelper } from './bridge_helper.ts';
import { checkGuards } from './check_guards.ts';
import { checkNetwork, checkNetworks } from './check_networks.ts';
import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import { checkGroups } from './groups.ts';
import { isListener } from './guest_ports.ts';
import { checkInside } from './inside.ts';
import { checkAggregates, devicesIn } from './members.ts';
import { checkMirrorCount, checkMirrors } from './mirrors.ts';
import { checkMulticast } from './multicast.ts';
import type { Path } from './path.ts';
import { checkPortControls } from './port_controls.ts';
import type { VxlanPortConfig } from './port_shape.ts';
import { checkVlans, maySend, type PrivateVlans, privateVlans, sharedProblem } from './private_vlans.ts';
import { checkProtocolTunnels } from './protocol_tunnels.ts';
import { checkQualities } from './qos.ts';
import { interfacesIn } from './router_interfaces.ts';
import { checkRouters } from './routers.ts';
import type { BridgeConfig, StaticEntryConfig, SwitchConfig } from './shape.ts';
import { checkShares, interfaceKey } from './shared_interfaces.ts';
import { checkSocket, checkSockets } from './sockets.ts';
import { checkSpanningTree } from './spanning_tree.ts';
import { checkTenants } from './tenants.ts';
import { checkTun } from './tun.ts';
import { checkUnderlays } from './underlays.ts';
import { checkVhostUser } from './vhost_user.ts';
import type { VlanConfig } from './vlan_config.ts';

export function check(config: SwitchConfig, doubts: Doubts): Problem[] {
  const problems: Problem[] = [];
  checkNames(config, doubts, problems);
  checkTunnels(config, problems);
  checkUnderlays(config, problems);
  checkMirrorCount(config, problems);
  checkSockets(config, problems);
  checkFds(config, problems);
  checkVhostUser(config, problems);
  checkInterfaces(config, problems);
  checkShares(config, doubts, problems);
  checkAggregates(config, problems);
  checkNetworks(config, problems);
  checkRouters(config, doubts, problems);
  checkGroups(config, doubts, problems);
  checkTenants(config, problems);
  checkAcls(config, doubts, problems);
  for (const [name, bridge] of Object.entries(config.bridges)) {
    if (!doubts.filtering(name)) checkVlanKeys(name, bridge, problems);
    checkVlans(name, bridge, doubts, problems);
    checkStatic(name, bridge, doubts, problems);
    checkMirrors(name, bridge, doubts, problems);
    checkSpanningTree(name, bridge, problems);
    checkMulticast(name, bridge, doubts, problems);
    checkNetwork(name, bridge, doubts, problems);
    checkProtocolTunnels(name, bridge, problems);
    checkBridgeHelper(name, bridge, problems);
    checkGuards(name, bridge, doubts, problems);
    for (const [portName, port, place] of devicesIn(bridge)) {
      const path = ['bridges', name, ...place];
      checkQualities(path, port, place.length > 2, { config, bridge, doubts }, problems);
      if ('mab' in port) checkPortControls(path, port, problems);
      if (port.type === 'vxlan') checkRemotes(path, port, hasOtherRemote(bridge, portName), problems);
      if (port.type === 'stream' || port.type === 'dgram') checkSocket(path, port, bridge, problems);
      if (port.type === 'tun') checkTun(path, port, problems);
      if (port.type === 'tap' || port.type === 'veth') checkInside(path, port, problems);
      if (port.type === 'tap' && port.fd !== undefined) {
        for (const key of ['owner', 'group', 'persist', 'netns'] as const) {
          if (port[key] === undefined || port[key] === false) continue;
          problems.push({ path: [...path, key], message: 'belongs to whoever opened the fd' });
        }
      }
    }
  }
  return problems;
}

/** Ports and bridges are network interfaces: one namespace of names for the whole switch. */
function checkNames(config: SwitchConfig, doubts: Doubts, problems: Problem[]): void {
  const { bridges } = config;
  const owner = new Map<string, string>();
  // Interfaces of routers are ports, too.
  let ports = [...interfacesIn(config)].length;
  for (const [name, bridge] of Object.entries(bridges)) {
    if (bridge.local) ports++;
    const doubtful = [...doubts.ports(name)].map((port) => [port, undefined, ['ports', port]] as const);
    for (const [port, config, place] of [...devicesIn(bridge), ...doubtful]) {
      ports += isListener(config) ? 1 + config.max_guests : 1;
      const path = ['bridges', name, ...place];
      const other = owner.get(port);
      if (Object.hasOwn(bridges, port)) problems.push({ path, message: `${port} is the name of a bridge` });
      else if (other !== undefined)
        problems.push({ path, message: `bridge ${other} has a port of this name` });
      else owner.set(port, name);
    }
  }
  // Port 0 is nobody.
  if (ports >= MAX_PORTS) {
    problems.push({
      path: ['bridges'],
      message: `${ports} ports and local interfaces; at most ${MAX_PORTS - 1} are possible`,
    });
  }
}

function checkVlanKeys(name: string, bridge: BridgeConfig, problems: Problem[]): void {
  if (bridge.vlan_filtering) return;
  const report = (path: Path) =>
    problems.push({
      path,
      message: `bridge ${name} does not filter VLANs: set its vlan_filtering to true, or remove this key`,
    });
  if (bridge.vlan_protocol !== '802.1Q') report(['bridges', name, 'vlan_protocol']);
  if (bridge.local !== false && bridge.local.vlan) report(['bridges', name, 'local', 'vlan']);
  for (const [portName, port] of Object.entries(bridge.ports)) {
    if (port.vlan) report(['bridges', name, 'ports', portName, 'vlan']);
  }
}

/** A VNI arriving on a socket must lead to one port. */
function checkTunnels({ bridges }: SwitchConfig, problems: Problem[]): void {
  const owner = new Map<string, string>();
  for (const [name, bridge] of Object.entries(bridges)) {
    for (const [portName, port] of Object.entries(bridge.ports)) {
      if (port.type !== 'vxlan') continue;
      const key = `${port.local} ${port.dst_port} ${port.vni}`;
      const other = owner.get(key);
      if (other === undefined) {
        owner.set(key, portName);
        continue;
      }
      const message = `port ${other} already receives VNI ${port.vni} at ${port.local} UDP port ${port.dst_port}`;
      problems.push({ path: ['bridges', name, 'ports', portName, 'vni'], message });
    }
  }
}

/** Two ports on one descriptor would take each other's frames, and the poll set knows it once. */
function checkFds({ bridges }: SwitchConfig, problems: Problem[]): void {
  const owner = new Map<number, string>();
  for (const [name, bridge] of Object.entries(bridges)) {
    for (const [portName, port, place] of devicesIn(bridge)) {
      if (port.type !== 'tap' || port.fd === undefined) continue;
      const other = owner.get(port.fd);
      if (other === undefined) {
        owner.set(port.fd, portName);
        continue;
      }
      problems.push({
        path: ['bridges', name, ...place, 'fd'],
        message: `port ${other} already uses file descriptor ${port.fd}`,
      });
    }
  }
}

/** What the interface of a TAP or TUN is called; `ifname` may call two alike. */
function checkMade(
  made: Map<string, string>,
  name: string,
  port: { netns?: string; ifname?: string },
  path: Path,
  problems: Problem[],
): void {
  const { netns, ifname = name } = port;
  const key = interfaceKey(ifname, netns);
  const other = made.get(key);
  if (other !== undefined && port.ifname !== undefined)
    problems.push({ path: [...path, 'ifname'], message: `${other} has the interface ${ifname} in ${netns}` });
  made.set(key, `port ${name}`);
}

/** Frames would go round in circles, or arrive twice. Ports share an interface by VLANs: shared_interfaces.ts. */
function checkInterfaces({ bridges }: SwitchConfig, problems: Problem[]): void {
  const made = new Map<string, string>();
  const attached = new Map<string, { port: string; isMember: boolean }>();
  for (const [name, bridge] of Object.entries(bridges)) {
    const { local } = bridge;
    if (local) made.set(interfaceKey(name, local.netns), `the local interface of bridge ${name}`);
    for (const [portName, port, place] of devicesIn(bridge)) {
      const path = ['bridges', name, ...place];
      if (port.type === 'tun' || port.type === 'veth' || (port.type === 'tap' && port.fd === undefined))
        checkMade(made, portName, port, path, problems);
      // Its end here.
      if (port.type === 'veth') checkMade(made, portName, {}, path, problems);
    }
  }
  const under = new Map<string, string>();
  for (const [name, { ports }] of Object.entries(bridges)) {
    for (const [portName, port] of Object.entries(ports)) {
      if (port.type !== 'vxlan' || port.underlay_tap === undefined) continue;
      const device = port.underlay_tap;
      const owner = made.get(interfaceKey(device, undefined));
      const path = ['bridges', name, 'ports', portName, 'underlay_tap'];
      if (owner !== undefined) problems.push({ path, message: `${device} is ${owner} of this switch` });
      else under.set(interfaceKey(device, undefined), `the TAP under port ${portName}`);
    }
  }
  for (const [name, bridge] of Object.entries(bridges)) {
    for (const [portName, port, place] of devicesIn(bridge)) {
      if (port.type !== 'af_packet') continue;
      const device = port.interface ?? portName;
      const id = interfaceKey(device, port.netns);
      const owner = made.get(id) ?? under.get(id);
      const other = attached.get(id);
      const isMember = bridge.ports[portName] !== port;
      const path = ['bridges', name, ...place, 'interface'];
      if (owner !== undefined) problems.push({ path, message: `${device} is ${owner} of this switch` });
      else if (other === undefined) attached.set(id, { port: portName, isMember });
      else if (isMember || other.isMember)
        problems.push({ path, message: `port ${other.port} already attaches ${device}` });
    }
  }
}

/** A static entry or a mirror names a remote of the port. */
function hasOtherRemote({ static: entries, mirrors }: BridgeConfig, name: string): boolean {
  return (
    entries.some(({ port, remote }) => port === name && remote !== undefined) ||
    Object.values(mirrors).some(({ to }) => typeof to === 'object' && 'port' in to && to.port === name)
  );
}

function checkRemotes(path: Path, port: VxlanPortConfig, hasOther: boolean, problems: Problem[]): void {
  if (port.remotes.length === 0 && !hasOther && !port.remote_learning) {
    const message =
      'a tunnel without remotes hears only those whom it learns: list remotes, or say remote_learning: true';
    problems.push({ path: [...path, 'remote_learning'], message });
  }
  const seen = new Set<string>();
  for (const [index, remote] of port.remotes.entries()) {
    const message = seen.has(remote) ? `${remote} is listed twice` : remoteProblem(remote, port);
    if (message) problems.push({ path: [...path, 'remotes', index], message });
    seen.add(remote);
  }
}

function remoteProblem(remote: string, port: VxlanPortConfig): string | undefined {
  if (remote === port.local) return `${remote} is the local address`;
  if (family(remote) !== family(port.local)) {
    return `${remote} is IPv${family(remote)}, the local address ${port.local} is IPv${family(port.local)}`;
  }
  return undefined;
}

function family(address: string): 4 | 6 {
  return parseIp(address)?.length === 16 ? 6 : 4;
}

function checkStatic(name: string, bridge: BridgeConfig, doubts: Doubts, problems: Problem[]): void {
  const seen = new Set<string>();
  const vlans = privateVlans(bridge);
  for (const [index, entry] of bridge.static.entries()) {
    const path = ['bridges', name, 'static', index];
    const report = (key: string, message: string) => problems.push({ path: [...path, key], message });

    const key = `${entry.mac} ${entry.vlan}`;
    if (seen.has(key))
      report('mac', `${entry.mac} has an entry already${entry.vlan ? ` in VLAN ${entry.vlan}` : ''}`);
    seen.add(key);
    checkStaticPort(name, bridge, vlans, entry, doubts, report);

    if (doubts.filtering(name)) continue;
    if (bridge.vlan_filtering && entry.vlan === undefined) {
      report('vlan', `missing: bridge ${name} filters VLANs, so the entry needs one`);
    } else if (!bridge.vlan_filtering && entry.vlan !== undefined) {
      report(
        'vlan',
        `bridge ${name} does not filter VLANs: set its vlan_filtering to true, or remove this key`,
      );
    }
  }
}

function checkStaticPort(
  name: string,
  bridge: BridgeConfig,
  vlans: PrivateVlans,
  entry: StaticEntryConfig,
  doubts: Doubts,
  report: (key: string, message: string) => void,
): void {
  const port = Object.hasOwn(bridge.ports, entry.port) ? bridge.ports[entry.port] : undefined;
  const local = entry.port === name && bridge.local ? bridge.local : undefined;
  if (!port && !local) {
    if (!doubts.ports(name).has(entry.port)) report('port', `bridge ${name} has no port ${entry.port}`);
    return;
  }
  const vlan: VlanConfig | undefined = (port ?? local)?.vlan;
  if (bridge.vlan_filtering && entry.vlan !== undefined) {
    const shared = sharedProblem(vlans, entry.vlan);
    if (shared !== undefined) report('vlan', shared);
    else if (!maySend(vlans, vlan, entry.vlan))
      report('vlan', `port ${entry.port} does not carry VLAN ${entry.vlan}`);
  }
  if (port?.type !== 'vxlan') {
    if (entry.remote) report('remote', `port ${entry.port} is not a VXLAN port`);
    return;
  }
  if (!entry.remote) {
    report('remote', `missing: ${entry.port} is a VXLAN port, the entry needs the address of the remote`);
    return;
  }
  const problem = remoteProblem(entry.remote, port);
  if (problem) report('remote', problem);
}
