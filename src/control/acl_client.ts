// Access lists of a switch behind the control API.

import type { AclRules, AclStatus } from '../api.ts';

type Call = <T>(method: string, path: string, query?: Record<string, never>, body?: unknown) => Promise<T>;

export class AclClient {
  private readonly call: Call;

  constructor(call: Call) {
    this.call = call;
  }

  async lists(): Promise<AclStatus[]> {
    return (await this.call<{ acls: AclStatus[] }>('GET', '/v1/acls')).acls;
  }

  list(name: string): Promise<AclRules> {
    return this.call('GET', `/v1/acls/${encodeURIComponent(name)}`);
  }

  /** Returns of how many lists. */
  async reset(acl?: string): Promise<number> {
    return (await this.call<{ lists: number }>('POST', '/v1/acls/reset', {}, { acl })).lists;
  }
}
