// `taploom events`: what is stored, and with --follow what comes. One line an event, written as it comes: a pipe gets
// each at once, and a reader that is slow makes the daemon hold back, which tells what was lost.

import type { EventQuery } from '../control/client.ts';
import type { SwitchEvent } from '../event.ts';
import { plainText } from '../wire/plain_text.ts';
import type { Context } from './context.ts';

export async function showEvents({ client, options, terminal, json }: Context): Promise<void> {
  const { type, bridge, port, since, follow } = options as Partial<Record<string, string>>;
  const query = { type, bridge, port, since } as EventQuery;
  const print = async (event: SwitchEvent) => {
    await terminal.out(json ? `${JSON.stringify(event)}\n` : eventLine(event));
  };
  if (follow === undefined) {
    const events = await client.events(query);
    for (const event of events) await print(event);
    if (events.length === 0 && !json) await terminal.out('nothing has happened\n');
    return;
  }
  // One request for both, so that nothing falls between them.
  for await (const event of client.follow({ ...query, since: query.since ?? 0 })) await print(event);
}

/** `2026-01-01 12:00:00.000  port           vm1              port vm1 is up`, in local time. */
export function eventLine(event: SwitchEvent): string {
  const time = new Date(event.time);
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  const day = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  const clock = `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
  const millis = pad(time.getMilliseconds(), 3);
  const where = placeOf(event).padEnd(15);
  return `${day} ${clock}.${millis}  ${event.type.padEnd(13)}  ${where}  ${plainText(event.message, 2000)}\n`;
}

function placeOf(event: SwitchEvent): string {
  if (event.type === 'configuration' || event.type === 'lost') return '-';
  if (event.type === 'station') return event.change === 'more' ? '-' : event.to;
  return event.port || '-';
}
