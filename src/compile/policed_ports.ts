// Policers of ports, one after the other.

import type { MatchedPolicerConfig, PolicerConfig } from '../config/qos_shape.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { DIRECTION } from '../table/policer_table.ts';
import type { Names } from './names.ts';

export interface PolicedPort {
  name: string;
  port: number;
  direction: keyof typeof DIRECTION;
  policer: MatchedPolicerConfig;
  /** Its place in a list; undefined = it is the only one, of all frames. */
  place?: number;
}

export function policedPorts({ bridges }: SwitchConfig, ports: Names): PolicedPort[] {
  return Object.values(bridges).flatMap((bridge) =>
    Object.entries(bridge.ports).flatMap(([name, config]): PolicedPort[] => {
      const police = 'qos' in config ? config.qos?.police : undefined;
      const port = ports.find(name);
      if (police === undefined || port === undefined) return [];
      return (['in', 'out'] as const).flatMap((direction) => {
        const said = police[direction];
        if (said === undefined) return [];
        if (Array.isArray(said))
          return said.map((policer, place) => ({ name, port, direction, policer, place }));
        const policer: PolicerConfig = typeof said === 'string' ? { rate: said, exceed: 'pass' } : said;
        return [{ name, port, direction, policer }];
      });
    }),
  );
}
