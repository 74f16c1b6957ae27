// A map on the disk that survives `kill -9` and a power failure: what was put is there once `flushed` has resolved.
//
//   {"taploom_journal":1,"about":"..."}
//   6c1f0a52 ["br0 192.168.122.100",{"state":"bound",...}]      checksum, key, value
//   90be11d7 ["br0 192.168.122.101"]                            checksum, key: deleted
//
// The file only grows. When most lines are outdated, and first of all after a start or a failed write, it is written afresh
// beside and takes the old one's place by rename, so a line that was cut is never continued. Puts that come while a write
// runs share the next one, with one fsync for all. One process at a time: see file_lock.ts.

import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TaploomError } from '../error.ts';
import { freeName, moveAway } from './move_away.ts';
import { readRegularFile } from './regular_file.ts';

const FORMAT = 1;
const ABOUT = 'Written by taploomd as long as it runs: change nothing here.';
const HEADER = `${JSON.stringify({ taploom_journal: FORMAT, about: ABOUT })}\n`;
/** More than the leases of a large switch, and as many outdated lines. */
const MAX_BYTES = 64 << 20;
/** So many outdated lines are never worth a new file. */
const SLACK = 1024;
/** Lines that are put into one write: none holds up the main thread. */
const LINES_AT_ONCE = 2000;
// `s`: line separators of Unicode are no ends of a line here.
const LINE = /^([0-9a-f]{8}) (.+)$/s;

export class Journal {
  readonly file: string;
  /** The line of each key. */
  private readonly lines = new Map<string, string>();
  /** Lines that are to be appended. */
  private waiting: string[] = [];
  /** Undefined: the file has to be written afresh before anything is appended. */
  private handle: FileHandle | undefined;
  /** Whether the file lacks something of what was put and deleted. */
  private isBehind = false;
  /** Lines in the file. */
  private length = 0;
  private writing: Promise<void> = Promise.resolve();
  private queued: Promise<void> | undefined;

  constructor(file: string) {
    this.file = file;
  }

  /**
   * What was put before, by key; call it once, first. `notes`, for the log, say what cannot be used. A file that is no
   * journal is renamed. @throws TaploomError if the file cannot be read or renamed
   */
  load(): { entries: Map<string, unknown>; notes: string[] } {
    const entries = new Map<string, unknown>();
    const [header, ...lines] = this.read().split('\n');
    if (header === '') return { entries, notes: [] };
    if (!isHeader(header)) {
      const bad = freeName(`${this.file}.bad`);
      moveAway(this.file, bad);
      return { entries, notes: [`${this.file} is not a journal of this version, and was kept as ${bad}`] };
    }
    let damaged = 0;
    for (const line of lines) {
      const change = line === '' ? undefined : decode(line);
      if (line !== '' && change === undefined) damaged++;
      if (change !== undefined) this.recall(change, line, entries);
    }
    const notes =
      damaged === 0 ? [] : [`${this.file} has ${damaged} lines that are damaged or not whole, left out`];
    return { entries, notes };
  }

  /** `value` is what JSON can carry. */
  put(key: string, value: unknown): void {
    this.isBehind = true;
    const line = encode([key, value]);
    this.lines.set(key, line);
    this.waiting.push(line);
  }

  delete(key: string): void {
    if (!this.lines.delete(key)) return;
    this.isBehind = true;
    this.waiting.push(encode([key]));
  }

  /** Resolves when all that was put and deleted so far is on the disk. @throws TaploomError; call it again to try again */
  flushed(): Promise<void> {
    this.queued ??= this.writing.then(() => {
      this.queued = undefined;
      const write = this.write();
      this.writing = write.catch(() => {});
      return write;
    });
    return this.queued;
  }

  /** Flushes, and lets go of the file. */
  async close(): Promise<void> {
    try {
      await this.flushed();
    } finally {
      await this.letGo();
    }
  }

  private read(): string {
    try {
      return readRegularFile(this.file, true, MAX_BYTES);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw new TaploomError('state_unreadable', `Cannot read ${this.file}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  private recall([key, value]: Change, line: string, entries: Map<string, unknown>): void {
    if (value === undefined) {
      entries.delete(key);
      this.lines.delete(key);
    } else {
      entries.set(key, value);
      this.lines.set(key, `${line}\n`);
    }
  }

  private async write(): Promise<void> {
    if (!this.isBehind) return;
    const fresh = this.waiting;
    this.waiting = [];
    this.isBehind = false;
    try {
      if (this.handle === undefined || this.length + fresh.length > 2 * this.lines.size + SLACK) {
        await this.rewrite();
      } else if (fresh.length > 0) {
        await this.handle.appendFile(fresh.join(''));
        // With the length of the file; its times do not matter.
        await this.handle.datasync();
        this.length += fresh.length;
      }
    } catch (error) {
      this.isBehind = true;
      await this.letGo();
      throw new TaploomError('state_unwritable', `Cannot write ${this.file}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  /** All that is known now. Lines that come meanwhile are appended to it next, again if they are in it already. */
  private async rewrite(): Promise<void> {
    await this.letGo();
    const lines = [...this.lines.values()];
    const fresh = `${this.file}.new`;
    await mkdir(dirname(this.file), { recursive: true, mode: 0o755 });
    // In a folder that others may write to, a link of theirs must not lead us to another file: O_EXCL makes a new one.
    await rm(fresh, { force: true });
    const handle = await open(fresh, 'wx', 0o600);
    this.handle = handle;
    await handle.appendFile(HEADER);
    for (let from = 0; from < lines.length; from += LINES_AT_ONCE) {
      await handle.appendFile(lines.slice(from, from + LINES_AT_ONCE).join(''));
    }
    await handle.sync();
    await rename(fresh, this.file);
    // The rename itself is on the disk when the directory is.
    const directory = await open(dirname(this.file), 'r');
    await directory.sync().finally(() => directory.close());
    this.length = lines.length;
  }

  private async letGo(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    // What could not be written is known already.
    await handle?.close().catch(() => {});
  }
}

type Change = [key: string, value?: unknown];

function encode(change: Change): string {
  const text = JSON.stringify(change);
  return `${checksum(text)} ${text}\n`;
}

/** Undefined if the line is not the whole of what `encode` made. */
function decode(line: string): Change | undefined {
  const [, sum, text] = LINE.exec(line) ?? [];
  return sum !== undefined && sum === checksum(text) ? JSON.parse(text) : undefined;
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

function isHeader(line: string): boolean {
  try {
    return JSON.parse(line)?.taploom_journal === FORMAT;
  } catch {
    return false;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof TaploomError
    ? error.message
    : ((error as NodeJS.ErrnoException).code ?? String(error));
}
