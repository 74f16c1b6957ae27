// A system call that failed, as an exception: for the control plane. The hot path returns -errno instead.

import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

const names = new Map<number, string>();
for (const [name, value] of Object.entries(constants.errno)) {
  if (!names.has(value)) names.set(value, name);
}
names.set(constants.errno.EAGAIN, 'EAGAIN'); // and not EWOULDBLOCK, its other name
names.set(77, 'EBADFD'); // what a TAP without an interface says; Node does not list it

/** `'EBUSY'` for 16; `'E999'` for a number without a name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`;
}

function errnoText(errno: number): string {
  if (errno === 77) return 'the interface of this file descriptor is gone';
  return getSystemErrorMap().get(-errno)?.[1] ?? errnoName(errno);
}

export class SysError extends Error {
  override readonly name = 'SysError';
  /** Positive, as in errno(3). */
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;

  /** Reads `${what}: ${reason} (${code})`; the reason is the kernel's unless a better one is known. */
  constructor(errno: number, syscall: string, what: string, reason: string = errnoText(errno)) {
    super(`${what}: ${reason} (${errnoName(errno)})`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.syscall = syscall;
  }
}

/** Passes a result >= 0 through and throws on -errno. */
export function check(result: number, syscall: string, what: string): number {
  if (result < 0) throw new SysError(-result, syscall, what);
  return result;
}
