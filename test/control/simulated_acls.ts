// Access lists of a simulated switch: what the configuration says, and nothing was ever counted.

import type { SwitchConfig } from '../../src/config/schema.ts';
import { AclView } from '../../src/switch/acl_view.ts';

export class SimulatedAcls extends AclView {
  constructor(config: () => SwitchConfig) {
    super({ compiler: undefined as never, config, table: () => null });
  }
}
