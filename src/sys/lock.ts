// flock(2): a lock on a file that ends with the process, whatever ends it.

import { native } from './native.ts';
import { check } from './sys_error.ts';

/** Takes an exclusive lock without waiting; false: somebody else has it. @throws SysError */
export function takeLock(fd: number): boolean {
  return check(native().tl_lock(fd), 'flock', 'Cannot lock a file') === 1;
}
