// The ports of the configuration in force by number, for those who get numbers from the data plane.

import type { Compiler } from '../compile/compiler.ts';
import { portViews } from '../compile/port_view.ts';
import type { SwitchConfig } from '../config/schema.ts';
import type { PortNames } from './running_capture.ts';

export function portNames({ ports }: Compiler, config: () => SwitchConfig): PortNames {
  return {
    list: () =>
      Object.entries(config().bridges).flatMap(([bridge, one]) =>
        portViews(bridge, one).flatMap(({ name }) => {
          const index = ports.find(name);
          return index === undefined ? [] : [{ index, name, bridge }];
        }),
      ),
    hasBridge: (name) => Object.hasOwn(config().bridges, name),
  };
}
