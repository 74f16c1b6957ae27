// A terminal that a program has for itself: the alternate screen, without a cursor, keys one by one. However the program
// ends, the terminal is given back as it was. The few escape codes are ECMA-48's and xterm's, which tmux, screen and the
// Linux console know too.

import { emitKeypressEvents, type Key } from 'node:readline';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[0m\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_LINE_END = '\x1b[K';
const TO_SCREEN_END = '\x1b[J';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What is needed of `process.stdin` and `process.stdout`. */
export type Input = Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode' | 'on' | 'off' | 'resume' | 'pause'>;
export type Output = Pick<NodeJS.WriteStream, 'columns' | 'rows' | 'on' | 'off' | 'write'>;

export class Screen {
  private readonly input: Input;
  private readonly output: Output;
  private readonly onKey: (text: string, key: Key) => void;
  private readonly onResize: () => void;
  private isOpen = true;

  constructor(
    onKey: (text: string, key: Key) => void,
    onResize: () => void,
    input: Input = process.stdin,
    output: Output = process.stdout,
  ) {
    this.input = input;
    this.output = output;
    this.onKey = onKey;
    this.onResize = onResize;
    output.write(ENTER);
    output.on('resize', onResize);
    if (input.isTTY) {
      emitKeypressEvents(input as NodeJS.ReadStream);
      input.setRawMode(true);
      input.on('keypress', onKey);
      input.resume();
    }
    // an error that nobody caught ends here, too
    process.on('exit', this.close);
    for (const signal of SIGNALS) process.on(signal, this.die);
  }

  get columns(): number {
    return this.output.columns || 80;
  }

  get rows(): number {
    return this.output.rows || 24;
  }

  /** In one write, over what was there: nothing flickers. `lines` fit the screen. */
  draw(lines: readonly string[]): void {
    if (!this.isOpen) return;
    this.output.write(HOME + lines.join(`${TO_LINE_END}\r\n`) + TO_LINE_END + TO_SCREEN_END);
  }

  /** Safe to call twice. */
  readonly close = (): void => {
    if (!this.isOpen) return;
    this.isOpen = false;
    process.off('exit', this.close);
    for (const signal of SIGNALS) process.off(signal, this.die);
    this.output.off('resize', this.onResize);
    if (this.input.isTTY) {
      this.input.off('keypress', this.onKey);
      this.input.setRawMode(false);
      this.input.pause();
    }
    this.output.write(LEAVE);
  };

  /** By the signal, so that the shell sees what it was. */
  private readonly die = (signal: NodeJS.Signals): void => {
    this.close();
    process.kill(process.pid, signal);
  };
}
