// UDP sockets of a tunnel endpoint. One socket receives on the tunnel's port; others, bound to ports of a range, send,
// because a socket cannot vary its source port from datagram to datagram. Control plane only.

import { randomInt } from 'node:crypto';
import { aligned, native } from './native.ts';
import { withNetns } from './netns.ts';
import { sockaddr } from './sockaddr.ts';
import { check, SysError } from './sys_error.ts';
import { closeFd } from './wake.ts';

const EADDRINUSE = 98;
/** Room for bursts while the worker is busy: 8 MiB is 80 ms at 100,000 frames/s with the kernel's accounting. */
const BUFFER_BYTES = 8 << 20;

export interface VtepOptions {
  /** IPv4 or IPv6, unicast or any. */
  address: string;
  /** 0 = the kernel chooses. */
  port: number;
  /** Hop limit. Default 64. */
  ttl?: number;
  /** TOS or traffic class of datagrams that do not bring their own. Default 0. */
  tos?: number;
  /** Compute UDP checksums on sending. Zero checksums are always accepted. */
  checksum: boolean;
  /** False: a socket that only sends; what arrives at its port is thrown away at once. */
  receive: boolean;
  /** Take datagrams of one sender in trains (UDP_GRO): see RX.train. Default false. */
  trains?: boolean;
  /** Share the port with other sockets of this user that say so too. Default false. */
  reusePort?: boolean;
  netns?: string;
}

export interface VtepSocket {
  /** Non-blocking, closed on exec. */
  fd: number;
  address: string;
  port: number;
}

/**
 * Datagrams that a socket had no room for, and those with a wrong checksum, since it is open; modulo 2^31. Throws SysError.
 */
export function udpDrops(fd: number): number {
  return check(native().tl_udp_drops(fd), 'getsockopt', 'Cannot ask a UDP socket what it has lost');
}

/** A socket that hears what routers find too big for them, of everything that this namespace sends over IPv6. Throws SysError. */
export function openTooBig(): number {
  return check(native().tl_too_big_open(-1), 'socket', 'Cannot hear ICMPv6 packet too big');
}

/** Throws SysError: EADDRINUSE (also if the kernel's vxlan has the port), EADDRNOTAVAIL, EINVAL ... */
export function openVtep(options: VtepOptions): VtepSocket {
  return withNetns(options.netns, (netns) => openIn(netns, options));
}

/**
 * `count` sockets that send from different ports of `ports` (inclusive), spread over the range from a random one on: who
 * forges errors has to guess. Ports that are taken are passed over. Throws SysError EADDRINUSE if not a single one is free.
 */
export function openSenders(
  options: Omit<VtepOptions, 'port' | 'receive' | 'reusePort'>,
  ports: { from: number; to: number },
  count: number,
): VtepSocket[] {
  const senders: VtepSocket[] = [];
  const span = ports.to - ports.from + 1;
  const step = Math.max(1, Math.floor(span / count));
  const start = randomInt(span);
  return withNetns(options.netns, (netns) => {
    try {
      for (let offset = 0; offset < step && senders.length < count; offset++) {
        for (let i = offset; i < span && senders.length < count; i += step) {
          const sender = tryOpen(netns, {
            ...options,
            port: ports.from + ((start + i) % span),
            receive: false,
          });
          if (sender) senders.push(sender);
        }
      }
    } catch (error) {
      for (const sender of senders) closeFd(sender.fd);
      throw error;
    }
    if (senders.length === 0) {
      throw new SysError(
        EADDRINUSE,
        'bind',
        `Cannot send from ${options.address}, ports ${ports.from}-${ports.to}`,
      );
    }
    return senders;
  });
}

function tryOpen(netns: number, options: VtepOptions): VtepSocket | undefined {
  try {
    return openIn(netns, options);
  } catch (error) {
    if (error instanceof SysError && error.errno === EADDRINUSE) return undefined;
    throw error;
  }
}

function openIn(netns: number, options: VtepOptions): VtepSocket {
  const { address, port } = options;
  const bound = sockaddr(address, port);
  // Words TL_UDP_* in native/taploom.h.
  const words = aligned(8 * 4);
  new Int32Array(words.buffer).set([
    options.ttl ?? 64,
    options.tos ?? 0,
    options.checksum ? 1 : 0,
    options.receive ? 1 : 0,
    options.reusePort ? 1 : 0,
    BUFFER_BYTES,
    BUFFER_BYTES,
    options.trains ? 1 : 0,
  ]);
  const where = `${address} port ${port}`;
  const fd = check(
    native().tl_udp_open(netns, bound, bound.length, words),
    'bind',
    `Cannot open UDP on ${where}`,
  );
  return {
    fd,
    address,
    port: port || check(native().tl_udp_port(fd), 'getsockname', `Cannot name ${where}`),
  };
}
