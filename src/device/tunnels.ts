// VXLAN ports: the UDP sockets under them, shared by those that can share them, or the TAP.

import { readFileSync } from 'node:fs';
import { parseRange } from '../config/range.ts';
import type { VxlanPortConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { AddedVtep } from '../port/spec.ts';
import { interfaceIdOfTap } from '../sys/interface_id.ts';
import { SysError } from '../sys/sys_error.ts';
import { openSenders, openTooBig, openVtep, udpDrops, type VtepSocket } from '../sys/udp.ts';
import { closeFd } from '../sys/wake.ts';
import { parseIp } from '../wire/ip_address.ts';
import { type Mac, parseMac } from '../wire/mac.ts';
import type { Device } from './device.ts';
import { attach } from './tap.ts';

/** UDP sockets that a tunnel sends through: source ports among which the underlay can spread flows. A power of two. */
const SENDERS = 16;
/** The most that Linux allows a TAP: what limits a tunnel is the network behind it. */
const UNDERLAY_MTU = 65_521;

/** Among the keys of VTEPs, which have an address. */
const TOO_BIG = 'too big';

interface Shared {
  users: number;
  close(): void;
}

/** What tunnels receive from. */
interface Vtep extends Shared {
  number: number;
  fd: number;
  /** Datagrams that it lost. */
  dropped(): number;
  /** Of a TAP under tunnels. */
  mac?: string;
}

/** UDP sockets and TAPs under tunnels, shared by the VXLAN ports that can share them. */
export class Tunnels {
  private readonly vteps = new Map<string, Vtep>();
  private readonly senders = new Map<string, Shared & { fds: number[] }>();
  private nextVtep = 0;
  /** Sockets that the data plane has to start and stop receiving from with its next change. */
  private addedVteps: AddedVtep[] = [];
  private removedVteps: { vtep: number; fd: number }[] = [];

  open(port: number, name: string, config: VxlanPortConfig): Device {
    try {
      return config.underlay_tap === undefined
        ? this.openSockets(port, config)
        : this.openUnderlay(port, config, config.underlay_tap);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const isOff = config.local.includes(':') && !hasIpv6();
      if (error.code === 'EAFNOSUPPORT' && isOff) {
        throw new TaploomError('device_failed', `Cannot attach port ${name}: ${NO_IPV6}`, { cause: error });
      }
      if (error.code === 'EADDRNOTAVAIL') {
        throw new TaploomError(
          'no_such_address',
          `Cannot attach port ${name}: no interface has the address ${config.local} yet${isOff ? `; ${NO_IPV6}` : ''}`,
          { cause: error },
        );
      }
      throw new TaploomError('device_failed', `Cannot attach port ${name}: ${error.message}`, {
        cause: error,
      });
    }
  }

  private openSockets(port: number, config: VxlanPortConfig): Device {
    const { local, dst_port, source_ports, ttl, udp_checksum } = config;
    const tos = Math.max(0, tosOf(config));
    const vtepKey = `${local} ${dst_port}`;
    const sendersKey = `${local} ${source_ports} ${ttl} ${tos} ${udp_checksum}`;
    const socket = { address: local, ttl, tos, checksum: udp_checksum };
    const vtep = this.share(this.vteps, vtepKey, () => {
      const { fd } = openVtep({ ...socket, port: dst_port, receive: true, trains: true });
      return { ...this.number(fd), dropped: countDrops(fd) };
    });
    let senders: Shared & { fds: number[] };
    try {
      senders = this.share(this.senders, sendersKey, () =>
        pool(openSenders(socket, portsOf(config), SENDERS)),
      );
    } catch (error) {
      this.release(this.vteps, vtepKey);
      throw error;
    }
    const hears = local.includes(':') && this.hear();
    const close = () => {
      this.release(this.senders, sendersKey);
      this.release(this.vteps, vtepKey);
      if (hears) this.release(this.vteps, TOO_BIG);
    };
    const spec = { ...tunnelSpec(port, config, vtep.number), senders: senders.fds };
    const before = vtep.dropped();
    const queueDropped = () => vtep.dropped() - before;
    return { spec, sharesSockets: true, queueDropped, setMtu() {}, close, undo: close };
  }

  /** Hears routers, for all tunnels over IPv6; false: that is forbidden to this process. */
  private hear(): boolean {
    try {
      this.share(this.vteps, TOO_BIG, () => this.number(openTooBig(), { isErrors: true }));
      return true;
    } catch (error) {
      if (error instanceof SysError) return false;
      throw error;
    }
  }

  private openUnderlay(port: number, config: VxlanPortConfig, name: string): Device {
    const key = `${config.local} ${config.dst_port} ${name}`;
    const vtep = this.share(this.vteps, key, () => {
      const { fd, mac } = attach('underlay', { name, vnetHeader: 24, arp: false, mtu: UNDERLAY_MTU });
      return { ...this.number(fd, { isTap: true }), mac };
    });
    const close = () => this.release(this.vteps, key);
    const { from, to } = portsOf(config);
    const [a, b, c, d] = parseIp(config.local) as Uint8Array;
    const underlay = {
      fd: vtep.fd,
      mac: parseMac(vtep.mac as string) as Mac,
      local: (a << 24) | (b << 16) | (c << 8) | d,
      // The kernel takes one away where it forwards.
      ttl: Math.min(255, config.ttl + 1),
      sourcePort: from,
      sourcePorts: to - from + 1,
    };
    const spec = { ...tunnelSpec(port, config, vtep.number), senders: [], underlay };
    const interfaceId = () => interfaceIdOfTap(vtep.fd);
    return { spec, sharesSockets: true, interfaceId, setMtu() {}, close, undo: close };
  }

  /** Receiving sockets, and TAPs, that came since the last call. */
  takeAdded(): AddedVtep[] {
    return this.addedVteps.splice(0);
  }

  /** Receiving sockets that nobody uses any more; to be closed with `close` once the data plane has detached them. */
  takeRemoved(): { vtep: number; fd: number }[] {
    return this.removedVteps.splice(0);
  }

  /** A new number for what tunnels receive from. */
  private number(fd: number, kind: Pick<AddedVtep, 'isTap' | 'isErrors'> = {}): Vtep {
    const number = this.nextVtep++;
    this.addedVteps.push({ vtep: number, fd, ...kind });
    const close = () => {
      const waiting = this.addedVteps.findIndex(({ vtep }) => vtep === number);
      if (waiting < 0) {
        this.removedVteps.push({ vtep: number, fd });
        return;
      }
      // The data plane never knew of it.
      this.addedVteps.splice(waiting, 1);
      closeFd(fd);
    };
    return { users: 0, number, fd, dropped: () => 0, close };
  }

  private share<T extends Shared>(pool: Map<string, T>, key: string, open: () => T): T {
    let shared = pool.get(key);
    if (shared === undefined) {
      shared = open();
      pool.set(key, shared);
    }
    shared.users++;
    return shared;
  }

  private release<T extends Shared>(pool: Map<string, T>, key: string): void {
    const shared = pool.get(key);
    if (shared === undefined || --shared.users > 0) return;
    pool.delete(key);
    shared.close();
  }
}

const NO_IPV6 =
  'IPv6 is off here (ipv6.disable=1 on the command line of the kernel, or sysctl net.ipv6.conf.all.disable_ipv6)';

function hasIpv6(): boolean {
  try {
    return readFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', 'utf8').trim() === '0';
  } catch {
    return false;
  }
}

/** As many senders as a power of two allows; the others are closed again. */
function pool(sockets: VtepSocket[]): Shared & { fds: number[] } {
  const count = 2 ** Math.floor(Math.log2(sockets.length));
  for (const { fd } of sockets.splice(count)) closeFd(fd);
  const fds = sockets.map(({ fd }) => fd);
  return { users: 0, fds, close: () => fds.forEach(closeFd) };
}

/** Datagrams that a socket lost, of a counter that begins anew at 2^31. */
function countDrops(fd: number): () => number {
  let last = udpDrops(fd);
  let total = 0;
  return () => {
    const now = udpDrops(fd);
    total += (now - last) & 0x7fff_ffff;
    last = now;
    return total;
  };
}

/** Without its two lowest bits, the congestion mark, which follows the inner packet; -1: all of it follows that. */
function tosOf({ tos }: VxlanPortConfig): number {
  return tos === 'inherit' ? -1 : tos & ~3;
}

function portsOf({ source_ports }: VxlanPortConfig): { from: number; to: number } {
  return parseRange(source_ports) as { from: number; to: number };
}

function tunnelSpec(port: number, config: VxlanPortConfig, vtep: number) {
  return {
    kind: 'vxlan' as const,
    port,
    vni: config.vni,
    vtep,
    family: config.local.includes(':') ? (6 as const) : (4 as const),
    dstPort: config.dst_port,
    udpSegment: config.udp_checksum,
    tos: tosOf(config),
    remoteLearning: config.remote_learning,
    maxRemotes: config.max_remotes,
    fault: config.fault,
  };
}
