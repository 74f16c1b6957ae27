// Where the output of `taploom` goes.

/** Where output goes; tests put themselves in between. */
export interface Terminal {
  /** If it gives a promise, wait with more text: the reader has to catch up. */
  out(text: string): unknown;
  error(text: string): void;
  readonly columns: number;
  /** Somebody looks at it: it may be drawn upon. */
  readonly isTerminal: boolean;
}
