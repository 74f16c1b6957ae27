// The errors that users and programs see: a sentence and a stable code.

/** An error for the user, with a stable code: `EEXIST`-like words in lower snake case, e.g. `port_busy`. */
export class TaploomError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TaploomError';
    this.code = code;
  }
}
