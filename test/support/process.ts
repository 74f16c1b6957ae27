// Child processes of the tests: run to the end with a time limit, or kept in the background and killed by their pid.

import { type ChildProcess, spawn } from 'node:child_process';

export interface RunOptions {
  input?: string | Uint8Array;
  timeoutMs?: number;
  env?: Record<string, string>;
  cwd?: string;
  /** A process group of its own, to which `stop` then sends its signal, as a terminal does for Ctrl-C. */
  group?: boolean;
  /** Pipes beyond stdin, stdout and stderr: `child.stdio[3]` and on. */
  pipes?: number;
}

export interface RunResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Nobody waits so long for what works, on a machine that is busy with other tests, too. */
const DEFAULT_TIMEOUT_MS = 60_000;

/** Runs a command; resolves whatever its exit code is, and rejects if it does not start or does not end in time. */
export function runCommand(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const background = new Background(command, options);
  background.child.stdin?.end(options.input);
  const limit = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return background
    .exit(limit)
    .then((code) => ({ code, stdout: background.stdout, stderr: background.stderr }));
}

/** A command that must succeed; rejects with its output otherwise. Resolves with what it printed. */
export async function check(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, options);
  if (code !== 0)
    throw new Error(`\`${command.join(' ')}\` ended with ${code}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}

export class Background {
  readonly child: ChildProcess;
  readonly command: string;
  stdout = '';
  stderr = '';
  /** null after a signal; resolves when the output is complete too. */
  readonly exited: Promise<number | null>;
  running = true;
  private readonly group: boolean;
  private readonly listeners = new Set<() => void>();

  constructor(command: readonly string[], options: RunOptions = {}) {
    this.command = command.join(' ');
    this.group = options.group ?? false;
    const env = { ...process.env, ...options.env };
    this.child = spawn(command[0], command.slice(1), {
      env,
      cwd: options.cwd,
      stdio: Array(3 + (options.pipes ?? 0)).fill('pipe'),
      detached: this.group,
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.wake();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.wake();
    });
    // A child that ends without reading its input is not an error here; its exit code tells.
    this.child.stdin?.on('error', () => {});
    this.exited = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', resolve);
    });
    this.exited
      .catch(() => null)
      .then(() => {
        this.running = false;
        this.wake();
      });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`\`${this.command}\` did not start`);
    return this.child.pid;
  }

  /** Waits for the end, for so long; kills and rejects after that. */
  async exit(timeoutMs = DEFAULT_TIMEOUT_MS): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.kill('SIGKILL');
        reject(new Error(`\`${this.command}\` did not end within ${timeoutMs} ms\n${this.output()}`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves with the match when stdout or stderr matches; rejects when the process ends or time runs out before. */
  waitFor(pattern: RegExp, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = this.stdout.match(pattern) ?? this.stderr.match(pattern);
        if (match) done(() => resolve(match));
        else if (!this.running)
          done(() => reject(new Error(`\`${this.command}\` ended without ${pattern}\n${this.output()}`)));
      };
      const done = (settle: () => void) => {
        clearTimeout(timer);
        this.listeners.delete(look);
        settle();
      };
      const timer = setTimeout(
        () => done(() => reject(new Error(`\`${this.command}\` did not print ${pattern}\n${this.output()}`))),
        timeoutMs,
      );
      this.listeners.add(look);
      look();
    });
  }

  /** Ends it with a signal (SIGKILL if it does not obey) and resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 5_000): Promise<number | null> {
    this.kill(signal);
    return this.exit(timeoutMs);
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.running) return;
    if (this.group) process.kill(-this.pid, signal);
    else this.child.kill(signal);
  }

  output(): string {
    return `stdout: ${this.stdout.slice(-4000)}\nstderr: ${this.stderr.slice(-4000)}`;
  }

  private wake(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
