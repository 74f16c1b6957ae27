// A burst without system calls: what is transmitted is kept as datagrams, and rows of rx are filled by the test.
// Segments are cut here as native code does it, the slow way (test/sys/segment.test.ts is about native code itself).

import type { Burst } from '../../../src/sys/burst.ts';
import { KIND, ROW, RX, TX } from '../../../src/sys/burst.ts';
import { sumWords } from '../../engine/offload_frames.ts';

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
  /** -errno with which UDP_SEGMENT is refused; 0 = it is not. */
  refusal = 0;
  /** The time at which datagrams are received. */
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
      const isSegments = tx[row + TX.kind] === KIND.segments;
      for (const datagram of isSegments ? this.cut(row, pieces) : [bytes]) {
        this.sent.push({
          fd: tx[row + TX.fd],
          bytes: datagram,
          sockaddr: Uint8Array.from(this.bytes.subarray(sockaddr, sockaddr + tx[row + TX.sockaddrLength])),
          tos: tx[row + TX.tos],
        });
      }
    }
  }

  private cut(row: number, [header, payload]: Uint8Array[]): Uint8Array[] {
    const { tx, refusal } = this;
    const size = tx[row + TX.segment] & 0xffff;
    const isTcp = tx[row + TX.segment] >>> 16 === 6;
    const l3 = tx[row + TX.layers] >>> 16;
    const l4 = tx[row + TX.layers] & 0xffff;
    if (tx[row + TX.udpSegment] === 1 && refusal !== 0) tx[row + TX.udpSegment] = refusal;
    const count = Math.ceil(payload.length / size);
    return Array.from({ length: count }, (_, n) => {
      const bytes = Uint8Array.of(...header, ...payload.subarray(n * size, (n + 1) * size));
      const view = new DataView(bytes.buffer);
      if (bytes[l3] >>> 4 === 4) {
        view.setUint16(l3 + 2, bytes.length - l3);
        view.setUint16(l3 + 4, view.getUint16(l3 + 4) + n);
        view.setUint16(l3 + 10, 0);
        view.setUint16(l3 + 10, ~sumWords(bytes.subarray(l3, l4)));
      } else {
        view.setUint16(l3 + 4, bytes.length - l3 - 40);
      }
      if (isTcp) {
        view.setUint32(l4 + 4, view.getUint32(l4 + 4) + n * size);
        if (n > 0) bytes[l4 + 13] &= ~0x80;
        if (n < count - 1) bytes[l4 + 13] &= ~0x09;
      } else {
        view.setUint16(l4 + 4, bytes.length - l4);
      }
      const sum = ~sumWords([...toWord(bytes.length - l4), ...bytes.subarray(l4)]) & 0xffff;
      view.setUint16(l4 + (isTcp ? 16 : 6), sum || 0xffff);
      return bytes;
    });
  }

  /** Slot `i` came from this address, with these outer TOS bits. */
  cameFrom(i: number, address: Int32Array, tos = 0): number {
    this.rx.set(address, i * ROW + RX.address);
    this.rx[i * ROW + RX.tos] = tos;
    return i * ROW;
  }

  /** As native code: see native/join.c. */
  join(
    at: number,
    stride: number,
    count: number,
    l3: number,
    l4: number,
    header: number,
    size: number,
    last: number,
    pseudo: number,
  ): number {
    for (let n = 0; n < count; n++) {
      const from = at + n * stride;
      const end = from + header + (n === count - 1 ? last : size);
      if (l3 >= 0 && sumWords(this.bytes.subarray(from + l3, from + l4)) !== 0xffff) return n;
      const covered = [...toWord(pseudo), ...toWord(end - from - l4), ...this.bytes.subarray(from + l4, end)];
      if (sumWords(covered) !== 0xffff) return n;
      this.bytes.copyWithin(at + header + n * size, from + header, end);
    }
    return count;
  }

  asBurst(): Burst {
    return this as unknown as Burst;
  }
}

const toWord = (value: number) => [value >>> 8, value & 255];
