// Why frames are too big for a tunnel, in words.

import type { PortStatus } from '../api.ts';

/** What it means that frames were too big for a tunnel, and what helps. `isConfigured`: its `mtu` is what limits it. */
export function tooBigHelp({ mtu, underlay }: PortStatus, isConfigured: boolean): string {
  const inside = `hosts that heed ICMP adapt to it, others need an MTU of ${mtu}`;
  if (underlay === undefined || isConfigured) return `larger than the tunnel's MTU of ${mtu}: ${inside}`;
  const { remote, route, device, setBy } = underlay;
  const less = remote?.includes(':') ? ', or what a router on the way said' : '';
  const to = remote === undefined ? '' : ` to ${remote}`;
  const by =
    setBy === 'route' ? `by its mtu of ${underlay.mtu}` : `by the MTU of ${underlay.mtu} of ${device}`;
  const limit = route === undefined ? `${by.slice(3)}` : `route ${route} via ${device}${to}, limited ${by}`;
  return `larger than the ${mtu} bytes that fit ${limit}${less}: ${inside}; for 1500 it takes ${underlay.mtu + 1500 - mtu}`;
}
