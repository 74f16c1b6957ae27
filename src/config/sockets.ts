// What ports of type `stream` and `dgram` must satisfy: one place each, which only this host can reach.

import type { Problem } from './config_error.ts';
import { isListener } from './guest_ports.ts';
import type { Path } from './path.ts';
import type { SocketPortConfig, StreamPortConfig } from './port_shape.ts';
import type { BridgeConfig, SwitchConfig } from './shape.ts';
import { isLoopback, parseSocketAddress } from './socket_address.ts';

export function checkSocket(
  path: Path,
  port: SocketPortConfig,
  { vlan_filtering }: Pick<BridgeConfig, 'vlan_filtering'>,
  problems: Problem[],
): void {
  const report = (key: string, message: string) => problems.push({ path: [...path, key], message });
  const { address } = port;
  if (port.path === undefined && address === undefined)
    report('path', 'missing: give the path of a Unix socket, or an address and a port');
  if (port.path !== undefined && address !== undefined)
    report('address', 'a socket has a path or an address, not both');
  if (address !== undefined) checkAddress('address', address, report);
  if (port.framing !== 'qemu' && address !== undefined)
    report('framing', `${port.framing} is for Unix sockets: give it a path`);
  checkOwner(path, port, problems);
  if (port.type === 'dgram') checkRemote(port, report);
  else checkGuests(port, vlan_filtering, report);
}

/** Of a socket that somebody else made, or that has no file. */
export function checkOwner(
  path: Path,
  port: Pick<SocketPortConfig, 'owner' | 'group' | 'mode' | 'address'>,
  problems: Problem[],
): void {
  if (port.mode === 'server' && port.address === undefined) return;
  const message = 'is for the socket file of a server: who made the socket says who may use it';
  for (const key of ['owner', 'group'] as const)
    if (port[key] !== undefined) problems.push({ path: [...path, key], message });
}

type Report = (key: string, message: string) => void;

function checkAddress(key: string, text: string, report: Report): void {
  const address = parseSocketAddress(text);
  if (address === undefined || isLoopback(address)) return;
  const message =
    `${text} can be reached by others than this host, and whoever connects is in the bridge: ` +
    'use 127.0.0.1 or [::1], and vxlan for a way to other hosts';
  report(key, message);
}

function checkRemote(port: Extract<SocketPortConfig, { type: 'dgram' }>, report: Report): void {
  const { address, mode, remote } = port;
  if (address !== undefined && mode === 'client')
    report('mode', 'address is our own: give remote, and leave mode out');
  else if (mode === 'client' && remote !== undefined)
    report('remote', 'a client sends to its path: leave remote out, or mode');
  if (remote === undefined) return;
  if (parseSocketAddress(remote) !== undefined) checkAddress('remote', remote, report);
  if (remote.startsWith('/') !== (port.path !== undefined))
    report('remote', `is of another kind than ${port.path !== undefined ? 'path' : 'address'}`);
  if (remote === (port.path ?? address)) report('remote', 'is our own socket');
}

function checkGuests(port: StreamPortConfig, isFiltering: boolean, report: Report): void {
  const { template, users, name_by } = port;
  if (template === undefined) {
    if (users !== undefined) report('users', 'takes a template for all others');
    if (name_by !== 'number') report('name_by', 'is for guests of a template');
    return;
  }
  if (port.mode === 'client') report('template', 'guests connect to a server: leave mode out');
  const needsPeer = users !== undefined ? 'users' : name_by === 'number' ? undefined : 'name_by';
  if (port.path === undefined && needsPeer !== undefined)
    report(needsPeer, 'nobody tells who connects to an address: give a path');
  if (port.vlan !== undefined) report('vlan', 'is for the guests: it belongs into the template');
  for (const [key, guest] of [['template', template] as const, ...Object.entries(users ?? {})]) {
    if (guest.vlan === undefined || isFiltering) continue;
    report(key === 'template' ? key : 'users', 'names a VLAN, and the bridge does not filter VLANs');
  }
}

/** No two sockets in one place, and no port named like a guest. */
export function checkSockets({ bridges }: SwitchConfig, problems: Problem[]): void {
  const owner = new Map<string, string>();
  const listeners: string[] = [];
  for (const [name, { ports }] of Object.entries(bridges)) {
    for (const [portName, port] of Object.entries(ports)) {
      if (port.type !== 'stream' && port.type !== 'dgram') continue;
      if (isListener(port)) listeners.push(portName);
      if (port.mode === 'client') continue;
      const key = port.path ?? port.address;
      if (key === undefined) continue;
      const place = `${port.path === undefined && port.type === 'dgram' ? 'UDP ' : ''}${key}`;
      const other = owner.get(place);
      if (other === undefined) {
        owner.set(place, portName);
        continue;
      }
      const path = ['bridges', name, 'ports', portName, port.path === undefined ? 'address' : 'path'];
      problems.push({ path, message: `port ${other} already listens there` });
    }
  }
  for (const [name, { ports }] of Object.entries(bridges)) {
    for (const portName of Object.keys(ports)) {
      const listener = listeners.find((one) => portName.startsWith(`${one}.`));
      if (listener === undefined) continue;
      const message = `is named like a guest of ${listener}`;
      problems.push({ path: ['bridges', name, 'ports', portName], message });
    }
  }
}
