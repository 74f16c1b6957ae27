// Settings of the kernel below /proc/sys/net, of the network namespace that this process is in.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const ROOT = '/proc/sys/net';

export class Sysctl {
  private readonly root: string;

  /** `root` is another folder for tests. */
  constructor(root = ROOT) {
    this.root = root;
  }

  /** Undefined if there is none, `ipv4/conf/eth0/forwarding` without its interface. */
  read(name: string): string | undefined {
    try {
      return readFileSync(`${this.root}/${name}`, 'utf8').trim();
    } catch {
      return undefined;
    }
  }

  /** Throws what open(2) and write(2) say. */
  write(name: string, value: string): void {
    // Without O_CREAT, which the kernel would not obey, and a folder of tests would.
    writeFileSync(`${this.root}/${name}`, value, { flag: 'r+' });
  }

  list(folder: string): string[] {
    try {
      return readdirSync(`${this.root}/${folder}`);
    } catch {
      return [];
    }
  }
}

/** As sysctl(8) writes it: `net.ipv4.conf.eth0.forwarding`, where a dot of an interface's name is a slash. */
export function sysctlName(name: string): string {
  return ['net', ...name.split('/').map((part) => part.replaceAll('.', '/'))].join('.');
}
