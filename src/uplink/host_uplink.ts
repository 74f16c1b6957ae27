// The way out of networks of guests through the host's own kernel: an nftables table that lives as long as this process,
// and single interfaces that forward. What outlives a process that is killed is in the state directory, and undone.
//
//   networks, default routes, settings -> plan -> undo what is not wanted | the table, in one step | what is
//
// Follows the kernel: another default route, an interface that comes again. For the namespace that this process is in.

import { KernelNews } from '../sys/kernel_news.ts';
import { LinkSocket } from '../sys/link.ts';
import { NfTablesSocket } from '../sys/nftables.ts';
import { type NfChain, tableBatch } from '../wire/nf_tables.ts';
import { ChangeLog } from './change_log.ts';
import { type WayOut, waysOut } from './default_routes.ts';
import { Forwarding } from './forwarding.ts';
import { FAMILIES, type Family, type HostNetwork, leadsOut, subnetsOf } from './network.ts';
import { type Known, mayConcern } from './news.ts';
import { findLegacyObstacles, findObstacles } from './obstacles.ts';
import { planFor } from './plan.ts';
import { Sysctl } from './sysctl.ts';
import { wantedChains } from './wanted_chains.ts';

export interface HostUplinkStatus {
  /** Interfaces by which guests get out, in order. */
  uplinks: readonly string[];
  /** IP versions of which guests get out. */
  families: readonly Family[];
  /** Whether all is set up that was to be; else the problems are also those of networks that lead nowhere. */
  isSetUp: boolean;
  /** What keeps guests in, or may do so: a sentence each. */
  problems: readonly string[];
}

/** Between two looks, ms: a routing daemon changes many routes at once. */
const PAUSE = 200;
/** While there are problems, which nobody may tell of when they end, ms. */
const LOOK_AGAIN = 10_000;

let tables = 0;

export class HostUplink {
  private readonly onChange: (status: HostUplinkStatus) => void;
  private readonly forwarding: Forwarding;
  private readonly sysctl = new Sysctl();
  private readonly links = LinkSocket.open();
  private readonly table = `taploom-${process.pid}-${++tables}`;
  private nftables: NfTablesSocket | undefined;
  /** The bytes of the batch that made the table: it is replaced only by another one. */
  private installed: Buffer | undefined;
  private news: KernelNews | undefined;
  private followed: number | undefined;
  private soon: NodeJS.Timeout | undefined;
  private again: NodeJS.Timeout | undefined;
  private networks: readonly HostNetwork[] = [];
  /** Default routes, until the kernel tells of others: to list them takes long on a host with the routes of the Internet. */
  private ways: readonly WayOut[] | undefined;
  private known: Known = { names: new Set(), indices: new Set() };
  private last: HostUplinkStatus = { uplinks: [], families: [], isSetUp: true, problems: [] };

  /** `onChange` hears of every other status. Nothing is done before `set`. Throws SysError. */
  constructor(stateDirectory: string, onChange: (status: HostUplinkStatus) => void = () => {}) {
    this.onChange = onChange;
    this.forwarding = forwardingOf(stateDirectory, this.sysctl, this.links);
  }

  get status(): HostUplinkStatus {
    return this.last;
  }

  /** These networks, and no others: begins with what an earlier process left. Never throws: see `status`. */
  set(networks: readonly HostNetwork[]): HostUplinkStatus {
    this.networks = networks;
    this.look();
    return this.last;
  }

  /** Undoes everything. */
  close(): void {
    this.set([]);
    this.stopTimers();
    this.links.close();
  }

  private look(): void {
    this.stopTimers();
    const before = JSON.stringify(this.last);
    this.last = this.attempt();
    if (this.last.problems.length > 0) this.again = setTimeout(() => this.lookAnew(), LOOK_AGAIN).unref();
    if (JSON.stringify(this.last) !== before) this.onChange(this.last);
  }

  private lookAnew(): void {
    this.ways = undefined;
    this.look();
  }

