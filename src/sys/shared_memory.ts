// Memory that another process can be given, as a descriptor: a memfd, mapped here. Never for memory that others made: who
// can shorten the file can end this process (SIGBUS).

import { ftruncateSync } from 'node:fs';
import { aligned, bufferOver, native } from './native.ts';
import { check } from './sys_error.ts';
import { closeFd } from './wake.ts';

// Words of tl_memory_map in native/taploom.h, 8 bytes each.
const SIZE = 0;
const OFFSET = 8;
const ADDRESS = 16;
const WORDS = 3;

/** Most bytes of one mapping: what a Buffer can have on Node 20. */
export const MAX_SHARED = 2 ** 32;

export class SharedMemory {
  readonly fd: number;
  readonly size: number;
  /** Of the mapping in the file. */
  readonly offset: number;
  private readonly words: Buffer;
  private mapped: Buffer | undefined;

  /** Takes over `fd`, of which `size` bytes from `offset` on are mapped. Throws SysError. */
  constructor(fd: number, size: number, offset = 0) {
    this.fd = fd;
    this.size = size;
    this.offset = offset;
    this.words = aligned(WORDS * 8);
    this.words.writeBigUInt64LE(BigInt(size), SIZE);
    this.words.writeBigUInt64LE(BigInt(offset), OFFSET);
    check(native().tl_memory_map(fd, this.words), 'mmap', `Cannot map ${size} bytes`);
    this.mapped = bufferOver(this.words, ADDRESS, size);
  }

  /** Zeroed, and without pages until they are written. `offset` bytes before it are in the file, too. Throws SysError. */
  static create(name: string, size: number, offset = 0): SharedMemory {
    const fd = check(native().tl_memfd_create(name), 'memfd_create', 'Cannot create memory to share');
    try {
      ftruncateSync(fd, offset + size);
      return new SharedMemory(fd, size, offset);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  get bytes(): Buffer {
    if (this.mapped === undefined) throw new Error('Shared memory is used after it was closed');
    return this.mapped;
  }

  /** The file becomes `bytes` long under everybody's feet; what is mapped here is empty memory of its own from then on. */
  truncate(bytes: number): void {
    check(native().tl_memory_leave(this.words), 'mmap', 'Cannot leave shared memory');
    ftruncateSync(this.fd, bytes);
  }

  /** Gives the pages back; Buffers that somebody still has are over empty memory from then on. */
  close(): void {
    if (this.mapped === undefined) return;
    this.mapped = undefined;
    check(native().tl_memory_leave(this.words), 'mmap', 'Cannot leave shared memory');
    closeFd(this.fd);
  }
}
