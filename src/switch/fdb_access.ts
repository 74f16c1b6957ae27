// Asks the data plane for what the forwarding database holds, and to forget some of it.

import type { FdbEntry, FdbFilter } from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import type { SwitchConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { Answer } from '../worker/messages.ts';
import type { PlaneClient } from '../worker/plane_client.ts';
import { decodePage, domainsOf, macOf, matcher } from './fdb_view.ts';

/** Page by page, while frames flow. @throws TaploomError `invalid_mac` */
export async function* readFdb(
  plane: PlaneClient,
  compiler: Compiler,
  config: () => SwitchConfig,
  filter: FdbFilter,
): AsyncGenerator<FdbEntry[]> {
  const matches = matcher(filter, config());
  let from = 0;
  while (from >= 0) {
    const page: Answer = await plane.request({ kind: 'read', from });
    if (page.kind !== 'page') return;
    yield decodePage(page, compiler, config()).filter(matches);
    from = page.next;
  }
}

/** How many entries it was. @throws TaploomError `no_such_bridge`, `no_such_port`, `invalid_mac` */
export async function flushFdb(
  plane: PlaneClient,
  compiler: Compiler,
  config: SwitchConfig,
  filter: FdbFilter,
): Promise<number> {
  const domains = domainsOf(filter, compiler, config);
  const port = filter.port === undefined ? 0 : compiler.ports.find(filter.port);
  if (port === undefined) throw new TaploomError('no_such_port', `There is no port ${filter.port}`);
  const mac = filter.mac === undefined ? { hi: 0, lo: 0 } : macOf(filter.mac);
  // To the data plane a zero address means every address.
  if (filter.mac !== undefined && mac.hi === 0 && mac.lo === 0) return 0;
  const answer = await plane.request({ kind: 'flush', domains, port, ...mac });
  return answer.kind === 'flushed' ? answer.count : 0;
}
