// sd_notify(3): tells the service manager that the service is ready, reloading, stopping, or alive.

import { native } from './native.ts';
import { check } from './sys_error.ts';

/**
 * Sends e.g. `READY=1` or `STOPPING=1` to `$NOTIFY_SOCKET`. False if no manager asked for it. Throws SysError if
 * the socket cannot be reached.
 */
export function notify(state: string, path: string = process.env.NOTIFY_SOCKET ?? ''): boolean {
  if (path === '') return false;
  return (
    check(native().tl_notify(path, state), 'sendto', `Cannot notify the service manager at ${path}`) === 1
  );
}
