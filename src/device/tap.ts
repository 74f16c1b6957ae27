// TAP ports, and the local interface of a bridge, which is one.

import { constants } from 'node:os';
import { stableMac } from '../config/defaults.ts';
import type { LocalConfig, TapDeviceConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { TapDeviceSpec } from '../port/spec.ts';
import type { TunDeviceSpec } from '../port/tun_spec.ts';
import { bridgeMark, keeperIn } from '../sys/bridge_mark.ts';
import { interfaceIdOfTap } from '../sys/interface_id.ts';
import { LinkSocket, linkOfTap } from '../sys/link.ts';
import { SysError } from '../sys/sys_error.ts';
import {
  adoptTapFd,
  moveTap,
  openTap,
  resetTap,
  setTapGroup,
  setTapOffloads,
  setTapOwner,
  setTapPersist,
  type TapDevice,
  tapName,
} from '../sys/tap.ts';
import { closeFd, closeFdAside } from '../sys/wake.ts';
import { routeRequest6 } from '../wire/route_change.ts';
import type { Device } from './device.ts';
import { requireFreeSubnet } from './free_subnet.ts';
import { furnish, type InsideConfig } from './inside.ts';

/** A TAP port, or with `bridge` the local interface of that bridge. */
export function openTapPort(
  port: number,
  name: string,
  config: TapDeviceConfig & InsideConfig,
  mtu: number,
): Device {
  if (config.fd !== undefined) return adopt(port, config.fd, config);
  const { netns, owner, group, mac, persist, offloads, ifname = name } = config;
  const tap = attach('port', { name: ifname, netns, owner, group, mac, persist, offloads, mtu }, name);
  const place = { links: () => LinkSocket.ofTap(tap.fd), name: () => tapName(tap.fd) };
  return furnish(ownTap(port, ifname, tap, config), place, `${VERBS.port} ${name}`, config);
}

/**
 * A TAP that a program opened: its owner configures it, and has his own descriptor.
 */
function adopt(port: number, fd: number, config: TapDeviceConfig): Device {
  const tap = adoptTapFd(fd, { offloads: config.offloads });
  const close = () => closeFdAside(tap.fd);
  const life = { ownMtu: tap.mtu || undefined, setMtu() {}, close, undo: close };
  return Object.assign(seen(tap), { spec: specOf(port, tap, config), offloads: tap.offloads, ...life });
}

/** The interface of the bridge's own name. */
export function openLocal(
  port: number,
  bridge: string,
  config: LocalConfig,
  mtu: number,
  keeper: string,
): Device {
  const { netns, owner, group } = config;
  const mac = config.mac ?? stableMac(bridge);
  const tap = attach('bridge', { name: bridge, netns, owner, group, mac, mtu });
  const mark = bridgeMark(bridge, keeper);
  try {
    // One that an earlier switch left for this one: its addresses and routes are still there.
    const isKept = !tap.created && keeperIn(aliasOf(tap.fd)) !== undefined;
    if (tap.created ? config.persist : isKept) keepTap(tap.fd, mark, config.persist ?? false);
    return ownTap(port, bridge, tap, config, { mark, isKept });
  } catch (error) {
    closeFd(tap.fd);
    throw explain(error, `${VERBS.bridge} ${bridge}`, 'bridge', true, netns);
  }
}

function aliasOf(fd: number): string {
  using links = LinkSocket.ofTap(fd);
  return links.get(tapName(fd)).alias;
}

/** Lets the interface outlive the switch, with the mark that tells whose it is; or not. */
function keepTap(fd: number, mark: string, isKept: boolean): void {
  using links = LinkSocket.ofTap(fd);
  links.setAlias(tapName(fd), isKept ? mark : '');
  setTapPersist(fd, isKept);
}

type OwnTapConfig = LocalConfig & Partial<Pick<TapDeviceConfig, 'persist' | 'offloads' | 'fault'>>;

/** A TUN: what the data plane gets, and the MAC under which it is known on the bridge. */
interface AsTun {
  spec: TunDeviceSpec;
  mac: string;
}

function specOf(port: number, tap: TapDevice, { fault }: Pick<OwnTapConfig, 'fault'>): TapDeviceSpec {
  return { kind: 'tap', port, fd: tap.fd, offloads: tap.offloads, fault };
}

/** What can be seen of a TAP. */
function seen(
  tap: TapDevice,
): Pick<Device, 'mac' | 'ifindex' | 'upFd' | 'droppedBefore' | 'link' | 'interfaceId'> {
  let { mac, ifindex } = tap;
  return {
    get mac() {
      return mac;
    },
    get ifindex() {
      return ifindex;
    },
    upFd: tap.fd,
    droppedBefore: tap.droppedBefore,
    link() {
      const state = linkOfTap(tap.fd, tap.ifindex);
      if (state !== undefined) ({ mac, index: ifindex } = state);
      return state;
    },
    interfaceId: () => interfaceIdOfTap(tap.fd),
  };
}

/** A TAP that Taploom opened. What it did not make, or made to stay, is left as `ip tuntap add` makes one. */
export function ownTap(
  port: number,
  name: string,
  tap: TapDevice,
  config: OwnTapConfig,
  bridge?: { mark: string; isKept: boolean },
  tun?: AsTun,
): Device {
  let spec: TapDeviceSpec | TunDeviceSpec = tun?.spec ?? specOf(port, tap, config);
  let now = config;
  const sight = seen(tap);
  let given = tap.mtu;
  /** What somebody else made of it, until Taploom sets another. */
  let ownMtu: number | undefined;
  /** That the interface has from us. */
  const gateway = new Set<string>();
  const isOurs = tap.created || bridge?.isKept === true;
  const close = () => {
    if (!isOurs || now.persist) leave(tap, isOurs);
    return closeFdAside(tap.fd);
  };
  const unmake = (isMade: boolean) => {
    try {
      if (isMade) setTapPersist(tap.fd, false);
    } catch {
      // Deleted meanwhile: then nothing is left behind anyway.
    }
    return close();
  };
  return {
    get spec() {
      return spec;
    },
    get mac() {
      return tun?.mac ?? sight.mac;
    },
    get ifindex() {
      return sight.ifindex;
    },
    upFd: tap.fd,
    get temporaryTap() {
      return isOurs && !now.persist ? tap.fd : undefined;
    },
    droppedBefore: tap.droppedBefore,
    get ownMtu() {
      return ownMtu;
    },
    link() {
      const state = sight.link?.();
      if (state !== undefined && state.mtu !== given) ownMtu = state.mtu;
      return state;
    },
    interfaceId: sight.interfaceId,
    get offloads() {
      return spec.offloads;
    },
    setMtu(mtu) {
      if (mtu === ownMtu) return;
      [given, ownMtu] = [mtu, undefined];
      // Wherever the interface was moved, and whatever it is called by now.
      using links = LinkSocket.ofTap(tap.fd);
      links.setMtu(tapName(tap.fd), mtu);
    },
    setGateway(cidrs) {
      using links = LinkSocket.ofTap(tap.fd);
      const called = tapName(tap.fd);
      for (const cidr of [...gateway].filter((one) => !cidrs.includes(one))) {
        ifThere(constants.errno.EADDRNOTAVAIL, () => links.removeAddress(called, cidr));
        gateway.delete(cidr);
      }
      const added: string[] = [];
      for (const cidr of cidrs) {
        if (!gateway.has(cidr)) requireFreeSubnet(links, called, cidr);
        if (ifThere(constants.errno.EEXIST, () => links.addAddress(called, cidr))) added.push(cidr);
        gateway.add(cidr);
      }
      if (cidrs.length > 0) links.setUp(called, true);
      return added;
    },
    setRoute(to, via, isOn) {
      using links = LinkSocket.ofTap(tap.fd);
      const request = routeRequest6(to, via, links.index(tapName(tap.fd)), isOn);
      ifThere(constants.errno.ESRCH, () => links.command(request));
    },
    setGsoMaxSize(bytes) {
      using links = LinkSocket.ofTap(tap.fd);
      links.setGsoMaxSize(tapName(tap.fd), bytes);
    },
    change(wanted: OwnTapConfig) {
      if (tun !== undefined) return; // what is no setting of all ports makes another one of it
      try {
        if (wanted.netns !== now.netns) moveTap(tap.fd, wanted.netns, name);
        if (wanted.mac !== undefined && wanted.mac !== now.mac) {
          using links = LinkSocket.ofTap(tap.fd);
          links.setMac(tapName(tap.fd), wanted.mac);
        }
        if (wanted.owner !== undefined && wanted.owner !== now.owner) setTapOwner(tap.fd, wanted.owner);
        if (wanted.group !== undefined && wanted.group !== now.group) setTapGroup(tap.fd, wanted.group);
        if ((wanted.persist ?? false) !== (now.persist ?? false)) {
          if (bridge === undefined) setTapPersist(tap.fd, wanted.persist ?? false);
          else if (isOurs) keepTap(tap.fd, bridge.mark, wanted.persist ?? false);
        }
        if (wanted.offloads !== now.offloads) {
          tap.offloads = setTapOffloads(tap.fd, wanted.offloads ?? true);
          spec = specOf(port, tap, wanted);
        }
      } catch (error) {
        throw explain(error, `Cannot change port ${name}`, 'port', true, wanted.netns);
      }
      // To look takes the kernel some 0.2 ms.
      const isSeen = wanted.netns !== now.netns || wanted.mac !== now.mac;
      now = wanted;
      if (isSeen) sight.link?.();
    },
    close,
    // The interface of a bridge goes with the bridge; a port's TAP that should stay is its owner's.
    remove: () => unmake(bridge !== undefined && isOurs),
    undo: () => unmake(tap.created),
  };
}

/** What was so already is well. */
/** False: it was so already. */
function ifThere(errno: number, act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof SysError) || error.errno !== errno) throw error;
    return false;
  }
}

