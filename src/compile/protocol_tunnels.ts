// Tunnels for control protocols in the configuration -> the engine's table.

import { carriedProtocols, TUNNEL_LIMIT, TUNNEL_MAC } from '../config/protocol_tunnels.ts';
import type { PortConfig, SwitchConfig } from '../config/schema.ts';
import { type ProtocolTunnels, TUNNEL_ALARMS } from '../table/protocol_tunnels.ts';
import { L2CP } from '../wire/l2cp.ts';
import { type Mac, parseMac } from '../wire/mac.ts';
import type { Names } from './names.ts';
import { shared } from './shared.ts';

/** Null if no port is the end of one: then nobody looks. */
export function compileProtocolTunnels({ bridges }: SwitchConfig, ports: Names): ProtocolTunnels | null {
  const ends = Object.values(bridges).flatMap((bridge) =>
    Object.entries(bridge.ports)
      .filter(([, port]) => carriedProtocols(port).length > 0)
      .map(([name, port]) => ({
        number: ports.number(name),
        port,
        mac: parseMac(bridge.tunnel_mac ?? TUNNEL_MAC) as Mac,
      })),
  );
  if (ends.length === 0) return null;
  const table = shared({
    protocols: [Uint16Array, ports.length],
    costs: [Float64Array, ports.length],
    macHi: [Uint16Array, ports.length],
    macLo: [Int32Array, ports.length],
  });
  for (const { number, port, mac } of ends) {
    table.protocols[number] = maskOf(port);
    table.costs[number] = 1000 / (port.tunnel_protocols_limit ?? TUNNEL_LIMIT);
    table.macHi[number] = mac.hi;
    table.macLo[number] = mac.lo;
  }
  return table;
}

function maskOf(port: PortConfig): number {
  const alarms = port.tunnel_protocols_action === 'shutdown' ? TUNNEL_ALARMS : 0;
  return carriedProtocols(port).reduce((mask, protocol) => mask | (1 << L2CP[protocol]), alarms);
}
