// A device of one's own, and a wrapper around it: each frame is a datagram. See docs/library.md; device.ts plugs them in, and
// test/port/plug.test.ts runs the contract of devices against both.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Device, DeviceLink } from 'taploom';

/** Datagrams that may wait in the socket: what comes beyond waits in the port's ring, which is bounded, too. */
const MAX_UNSENT = 64;

export class UdpDevice implements Device {
  private readonly socket = createSocket('udp4');
  private link: DeviceLink | undefined;
  private unsent = 0;
  private peer = 0;

  async open(link: DeviceLink): Promise<void> {
    this.link = link;
    this.socket.on('message', (bytes) => link.receive(bytes)); // a full ring: it is lost, as on any wire
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
  }

  /** UDP port. */
  get address(): number {
    return this.socket.address().port;
  }

  connect(peer: number): void {
    this.peer = peer;
  }

  transmit({ bytes }: { bytes: Uint8Array }): boolean {
    if (this.unsent >= MAX_UNSENT) return false;
    this.unsent += 1;
    this.socket.send(bytes, this.peer, '127.0.0.1', () => {
      this.unsent -= 1;
      if (this.unsent === MAX_UNSENT - 1) this.link?.ready();
    });
    return true;
  }

  close(): void {
    this.socket.close();
  }
}

/** A wrapper: counts what passes, and leaves the rest to the device in it. */
export class Counted implements Device {
  frames = 0;
  private readonly inner: Device;

  constructor(inner: Device) {
    this.inner = inner;
  }

  open(link: DeviceLink): void | Promise<void> {
    return this.inner.open?.(link);
  }

  transmit(frame: { bytes: Uint8Array }): boolean {
    const isTaken = this.inner.transmit(frame);
    if (isTaken) this.frames += 1;
    return isTaken;
  }

  close(): void | Promise<void> {
    return this.inner.close?.();
  }
}