function leave(tap: TapDevice, isOurs: boolean): void {
  try {
    resetTap(tap.fd);
    if (tap.wasUp || isOurs) return;
    using links = LinkSocket.ofTap(tap.fd);
    links.setUp(tapName(tap.fd), false);
  } catch {
    // Deleted meanwhile.
  }
}

const VERBS = {
  port: 'Cannot attach port',
  tun: 'Cannot attach port',
  bridge: 'Cannot create bridge',
  underlay: 'Cannot open the TAP under a tunnel,',
};

/** Opens a TAP, and if that fails says what stands in the way. */
export function attach(
  what: keyof typeof VERBS,
  options: Parameters<typeof openTap>[0],
  told = options.name,
): TapDevice {
  const { name, netns } = options;
  const verb = `${VERBS[what]} ${told}`;
  const called = told === name ? ' of that name' : ` ${name}${netns === undefined ? '' : ` in ${netns}`}`;
  let isThere = false;
  try {
    const link = kindOf(name, netns);
    if (link === 'bridge') {
      throw new TaploomError(
        'kernel_bridge',
        `${verb}: a kernel bridge${called} exists; delete it (ip link delete ${name}) or choose another name`,
      );
    }
    if (link !== undefined && link !== 'tun') {
      const advice = what === 'port' ? 'type af_packet attaches existing interfaces' : 'choose another name';
      throw new TaploomError(
        'interface_exists',
        `${verb}: an interface${called} exists, and it is not a ${what === 'tun' ? 'TUN' : 'TAP'}; ${advice}`,
      );
    }
    isThere = link !== undefined;
    return openTap(options);
  } catch (error) {
    throw explain(error, verb, what, isThere, netns);
  }
}

