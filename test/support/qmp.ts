// QEMU's machine protocol, over a Unix socket: commands, events, and a migration from its begin to its end.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

interface Event {
  event: string;
  data?: Record<string, unknown>;
  timestamp?: { seconds: number; microseconds: number };
}
type Answer = { return?: unknown; error?: { desc: string } };
type Message = Event & Answer & { QMP?: unknown };

/** What `query-migrate` says. */
interface MigrationInfo {
  status: string;
  downtime: number;
  'total-time': number;
  ram?: { 'dirty-sync-count': number };
}

export interface Migration {
  status: string;
  downtime: number;
  totalMs: number;
}

const PATIENCE_MS = 60_000;
/** QEMU's own, unless told otherwise. */
const DOWNTIME_MS = 300;
/** Bytes a second, the same. */
const BANDWIDTH = 128 << 20;

export class Qmp {
  private readonly socket: Socket;
  private readonly answers: Answer[] = [];
  private readonly events: Event[] = [];
  private rest = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => this.take(text));
    socket.on('error', () => {});
  }

  /** Options of QEMU for a socket there. */
  static options(path: string): string[] {
    return ['-qmp', `unix:${path},server=on,wait=off`];
  }

  /** Waits until QEMU listens. */
  static async connect(path: string): Promise<Qmp> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const socket = connect(path);
      const isThere = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      if (isThere) {
        const qmp = new Qmp(socket);
        await qmp.execute('qmp_capabilities');
        return qmp;
      }
      if (Date.now() > end) throw new Error(`nobody listens at ${path}`);
      await pause();
    }
  }

  /** One at a time. Rejects with what QEMU says. */
  async execute<T>(execute: string, args: Record<string, unknown> = {}): Promise<T> {
    this.socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    const answer = await this.next(this.answers, () => true, `the answer to ${execute}`);
    if (answer.error !== undefined) throw new Error(`${execute}: ${answer.error.desc}`);
    return answer.return as T;
  }

  /** The next event of this name, also one that has come already. @param isIt one that is meant */
  event(name: string, isIt: (data: Record<string, unknown>) => boolean = () => true): Promise<Event> {
    return this.next(this.events, ({ event, data = {} }) => event === name && isIt(data), name);
  }

  /** When the next event of this name came, ms since 1970. */
  async time(name: string): Promise<number> {
    const { timestamp } = await this.event(name);
    return timestamp === undefined ? 0 : timestamp.seconds * 1000 + timestamp.microseconds / 1000;
  }

  /**
   * To where another QEMU waits, or to a file. Resolves with what QEMU says of it; this one's guest has stopped then.
   * @param meanwhile runs when all of the memory has gone once, and before anything has changed over
   */
  async migrate(uri: string, meanwhile?: () => Promise<void>): Promise<Migration> {
    if (meanwhile !== undefined) await this.set({ 'downtime-limit': 1 });
    await this.execute('migrate', { uri });
    if (meanwhile !== undefined) {
      await this.poll((info) => Number(info.ram?.['dirty-sync-count']) >= 2, 'has gone once');
      await meanwhile();
      await this.set({ 'downtime-limit': DOWNTIME_MS });
    }
    const done = await this.migrated();
    if (done.status !== 'completed') throw new Error(`the migration has ${done.status}`);
    return done;
  }

  /** Begins a migration, and calls it off. */
  async migrateInVain(uri: string): Promise<void> {
    await this.set({ 'max-bandwidth': 1 << 20 });
    await this.execute('migrate', { uri });
    await this.poll(({ status }) => status === 'active', 'has begun');
    await this.execute('migrate_cancel');
    const { status } = await this.migrated();
    if (status !== 'cancelled') throw new Error(`the migration has ${status}`);
    await this.set({ 'max-bandwidth': BANDWIDTH });
  }

  /** Of a QEMU that waits (`-incoming defer`): lets a guest come from there. */
  async incoming(uri: string): Promise<void> {
    await this.execute('migrate-incoming', { uri });
  }

  /** Waits for the end of a migration, whatever that is. */
  async migrated(): Promise<Migration> {
    const isOver = ({ status }: MigrationInfo) => ['completed', 'failed', 'cancelled'].includes(status);
    const info = await this.poll(isOver, 'is over');
    return { status: info.status, downtime: info.downtime, totalMs: info['total-time'] };
  }

  private set(parameters: object): Promise<void> {
    return this.execute('migrate-set-parameters', { ...parameters });
  }

  private async poll(isIt: (info: MigrationInfo) => boolean, what: string): Promise<MigrationInfo> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const info = await this.execute<MigrationInfo>('query-migrate');
      if (isIt(info)) return info;
      if (Date.now() > end) throw new Error(`no migration that ${what}: ${JSON.stringify(info)}`);
      await pause();
    }
  }

  close(): void {
    this.socket.destroy();
  }

  private take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() as string;
    for (const message of lines.map((line) => JSON.parse(line) as Message)) {
      if (message.event !== undefined) this.events.push(message);
      else if (message.QMP === undefined) this.answers.push(message);
    }
  }

  private async next<T>(list: T[], isIt: (one: T) => boolean, what: string): Promise<T> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const at = list.findIndex(isIt);
      if (at >= 0) return list.splice(at, 1)[0];
      if (Date.now() > end) throw new Error(`QEMU does not say ${what}`);
      if (this.socket.destroyed) throw new Error(`QEMU has gone before ${what}`);
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
