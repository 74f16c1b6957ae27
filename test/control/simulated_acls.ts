// Access lists of a simulated switch: what the configuration says, and nothing was ever counted.

import { RuleOrigin } from '../../src/config/rule_lines.ts';
import type { SwitchConfig } from '../../src/config/schema.ts';
import { AclView } from '../../src/switch/acl_view.ts';

export class SimulatedAcls extends AclView {
  /** Lines of a file that a test has. */
  readonly origin: RuleOrigin;

  constructor(config: () => SwitchConfig) {
    const origin = new RuleOrigin();
    super({ compiler: undefined as never, config, table: () => null, origin });
    this.origin = origin;
  }
}
