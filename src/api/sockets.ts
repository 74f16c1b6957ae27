// What the switch tells of the socket of a port.

export interface SocketStatus {
  /** Its path, or its address. */
  place: string;
  mode: 'server' | 'client';
  framing: 'qemu' | 'bess' | 'vfkit';
  connected: boolean;
  /** Who is at the other end, as the kernel knows it; a process of 0 is in a namespace that cannot be seen from here. */
  peer?: { pid: number; uid: number; gid: number };
  /** How many there have been since the port is attached. */
  connections: number;
  /** How the last one ended. */
  lastEnd?: string;
  /** Of a listening socket with a template: its guests now, and connections that were refused. */
  guests?: number;
  refused?: number;
  /** Of such a guest: the port that listens. */
  guestOf?: string;
}
