// The filter compiler against libpcap: the same answer for every frame, whatever the filter.

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileSubset } from '../../../src/config/filter/compile_subset.ts';
import { assemble } from '../../../src/config/filter/conditions.ts';
import { parseFilter } from '../../../src/config/filter/parse_filter.ts';
import { type BpfInstruction, BpfProgram, parseBpf } from '../../../src/wire/bpf.ts';
import { needs } from '../../support/needs.ts';
import { filters } from '../../support/random_filters.ts';
import { frames } from '../../support/random_frames.ts';

needs('tcpdump');

function keeps(program: readonly BpfInstruction[], list: readonly Buffer[]): boolean[] {
  const runner = new BpfProgram(program);
  return list.map((frame) => {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
    return runner.run(view, 0, 12, frame.length, 0) !== 0;
  });
}

function libpcap(filter: string): BpfInstruction[] {
  const { status, stdout, stderr } = spawnSync('tcpdump', ['-ddd', '-y', 'EN10MB', '--', filter], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return parseBpf(stdout);
}

describe('the subset of filters that needs no tcpdump', () => {
  const sample = fc.sample(frames, { numRuns: 400, seed: 7 });

  test('keeps the frames that libpcap keeps', { timeout: 60_000 }, () => {
    let hits = 0;
    let refused = 0;
    fc.assert(
      fc.property(filters, (filter) => {
        let wanted: BpfInstruction[];
        try {
          wanted = libpcap(filter);
        } catch (error) {
          // libpcap refuses what can never be true; what it refuses otherwise would be a mistake of the generator.
          expect(String(error)).toMatch(/rejects all packets/);
          expect(keeps(assemble(parseFilter(filter)), sample)).not.toContain(true);
          refused++;
          return;
        }
        const own = keeps(assemble(parseFilter(filter)), sample);
        hits += own.filter(Boolean).length;
        expect(own).toEqual(keeps(wanted, sample));
      }),
      { numRuns: 250 },
    );
    expect(hits).toBeGreaterThan(1000);
    expect(refused).toBeLessThan(125);
  });

  test.each([
    ['tcp and udp or arp', 'or and and bind equally tight'],
    ['arp or tcp and port 80', 'or and and bind equally tight'],
    ['not tcp and udp', 'not binds tighter'],
    ['(vlan and net 10.0.0.0/8) or net 10.0.0.0/8', 'a tag moves what is written after it'],
    ['net 10.0.0.0/8 or (vlan and net 10.0.0.0/8)', 'and not what is written before it'],
    ['vlan and vlan 7 and tcp port 80', 'tags in tags'],
    ['ip src 10.0.0.1', 'a host without the word'],
  ])('%s: %s', (filter) => {
    const own = keeps(assemble(parseFilter(filter)), sample);
    expect(own).toEqual(keeps(libpcap(filter), sample));
  });

  test.each([
    ['tcp port', 'not a number'],
    ['port 70000', '"70000" is not a number up to 65535'],
    ['host example.org', 'names are not looked up'],
    ['net 10.0.0.1/8', 'bits beyond /8 are not 0'],
    ['(tcp', 'ends too early'],
    ['tcp udp', '"udp" is not understood'],
    ['ip6 host 10.0.0.1', 'not an address of ip6'],
    ['tcp[13] & 2 != 0', '"tcp[13]"'],
    ['', 'ends too early'],
  ])('refuses %j', (filter, why) => {
    expect(() => parseFilter(filter)).toThrow(why);
  });

  test('refuses a filter whose jumps would not fit', () => {
    const many = Array.from({ length: 60 }, (_, n) => `tcp port ${n + 1}`).join(' or ');
    expect(() => assemble(parseFilter(many))).toThrow('it is too long');
  });

  test('refuses what would nest too deep', () => {
    expect(() => compileSubset(`${'('.repeat(1_000_000)}tcp`)).toThrow('more than 1000 characters');
    expect(() => compileSubset(`${'('.repeat(996)}tcp`)).toThrow('it ends too early');
    expect(compileSubset(`${'not '.repeat(200)}tcp`)).toEqual(compileSubset('tcp'));
  });
});
