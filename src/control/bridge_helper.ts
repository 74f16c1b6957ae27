// The socket of taploom-bridge-helper, which hypervisors call with their users' rights: anybody may connect, and the bridge says
// who gets a TAP. It is there while a bridge has the key bridge_helper.
//
//   tap BRIDGE [vnet]\n   ->   ok NAME\n, and the TAP beside it (SCM_RIGHTS), or: error SENTENCE\n         native/programs/bridge_helper.c

import { createServer, type Server, type Socket } from 'node:net';
import type { BridgeHelperConfig, SwitchConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import { authorOf, type Credentials, peerAt } from './author.ts';
import type { GuestPorts } from './guest_ports.ts';
import type { Logger } from './log.ts';
import { listenUnix } from './unix_socket.ts';

/** What it takes of the system. */
export interface HelperSystem {
  credentials: Credentials;
  /** Supplementary groups at the other end of a connection. */
  groups(fd: number): readonly number[];
  /** Undefined: there is none of this name. */
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
  /** Passes a descriptor beside text. False: nobody takes it. */
  send(socket: number, text: string, fd: number): boolean;
  close(fd: number): void;
}

export interface Asker {
  uid: number;
  gid: number;
  groups: readonly number[];
}

/** At a time: of all, and of one user but root. */
const MAX_CLIENTS = 64;
const MAX_OF_USER = 8;
/** For a request to come, ms. */
const PATIENCE = 5000;
const MAX_REQUEST = 128;
const REQUEST = /^tap (\S{1,15})( vnet)?$/;

/** `/run/taploom/taploom.sock` -> `/run/taploom/taploom-bridge.sock` */
export function helperSocket(control: string): string {
  return `${control.replace(/\.sock$/, '')}-bridge.sock`;
}

/** Root and the daemon's own user may all the same: they could change the configuration. */
export function mayAsk(
  { users, groups }: BridgeHelperConfig,
  asker: Asker,
  system: Pick<HelperSystem, 'userId' | 'groupId'>,
  own = process.geteuid?.(),
): boolean {
  if (users === 'all' || asker.uid === 0 || asker.uid === own) return true;
  if (users.some((user) => asker.uid === (typeof user === 'number' ? user : system.userId(user))))
    return true;
  const ids = groups.map((group) => (typeof group === 'number' ? group : system.groupId(group)));
  return ids.some((id) => id !== undefined && (asker.gid === id || asker.groups.includes(id)));
}

export interface BridgeHelperParts {
  /** Path of the control socket: this one is beside it. */
  control: string;
  guests: GuestPorts;
  system: HelperSystem;
  config(): SwitchConfig;
  log: Logger;
}

export class BridgeHelper {
  private readonly parts: BridgeHelperParts;
  private server: Server | undefined;
  /** Whose they are. */
  private readonly clients = new Map<Socket, number | undefined>();
  /** Bridges that had the key at the last look. */
  private bridges = new Set<string>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(parts: BridgeHelperParts) {
    this.parts = parts;
  }

  /** The configuration may be another one: listens if a bridge wants it, and takes what its guests hold. */
  update(): Promise<void> {
    return this.inTurn(async () => {
      const now = Object.entries(this.parts.config().bridges).filter(
        ([, { bridge_helper }]) => bridge_helper,
      );
      const names = new Set(now.map(([name]) => name));
      const isNew = [...names].filter((name) => !this.bridges.has(name));
      this.bridges = names;
      for (const name of isNew) await this.parts.guests.adopt(name, { kind: 'unknown' });
      if (names.size > 0) await this.listen();
      else await this.stop();
    }).catch((error: Error) => this.parts.log.error(`The bridge helper: ${error.message}`));
  }

  close(): Promise<void> {
    return this.inTurn(() => this.stop());
  }

  private inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.turn.then(task);
    this.turn = done.catch(() => {});
    return done;
  }

  private async listen(): Promise<void> {
    if (this.server !== undefined) return;
    const server = createServer((socket) => this.accept(socket));
    server.maxConnections = MAX_CLIENTS;
    await listenUnix(server, helperSocket(this.parts.control), { anybody: true });
    // Beyond what a process may have open, the next one waits.
    server.on('error', (error) => this.parts.log.warn(`The bridge helper's socket: ${error.message}`));
    this.server = server;
  }

  private async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    const closed = new Promise((done) => server.close(done));
    for (const socket of this.clients.keys()) socket.destroy();
    await closed;
  }

  private accept(socket: Socket): void {
    const uid = peerAt(socket, this.parts.system.credentials)?.uid;
    const ofUser = [...this.clients.values()].filter((other) => other === uid).length;
    socket.on('error', () => {}); // It is gone.
    socket.once('close', () => this.clients.delete(socket));
    socket.setTimeout(PATIENCE, () => socket.destroy());
    this.clients.set(socket, uid);
    if (uid === undefined || (uid !== 0 && ofUser >= MAX_OF_USER)) {
      refuse(socket, 'too many of your programs ask at the same time');
      return;
    }
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end < 0 && text.length <= MAX_REQUEST) return;
      socket.removeAllListeners('data');
      socket.pause();
      socket.setTimeout(0);
      void this.answer(socket, text.slice(0, Math.max(0, end)));
    });
  }

  private async answer(socket: Socket, request: string): Promise<void> {
    const { system, guests } = this.parts;
    try {
      const [, bridge, vnet] = REQUEST.exec(request) ?? [];
      if (bridge === undefined)
        throw new TaploomError('bad_request', 'taploomd and taploom-bridge-helper are of different versions');
      this.requireAllowed(bridge, socket);
      const by = authorOf(socket, system.credentials) ?? { kind: 'unknown' as const };
      const { name, fd } = await guests.handOut(bridge, vnet !== undefined, by);
      try {
        // Without it the TAP ends here, and its port with it.
        const at = descriptorOf(socket);
        if (at !== undefined) system.send(at, `ok ${name}\n`, fd);
      } finally {
        system.close(fd);
      }
      socket.end();
    } catch (error) {
      if (!(error instanceof TaploomError)) this.parts.log.error({ err: error }, 'The bridge helper failed');
      refuse(socket, sentence(error));
    }
  }

  private requireAllowed(bridge: string, socket: Socket): void {
    const { system, guests } = this.parts;
    const helper = guests.helperOf(bridge);
    const peer = peerAt(socket, system.credentials);
    const at = descriptorOf(socket);
    if (peer === undefined || at === undefined)
      throw new TaploomError('not_permitted', 'nobody knows who asks');
    if (mayAsk(helper, { ...peer, groups: system.groups(at) }, system)) return;
    const help = `users and groups under bridges.${bridge}.bridge_helper in taploomd's configuration say who may`;
    throw new TaploomError(
      'not_permitted',
      `user ${peer.uid} may not have a TAP of bridge ${bridge}: ${help}`,
    );
  }
}

function descriptorOf(socket: Socket): number | undefined {
  let found: number | undefined;
  peerAt(socket, (fd) => {
    found = fd;
    return undefined;
  });
  return found;
}

function refuse(socket: Socket, why: string): void {
  socket.end(`error ${why}\n`);
}

/** One line. */
function sentence(error: unknown): string {
  return error instanceof TaploomError
    ? error.message.replaceAll('\n', '; ')
    : 'taploomd failed: its log says why';
}
