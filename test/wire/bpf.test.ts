import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BPF,
  type BpfInstruction,
  BpfProgram,
  checkBpf,
  MAX_INSTRUCTIONS,
  parseBpf,
} from '../../src/wire/bpf.ts';
import { needs } from '../support/needs.ts';
import { frames, pcapOf } from '../support/random_frames.ts';

needs('tcpdump');

const ret = (k: number): BpfInstruction => [BPF.RET_K, 0, 0, k];

function run(program: BpfInstruction[], bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return new BpfProgram(program).run(view, 0, 12, bytes.length, 0);
}

describe('a program is refused', () => {
  test.each<[string, BpfInstruction[], string]>([
    ['without instructions', [], 'empty'],
    ['that does not end in a return', [[BPF.LD_IMM, 0, 0, 1]], 'not a return'],
    ['with an unknown opcode', [[0xff, 0, 0, 0], ret(0)], '0xff is not an opcode'],
    ['that jumps beyond its end', [[BPF.JEQ_K, 1, 0, 0], ret(0)], 'jump beyond the end'],
    ['that jumps beyond its end if not', [[BPF.JEQ_K, 0, 9, 0], ret(0)], 'jump beyond the end'],
    ['that jumps far beyond its end', [[BPF.JA, 0, 0, 0xffff_ffff], ret(0)], 'jump beyond the end'],
    ['with memory that is not there', [[BPF.ST, 0, 0, 16], ret(0)], 'no memory word 16'],
    ['that divides by zero', [[BPF.DIV_K, 0, 0, 0], ret(0)], 'division by zero'],
    ['that takes the rest of a division by zero', [[BPF.MOD_K, 0, 0, 0], ret(0)], 'division by zero'],
    ['that shifts too far', [[BPF.LSH_K, 0, 0, 32], ret(0)], 'shift by 32'],
    [
      'that loads what the kernel has beside the frame',
      [[BPF.LD_W_ABS, 0, 0, 0xffff_f004], ret(0)],
      'not in the frame',
    ],
    ['with a fraction', [[BPF.LD_IMM, 0, 0, 1.5], ret(0)], 'out of range'],
    ['with a negative number', [[BPF.LD_IMM, 0, 0, -1], ret(0)], 'out of range'],
    ['with a jump of no byte', [[BPF.JEQ_K, 256, 0, 0], ret(0)], 'out of range'],
    ['that is too long', new Array(MAX_INSTRUCTIONS + 1).fill(ret(0)), 'at most 4096'],
  ])('%s', (_, program, why) => {
    expect(checkBpf(program)).toContain(why);
    expect(() => new BpfProgram(program)).toThrow(why);
  });

  test('but not one of the greatest length', () => {
    const program = [...new Array(MAX_INSTRUCTIONS - 1).fill([BPF.ADD_K, 0, 0, 1]), [BPF.RET_A, 0, 0, 0]];
    expect(run(program, Buffer.alloc(14))).toBe(MAX_INSTRUCTIONS - 1);
  });

  test('whatever it is, and nothing that is accepted throws, hangs or reads outside the frame', () => {
    const instruction = fc.tuple(
      fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...Object.values(BPF)) },
        { weight: 1, arbitrary: fc.nat(0xffff) },
      ),
      fc.nat(6),
      fc.nat(6),
      fc.oneof(fc.nat(20), fc.nat(0xffff_ffff)),
    );
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.array(instruction, { maxLength: 12 }),
        fc.uint8Array({ minLength: 14, maxLength: 60 }),
        (body, bytes) => {
          const program = [...body, ret(7)] as BpfInstruction[];
          if (checkBpf(program) !== null) return;
          accepted++;
          expect(Number.isInteger(run(program, bytes))).toBe(true);
        },
      ),
      { numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });
});

describe('arithmetic is unsigned, of 32 bits', () => {
  test.each<[string, number, number, number]>([
    ['DIV_K', 0xffff_fffe, 2, 0x7fff_ffff],
    ['MOD_K', 0xffff_ffff, 10, 5],
    ['MUL_K', 0x1_0001, 0x1_0001, 0x2_0001],
    ['SUB_K', 1, 2, 0xffff_ffff],
    ['RSH_K', 0x8000_0000, 31, 1],
    ['LSH_K', 1, 31, 0x8000_0000],
    ['XOR_K', 0xffff_0000, 0x00ff_ff00, 0xff00_ff00],
  ])('%s', (name, a, b, result) => {
    const byConstant = BPF[name as keyof typeof BPF];
    const end: BpfInstruction = [BPF.RET_A, 0, 0, 0];
    expect(run([[BPF.LD_IMM, 0, 0, a], [byConstant, 0, 0, b], end], Buffer.alloc(14)) >>> 0).toBe(result);
    const byX: BpfInstruction[] = [
      [BPF.LDX_IMM, 0, 0, b],
      [BPF.LD_IMM, 0, 0, a],
      [byConstant | 8, 0, 0, 0],
      end,
    ];
    expect(run(byX, Buffer.alloc(14)) >>> 0).toBe(result);
  });

  test('and division by an X of zero rejects the frame', () => {
    expect(run([[BPF.LD_IMM, 0, 0, 7], [BPF.DIV_X, 0, 0, 0], ret(5)], Buffer.alloc(14))).toBe(0);
  });

  test('comparisons are unsigned, too', () => {
    const greater: BpfInstruction[] = [[BPF.LD_IMM, 0, 0, 0x8000_0000], [BPF.JGT_K, 0, 1, 1], ret(1), ret(0)];
    expect(run(greater, Buffer.alloc(14))).toBe(1);
  });
});

