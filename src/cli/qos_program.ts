// Commands about quality of service.

import type { Command } from 'commander';
import { POLICER_COLUMNS, QUEUE_COLUMNS } from './qos_columns.ts';
import type { Maker } from './router_program.ts';

export function addQos(program: Command, { child, list, action }: Maker): void {
  const qos = child(program, 'qos', 'queues of shaped ports, and policers', []);
  list(
    child(qos, 'show [port]', 'what waits in which queue, and what became of frames', [
      'qos show',
      'qos show guest --json',
      'qos show --sort held_bytes --reverse --top 5',
    ]),
    QUEUE_COLUMNS,
  ).action(action((c) => c.qosShow));
  list(child(qos, 'policers [port]', 'frames by colour', ['qos policers']), POLICER_COLUMNS).action(
    action((c) => c.qosPolicers),
  );
}
