// Two interfaces that are one link: one end is here under a port's name, for the switch, and the other is somebody's, in his
// namespace. They stay when the switch ends, and the alias of ours, "taploom veth to eth0 of /var/lib/taploom/state.json",
// tells the next one whose they are.

import { stableMac } from '../config/defaults.ts';
import type { VethPortConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import { interfaceId } from '../sys/interface_id.ts';
import { LinkSocket, type LinkState } from '../sys/link.ts';
import { macBytes } from '../sys/mac_text.ts';
import { withNetns } from '../sys/netns.ts';
import { withoutOwnIpv6 } from '../sys/own_ipv6.ts';
import { SysError } from '../sys/sys_error.ts';
import { vethMark, vethOwner } from '../sys/veth_mark.ts';
import { linkRequest, parsePeer, vethRequest } from '../wire/veth.ts';

const ENODEV = 19;

export interface VethOptions {
  name: string;
  config: VethPortConfig;
  mtu: number;
  keeper: string;
  /** Throws if a port of this switch has that interface: see interface_id.ts. */
  requireUnused(id: string): void;
}

export class VethPair {
  /** Of our end. */
  readonly index: number;
  /** False: it was there. */
  readonly isNew: boolean;
  /** Of the other end. */
  mac = '';
  private readonly ifname: string;
  private netns: string;
  /** Of the other end, in its namespace. */
  private peer: number;

  private constructor(index: number, peer: number, isNew: boolean, ifname: string, netns: string) {
    this.index = index;
    this.peer = peer;
    this.isNew = isNew;
    this.ifname = ifname;
    this.netns = netns;
  }

  /** Makes a pair, or takes the one that an earlier switch left, and brings it up. Throws SysError and TaploomError. */
  static open(verb: string, options: VethOptions): VethPair {
    const { name, config, mtu } = options;
    const { netns, ifname = name } = config;
    using there = LinkSocket.open(netns);
    using here = LinkSocket.open();
    const kept = takeKept(verb, here, there, options);
    if (kept === undefined) make(verb, here, there, options);
    const { index } = here.get(name);
    const pair = new VethPair(
      index,
      kept ?? (peerOf(here, index) as number),
      kept === undefined,
      ifname,
      netns,
    );
    try {
      pair.configure(here, there, config, mtu);
      return pair;
    } catch (error) {
      if (pair.isNew) here.remove(name);
      throw error;
    }
  }

  private configure(here: LinkSocket, there: LinkSocket, { mac }: VethPortConfig, mtu: number): void {
    const [own, other] = [here.at(this.index), there.at(this.peer)];
    if (own === undefined || other === undefined) throw this.gone();
    // The host has nothing to say there: it would answer for all of its addresses while no switch runs.
    here.withoutArp(own.name);
    withoutOwnIpv6(own.name);
    if (own.mtu !== mtu) here.setMtu(own.name, mtu);
    if (other.mtu !== mtu) there.setMtu(other.name, mtu);
    if (mac !== undefined && mac !== other.mac) there.setMac(other.name, mac);
    if (!own.up) here.setUp(own.name, true);
    if (!other.up) there.setUp(other.name, true);
    this.mac = mac ?? other.mac;
  }

  /** An rtnetlink socket where the other end is: close it soon, it keeps the namespace alive. Throws SysError. */
  inside(): LinkSocket {
    return LinkSocket.open(this.netns);
  }

  /** What the other end is called. Throws SysError if it is not there. */
  nameInside(links: LinkSocket): string {
    const name = links.at(this.peer)?.name;
    if (name === undefined) throw this.gone();
    return name;
  }

  setMtu(mtu: number): void {
    using here = LinkSocket.open();
    const own = here.at(this.index);
    if (own === undefined) throw this.gone();
    here.setMtu(own.name, mtu);
    using there = this.inside();
    there.setMtu(this.nameInside(there), mtu);
  }

  setMac(mac: string): void {
    using there = this.inside();
    there.setMac(this.nameInside(there), mac);
    this.mac = mac;
  }

  /** Into another namespace. It is down then for a moment, and has no addresses. Throws SysError. */
  move(netns: string): void {
    using before = this.inside();
    withNetns(netns, (fd) => before.handOver(this.peer, fd, this.ifname));
    this.netns = netns;
    using here = LinkSocket.open();
    this.peer = peerOf(here, this.index) ?? 0;
    using there = this.inside();
    there.setUp(this.nameInside(there), true);
  }

  /** Whether the other end is where the name of its namespace leads to. */
  isThere(): boolean {
    try {
      using there = this.inside();
      return isPeer(there, this.peer, this.index);
    } catch {
      return false;
    }
  }

  /** Both ends. */
  async remove(): Promise<void> {
    using here = LinkSocket.open();
    await here.removeAside(this.index);
  }

  private gone(): SysError {
    return new SysError(
      ENODEV,
      'RTM_GETLINK',
      `Cannot configure the pair to ${this.ifname}`,
      'one end is gone',
    );
  }
}

/** The index of the other end of a pair that is ours; what leads elsewhere is taken away. Undefined: there is none. */
function takeKept(
  verb: string,
  here: LinkSocket,
  there: LinkSocket,
  { name, config, keeper, requireUnused }: VethOptions,
): number | undefined {
  const found = here.find(name);
  if (found === undefined) return undefined;
  requireOurs(verb, found, keeper);
  requireUnused(interfaceId(-1, found.index));
  const peer = peerOf(here, found.index);
  const isAsWanted = found.alias === vethMark(config.ifname ?? name, keeper);
  if (peer !== undefined && isAsWanted && isPeer(there, peer, found.index)) return peer;
  here.remove(name);
  return undefined;
}

function requireOurs(verb: string, { name, alias }: LinkState, keeper: string): void {
  const owner = vethOwner(alias);
  if (owner === keeper) return;
  const message =
    owner === undefined
      ? `${verb}: an interface of that name exists, and it is not ours; type af_packet attaches existing interfaces`
      : `${verb}: interface ${name} is a pair of another taploomd, that of ${owner}; choose another name`;
  throw new TaploomError('interface_exists', message);
}

function make(
  verb: string,
  here: LinkSocket,
  there: LinkSocket,
  { name, config, mtu, keeper }: VethOptions,
): void {
  // A container that is made anew has the address that its neighbours remember.
  const { netns, ifname = name, mac = stableMac(name) } = config;
  if (there.exists(ifname)) {
    const message = `${verb}: an interface ${ifname} in ${netns} exists; ifname gives ours another name there`;
    throw new TaploomError('interface_exists', message);
  }
  withNetns(netns, (fd) => {
    const peer = { name: ifname, netns: fd, mac: macBytes(mac) };
    here.command(vethRequest({ name, mtu, peer }));
  });
  here.setAlias(name, vethMark(ifname, keeper));
}

function peerOf(links: LinkSocket, index: number): number | undefined {
  for (const answer of links.list(linkRequest(index))) {
    const peer = parsePeer(answer);
    if (peer !== undefined) return peer;
  }
  return undefined;
}

function isPeer(links: LinkSocket, peer: number, index: number): boolean {
  return links.at(peer)?.kind === 'veth' && peerOf(links, peer) === index;
}
