import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { searchNumber, searchRate } from '../../src/tester/search.ts';

/** A switch that forwards `capacity` frames a second, offered by a generator that has `reach`. */
const bench = (capacity: number, reach = Number.POSITIVE_INFINITY) => {
  const asked: number[] = [];
  const attempt = async (rate: number) => {
    asked.push(rate);
    const offered = Math.min(rate, reach);
    return { ok: offered <= capacity, offered };
  };
  return { asked, attempt };
};

describe('the search for a rate', () => {
  test('comes within the resolution of any capacity, from below, in few trials', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 200, max: 1e6, noNaN: true }), async (capacity) => {
        const { asked, attempt } = bench(capacity);
        const { best, failed, limit } = await searchRate(
          { top: 1e6, resolution: 0.01, topIs: 'generator' },
          attempt,
        );
        expect(best?.offered).toBeLessThanOrEqual(capacity);
        expect(best?.offered).toBeGreaterThanOrEqual(capacity * 0.985);
        if (capacity < 1e6) expect(failed?.offered).toBeGreaterThan(capacity);
        expect(limit).toBe(capacity < 1e6 ? 'switch' : 'generator');
        expect(asked.length).toBeLessThan(25);
      }),
    );
  });

  test('starts at the top, and is done if that goes well', async () => {
    const { asked, attempt } = bench(1000);
    const search = await searchRate({ top: 900, resolution: 0.01, topIs: 'rate' }, attempt);
    expect(asked).toEqual([900]);
    expect(search).toMatchObject({ best: { offered: 900 }, limit: 'rate' });
  });

  test('names the generator if it stays behind, and forgives it once', async () => {
    const slow = bench(1e6, 5000);
    const search = await searchRate({ top: 10_000, resolution: 0.01, topIs: 'rate' }, slow.attempt);
    expect(search).toMatchObject({ best: { offered: 5000 }, limit: 'generator' });
    expect(slow.asked).toEqual([10_000, 10_000, 10_000]);

    let first = true;
    const moody = async (rate: number) => {
      const offered = first ? rate / 2 : rate;
      first = false;
      return { ok: offered <= 8000, offered };
    };
    const recovered = await searchRate({ top: 10_000, resolution: 0.01, topIs: 'rate' }, moody);
    expect(recovered.limit).toBe('switch');
    expect(recovered.best?.offered).toBeGreaterThan(7850);
  });

  test('comes to an end with a generator that always stays a little behind, or has a limit there', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 200, max: 1e6, noNaN: true }),
        fc.constantFrom(0.999, 0.99, 0.985, 0.96, 0.951, 0.94),
        fc.double({ min: 100, max: 1e6, noNaN: true }),
        async (capacity, share, reach) => {
          let trials = 0;
          const search = await searchRate({ top: 1e6, resolution: 0.01, topIs: 'rate' }, async (rate) => {
            if (++trials > 60) throw new Error('no end');
            const offered = Math.min(rate * share, reach);
            return { ok: offered <= capacity, offered };
          });
          expect(search.best?.offered ?? 0).toBeLessThanOrEqual(capacity);
          const isReached = Math.min(reach, 1e6 * share) > capacity && share > 0.95;
          if (isReached && reach > capacity * 1.2) {
            expect(search.limit).toBe('switch');
            expect(search.best?.offered).toBeGreaterThan(capacity * 0.88);
          }
        },
      ),
    );
  });

  test('a switch that forwards nothing has no rate, and that is found out in time', async () => {
    const { asked, attempt } = bench(0);
    const search = await searchRate({ top: 1e6, resolution: 0.01, topIs: 'generator' }, attempt);
    expect(search.best).toBeUndefined();
    expect(search.limit).toBe('switch');
    expect(asked.length).toBeLessThan(20);
  });
});

test('the search for a number finds exactly the largest', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 5000 }),
      fc.integer({ min: 1, max: 4000 }),
      async (size, top) => {
        const search = await searchNumber(top, async (number) => ({ ok: number <= size }));
        expect(search.largest).toBe(Math.min(size, top));
        expect(search.atLeast).toBe(size >= top);
        expect(search.trials.length).toBeLessThan(15);
      },
    ),
  );
});
