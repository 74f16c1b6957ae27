// What the kernel must be told so that networks reach the outside, from what it says now. A pure function of both.

import type { WayOut } from './default_routes.ts';
import type { Wanted } from './forwarding.ts';
import type { Family, HostNetwork } from './network.ts';
import { FAMILIES, leadsOut, subnetsOf } from './network.ts';
import { sysctlName } from './sysctl.ts';
import type { Uplink } from './wanted_chains.ts';

/** What the plan asks of the host. */
export interface Host {
  ways: readonly WayOut[];
  read(setting: string): string | undefined;
  /** Whether a setting is as it is because of us. */
  isOurs(setting: string): boolean;
}

export interface Plan {
  uplinks: Uplink[];
  settings: Wanted[];
  /** What keeps guests from getting out, a sentence each. */
  problems: string[];
}

const ON = '1';
/** accept_ra: advertisements are heard until the interface forwards; 2 = even then (ip-sysctl). */
const UNLESS_FORWARDING = '1';

export function planFor(networks: readonly HostNetwork[], host: Host): Plan {
  const parts = FAMILIES.map((family) => planFamily(family, networks, host));
  return {
    uplinks: parts.flatMap(({ uplinks }) => uplinks),
    settings: parts.flatMap(({ settings }) => settings),
    problems: parts.flatMap(({ problems }) => problems),
  };
}

function planFamily(family: Family, networks: readonly HostNetwork[], host: Host): Plan {
  const guests = networks.filter((network) => leadsOut(network) && subnetsOf(network, family).length > 0);
  const way = host.ways.find((one) => one.family === family);
  const gateways = guests.map((network) => network.interface);
  if (gateways.length === 0) return { uplinks: [], settings: [], problems: [] };
  const names = way?.interfaces.filter((name) => !gateways.includes(name)) ?? [];
  const problems = missing(family, gateways, names, host);
  const refusal = family === 6 ? refuseIpv6(gateways, way?.advertised ?? [], host) : undefined;
  if (refusal !== undefined) return { uplinks: [], settings: [], problems: [...problems, refusal] };
  return {
    uplinks: names.map((name) => ({ name, family, isNew: isNew(name, family, host) })),
    settings: settingsFor(family, gateways, names),
    problems,
  };
}

function missing(family: Family, gateways: string[], uplinks: string[], { read }: Host): string[] {
  const absent = gateways.filter((name) => read(`ipv${family}/conf/${name}/forwarding`) === undefined);
  return [
    ...absent.map(
      (name) => `IPv${family} of ${name} is not forwarded: there is no such interface that has IPv${family}`,
    ),
    ...(uplinks.length > 0
      ? []
      : [
          `IPv${family} of ${list(gateways)} ends at this host, which has no default route of IPv${family}: give it one, or take mode host-only`,
        ]),
  ];
}

/**
 * Of IPv6 `forwarding` makes an interface a router's, which guests hear in neighbour advertisements, and `force_forwarding`
 * lets what comes in there be forwarded. An uplink remains a host's, with its addresses from advertisements.
 */
function settingsFor(family: Family, gateways: string[], uplinks: string[]): Wanted[] {
  const of = (name: string, setting: string, isShared: boolean) => ({
    name: `ipv${family}/conf/${name}/${setting}`,
    isShared,
  });
  const decisive = decisiveSetting(family);
  return [
    ...gateways.map((name) => of(name, 'forwarding', false)),
    ...(decisive === 'forwarding' ? [] : gateways.map((name) => of(name, decisive, false))),
    ...uplinks.map((name) => of(name, decisive, true)),
  ];
}

/** The one that decides whether what comes in by an interface is forwarded. */
function decisiveSetting(family: Family): string {
  return family === 4 ? 'forwarding' : 'force_forwarding';
}

function isNew(name: string, family: Family, { read, isOurs }: Host): boolean {
  if (read(`ipv${family}/conf/all/forwarding`) === ON) return false;
  const setting = `ipv${family}/conf/${name}/${decisiveSetting(family)}`;
  return read(setting) !== ON || isOurs(setting);
}

function refuseIpv6(
  gateways: readonly string[],
  advertised: readonly string[],
  { read }: Host,
): string | undefined {
  const begin = gateways.filter((name) => read(`ipv6/conf/${name}/forwarding`) === '0');
  const deaf = advertised.filter((name) => read(`ipv6/conf/${name}/accept_ra`) === UNLESS_FORWARDING);
  if (begin.length > 0 && deaf.length > 0) {
    const settings = deaf.map((name) => `sysctl -w ${sysctlName(`ipv6/conf/${name}/accept_ra`)}=2`);
    return (
      `IPv6 of ${list(begin)} is not forwarded: the default route by ${list(deaf)} is from router advertisements, and the ` +
      `kernel forgets it when it begins to forward. Keep it with: ${settings.join('; ')}`
    );
  }
  if (read('ipv6/conf/all/forwarding') === ON) return undefined;
  const unable = gateways.filter(
    (name) =>
      read(`ipv6/conf/${name}/forwarding`) !== undefined &&
      read(`ipv6/conf/${name}/force_forwarding`) === undefined,
  );
  if (unable.length === 0) return undefined;
  return (
    `IPv6 of ${list(unable)} is not forwarded: before Linux 6.17 the kernel forwards it by all interfaces or by none. ` +
    'If all may: sysctl -w net.ipv6.conf.all.forwarding=1'
  );
}

function list(names: readonly string[]): string {
  return names.join(', ');
}
