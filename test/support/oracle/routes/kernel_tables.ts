// Routes by ingress interface in the kernel. `ip rule iif` would leave what a router says itself, and the reverse path, to the main
// table (row 45 of docs/differences.md): so what comes in is marked, answers have the mark of what they answer
// (fwmark_reflect), and the mark chooses the table.

import type { Netns } from '../../netns.ts';
import type { RoutedScene, SceneRouter } from './routed_scene.ts';
import { isTabled, TABLE } from './routed_scene.ts';
import { address4, address6 } from './routed_world.ts';

const RULES = `
table inet judged {
  set marked { type ifname; }
  chain before { type filter hook prerouting priority raw; iifname @marked meta mark set ${TABLE}; }
}
`;

export function tableSettings({ answersByMain }: Partial<RoutedScene>): string[] {
  const names = ['ipv4.fwmark_reflect', 'ipv6.fwmark_reflect', 'ipv4.conf.all.src_valid_mark'];
  return names.map((name) => `net.${name}=${answersByMain ? 0 : 1}`);
}

/** Nothing is looked up in the main table that was not found here. */
export async function openTables(router: Netns): Promise<void> {
  await router.check(['nft', '-f', '-'], { input: RULES });
  for (const family of ['-4', '-6']) {
    const rule = ['ip', family, 'rule', 'add', 'fwmark', String(TABLE)];
    await router.check([...rule, 'lookup', String(TABLE), 'pref', '100']);
    await router.check([...rule, 'unreachable', 'pref', '101']);
  }
}

export async function markInterfaces(router: Netns, tabled: readonly number[]): Promise<void> {
  const names = tabled.map((n) => `"n${n}"`).join(', ');
  const lines = ['flush set inet judged marked'];
  if (tabled.length > 0) lines.push(`add element inet judged marked { ${names} }`);
  await router.check(['nft', '-f', '-'], { input: `${lines.join('\n')}\n` });
}

/** Subnets are in every table: what `ip route append` wants for them. */
export function subnetsOf({ networks }: RoutedScene, router: SceneRouter): string[] {
  if (!isTabled(router)) return [];
  return networks
    .filter(({ routers }) => routers.includes(router.number))
    .flatMap(({ number: n, isNarrow }) => [
      `${address4(n, 0)}/24 dev n${n} table ${TABLE}`,
      ...(isNarrow ? [] : [address6(n, 0), 'fe80::'].map((net) => `${net}/64 dev n${n} table ${TABLE}`)),
    ]);
}
