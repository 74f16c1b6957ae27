// Users and groups by name, as the C library knows them.

import { native } from './native.ts';
import { check } from './sys_error.ts';

/** Throws SysError. */
export function userId(owner: number | string): number {
  if (typeof owner === 'number') return owner;
  return check(native().tl_user_id(owner), 'getpwnam', `Cannot find user ${owner}`);
}

/** Throws SysError. */
export function groupId(group: number | string): number {
  if (typeof group === 'number') return group;
  return check(native().tl_group_id(group), 'getgrnam', `Cannot find group ${group}`);
}