test('a load beyond the end rejects the frame, also where offset and X overflow', () => {
  const bytes = Buffer.alloc(20);
  const load = (code: number, k: number, x = 0): BpfInstruction[] => [
    [BPF.LDX_IMM, 0, 0, x],
    [code, 0, 0, k],
    ret(9),
  ];
  expect(run(load(BPF.LD_W_ABS, 16), bytes)).toBe(9);
  expect(run(load(BPF.LD_W_ABS, 17), bytes)).toBe(0);
  expect(run(load(BPF.LD_H_IND, 10, 8), bytes)).toBe(9);
  expect(run(load(BPF.LD_H_IND, 10, 9), bytes)).toBe(0);
  expect(run(load(BPF.LD_B_IND, 10, 0xffff_fff8), bytes)).toBe(0);
  expect(run(load(BPF.LD_B_IND, 0xffff_fff8, 16), bytes)).toBe(0);
  expect(run(load(BPF.LDX_MSH, 20), bytes)).toBe(0);
});

test('memory does not outlive a run', () => {
  const program = new BpfProgram([
    [BPF.LD_MEM, 0, 0, 3],
    [BPF.TAX, 0, 0, 0],
    [BPF.LD_IMM, 0, 0, 8],
    [BPF.ST, 0, 0, 3],
    [BPF.TXA, 0, 0, 0],
    [BPF.RET_A, 0, 0, 0],
  ]);
  const view = new DataView(new ArrayBuffer(14));
  expect(program.run(view, 0, 12, 14, 0)).toBe(0);
  expect(program.run(view, 0, 12, 14, 0)).toBe(0);
});

test('a tag that is not in the bytes is where it will be, whatever is loaded', () => {
  const whole = Buffer.from([
    ...Array(12).keys(),
    0x81,
    0x00,
    0x60,
    0x0a,
    ...Array.from({ length: 20 }, (_, n) => 100 + n),
  ]);
  // The same frame as a copy has it: the MACs, somewhere else what follows the tag.
  const apart = Buffer.concat([Buffer.alloc(3), whole.subarray(0, 12), Buffer.alloc(7), whole.subarray(16)]);
  const view = new DataView(apart.buffer, apart.byteOffset, apart.length);
  for (let at = 0; at <= whole.length; at++) {
    for (const code of [BPF.LD_B_ABS, BPF.LD_H_ABS, BPF.LD_W_ABS]) {
      const program: BpfInstruction[] = [
        [code, 0, 0, at],
        [BPF.RET_A, 0, 0, 0],
      ];
      const other = new BpfProgram(program).run(view, 3, 22, whole.length, 0x8100_600a | 0);
      expect([at, code, other]).toEqual([at, code, run(program, whole)]);
    }
  }
});

describe('beside tcpdump', () => {
  const sample = fc.sample(frames, { numRuns: 300, seed: 11 });
  let directory: string;
  let file: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'tlbpf-'));
    file = join(directory, 'frames.pcap');
    writeFileSync(file, pcapOf(sample));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Which frames tcpdump keeps: their time is their number. */
  function byTcpdump(filter: string): number[] {
    const { status, stdout, stderr } = spawnSync('tcpdump', ['-tt', '-nn', '-q', '-r', file, '--', filter], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    return [...stdout.matchAll(/^(\d+)\.000000 /gm)].map(([, second]) => Number(second) - 1);
  }

  const field = fc.oneof(
    fc.constantFrom(
      'len',
      'ether[0]',
      'ether[12:2]',
      'ether[2:4]',
      'ip[0] & 0xf',
      'ip[8]',
      'ip[6:2]',
      'ip6[6]',
      'tcp[0:2]',
      'udp[2:2]',
      'ether[ip[0] & 0xf]',
      'ip[(ip[0] & 0xf) * 4:2]',
    ),
    fc.nat(0xffff).map(String),
    fc.constantFrom('0x80000000', '0xffffffff', '1', '7'),
  );
  const sum = fc
    .tuple(field, fc.constantFrom('+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>'), field, fc.boolean())
    // libpcap refuses constants that it knows to be wrong: division by zero and long shifts are then another's matter
    .map(([a, operator, b, isPlain]) =>
      isPlain ? a : `(${a}) ${operator} (${b.startsWith('0x') || operator.length === 2 ? '3' : b})`,
    );
  const relation = fc
    .tuple(sum, fc.constantFrom('>', '<', '>=', '<=', '=', '!='), sum)
    .map(([a, sign, b]) => `(${a}) ${sign} (${b})`);
  const expression = fc.oneof(
    relation,
    fc.tuple(relation, fc.constantFrom('and', 'or'), relation).map((words) => words.join(' ')),
    fc
      .tuple(
        fc.constantFrom('tcp port 80', 'ip host 10.0.0.1', 'vlan 10 and ip', 'ip6', 'not arp'),
        fc.constantFrom('and', 'or'),
        relation,
      )
      .map((words) => words.join(' ')),
  );

  test('keeps the frames that it keeps, for expressions with every kind of arithmetic', {
    timeout: 60_000,
  }, () => {
    let compared = 0;
    let kept = 0;
    fc.assert(
      fc.property(expression, (filter) => {
        const compiled = spawnSync('tcpdump', ['-ddd', '-y', 'EN10MB', '--', filter], { encoding: 'utf8' });
        if (compiled.status !== 0) return; // constants of which it knows that the answer is always no
        const program = parseBpf(compiled.stdout);
        const own = sample.flatMap((frame, n) => (run(program, frame) !== 0 ? [n] : []));
        expect([filter, own]).toEqual([filter, byTcpdump(filter)]);
        compared++;
        kept += own.length;
      }),
      { numRuns: 200 },
    );
    expect(compared).toBeGreaterThan(100);
    expect(kept).toBeGreaterThan(500);
  });
});
