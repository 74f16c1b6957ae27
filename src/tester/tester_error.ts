// A measurement that cannot be made, with a stable code, for people and programs.

import { TaploomError } from '../error.ts';
import { NativeError } from '../sys/library.ts';
import { SysError } from '../sys/sys_error.ts';

export class TesterError extends TaploomError {
  constructor(code: string, message: string) {
    super(code, message);
    this.name = 'TesterError';
  }
}

/** What the kernel said, as an error for the user; anything else as it is. */
export function explain(error: unknown): unknown {
  if (error instanceof NativeError) return new TesterError(error.code.toLowerCase(), error.message);
  if (!(error instanceof SysError)) return error;
  const { code, message } = error;
  if (code === 'EPERM' || code === 'EACCES') {
    return new TesterError(
      'permission_denied',
      `${message}: test frames need root, or CAP_NET_RAW in that network namespace; try sudo`,
    );
  }
  return new TesterError(code.toLowerCase(), message);
}
