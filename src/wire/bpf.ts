// Classic BPF: the programs that `tcpdump -ddd` prints, checked and run. McCanne and Jacobson, "The BSD Packet Filter"
// (1993), section 3; opcodes as in the kernel's include/uapi/linux/bpf_common.h.
//
// A program comes from a client, so it is hostile until `checkBpf` has seen it. Jumps only go forward, so a run takes at
// most one step for each instruction: that is the bound. The kernel's extensions (negative offsets: direction, interface,
// a tag beside the frame) are refused, since there is nothing to load.

/** One instruction: opcode, jump if true, jump if false, operand. */
export type BpfInstruction = readonly [code: number, jt: number, jf: number, k: number];

/** Most instructions of a program, as BPF_MAXINSNS of the kernel. */
export const MAX_INSTRUCTIONS = 4096;
const MEMORY_WORDS = 16;

export const BPF = {
  LD_W_ABS: 0x20,
  LD_H_ABS: 0x28,
  LD_B_ABS: 0x30,
  LD_W_IND: 0x40,
  LD_H_IND: 0x48,
  LD_B_IND: 0x50,
  LD_IMM: 0x00,
  LD_LEN: 0x80,
  LD_MEM: 0x60,
  LDX_IMM: 0x01,
  LDX_LEN: 0x81,
  LDX_MEM: 0x61,
  /** X = 4 * (byte & 15): the length of an IPv4 header. */
  LDX_MSH: 0xb1,
  ST: 0x02,
  STX: 0x03,
  ADD_K: 0x04,
  SUB_K: 0x14,
  MUL_K: 0x24,
  DIV_K: 0x34,
  OR_K: 0x44,
  AND_K: 0x54,
  LSH_K: 0x64,
  RSH_K: 0x74,
  NEG: 0x84,
  MOD_K: 0x94,
  XOR_K: 0xa4,
  ADD_X: 0x0c,
  SUB_X: 0x1c,
  MUL_X: 0x2c,
  DIV_X: 0x3c,
  OR_X: 0x4c,
  AND_X: 0x5c,
  LSH_X: 0x6c,
  RSH_X: 0x7c,
  MOD_X: 0x9c,
  XOR_X: 0xac,
  JA: 0x05,
  JEQ_K: 0x15,
  JGT_K: 0x25,
  JGE_K: 0x35,
  JSET_K: 0x45,
  JEQ_X: 0x1d,
  JGT_X: 0x2d,
  JGE_X: 0x3d,
  JSET_X: 0x4d,
  RET_K: 0x06,
  RET_A: 0x16,
  TAX: 0x07,
  TXA: 0x87,
} as const;

/** What `inbound`, `outbound` and `ifindex` compile to. */
const METADATA =
  'it asks for what is not in the frame (inbound, outbound, ifindex), and there is no such thing here';

const KNOWN = new Set<number>(Object.values(BPF));
const OF_MEMORY = new Set<number>([BPF.LD_MEM, BPF.LDX_MEM, BPF.ST, BPF.STX]);
const BY_CONSTANT = new Set<number>([BPF.DIV_K, BPF.MOD_K]);
const SHIFTS = new Set<number>([BPF.LSH_K, BPF.RSH_K]);
const CONDITIONAL = new Set<number>([
  BPF.JEQ_K,
  BPF.JGT_K,
  BPF.JGE_K,
  BPF.JSET_K,
  BPF.JEQ_X,
  BPF.JGT_X,
  BPF.JGE_X,
  BPF.JSET_X,
]);

/** What is wrong with a program, or null: as the kernel's bpf_check_classic (net/core/filter.c). */
export function checkBpf(program: readonly BpfInstruction[]): string | null {
  if (program.length === 0) return 'the program is empty';
  if (program.length > MAX_INSTRUCTIONS) {
    return `the program has ${program.length} instructions: at most ${MAX_INSTRUCTIONS}`;
  }
  for (let n = 0; n < program.length; n++) {
    const trouble = checkInstruction(program[n], n, program.length);
    if (trouble !== null) return `instruction ${n}: ${trouble}`;
  }
  const last = program[program.length - 1][0];
  if (last !== BPF.RET_K && last !== BPF.RET_A) return 'the last instruction is not a return';
  return null;
}

