// The n-th frame of a capture file, pcap or pcapng.

import { open, stat } from 'node:fs/promises';
import { ControlError } from '../../control/client.ts';
import { ETHERNET, framesIn } from '../../wire/pcap_file.ts';

/** Enough for a thousand super-frames, and no way to fill the memory. */
const MAX_FILE = 64 << 20;

/** In hexadecimal. @throws ControlError `file_unreadable`, `invalid_pcap` */
export async function readPcapFrame(file: string, number: number): Promise<string> {
  const bytes = await read(file);
  return frameIn(bytes, number, file === '-' ? 'standard input' : file);
}

export function frameIn(bytes: Uint8Array, number: number, name: string): string {
  if (number < 1) throw invalid(`-n ${number}: frames are counted from 1`);
  let count = 0;
  for (const { linkType, bytes: frame, original } of readable(bytes, name)) {
    if (++count < number) continue;
    if (linkType !== ETHERNET)
      throw invalid(`Frame ${number} of ${name} is no Ethernet frame, its link type is ${linkType}`);
    if (frame.length < original)
      throw invalid(
        `Frame ${number} of ${name} was cut to ${frame.length} of ${original} bytes: capture it whole`,
      );
    return Buffer.from(frame).toString('hex');
  }
  throw invalid(`${name} has ${count} ${count === 1 ? 'frame' : 'frames'}, there is no frame ${number}`);
}

function* readable(bytes: Uint8Array, name: string): ReturnType<typeof framesIn> {
  try {
    yield* framesIn(bytes, name);
  } catch (error) {
    throw error instanceof RangeError ? invalid(error.message) : error;
  }
}

async function read(file: string): Promise<Uint8Array> {
  try {
    if (file === '-') return await readBounded(process.stdin, 'standard input');
    const { size } = await stat(file);
    if (size > MAX_FILE) throw tooLarge(file);
    const handle = await open(file);
    try {
      return await readBounded(handle.createReadStream({ autoClose: false }), file);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ControlError) throw error;
    throw new ControlError('file_unreadable', `Cannot read ${file}: ${(error as Error).message}`);
  }
}

/** A pipe has no size that could be asked. */
async function readBounded(stream: AsyncIterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > MAX_FILE) throw tooLarge(name);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(name: string): ControlError {
  return invalid(`${name} is larger than ${MAX_FILE >> 20} MiB: cut the frame out, as with editcap`);
}

function invalid(message: string): ControlError {
  return new ControlError('invalid_pcap', message);
}
