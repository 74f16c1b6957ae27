// Security groups of a simulated switch: what the configuration says, and connections that a test gives it.

import type { PolicyConnection, PolicyFilter } from '../../src/api.ts';
import type { SwitchConfig } from '../../src/config/schema.ts';
import { PolicyView } from '../../src/switch/policy_view.ts';

export class SimulatedPolicy extends PolicyView {
  tracked: PolicyConnection[] = [];
  readonly asked: PolicyFilter[] = [];

  constructor(config: () => SwitchConfig) {
    super({ compiler: undefined as never, config, table: () => null });
  }

  override *connections(filter: PolicyFilter = {}): Generator<PolicyConnection[]> {
    this.asked.push(filter);
    yield this.tracked;
  }

  override endConnections(filter: PolicyFilter = {}): number {
    this.asked.push(filter);
    return this.tracked.splice(0).length;
  }
}