const ABSOLUTE = new Set<number>([BPF.LD_W_ABS, BPF.LD_H_ABS, BPF.LD_B_ABS, BPF.LDX_MSH]);

function checkInstruction([code, jt, jf, k]: BpfInstruction, at: number, length: number): string | null {
  const isWord = Number.isInteger(k) && k >= 0 && k <= 0xffff_ffff;
  const areBytes = [jt, jf].every((jump) => Number.isInteger(jump) && jump >= 0 && jump <= 255);
  if (!isWord || !areBytes) return 'a number is out of range';
  if (!KNOWN.has(code)) return `0x${Number(code).toString(16)} is not an opcode`;
  if (ABSOLUTE.has(code) && k > 0x7fff_ffff) return METADATA;
  if (OF_MEMORY.has(code) && k >= MEMORY_WORDS) return `there is no memory word ${k}`;
  if (BY_CONSTANT.has(code) && k === 0) return 'division by zero';
  if (SHIFTS.has(code) && k >= 32) return `shift by ${k} bits`;
  // What is left behind this instruction, the target included, must be there.
  const left = length - at - 1;
  if (code === BPF.JA && k >= left) return 'jump beyond the end';
  if (CONDITIONAL.has(code) && (jt >= left || jf >= left)) return 'jump beyond the end';
  return null;
}

/** A checked program, and what it needs to run. Runs allocate nothing. */
export class BpfProgram {
  private readonly code: Uint8Array;
  private readonly jt: Int32Array;
  private readonly jf: Int32Array;
  private readonly k: Int32Array;
  private readonly memory = new Int32Array(MEMORY_WORDS);
  private readonly usesMemory: boolean;
  /** Bytes before the tag, and the tag, of the frame under way. */
  private head = 12;
  private tag = 0;

  /** @throws RangeError if `checkBpf` has something against it */
  constructor(program: readonly BpfInstruction[]) {
    const trouble = checkBpf(program);
    if (trouble !== null) throw new RangeError(`Not a BPF program: ${trouble}`);
    this.code = Uint8Array.from(program, ([code]) => code);
    this.jt = Int32Array.from(program, ([, jt]) => jt);
    this.jf = Int32Array.from(program, ([, , jf]) => jf);
    this.k = Int32Array.from(program, ([, , , k]) => k);
    this.usesMemory = program.some(([code]) => OF_MEMORY.has(code));
  }

