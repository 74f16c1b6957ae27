// The grammar of `taploom acl`.

import type { Command } from 'commander';
import { ACL_COLUMNS, ACL_RULE_COLUMNS } from './acl_columns.ts';
import type { Maker } from './router_program.ts';

export function addAcl(program: Command, { child, list, action }: Maker): void {
  const acl = child(program, 'acl', 'access lists, and how often their rules fitted', []);
  list(child(acl, 'list', 'access lists, and where they are', ['acl list']), ACL_COLUMNS).action(
    action((c) => c.aclList),
  );
  list(
    child(acl, 'show [acl]', 'rules in their order, and how often each fitted', [
      'acl show office',
      'acl show office --sort frames --top 5',
      "acl show --filter 'verdict=deny' --json",
    ]),
    ACL_RULE_COLUMNS,
  ).action(action((c) => c.aclShow));
  child(acl, 'reset [acl]', 'count anew', ['acl reset office', 'acl reset']).action(
    action((c) => c.aclReset),
  );
}
