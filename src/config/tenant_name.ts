// The name of a tenant, as ports, groups and networks say it.

import { text } from './leaves.ts';

export const tenantName = text('a name of 1 to 32 letters, digits, - and _', (value) =>
  /^[\w-]{1,32}$/.test(value),
);
