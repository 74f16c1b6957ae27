// The daemon's log: pino on stderr, written at once, so that the last words before a crash are there.
//
// Lines for people are the default, at a terminal and in the journal: whoever starts a switch reads its log, and
// machines have /metrics and the control socket. `format: 'json'` gives pino's lines to those who collect logs.

import { pino } from 'pino';
import { escapeUnfit } from '../wire/plain_text.ts';
import { stderrWriter } from './stderr.ts';

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type Logger = pino.Logger;

export interface LogOptions {
  /** Default `info`. */
  level?: LogLevel;
  /** Default `text`. */
  format?: 'text' | 'json';
  /** Takes whole lines. Default: stderr. */
  write?: (line: string) => void;
  /** Mark lines for the journal instead of writing time and level. Default: whether stderr is the journal. */
  journal?: boolean;
}

export function createLogger({
  level = 'info',
  format = 'text',
  write = stderrWriter(),
  journal = process.env.JOURNAL_STREAM !== undefined,
}: LogOptions = {}): Logger {
  const stream = { write: format === 'json' ? write : (line: string) => write(textLine(line, journal)) };
  // The time as ISO text instead of a number, and neither pid nor host name: the collector knows both.
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

/** Priorities of syslog, which the journal takes from the start of a line: sd-daemon(3). */
const PRIORITY: Record<string, number> = { fatal: 2, error: 3, warn: 4, info: 6, debug: 7, trace: 7 };

/** pino's JSON line as `2026-01-01T12:00:00.000Z info  port vm1 is up bridge=br0`. */
function textLine(json: string, journal: boolean): string {
  const { level, time, msg = '', err, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const name = pino.levels.labels[Number(level)] ?? String(level);
  const head = journal ? `<${PRIORITY[name] ?? 6}>` : `${time} ${name.padEnd(5)} `;
  const tail = Object.entries(fields).map(([key, value]) => ` ${key}=${plain(value)}`);
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${err.stack}` : '';
  // In the journal every line is an entry, so each needs its mark.
  // What a stranger wrote must not steer a terminal.
  return `${head}${escapeUnfit(`${msg}${tail.join('')}${stack}`)}`
    .replaceAll('\n', journal ? `\n${head}` : '\n  ')
    .concat('\n');
}

function plain(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}
