// A child process whose output somebody waits for, always with a limit of time.

import { type ChildProcess, spawn } from 'node:child_process';

export class Process {
  readonly child: ChildProcess;
  stdout = '';
  private stderr = '';
  private readonly command: string;
  private readonly ended: Promise<number | null>;

  /** `prefix` is a program that runs `command` somewhere else; error messages do without. */
  constructor(prefix: readonly string[], command: readonly string[], env: Record<string, string> = {}) {
    this.command = command.join(' ').slice(0, 200);
    const [program, ...args] = [...prefix, ...command];
    this.child = spawn(program, args, { stdio: 'pipe', env: { ...process.env, ...env } });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.child.on('error', () => resolve(null));
      this.child.on('close', resolve);
    });
    // A process that is gone cannot be told anything, and whoever waits for its output hears of it.
    this.child.stdin?.on('error', () => {});
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`\`${this.command}\` did not start`);
    return this.child.pid;
  }

  /** Resolves with the match as soon as the output has it. */
  async waitFor(pattern: RegExp, timeoutMs = 10_000): Promise<RegExpMatchArray> {
    for (const end = performance.now() + timeoutMs; performance.now() < end; ) {
      const match = `${this.stdout}${this.stderr}`.match(pattern);
      if (match !== null) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`\`${this.command}\` did not print ${pattern}: ${this.tail()}`);
  }

  /** What it printed until its end, which must be a success. */
  async output(timeoutMs: number): Promise<string> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs);
    const code = await this.ended;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`\`${this.command}\` ended with ${code}: ${this.tail()}`);
    return this.stdout;
  }

  private tail(): string {
    return `${this.stdout.slice(-500)}${this.stderr.slice(-500)}`.trim();
  }
}
