// Where the sockets of ports are: opens them as the configuration says, and says what stands in the way.

import { lstatSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SocketPortConfig } from '../config/schema.ts';
import { parseSocketAddress } from '../config/socket_address.ts';
import { TaploomError } from '../error.ts';
import { groupId, userId } from '../sys/accounts.ts';
import { connectUnix, type Endpoint, listenUnix, openInet, type SocketType } from '../sys/socket.ts';
import { SysError } from '../sys/sys_error.ts';
import { closeFd } from '../sys/wake.ts';

export function socketType({ type, framing }: SocketPortConfig): SocketType {
  return type === 'dgram' ? 'dgram' : framing === 'bess' ? 'seqpacket' : 'stream';
}

/** As people write it. */
export function placeOf({ path, address }: Pick<SocketPortConfig, 'path' | 'address'>): string {
  return path ?? (address as string);
}

/** The server's socket: one of datagrams is bound, and between addresses connected; any other listens. Throws TaploomError. */
export function openServer(verb: string, config: SocketPortConfig): number {
  const type = socketType(config);
  try {
    if (config.path === undefined) {
      const remote = config.type === 'dgram' ? config.remote : undefined;
      return openInet(
        type,
        endpoint(config.address as string),
        remote === undefined ? undefined : endpoint(remote),
      );
    }
  } catch (error) {
    throw explain(verb, error, config);
  }
  return openSocketFile(verb, config as SocketFile, type);
}

/** A server's socket at a path, and who may use it. */
export interface SocketFile {
  path: string;
  socket_mode: string;
  owner?: number | string;
  group?: number | string;
}

/** Throws TaploomError. */
export function openSocketFile(verb: string, file: SocketFile, type: SocketType): number {
  const { path, socket_mode, owner, group } = file;
  try {
    requireFree(verb, path, type);
    const mode = Number.parseInt(socket_mode, 8);
    const uid = owner === undefined ? -1 : userId(owner);
    const gid = group === undefined ? -1 : groupId(group);
    return listenUnix(path, type, { mode, uid, gid });
  } catch (error) {
    throw explain(verb, error, file);
  }
}

/** A socket on its way to the server; of TCP it may still be connecting. Throws SysError. */
export function openClient(config: SocketPortConfig): number {
  const type = socketType(config);
  if (config.path !== undefined) return connectUnix(config.path, type);
  return openInet(type, undefined, endpoint(config.address as string));
}

/** Takes the file of a server away, unless it is somebody else's by now. */
export function removeSocketFile(path: string, inode: number | undefined): void {
  if (inode === undefined || inodeOf(path) !== inode) return;
  try {
    unlinkSync(path);
  } catch {
    // Somebody was faster.
  }
}

export function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

function endpoint(text: string): Endpoint {
  return parseSocketAddress(text) as Endpoint;
}

/** A socket file outlives who was killed: only a connection that is accepted proves that somebody is there. */
function requireFree(verb: string, path: string, type: SocketType): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket())
    throw new TaploomError(
      'socket_failed',
      `${verb}: ${path} exists and is no socket; remove it, or choose another path`,
    );
  try {
    closeFd(connectUnix(path, type));
  } catch (error) {
    if (error instanceof SysError && error.code === 'ECONNREFUSED') {
      unlinkSync(path);
      return;
    }
  }
  const message = `${verb}: somebody listens at ${path} already; if that is the virtual machine, mode: client connects to it`;
  throw new TaploomError('socket_busy', message);
}

function explain(verb: string, error: unknown, config: Pick<SocketPortConfig, 'path' | 'address'>): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const place = placeOf(config);
  const options = { cause: error };
  if (code === 'ENOENT' && config.path !== undefined) {
    const message = `${verb}: there is no folder ${dirname(config.path)}; make it first`;
    return new TaploomError('socket_failed', message, options);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const message = `${verb}: ${(error as Error).message}; this takes the right to write to the folder of ${place}, and to give it away`;
    return new TaploomError('not_permitted', message, options);
  }
  if (code === 'EADDRINUSE')
    return new TaploomError('socket_busy', `${verb}: somebody uses ${place} already`, options);
  return error instanceof SysError
    ? new TaploomError('socket_failed', `${verb}: ${error.message}`, options)
    : error;
}
