// What a command of `taploom` is run with.

import type { ControlClient } from '../control/client.ts';
import type { Values } from './setting_values.ts';
import type { Terminal } from './terminal.ts';

export interface Context {
  readonly client: ControlClient;
  readonly options: Values;
  readonly terminal: Terminal;
  readonly json: boolean;
}
