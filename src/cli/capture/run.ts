// Runs a capture: starts it, writes its blocks or prints its frames as they come, and tells at the end how many there
// were and how many were lost. Ctrl-C asks the daemon for the end, so that the statistics still come; a second one does
// not wait for them.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import type { CaptureOptions } from '../../api.ts';
import { ControlError } from '../../control/client.ts';
import { PcapngReader, type ReadPacket } from '../../wire/pcapng_reader.ts';
import type { Context } from '../context.ts';
import type { CaptureCommandOptions } from './command.ts';
import { compileFilter } from './compile_filter.ts';
import { frameText, printable, timeText } from './frame_text.ts';

const DROPPED = /^dropped: (\w+)$/;

export async function runCapture(context: Context, bridge?: string, port?: string): Promise<void> {
  const { client, terminal } = context;
  const options = context.options as CaptureCommandOptions;
  const output = await openOutput(options.write);
  const program = options.filter === undefined ? undefined : await compileFilter(options.filter);
  const asked: CaptureOptions = {
    bridge,
    port,
    directions: options.direction,
    program,
    snaplen: options.snaplen,
    count: options.count,
  };
  const capture = await client.capture(asked);
  const isAsked = { end: false };
  const end = () => {
    if (isAsked.end) capture.abort();
    isAsked.end = true;
    // If it has ended by itself meanwhile there is nothing to end.
    client.endCapture(capture.id).catch(() => {});
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  if (!context.json) terminal.error(`capturing on ${port ?? bridge ?? 'all ports'}; Ctrl-C ends it\n`);
  const reader = new PcapngReader();
  const totals = { captured: 0, lost: 0, isComplete: false };
  try {
    for await (const chunk of capture.chunks) await take(chunk);
  } catch (error) {
    if (!isAsked.end) throw error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
    if (output !== undefined && output !== process.stdout)
      await new Promise<void>((done) => void output.end(() => done()));
    const lost =
      totals.isComplete || totals.captured === 0 ? `${totals.lost} lost` : 'an unknown number lost';
    if (!context.json) terminal.error(`${totals.captured} frames captured, ${lost}\n`);
  }

  async function take(chunk: Uint8Array): Promise<void> {
    let text = '';
    const blocks = reader.push(chunk);
    for (const block of blocks) {
      const read = reader.read(block);
      if (read.kind === 'statistics') {
        totals.lost += read.dropped;
        totals.isComplete = true;
      }
      if (read.kind !== 'packet') continue;
      totals.captured++;
      if (output === undefined) text += context.json ? `${JSON.stringify(jsonOf(read))}\n` : lineOf(read);
    }
    if (output === undefined) {
      if (text !== '') await terminal.out(text);
      return;
    }
    // Only whole blocks, so that the file can be read wherever this ends.
    if (blocks.length > 0 && !output.write(Buffer.concat(blocks))) await once(output, 'drain');
  }
}

/** Undefined: text. A file is opened before the capture starts, so that nothing is lost for it. */
async function openOutput(write: string | undefined): Promise<Writable | undefined> {
  if (write === undefined) return undefined;
  if (write === '-') {
    if (process.stdout.isTTY) {
      throw new ControlError(
        'terminal',
        'Cannot write pcapng to a terminal: pipe it into a program (`| tcpdump -r -`), or leave out -w',
      );
    }
    return process.stdout;
  }
  const file = createWriteStream(write);
  try {
    await once(file, 'open');
  } catch (error) {
    throw new ControlError('file_unwritable', `Cannot write ${write}: ${(error as Error).message}`);
  }
  // A full disk ends the capture by an exception from here.
  file.on('error', (error) => {
    process.stderr.write(`taploom: Cannot write ${write}: ${error.message}\n`);
    process.exit(1);
  });
  return file;
}

function reasonOf({ comment = '' }: ReadPacket): string | undefined {
  return DROPPED.exec(comment)?.[1];
}

function lineOf(packet: ReadPacket): string {
  const reason = reasonOf(packet);
  const text = frameText(packet.bytes, packet.length);
  const dropped = reason === undefined ? '' : `, dropped: ${reason}`;
  const name = printable(packet.interface);
  return `${timeText(packet.time)} ${name} ${packet.direction.padEnd(3)} ${text}${dropped}\n`;
}

function jsonOf(packet: ReadPacket): object {
  const reason = reasonOf(packet);
  return {
    // Nanoseconds do not fit into a JSON number.
    time: String(packet.time),
    port: packet.interface,
    direction: packet.direction,
    ...(reason !== undefined && { dropped: reason }),
    length: packet.length,
    text: frameText(packet.bytes, packet.length),
    bytes: Buffer.from(packet.bytes).toString('hex'),
  };
}
