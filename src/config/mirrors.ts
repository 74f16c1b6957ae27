// Rules for mirrors: who is watched must be there, and who watches is nothing else.

import type { Problem } from './config_error.ts';
import type { Doubts } from './doubts.ts';
import type { BridgeConfig, MirrorConfig, SwitchConfig } from './shape.ts';

/** Mirrors of all bridges: they are bits of a word. */
export const MAX_MIRRORS = 16;

/** The port that a mirror has for itself, if it has one. */
export function mirrorEnd(bridge: string, { to }: MirrorConfig): string | undefined {
  return typeof to === 'string' && to !== bridge ? to : undefined;
}

export function checkMirrors(name: string, bridge: BridgeConfig, doubts: Doubts, problems: Problem[]): void {
  for (const [mirrorName, mirror] of Object.entries(bridge.mirrors)) {
    const path = ['bridges', name, 'mirrors', mirrorName];
    const report = (key: string, message: string) => problems.push({ path: [...path, key], message });
    const isThere = (port: string) =>
      Object.hasOwn(bridge.ports, port) ||
      doubts.ports(name).has(port) ||
      (port === name && bridge.local !== false);
    for (const port of mirror.from ?? []) {
      if (!isThere(port)) report('from', `bridge ${name} has no port ${port}`);
      else if (port === mirror.to) report('from', `${port} is where this mirror copies to`);
    }
    if (mirror.vlans !== undefined && !bridge.vlan_filtering && !doubts.filtering(name))
      report(
        'vlans',
        `bridge ${name} does not filter VLANs: set its vlan_filtering to true, or remove this key`,
      );
    checkTo(name, bridge, mirror, isThere, doubts, (message) => report('to', message));
  }
}

export function checkMirrorCount({ bridges }: SwitchConfig, problems: Problem[]): void {
  const count = Object.values(bridges).reduce((sum, { mirrors }) => sum + Object.keys(mirrors).length, 0);
  if (count > MAX_MIRRORS)
    problems.push({ path: ['bridges'], message: `${count} mirrors; at most ${MAX_MIRRORS} are possible` });
}

function checkTo(
  name: string,
  bridge: BridgeConfig,
  mirror: MirrorConfig,
  isThere: (port: string) => boolean,
  doubts: Doubts,
  report: (message: string) => void,
): void {
  const { to } = mirror;
  if (typeof to === 'string') {
    const port = Object.hasOwn(bridge.ports, to) ? bridge.ports[to] : undefined;
    if (!isThere(to)) report(`bridge ${name} has no port ${to}`);
    else if (port?.type === 'vxlan') report(`${to} is a VXLAN port: say { port: ${to}, remote: ADDRESS }`);
    const isWatched = Object.values(bridge.mirrors).some(({ from }) => from?.includes(to));
    if (to !== name && isWatched) report(`${to} is watched by a mirror, and cannot be the end of one`);
    const isStatic = bridge.static.some(({ port }) => port === to);
    if (to !== name && isStatic)
      report(`${to} has a static entry, and the end of a mirror takes no other frames`);
    return;
  }
  if ('vlan' in to) {
    if (!bridge.vlan_filtering && !doubts.filtering(name))
      report(`bridge ${name} does not filter VLANs: set its vlan_filtering to true, or copy to a port`);
    return;
  }
  const port = Object.hasOwn(bridge.ports, to.port) ? bridge.ports[to.port] : undefined;
  if (!isThere(to.port)) report(`bridge ${name} has no port ${to.port}`);
  else if (port !== undefined && port.type !== 'vxlan') report(`${to.port} is not a VXLAN port`);
  else if (port !== undefined && port.local.includes(':') !== to.remote.includes(':'))
    report(`${to.remote} and the local address ${port.local} are of different IP versions`);
}
