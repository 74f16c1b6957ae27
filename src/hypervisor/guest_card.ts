// What a hypervisor needs to know to plug a guest's network card into a port.

/** Where the other end is. `isServer`: the switch listens there, and the hypervisor connects. */
export type Socket = { path: string } | { address: string; port: number };

/** How frames get from a hypervisor to the switch. */
export type WayIn =
  /** A TAP by its name, which the hypervisor opens itself, or by descriptors that it inherits. */
  | { kind: 'tap'; interface: string; netns?: string; queues: number; fds?: readonly number[] }
  | { kind: 'stream'; socket: Socket; isServer: boolean }
  /** `socket` is the switch's. */
  | { kind: 'dgram'; socket: Socket; own: Socket }
  | { kind: 'vhost_user'; path: string; isServer: boolean; queues: number };

/** A guest's network card: which port it is plugged into, and how. */
export interface GuestCard {
  /** Of the port. */
  name: string;
  mac: string;
  way: WayIn;
}

/** What hypervisors need to know beside the card. */
export interface VmOptions {
  /** Of vhost-user: memory of the guest, which it shares. Default 512M. */
  memory?: string;
  /** Of QEMU with vhost-user: without KVM. Default false. */
  tcg?: boolean;
}

/** What ends up in a command line that a shell reads. */
export function shellWords(words: readonly string[]): string {
  const quote = (word: string) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return words.map(quote).join(' ');
}