  private attempt(): HostUplinkStatus {
    try {
      return this.realise();
    } catch (error) {
      const problems = [(error as Error).message];
      if (this.installed === undefined) problems.push(...this.undo());
      return { uplinks: [], families: [], isSetUp: false, problems };
    }
  }

  /** In this order nothing is ever forwarded that the table has not seen. */
  private realise(): HostUplinkStatus {
    const gateways = this.networks.filter(leadsOut).map((network) => network.interface);
    this.follow(gateways.length > 0);
    const plan = planFor(this.networks, {
      ways: gateways.length > 0 ? this.currentWays() : [],
      read: (setting) => this.sysctl.read(setting),
      isOurs: (setting) => this.forwarding.isOurs(setting),
    });
    this.forwarding.keepOnly(plan.settings);
    this.install(wantedChains(this.networks, plan.uplinks));
    this.forwarding.add(plan.settings);
    const uplinks = [...new Set(plan.uplinks.map(({ name }) => name))];
    this.known = this.knownOf([...gateways, ...uplinks]);
    const families = FAMILIES.filter((family) => plan.uplinks.some((one) => one.family === family));
    return { uplinks, families, isSetUp: true, problems: [...plan.problems, ...this.obstacles()] };
  }

  private currentWays(): readonly WayOut[] {
    this.ways ??= waysOut(this.links);
    return this.ways;
  }

  private knownOf(names: readonly string[]): Known {
    const indices = names.map((name) => this.links.find(name)?.index).filter((index) => index !== undefined);
    return { names: new Set(names), indices: new Set(indices) };
  }

  /** In one step in place of the one that is there. */
  private install(chains: readonly NfChain[]): void {
    if (chains.length === 0) {
      this.nftables?.close();
      this.nftables = undefined;
      this.installed = undefined;
      return;
    }
    const table = { name: this.table, chains };
    const { bytes } = tableBatch(table, false);
    if (this.installed?.equals(bytes)) return;
    this.nftables ??= NfTablesSocket.open();
    this.nftables.carryOut(tableBatch(table, this.installed !== undefined));
    this.installed = bytes;
  }

  private obstacles(): string[] {
    const guests = this.networks.filter(leadsOut);
    if (this.nftables === undefined || guests.length === 0) return [];
    const having = (family: Family) =>
      guests.filter((network) => subnetsOf(network, family).length > 0).map((network) => network.interface);
    const gateways = { 4: having(4), 6: having(6) };
    return [...findObstacles(this.nftables, this.table, gateways), ...findLegacyObstacles(gateways)];
  }

  /** Without a table nothing may be forwarded. */
  private undo(): string[] {
    try {
      this.forwarding.keepOnly([]);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  }

  private follow(isWanted: boolean): void {
    if (!isWanted) this.unfollow();
    if (!isWanted || this.news !== undefined) return;
    const news = new KernelNews(() => {
      for (const { bytes, isLost } of news.read()) {
        if (!isLost && !mayConcern(bytes, this.known)) continue;
        this.ways = undefined;
        this.soon ??= setTimeout(() => this.look(), PAUSE).unref();
      }
    });
    this.news = news;
    this.followed = news.follow(-1, { addresses: true });
  }

  private unfollow(): void {
    if (this.followed !== undefined) this.news?.drop(this.followed);
    this.news?.close();
    this.news = undefined;
    this.followed = undefined;
    this.ways = undefined;
  }

  private stopTimers(): void {
    clearTimeout(this.soon);
    clearTimeout(this.again);
    this.soon = undefined;
    this.again = undefined;
  }
}

/** Takes back what a process left that was killed; gives the settings that it changed. For when none runs. */
export function undoHostUplink(stateDirectory: string): string[] {
  const links = LinkSocket.open();
  try {
    return forwardingOf(stateDirectory, new Sysctl(), links).keepOnly([]);
  } finally {
    links.close();
  }
}

function forwardingOf(stateDirectory: string, sysctl: Sysctl, links: LinkSocket): Forwarding {
  const log = new ChangeLog(stateDirectory);
  return new Forwarding({
    sysctl,
    log,
    indexOf: (name) => links.find(name)?.index,
    nameOf: (index) => links.at(index)?.name,
  });
}
