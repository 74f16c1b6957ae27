// Names and facts for a trace, out of the switch's own.

import type { Compiler } from '../compile/compiler.ts';
import type { PortStates } from '../compile/overlay.ts';
import type { RuleOrigin } from '../config/rule_lines.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { TraceNames } from '../trace/scene.ts';
import { OFFLOAD } from '../wire/virtio_net.ts';
import { addressText, isIpv6 } from './fdb_view.ts';
import type { HookService } from './hook_service.ts';
import type { OpenPorts } from './open_ports.ts';

const ALL_OFFLOADS = OFFLOAD.csum | OFFLOAD.tso4 | OFFLOAD.tso6 | OFFLOAD.ecn | OFFLOAD.uso;

export interface NamedThings {
  compiler: Compiler;
  config: SwitchConfig;
  states: PortStates;
  open: Pick<OpenPorts, 'devices' | 'linkWatch' | 'goneNames' | 'disabled'>;
  hooks: Pick<HookService, 'nameOf'>;
  origin: RuleOrigin;
}

/** @param remotes learned remotes, by row */
export function traceNames(
  { compiler, config, states, open, hooks, origin }: NamedThings,
  remotes: ReadonlyMap<number, Int32Array>,
): TraceNames {
  const isOverIpv6 = (port: string) =>
    Object.keys(config.bridges).some((bridge) => isIpv6(config, bridge, port));
  const { devices, linkWatch, goneNames: gone, disabled } = open;
  linkWatch.lookUp();
  return {
    port: (number) => compiler.ports.name(number),
    remote: (row, port) => {
      const words = remotes.get(row);
      return words === undefined ? compiler.remote(row) : addressText(words, isOverIpv6(port));
    },
    bridgeOf: (domain) => compiler.domain(domain)?.bridge,
    state: (port, vlan) => (disabled.get(port) === undefined ? states.of(port, vlan) : 'disabled'),
    device: (port) => {
      if (gone.has(port)) return 'gone';
      const { up } = linkWatch.at(port);
      return up === undefined ? undefined : up ? 'up' : 'down';
    },
    hook: (id) => hooks.nameOf(id),
    aclRule: (rule) => compiler.acls.rules[rule],
    groupRule: (rule) => {
      const place = compiler.policy.rules[rule];
      if (place === undefined) return undefined;
      const { group, side, index } = place;
      return ['groups', group, side, ...(index === undefined ? [] : [index])];
    },
    fileLine: (path) => origin.of(path, config),
    tunMac: (port) => {
      const device = devices.get(port);
      return device?.spec.kind === 'tun' ? device.mac : undefined;
    },
    offloads: (port) => {
      const device = devices.get(port);
      const spec = device?.spec;
      if (spec === undefined || spec.kind === 'vxlan' || spec.kind === 'aggregate') return 0;
      if (spec.kind === 'socket') return 0;
      if (spec.kind === 'vhost_user') return device?.offloads ?? 0;
      return spec.kind === 'memory' ? (spec.offloads ? ALL_OFFLOADS : 0) : spec.offloads;
    },
  };
}
