// The state file: what clients changed survives a restart, `kill -9` and a full disk.
//
// Who wins at the start is one rule: the configuration file, if it is not the one (by hash) that the state was built
// on; otherwise the state. So clients' changes last until somebody edits the file.
//
// The file is JSON in one piece with a checksum over its content: half a file, or a file with half a change in it, is
// never taken for a configuration. It is replaced by rename, so there is always a whole one.

import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { linesThatHold, type RuleLines } from '../config/rule_lines.ts';
import { ConfigError, EMPTY_CONFIG, parseConfig, type SwitchConfig } from '../config/schema.ts';
import { loadConfigWithLines } from '../config/yaml.ts';
import { TaploomError } from '../error.ts';
import { freeName, moveAway } from './move_away.ts';
import { readRegularFile } from './regular_file.ts';

/** The configuration file as it was read. */
export interface ConfigSource {
  file: string;
  text: string;
}

export interface Loaded {
  config: SwitchConfig;
  /** Where its rules stand in the configuration file. */
  lines?: RuleLines;
  from: 'state' | 'config' | 'nothing';
  /** For the log: what was decided and why. */
  notes: { level: 'info' | 'warn' | 'error'; message: string }[];
}

interface State {
  /** File that the state was built on, and its hash; null if there was none. */
  config_file: string | null;
  config_sha256: string | null;
  config: unknown;
}

const FORMAT = 1;
const ABOUT =
  'Written by taploomd, which refuses edits. To change the switch: taploom apply, or the --config file.';

export class StateStore {
  readonly file: string;
  private origin: Pick<State, 'config_file' | 'config_sha256'> = { config_file: null, config_sha256: null };
  private newest = EMPTY_CONFIG;
  private writing: Promise<void> = Promise.resolve();
  private queued: Promise<void> | undefined;

  constructor(file: string) {
    this.file = file;
  }

  /**
   * What to start with. A state that cannot be used is renamed and reported, never deleted. Throws `ConfigError` for a
   * bad configuration file that would be in force, and `TaploomError` if the state file cannot be read or renamed.
   */
  load(source?: ConfigSource): Loaded {
    const notes: Loaded['notes'] = [];
    const state = this.read(notes);
    const sourceOrigin = source && originOf(source);
    if (state && (!sourceOrigin || sourceOrigin.config_sha256 === state.config_sha256)) {
      this.origin = { config_file: state.config_file, config_sha256: state.config_sha256 };
      const because = source ? `${source.file} has not changed since` : 'there is no configuration file';
      notes.push({ level: 'info', message: `Starting from the state in ${this.file}: ${because}` });
      return { config: state.config, lines: linesOf(state.config, source), from: 'state', notes };
    }
    if (!source || !sourceOrigin) {
      if (!state)
        notes.push({ level: 'info', message: 'Starting with an empty switch: no configuration, no state' });
      return { config: EMPTY_CONFIG, from: 'nothing', notes };
    }
    const { config, lines } = loadConfigWithLines(source.text, source.file);
    this.origin = sourceOrigin;
    if (state) {
      const kept = `${this.file}.old`;
      moveAway(this.file, kept);
      const why = `${source.file} is not the file that ${this.file} was built on`;
      notes.push({
        level: 'warn',
        message: `${why}: the file is in force, clients' changes are kept in ${kept}`,
      });
    } else notes.push({ level: 'info', message: `Starting from ${source.file}` });
    return { config, lines, from: 'config', notes };
  }

  /** The configuration file was read again: it is what is wanted now. */
  reloaded(source: ConfigSource): void {
    this.origin = originOf(source);
  }

  /**
   * Resolves when `config`, or a later one, is on the disk. One write runs at a time; while it runs, later ones become
   * one. Rejects with a `TaploomError` if it cannot be written; the previous state is then still whole.
   */
  save(config: SwitchConfig): Promise<void> {
    this.newest = config;
    this.queued ??= this.writing.then(() => {
      this.queued = undefined;
      const write = this.write(this.newest);
      this.writing = write.catch(() => {});
      return write;
    });
    return this.queued;
  }

  /** The state file's content; undefined if there is none that can be used. */
  private read(notes: Loaded['notes']): (State & { config: SwitchConfig }) | undefined {
    let text: string;
    try {
      text = readRegularFile(this.file, true);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw new TaploomError(
        'state_unreadable',
        `Cannot read the state file ${this.file}: ${reasonOf(error)}`,
        {
          cause: error,
        },
      );
    }
    try {
      const state = decode(text);
      return { ...state, config: parseConfig(state.config, { allowFd: false }) };
    } catch (error) {
      const bad = freeName(`${this.file}.bad`);
      moveAway(this.file, bad);
      const reason = error instanceof Error ? error.message : String(error);
      notes.push({
        level: 'error',
        message: `Cannot use the state file ${this.file}, kept as ${bad}: ${reason}`,
      });
      return undefined;
    }
  }

  private async write(config: SwitchConfig): Promise<void> {
    const text = encode({ ...this.origin, config });
    const fresh = `${this.file}.new`;
    try {
      await mkdir(dirname(this.file), { recursive: true, mode: 0o755 });
      // In a folder that others may write to, a link of theirs must not lead us to another file: O_EXCL makes a new one.
      await rm(fresh, { force: true });
      const file = await open(fresh, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(fresh, this.file);
      // The rename itself is on the disk when the directory is.
      const directory = await open(dirname(this.file), 'r');
      await directory.sync().finally(() => directory.close());
    } catch (error) {
      throw new TaploomError(
        'state_unwritable',
        `Cannot save the state to ${this.file}: ${errorCode(error)}`,
        {
          cause: error,
        },
      );
    }
  }
}

/** Of what was the file's once: clients may have changed it. */
function linesOf(config: SwitchConfig, source: ConfigSource | undefined): RuleLines | undefined {
  if (source === undefined || (config.acls === undefined && config.groups === undefined)) return undefined;
  try {
    const file = loadConfigWithLines(source.text, source.file);
    return file.lines && linesThatHold(file.lines, file.config, config);
  } catch (error) {
    // An earlier version took it.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function encode(state: State): string {
  const whole = { taploom_state: FORMAT, about: ABOUT, sha256: sha256(JSON.stringify(state)), state };
  return `${JSON.stringify(whole, undefined, 1)}\n`;
}

/** Throws with the reason if `text` is not the whole of what `encode` made. */
function decode(text: string): State {
  const whole = JSON.parse(text) as { taploom_state?: unknown; sha256?: unknown; state?: State } | null;
  if (typeof whole !== 'object' || whole === null) throw new Error('it is not a state file');
  if (whole.taploom_state !== FORMAT) throw new Error('it is not a state file of this version');
  if (whole.state === undefined || whole.sha256 !== sha256(JSON.stringify(whole.state))) {
    throw new Error('its checksum is wrong: it was edited or damaged');
  }
  return whole.state;
}

function originOf({ file, text }: ConfigSource): { config_file: string; config_sha256: string } {
  return { config_file: file, config_sha256: sha256(text) };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function reasonOf(error: unknown): string {
  return error instanceof TaploomError ? error.message : errorCode(error);
}
