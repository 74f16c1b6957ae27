// A burst without system calls: what is transmitted is kept as datagrams, and rows of rx are filled by the test.

import type { Burst } from '../../../src/sys/burst.ts';
import { ROW, RX, TX } from '../../../src/sys/burst.ts';

export interface Datagram {
  fd: number;
  bytes: Uint8Array;
  /** struct sockaddr; empty for a TAP. */
  sockaddr: Uint8Array;
  tos: number;
}

export class StubBurst {
  readonly txCapacity: number;
  readonly rx: Int32Array;
  readonly tx: Int32Array;
  readonly sent: Datagram[] = [];
  /** How many entries each call had. */
  readonly calls: number[] = [];
  /** Results of the entries to come, -errno; 0 = taken. */
  results: number[] = [];
  /** The time at which datagrams are heard. */
  second = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array, txCapacity = 512) {
    this.bytes = bytes;
    this.txCapacity = txCapacity;
    this.rx = new Int32Array(65 * ROW);
    this.tx = new Int32Array(txCapacity * ROW);
  }

  transmit(count: number): void {
    this.calls.push(count);
    for (let row = 0; row < count * ROW; row += ROW) {
      const { tx } = this;
      const pieces: Uint8Array[] = [];
      for (let n = 0; n < tx[row + TX.pieces]; n++) {
        const at = tx[row + TX.piece + 2 * n];
        pieces.push(this.bytes.subarray(at, at + tx[row + TX.piece + 2 * n + 1]));
      }
      const bytes = Uint8Array.from(Buffer.concat(pieces));
      const error = this.results.shift() ?? 0;
      tx[row + TX.result] = error === 0 ? bytes.length : error;
      if (error !== 0) continue;
      const sockaddr = tx[row + TX.sockaddr];
      this.sent.push({
        fd: tx[row + TX.fd],
        bytes,
        sockaddr: Uint8Array.from(this.bytes.subarray(sockaddr, sockaddr + tx[row + TX.sockaddrLength])),
        tos: tx[row + TX.tos],
      });
    }
  }

  /** Slot `i` came from this address, with these outer TOS bits. */
  heard(i: number, address: Int32Array, tos = 0): number {
    this.rx.set(address, i * ROW + RX.address);
    this.rx[i * ROW + RX.tos] = tos;
    return i * ROW;
  }

  asBurst(): Burst {
    return this as unknown as Burst;
  }
}
