// Calls of C with arguments, through ffi-napi's own bindings. Its ordinary wrapper makes memory for each argument and a finalizer for
// each pointer: 18 to 55 us a call, and ten times that under load. Here the memory of a function is made once, at its first call.
//
//   result 8 | argument 8, 8, ... | address of each argument 8, 8, ...

/** What is used of ffi-napi and ref-napi. Their own declarations lack lib/bindings and are full of `any`. */
export interface Ffi {
  DynamicLibrary: {
    new (path: string, mode: number): DynamicLibrary;
  };
  ForeignFunction(pointer: Buffer, result: string, args: readonly string[]): ForeignFunction;
  CIF(result: string, args: readonly string[]): Buffer;
}

export interface DynamicLibrary {
  get(symbol: string): Buffer;
}

export interface ForeignFunction {
  /** On a thread of libuv's pool; the last argument is the callback. */
  async(...args: [...numbers: number[], done: (error: Error | null, result: number) => void]): void;
}

export interface Bindings {
  ffi_call(cif: Buffer, pointer: Buffer, result: Buffer, args: Buffer): void;
}

export interface Ref {
  hexAddress(buffer: Buffer): string;
  readPointer(buffer: Buffer, offset: number, length: number): Buffer;
}

/** Types of parameters, and what a caller gives for them. */
export interface Argument {
  int: number;
  double: number;
  string: string;
  pointer: Buffer;
}

export interface Foreign {
  ffi: Ffi;
  bindings: Bindings;
  ref: Ref;
  library: DynamicLibrary;
}

export type NativeCall = (...args: Argument[keyof Argument][]) => number;

const WORD = 8;

/** `int symbol(...)`. Not for what calls back: a second call at the same time would overwrite the arguments of the first. */
export function bindCall(foreign: Foreign, symbol: string, types: readonly (keyof Argument)[]): NativeCall {
  const { ffi, bindings, ref, library } = foreign;
  const addressOf = (buffer: Buffer) => BigInt(`0x${ref.hexAddress(buffer)}`);
  const cif = ffi.CIF('int', types);
  const pointer = library.get(symbol);
  const memory = Buffer.from(new ArrayBuffer(WORD * (1 + 2 * types.length)));
  const result = memory.subarray(0, WORD); // libffi widens an int result to a register
  const value = new Int32Array(memory.buffer, 0, 1);
  const list = memory.subarray(WORD * (1 + types.length));
  const base = addressOf(memory);
  for (const n of types.keys()) list.writeBigUInt64LE(base + BigInt(WORD * (1 + n)), WORD * n);
  // What a call points to must live until it returns, and nothing else may have it any more.
  const held: (Buffer | undefined)[] = types.map(() => undefined);
  return (...args) => {
    if (args.length !== types.length) throw new TypeError(`${symbol} takes ${types.length} arguments`);
    for (const [n, type] of types.entries()) {
      const at = WORD * (1 + n);
      const given = args[n];
      if (type === 'int') memory.writeInt32LE(given as number, at);
      else if (type === 'double') memory.writeDoubleLE(given as number, at);
      else {
        const bytes = type === 'string' ? Buffer.from(`${given}\0`) : (given as Buffer);
        held[n] = bytes;
        memory.writeBigUInt64LE(addressOf(bytes), at);
      }
    }
    bindings.ffi_call(cif, pointer, result, list);
    held.fill(undefined);
    return value[0];
  };
}