  /**
   * Runs over the frame `12 bytes at start | tag unless 0 | what follows at rest`, of `length` bytes in all. Returns how
   * many bytes to keep, unsigned as int32; 0 = none of it.
   */
  run(view: DataView, start: number, rest: number, length: number, tag: number): number {
    const { code, jt, jf, k, memory } = this;
    this.tag = tag;
    this.head = tag === 0 ? 12 : 16;
    if (this.usesMemory) memory.fill(0);
    let a = 0;
    let x = 0;
    // Ends by a return: the last instruction is one, and jumps stay inside.
    for (let at = 0; ; at++) {
      const operand = k[at];
      switch (code[at]) {
        case BPF.LD_W_ABS:
        case BPF.LD_W_IND: {
          const offset = place(operand, code[at] === BPF.LD_W_ABS ? 0 : x, 4, length);
          if (offset < 0) return 0;
          a = (this.half(view, start, rest, offset) << 16) | this.half(view, start, rest, offset + 2);
          break;
        }
        case BPF.LD_H_ABS:
        case BPF.LD_H_IND: {
          const offset = place(operand, code[at] === BPF.LD_H_ABS ? 0 : x, 2, length);
          if (offset < 0) return 0;
          a = this.half(view, start, rest, offset);
          break;
        }
        case BPF.LD_B_ABS:
        case BPF.LD_B_IND: {
          const offset = place(operand, code[at] === BPF.LD_B_ABS ? 0 : x, 1, length);
          if (offset < 0) return 0;
          a = this.byte(view, start, rest, offset);
          break;
        }
        case BPF.LDX_MSH: {
          const offset = place(operand, 0, 1, length);
          if (offset < 0) return 0;
          x = (this.byte(view, start, rest, offset) & 15) << 2;
          break;
        }
        case BPF.LD_IMM:
          a = operand;
          break;
        case BPF.LD_LEN:
          a = length;
          break;
        case BPF.LD_MEM:
          a = memory[operand];
          break;
        case BPF.LDX_IMM:
          x = operand;
          break;
        case BPF.LDX_LEN:
          x = length;
          break;
        case BPF.LDX_MEM:
          x = memory[operand];
          break;
        case BPF.ST:
          memory[operand] = a;
          break;
        case BPF.STX:
          memory[operand] = x;
          break;
        case BPF.JA:
          at += operand;
          break;
        case BPF.JEQ_K:
          at += a === operand ? jt[at] : jf[at];
          break;
        case BPF.JEQ_X:
          at += a === x ? jt[at] : jf[at];
          break;
        case BPF.JGT_K:
          at += a >>> 0 > operand >>> 0 ? jt[at] : jf[at];
          break;
        case BPF.JGT_X:
          at += a >>> 0 > x >>> 0 ? jt[at] : jf[at];
          break;
        case BPF.JGE_K:
          at += a >>> 0 >= operand >>> 0 ? jt[at] : jf[at];
          break;
        case BPF.JGE_X:
          at += a >>> 0 >= x >>> 0 ? jt[at] : jf[at];
          break;
        case BPF.JSET_K:
          at += (a & operand) !== 0 ? jt[at] : jf[at];
          break;
        case BPF.JSET_X:
          at += (a & x) !== 0 ? jt[at] : jf[at];
          break;
        case BPF.TAX:
          x = a;
          break;
        case BPF.TXA:
          a = x;
          break;
        case BPF.NEG:
          a = -a | 0;
          break;
        case BPF.RET_K:
          return operand;
        case BPF.RET_A:
          return a;
        default: {
          // Arithmetic, of which bit 3 says whether the second operand is X.
          const b = (code[at] & BY_X) !== 0 ? x : operand;
          if (b === 0 && isDivision(code[at])) return 0;
          a = arithmetic(code[at] & ~BY_X, a, b);
        }
      }
    }
  }

  private byte(view: DataView, start: number, rest: number, offset: number): number {
    if (offset < 12) return view.getUint8(start + offset);
    if (offset >= this.head) return view.getUint8(rest + offset - this.head);
    return (this.tag >>> ((15 - offset) << 3)) & 255;
  }

  private half(view: DataView, start: number, rest: number, offset: number): number {
    if (offset >= this.head) return view.getUint16(rest + offset - this.head);
    if (offset < 11) return view.getUint16(start + offset);
    return (this.byte(view, start, rest, offset) << 8) | this.byte(view, start, rest, offset + 1);
  }
}

/** The offset k + x of a load of `size` bytes, or -1 if it ends beyond the frame. Both are unsigned. */
function place(k: number, x: number, size: number, length: number): number {
  if (k < 0 || x < 0 || k > length || x > length) return -1;
  const offset = (k + x) | 0;
  return offset + size > length ? -1 : offset;
}

const BY_X = 8;

function isDivision(code: number): boolean {
  return (code & ~BY_X) === BPF.DIV_K || (code & ~BY_X) === BPF.MOD_K;
}

function arithmetic(code: number, a: number, b: number): number {
  switch (code) {
    case BPF.ADD_K:
      return (a + b) | 0;
    case BPF.SUB_K:
      return (a - b) | 0;
    case BPF.MUL_K:
      return Math.imul(a, b);
    case BPF.DIV_K:
      return ((a >>> 0) / (b >>> 0)) | 0;
    case BPF.MOD_K:
      return ((a >>> 0) % (b >>> 0)) | 0;
    case BPF.OR_K:
      return a | b;
    case BPF.AND_K:
      return a & b;
    case BPF.XOR_K:
      return a ^ b;
    case BPF.LSH_K:
      return b >>> 0 < 32 ? a << b : 0;
    default:
      return b >>> 0 < 32 ? (a >>> b) | 0 : 0; // RSH_K
  }
}

/** The output of `tcpdump -ddd` as a program: a line with the number of instructions, then one of four numbers each. */
export function parseBpf(text: string): BpfInstruction[] {
  const [, ...lines] = text.trim().split('\n');
  return lines.map((line) => {
    const [code, jt, jf, k] = line.trim().split(/\s+/).map(Number);
    return [code, jt, jf, k] as const;
  });
}
