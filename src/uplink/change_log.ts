// What was changed of the kernel's settings, on the disk before it is changed: so that the next start, or `undo`, takes
// back what a process left that was killed. A file of the state directory:
//
//   { boot, netns, changes: [{ name: 'ipv4/conf/eth0/forwarding', index: 2, before: '0', ours: '1', isShared: true }] }
//
// After a boot, and in another network namespace, it means nothing. Nothing that it says reaches beyond `forwarding`.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** One setting of an interface. */
export interface Change {
  /** Below /proc/sys/net, as it was named then. */
  readonly name: string;
  /** The interface's, which may get another name; a later one of the same name is another one. */
  readonly index: number;
  readonly before: string;
  readonly ours: string;
  /** Others may rely on it, too, once it is there: the uplink's. */
  readonly isShared: boolean;
}

const FILE = 'host-uplink.json';
const NAME = /^ipv[46]\/conf\/(?!\.{1,2}\/)[^/]{1,15}\/(force_)?forwarding$/;
const VALUE = /^\d{1,3}$/;

export class ChangeLog {
  private readonly folder: string;
  private readonly file: string;

  constructor(stateDirectory: string) {
    this.folder = stateDirectory;
    this.file = join(stateDirectory, FILE);
  }

  /** What is on the disk and means something here; what cannot be read is nothing. */
  read(): Change[] {
    let content: unknown;
    try {
      content = JSON.parse(readFileSync(this.file, 'utf8'));
    } catch {
      return [];
    }
    const { boot, netns, changes } = (content ?? {}) as {
      boot?: unknown;
      netns?: unknown;
      changes?: unknown;
    };
    const here = whereabouts();
    if (boot !== here.boot || netns !== here.netns || !Array.isArray(changes)) return [];
    return changes.filter(isChange);
  }

  /** Is on the disk when it returns. Throws what the file system says. */
  write(changes: readonly Change[]): void {
    if (changes.length === 0) {
      rmSync(this.file, { force: true });
      return;
    }
    mkdirSync(this.folder, { recursive: true, mode: 0o755 });
    const temporary = `${this.file}.new`;
    const fd = openSync(temporary, 'w', 0o600);
    try {
      writeSync(fd, `${JSON.stringify({ ...whereabouts(), changes }, undefined, 2)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, this.file);
  }
}

/** What the settings belong to. */
function whereabouts(): { boot: string; netns: number } {
  return {
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    netns: statSync('/proc/self/ns/net').ino,
  };
}

function isChange(value: unknown): value is Change {
  const { name, index, before, ours, isShared } = (value ?? {}) as Record<string, unknown>;
  return (
    [name, before, ours].every((text) => typeof text === 'string') &&
    NAME.test(name as string) &&
    VALUE.test(before as string) &&
    VALUE.test(ours as string) &&
    Number.isInteger(index) &&
    typeof isShared === 'boolean'
  );
}