function kindOf(name: string, netns: string | undefined): string | undefined {
  using links = LinkSocket.open(netns);
  return links.find(name)?.kind;
}

/** `isThere`: the TAP existed before. */
export function explain(
  error: unknown,
  verb: string,
  what: keyof typeof VERBS,
  isThere: boolean,
  netns: string | undefined,
): unknown {
  if (!(error instanceof SysError)) return error;
  const options = { cause: error };
  if (error.syscall === 'open') return noDriver(error, verb);
  const advice = what === 'port' ? '; type af_packet attaches it all the same' : '';
  switch (error.code) {
    case 'ENOENT':
    case 'EINVAL':
      if (error.syscall === 'netns') return noNamespace(verb, netns, options);
      if (error.code === 'ENOENT' || !isThere || error.syscall === 'TUNSETOFFLOAD') break;
      return new TaploomError(
        'port_busy',
        what === 'tun'
          ? `${verb}: a TAP of that name exists, or a TUN with several queues; delete it, or choose another name`
          : `${verb}: the TAP has several queues, or is a TUN${advice}`,
        options,
      );
    case 'EBUSY':
      return new TaploomError('port_busy', `${verb}: another process has the TAP open${advice}`, options);
    case 'EPERM':
    case 'EACCES':
      return new TaploomError(
        'not_permitted',
        `${verb}: ${error.message}; creating interfaces needs CAP_NET_ADMIN: run as root, or in a user namespace ` +
          '(unshare -rn)',
        options,
      );
  }
  return new TaploomError('device_failed', `${verb}: ${error.message}`, options);
}

/** /dev/net/tun cannot be opened, which CAP_NET_ADMIN does not help. */
function noDriver(cause: SysError, verb: string): TaploomError {
  const code = cause.code === 'EACCES' || cause.code === 'EPERM' ? 'not_permitted' : 'device_failed';
  return new TaploomError(code, `${verb}: ${DRIVER_HELP[cause.code] ?? cause.message} (${cause.code})`, {
    cause,
  });
}

const NO_DRIVER =
  'there is no /dev/net/tun: load the driver (modprobe tun); in a container add --device /dev/net/tun';
const DRIVER_HELP: Record<string, string> = {
  ENOENT: NO_DRIVER,
  ENODEV: NO_DRIVER,
  ENXIO: NO_DRIVER,
  EACCES: 'this user may not open /dev/net/tun: run as root, or once, as root: chmod 666 /dev/net/tun',
  // A cgroup forbids it.
  EPERM:
    'this container or service may not open /dev/net/tun: docker run --device /dev/net/tun, or in a systemd unit ' +
    'DeviceAllow=/dev/net/tun rw',
};

/** There is none of this name yet, or none any more. */
export function noNamespace(verb: string, netns: string | undefined, options: ErrorOptions): TaploomError {
  const help = netns?.startsWith('/') ? '' : `: \`ip netns add ${netns}\` makes it`;
  return new TaploomError('no_such_netns', `${verb}: there is no network namespace ${netns}${help}`, options);
}
