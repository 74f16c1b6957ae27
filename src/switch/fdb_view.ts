// The forwarding database in names instead of numbers.

import type { FdbEntry, FdbFilter } from '../api.ts';
import type { Compiler } from '../compile/compiler.ts';
import { primaryOf, privateVlans, type SwitchConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import { PORT_BITS, PORT_MASK } from '../frame/hop.ts';
import { FLAGS, LOCAL, LOCKED, STATIC } from '../table/fdb_entry.ts';
import { formatIp } from '../wire/ip_address.ts';
import { formatMac, type Mac, parseMac } from '../wire/mac.ts';
import type { Page } from '../worker/messages.ts';

/** @throws TaploomError `invalid_mac` */
export function macOf(text: string): Mac {
  const mac = parseMac(text);
  if (mac === undefined) throw new TaploomError('invalid_mac', `${text} is not a MAC address`);
  return mac;
}

/** @throws TaploomError `invalid_mac` */
export function matcher(
  { bridge, port, vlan, mac }: FdbFilter,
  { bridges }: SwitchConfig,
): (entry: FdbEntry) => boolean {
  const { hi, lo } = mac === undefined ? { hi: 0, lo: 0 } : macOf(mac);
  const wanted = mac === undefined ? undefined : formatMac(hi, lo);
  // Under which VLAN of a bridge the addresses of this one are known.
  const vlans = new Map(
    Object.entries(bridges).map(([name, config]) => [name, primaryOf(privateVlans(config), vlan ?? 0)]),
  );
  return (entry) =>
    (bridge === undefined || entry.bridge === bridge) &&
    (port === undefined || entry.port === port) &&
    (vlan === undefined || entry.vlan === vlans.get(entry.bridge)) &&
    (wanted === undefined || entry.mac === wanted);
}

export function decodePage(page: Page, compiler: Compiler, config: SwitchConfig): FdbEntry[] {
  const learned = new Map(page.remotes.map(({ row, address }) => [row, address]));
  const entries: FdbEntry[] = [];
  for (let at = 0; at < page.entries.length; at += 5) {
    const [number, hi, lo, hop, ageAndFlags] = page.entries.subarray(at, at + 5);
    const domain = compiler.domain(number);
    const port = compiler.ports.name(hop & PORT_MASK);
    // What was removed while the page was on its way.
    if (domain === undefined || port === undefined) continue;
    const row = hop >>> PORT_BITS;
    const address = learned.get(row);
    const flags = ageAndFlags & FLAGS;
    entries.push({
      bridge: domain.bridge,
      mac: formatMac(hi, lo),
      vlan: domain.vid,
      port,
      remote:
        address === undefined
          ? compiler.remote(row)
          : addressText(address, isIpv6(config, domain.bridge, port)),
      type: flags & LOCAL ? 'local' : flags & STATIC ? 'static' : 'learned',
      age: (ageAndFlags >>> 3) / 1000,
      ...((flags & LOCKED) !== 0 && { locked: true }),
    });
  }
  return entries;
}

/** Numbers of the domains that a filter means; null = all. @throws TaploomError `no_such_bridge` */
export function domainsOf(
  { bridge, vlan }: FdbFilter,
  compiler: Compiler,
  config: SwitchConfig,
): number[] | null {
  if (bridge === undefined && vlan === undefined) return null;
  if (bridge !== undefined && config.bridges[bridge] === undefined) {
    throw new TaploomError('no_such_bridge', `There is no bridge ${bridge}`);
  }
  const bridges = bridge === undefined ? Object.keys(config.bridges) : [bridge];
  const { domains } = compiler;
  return bridges.flatMap((name) =>
    vlan === undefined
      ? [...domains.ofBridge(name)].filter((number) => number !== 0)
      : (domains.find(name, vlan) ?? []),
  );
}

export function isIpv6(config: SwitchConfig, bridge: string, port: string): boolean {
  const tunnel = config.bridges[bridge]?.ports[port];
  return tunnel?.type === 'vxlan' && tunnel.local.includes(':');
}

export function addressText(words: Int32Array, isIpv6: boolean): string {
  return formatIp(new Uint8Array(words.buffer, words.byteOffset, isIpv6 ? 16 : 4));
}
