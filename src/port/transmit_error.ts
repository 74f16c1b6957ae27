// What an error of the kernel's means for a copy.

import { DROP } from '../table/drops.ts';

// errno of Linux, asm-generic/errno-base.h and errno.h
const EIO = 5;
const ENXIO = 6;
const EBADF = 9;
const EAGAIN = 11;
const ENODEV = 19;
const EPIPE = 32;
const EBADFD = 77;
const EDESTADDRREQ = 89;
const EMSGSIZE = 90;
const ENETDOWN = 100;
const ENETUNREACH = 101;
const ECONNRESET = 104;
const ENOBUFS = 105;
const ENOTCONN = 107;
const ECONNREFUSED = 111;
const EHOSTUNREACH = 113;

/** The reason for which a copy is dropped. */
export function dropFor(errno: number): number {
  switch (errno) {
    case EIO: // a TAP whose interface is down
    case ENETDOWN: // any other interface that is
      return DROP.port_down;
    case EAGAIN:
    case ENOBUFS:
      return DROP.queue_full;
    case ENXIO:
    case ENODEV:
    case EBADF:
    case EBADFD: // a TAP whose interface was deleted
      return DROP.device_gone;
    case EMSGSIZE:
      return DROP.too_big;
    case ENETUNREACH:
    case EHOSTUNREACH:
      return DROP.unreachable;
    default:
      return DROP.device_error;
  }
}

/** The same for a connected socket. */
export function dropForSocket(errno: number): number {
  switch (errno) {
    case EAGAIN:
    case ENOBUFS:
      return DROP.slow_reader;
    case EPIPE:
    case EDESTADDRREQ:
    case ECONNRESET:
    case ENOTCONN:
    case ECONNREFUSED:
      return DROP.not_connected;
    default:
      return dropFor(errno);
  }
}
