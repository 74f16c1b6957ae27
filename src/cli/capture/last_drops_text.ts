// The last drops, a line for each.

import type { LastDrop } from '../../api.ts';
import { frameText, printable, timeText } from './frame_text.ts';

const NS = 1_000_000n;

export function lastDropsText(drops: readonly LastDrop[]): string {
  if (drops.length === 0) return 'nothing was dropped\n';
  const inOrder = [...drops].sort((a, b) => a.time - b.time);
  const port = Math.max(...inOrder.map((drop) => (drop.port || '-').length));
  const reason = Math.max(...inOrder.map((drop) => drop.reason.length));
  return inOrder
    .map((drop) => {
      const whole = Math.floor(drop.time);
      // The last digits of a double are noise: microseconds.
      const time = timeText(BigInt(whole) * NS + BigInt(Math.round((drop.time - whole) * 1e6))).slice(0, -3);
      const frame = frameText(Buffer.from(drop.head, 'hex'), drop.length);
      const name = printable(drop.port || '-').padEnd(port);
      return `${time}  ${name}  ${drop.side.padEnd(8)}  ${drop.reason.padEnd(reason)}  ${frame}\n`;
    })
    .join('');
}
