// `taploom acl`: access lists, and how often their rules fitted.

import { ACL_COLUMNS, ACL_RULE_COLUMNS, shownRuleColumns } from './acl_columns.ts';
import type { Context } from './context.ts';
import { print, printList } from './print.ts';

const NONE = 'no access lists; `acls:` of the configuration has them';

export async function aclList(context: Context): Promise<void> {
  await printList(context, await context.client.acls.lists(), ACL_COLUMNS, NONE);
}

export async function aclShow(context: Context, name?: string): Promise<void> {
  const { acls } = context.client;
  const names = name === undefined ? (await acls.lists()).map((acl) => acl.name) : [name];
  const rules = [];
  for (const acl of names) for (const rule of (await acls.list(acl)).list) rules.push({ acl, ...rule });
  const { listText } = await import('./list_text.ts');
  await printList(context, rules, ACL_RULE_COLUMNS, NONE, (wanted) =>
    listText(wanted, shownRuleColumns(wanted), context.terminal.columns, NONE),
  );
}

export async function aclReset(context: Context, name?: string): Promise<void> {
  const lists = await context.client.acls.reset(name);
  print(context, { lists }, () => `counters of ${lists} ${lists === 1 ? 'list' : 'lists'} begin at 0\n`);
}
