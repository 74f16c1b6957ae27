// Where build/libtaploom.so is, and how it comes there: `npm install` compiles it, and where install scripts do not run
// (pnpm, --ignore-scripts), the first who needs it does. Messages name commands that exist where the reader is.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIBRARY = 'build/libtaploom.so';
/** What is built beside it, for hypervisors. */
const BRIDGE_HELPER = 'build/taploom-bridge-helper';

/** The library, or what it stands on, is not there. The message names the command that helps. */
export class NativeError extends Error {
  override readonly name = 'NativeError';
  readonly code: 'FFI_MISSING' | 'LIBRARY_MISSING' | 'LIBRARY_STALE' | 'PROC_MISSING';

  constructor(code: NativeError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The package's folder, seen from src/sys or from dist/src/sys; undefined in a bundle. */
const ROOT = ['../..', '../../..']
  .map((up) => fileURLToPath(new URL(up, import.meta.url)))
  .find((folder) => existsSync(join(folder, 'native/Makefile')) || existsSync(join(folder, LIBRARY)));

/** A command that builds the library, for a shell in any folder. */
export function buildCommand(root = ROOT ?? ''): string {
  return `make -C ${quote(join(root, 'native'))}`;
}

export function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** The library's file, compiled if it is not there. Throws NativeError. */
export function libraryPath(): string {
  if (ROOT === undefined) {
    throw new NativeError(
      'LIBRARY_MISSING',
      'The folder of taploom is not there, where its threads and its native library are. A bundler has to leave the ' +
        "package out: external: ['taploom']",
    );
  }
  const path = join(ROOT, LIBRARY);
  if (!existsSync(path)) buildLibrary(ROOT, path);
  return path;
}

function buildLibrary(root: string, path: string): void {
  // A folder for each process: two that start at once must not write the same files. Relative, for make's sake: root may
  // contain spaces.
  const folder = `build/new-${process.pid}`;
  try {
    mkdirSync(join(root, folder), { recursive: true });
    const made = spawnSync('make', ['-s', '-C', join(root, 'native'), `BUILD=../${folder}`], {
      encoding: 'utf8',
    });
    if (made.error) throw made.error;
    if (made.status !== 0) throw new Error(made.stderr.trim());
    renameSync(join(root, folder, 'taploom-bridge-helper'), join(root, BRIDGE_HELPER));
    renameSync(join(root, folder, 'libtaploom.so'), path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NativeError(
      'LIBRARY_MISSING',
      `Cannot find ${path}, and cannot build it: ${reason}\n` +
        `Run, as a user who may write there: ${buildCommand(root)}\n(needs make and a C compiler: build-essential on Debian)`,
      cause,
    );
  } finally {
    rmSync(join(root, folder), { recursive: true, force: true });
  }
}
