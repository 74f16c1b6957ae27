// `taploom qos`: what waits in the queues of shaped ports, and what policers let pass.

import type { Context } from './context.ts';
import { printList } from './print.ts';
import { POLICER_COLUMNS, QUEUE_COLUMNS } from './qos_columns.ts';

export async function qosShow(context: Context, port?: string): Promise<void> {
  const { queues } = await context.client.qos(port);
  await printList(
    context,
    queues,
    QUEUE_COLUMNS,
    'no port is shaped; `qos: { shape: 100mbit }` on a port does it',
  );
}

export async function qosPolicers(context: Context, port?: string): Promise<void> {
  const { policers } = await context.client.qos(port);
  await printList(context, policers, POLICER_COLUMNS, 'no port is policed');
}
