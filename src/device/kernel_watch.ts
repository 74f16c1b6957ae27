// What happens to interfaces, addresses, routes and namespaces, from the kernel, as it happens.
//
//   here: links, addresses, routes     a namespace that a port names: its links     its folder: inotify
//   /proc/PID/ns/net: the end of the process
//
// A socket keeps its namespace alive, so it is closed as soon as the namespace's name is gone or means another one.

import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import { KernelNews } from '../sys/kernel_news.ts';
import { namespaceId, netnsPath, withNetns } from '../sys/netns.ts';
import { parseRtnetlink, type RouteMessage } from '../wire/rtnetlink.ts';

/** `netns` undefined = here. */
export type Happening =
  | (RouteMessage & { netns: string | undefined })
  /** The name has come, is gone, or means another namespace now. */
  | { kind: 'netns'; netns: string }
  /** Something was missed: anything may have happened. */
  | { kind: 'lost' };

/** Looks at a name after its folder changed, ms: `ip netns add` makes the file first and mounts the namespace later. */
const LOOKS = [0, 20, 100, 500];

interface Followed {
  /** Of the namespace; undefined while there is none of this name. */
  id: string | undefined;
  socket: number | undefined;
  process: number | undefined;
  /** With its addresses and routes. */
  isWhole: boolean;
}

export class KernelWatch {
  private readonly listener: (happenings: Happening[]) => void;
  private readonly news: KernelNews;
  private readonly here: number;
  private readonly followed = new Map<string, Followed>();
  private readonly folders = new Map<string, FSWatcher>();
  private readonly timers = new Set<NodeJS.Timeout>();

  /** Throws SysError if the kernel has no such sockets to give. */
  constructor(listener: (happenings: Happening[]) => void) {
    this.listener = listener;
    this.news = new KernelNews(() => this.read());
    this.here = this.news.follow(-1, { addresses: true });
  }

  /** Follows these namespaces, and no others; of `whole` ones their addresses and routes, too. Never throws. */
  follow(names: ReadonlySet<string>, whole: ReadonlySet<string> = new Set()): void {
    for (const [name, followed] of this.followed) {
      if (names.has(name)) continue;
      this.drop(followed);
      this.followed.delete(name);
    }
    const found: Happening[] = [];
    for (const name of names) {
      const isWhole = whole.has(name);
      const before = this.followed.get(name);
      if (before?.isWhole === isWhole) {
        // A port that tried by its own clock may have found the namespace before its folder was looked at; others wait for it.
        if (before.id === undefined && this.renew(name)) found.push({ kind: 'netns', netns: name });
        continue;
      }
      if (before !== undefined) this.drop(before);
      this.followed.set(name, { id: undefined, socket: undefined, process: undefined, isWhole });
      this.renew(name);
    }
    const wanted = new Set([...names].map(folderOf).filter((folder) => folder !== undefined));
    for (const [folder, watcher] of this.folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.folders.delete(folder);
    }
    for (const folder of wanted) this.watchFolder(folder);
    if (found.length > 0) this.listener(found);
  }

  close(): void {
    this.follow(new Set());
    for (const timer of this.timers) clearTimeout(timer);
    this.news.drop(this.here);
    this.news.close();
  }

  private read(): void {
    const happenings: Happening[] = [];
    const names = new Map<number, string | undefined>([[this.here, undefined]]);
    for (const [name, { socket, process }] of this.followed) {
      if (socket !== undefined) names.set(socket, name);
      if (process !== undefined) names.set(process, name);
    }
    for (const { fd, bytes, isLost } of this.news.read()) {
      if (!names.has(fd)) continue;
      const netns = names.get(fd);
      if (isLost) happenings.push({ kind: 'lost' });
      for (const message of parseRtnetlink(bytes)) happenings.push({ ...message, netns });
      if (netns !== undefined && fd === this.followed.get(netns)?.process) this.look(netns, happenings);
    }
    if (happenings.length > 0) this.listener(happenings);
  }

  /** Looks again whether the names in a folder mean what they did. */
  private lookAt(folder: string): void {
    const happenings: Happening[] = [];
    for (const name of this.followed.keys()) if (folderOf(name) === folder) this.look(name, happenings);
    if (happenings.length > 0) this.listener(happenings);
  }

  private look(name: string, happenings: Happening[]): void {
    const followed = this.followed.get(name);
    if (followed === undefined) return;
    const before = followed.id;
    if (namespaceId(name) === before) return;
    this.renew(name);
    // A file that is no namespace yet is looked at anew each time, and there is nothing to tell of it.
    if (followed.id !== before) happenings.push({ kind: 'netns', netns: name });
  }

  /** True if there is such a namespace, and it is followed. */
  private renew(name: string): boolean {
    const followed = this.followed.get(name) as Followed;
    this.drop(followed);
    followed.id = namespaceId(name);
    if (followed.id === undefined) return false;
    const pid = pidOf(name);
    try {
      if (pid !== undefined) followed.process = this.news.followProcess(pid);
      followed.socket = withNetns(name, (fd) => this.news.follow(fd, { addresses: followed.isWhole }));
    } catch {
      // Forbidden, or not yet a namespace: the folder is looked at again, and ports have a clock of their own.
      this.drop(followed);
      followed.id = undefined;
    }
    return followed.id !== undefined;
  }

  private drop(followed: Followed): void {
    if (followed.socket !== undefined) this.news.drop(followed.socket);
    if (followed.process !== undefined) this.news.drop(followed.process);
    followed.socket = undefined;
    followed.process = undefined;
  }

  /** Of a folder that is not there yet the next one above that is: it will be made there. */
  private watchFolder(folder: string): void {
    if (this.folders.has(folder)) return;
    for (let above = folder; ; above = dirname(above)) {
      try {
        const watcher = watch(above, { persistent: false }, (_event, file) => {
          if (above === folder) this.soon(() => this.lookAt(folder));
          else if (file === null || folder.startsWith(`${above}/${file}`.replace('//', '/'))) {
            watcher.close();
            this.folders.delete(folder);
            this.soon(() => this.watchAgain(folder));
          }
        });
        watcher.on('error', () => watcher.close());
        this.folders.set(folder, watcher);
        return;
      } catch {
        if (above === '/' || above === '.') return;
      }
    }
  }

  private watchAgain(folder: string): void {
    if (![...this.followed.keys()].some((name) => folderOf(name) === folder)) return;
    this.watchFolder(folder);
    this.lookAt(folder);
  }

  private soon(act: () => void): void {
    for (const delay of LOOKS) {
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        act();
      }, delay).unref();
      this.timers.add(timer);
    }
  }
}

/** Where names come and go; undefined below /proc, which tells nobody. */
function folderOf(name: string): string | undefined {
  const folder = dirname(netnsPath(name));
  return folder.startsWith('/proc/') ? undefined : folder;
}

/** Of `/proc/PID/ns/net`. */
function pidOf(name: string): number | undefined {
  const [, pid] = /^\/proc\/(\d+)\/ns\/net$/.exec(name) ?? [];
  return pid === undefined ? undefined : Number(pid);
}
