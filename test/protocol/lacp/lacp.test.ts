import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Aggregate } from '../../../src/protocol/lacp/aggregate.ts';
import { buildLacpdu, type Lacpdu, parseSlow } from '../../../src/wire/lacpdu.ts';
import { carriers, Lab, specOf } from './two_ends.ts';

const CABLES: [string, string][] = [
  ['a1', 'b1'],
  ['a2', 'b2'],
];

function pair(a: Parameters<typeof specOf>[2] = {}, b: Parameters<typeof specOf>[2] = {}) {
  const one = new Aggregate(specOf('a', ['a1', 'a2'], a));
  const two = new Aggregate(specOf('b', ['b1', 'b2'], b));
  return { one, two, lab: new Lab([one, two], CABLES) };
}

function reasons(aggregate: Aggregate): (string | undefined)[] {
  return aggregate.status().members.map(({ reason }) => reason);
}

describe('two ends', () => {
  test.each([
    ['active', 'active'],
    ['active', 'passive'],
    ['passive', 'active'],
  ] as const)('%s and %s carry frames over both links within 3 s', (a, b) => {
    const { one, two, lab } = pair({ lacp: a }, { lacp: b });
    lab.run(3_000);
    expect(carriers(one)).toEqual(['a1', 'a2']);
    expect(carriers(two)).toEqual(['b1', 'b2']);
    expect(one.status().partner).toMatchObject({ system: '02:00:00:00:00:62', key: 1 });
    lab.run(1_000_000);
    expect(carriers(one)).toEqual(['a1', 'a2']);
  });

  test('two passive ones never say a word, and carry nothing', () => {
    const { one, two, lab } = pair({ lacp: 'passive' }, { lacp: 'passive' });
    lab.run(300_000);
    expect(lab.sent.size).toBe(0);
    expect([carriers(one), carriers(two)]).toEqual([[], []]);
    expect(reasons(one)).toEqual(['no LACP partner answers', 'no LACP partner answers']);
  });

  test('each is told as often as it wants: every second, or every 30', () => {
    const { lab } = pair({ rate: 'slow' }, { rate: 'fast' });
    lab.run(100_000);
    lab.sent.clear();
    lab.run(300_000);
    expect(lab.sent.get('a1')?.length).toBeCloseTo(300, -1);
    expect(lab.sent.get('b1')?.length).toBeCloseTo(10, 0);
  });

  test('nobody sends more than three in a second, whatever comes in', () => {
    const { one, lab } = pair();
    const other = buildLacpdu({ hi: 0x200, lo: 1 }, { actor: END, partner: END });
    for (let n = 0; n < 10_000; n++) {
      lab.deliver('a1', other);
      lab.run(1);
    }
    expect(lab.sent.get('a1')?.length).toBeLessThanOrEqual(3 * 11);
    expect(one.status().members[0].counters.lacpdusIn).toBeGreaterThanOrEqual(10_000);
  });

  test('a link that goes down leaves at once, and is back 3 s after it came up', () => {
    const { one, two, lab } = pair();
    lab.run(5_000);
    lab.setUp('a1', false);
    expect(carriers(one)).toEqual(['a2']);
    expect(one.distribution.buckets.every((name) => name === 'a2')).toBe(true);
    lab.setUp('b1', false);
    lab.run(10_000);
    expect(carriers(two)).toEqual(['b2']);
    lab.setUp('a1', true);
    lab.setUp('b1', true);
    lab.run(3_000);
    expect(carriers(one)).toEqual(['a1', 'a2']);
    expect(one.status().members[0].counters.failures).toBe(1);
  });

  test('a link that works one way only is left by both ends within 6 s', () => {
    const { one, two, lab } = pair();
    lab.run(5_000);
    lab.mute('a1');
    lab.run(6_000);
    expect([carriers(one), carriers(two)]).toEqual([['a2'], ['b2']]);
    lab.mute('a1', false);
    lab.run(6_000);
    expect([carriers(one), carriers(two)]).toEqual([
      ['a1', 'a2'],
      ['b1', 'b2'],
    ]);
  });

  test('a member that leaves while its link is up says so: the partner sends nothing there any more', () => {
    const { two, lab } = pair({ rate: 'slow' }, { rate: 'slow' });
    lab.run(100_000);
    expect(carriers(two)).toEqual(['b1', 'b2']);
    lab.remove('a1');
    lab.run(10);
    expect(carriers(two)).toEqual(['b2']);
  });

  test('a partner that is not in step gets no frames, whatever else it says', () => {
    const one = new Aggregate(specOf('a', ['a1']));
    const lab = new Lab([one], []);
    lab.run(100);
    const states = { active: 0x05, inStep: 0x0d, carries: 0x3d, carriesOutOfStep: 0x35 };
    const found = Object.entries(states).map(([name, state]) => {
      const { actor: own } = parseSlow(lab.lastFrame('a1') as Uint8Array) as Lacpdu;
      lab.deliver('a1', buildLacpdu({ hi: 0x200, lo: 1 }, { actor: { ...END, state }, partner: own }));
      lab.run(2_500);
      return [name, carriers(one).length];
    });
    expect(Object.fromEntries(found)).toEqual({ active: 0, inStep: 0, carries: 1, carriesOutOfStep: 0 });
  });

  test('a link that flaps carries frames only while it is in step, and the other one all the time', () => {
    const { one, lab } = pair();
    lab.run(5_000);
    for (let n = 0; n < 50; n++) {
      lab.setUp('a1', false);
      lab.run(300);
      lab.setUp('a1', true);
      lab.run(300);
      expect(carriers(one)).toEqual(['a2']);
    }
    lab.run(5_000);
    expect(carriers(one)).toEqual(['a1', 'a2']);
  });

  test('a link that does not get in step within a minute is in churn', () => {
    const { one, lab } = pair();
    lab.mute('b1');
    lab.run(59_000);
    expect(one.status().members.map(({ churn }) => churn)).toEqual([false, false]);
    lab.run(2_000);
    expect(one.status().members.map(({ churn }) => churn)).toEqual([true, false]);
    expect(one.status().members[0].counters.churns).toBeGreaterThan(0);
    lab.mute('b1', false);
    lab.run(10_000);
    expect(one.status().members.map(({ churn }) => churn)).toEqual([false, false]);
  });

  test('a partner that is somebody else from now on has to negotiate anew', () => {
    const { one, two, lab } = pair();
    lab.run(5_000);
    two.update({ ...two.spec, system: '02:00:00:00:00:99' }, lab.now);
    lab.run(1_100);
    expect(carriers(one)).toEqual([]);
    lab.run(4_000);
    expect(carriers(one)).toEqual(['a1', 'a2']);
    expect(one.status().partner?.system).toBe('02:00:00:00:00:99');
  });
});

describe('partners that are not one', () => {
  test('links to two systems: one carries frames, and the other says where it leads', () => {
    const one = new Aggregate(specOf('a', ['a1', 'a2']));
    const two = new Aggregate(specOf('b', ['b1']));
    const three = new Aggregate(specOf('c', ['b2']));
    const lab = new Lab([one, two, three], CABLES);
    lab.run(10_000);
    expect([carriers(one), carriers(two), carriers(three)]).toEqual([['a1'], ['b1'], []]);
    expect(reasons(one)[1]).toBe('it leads to another partner, 02:00:00:00:00:63 key 1');
    // When the first partner is gone the other one is used.
    lab.setUp('a1', false);
    lab.run(5_000);
    expect([carriers(one), carriers(three)]).toEqual([['a2'], ['b2']]);
    lab.setUp('a1', true);
    lab.run(20_000);
    expect(carriers(one)).toEqual(['a2']);
  });

  test('the priority of a port decides which partner it is', () => {
    const spec = specOf('a', ['a1', 'a2']);
    const members = spec.members.map((one) => (one.name === 'a2' ? { ...one, priority: 1 } : one));
    const one = new Aggregate({ ...spec, members });
    const lab = new Lab(
      [one, new Aggregate(specOf('b', ['b1'])), new Aggregate(specOf('c', ['b2']))],
      CABLES,
    );
    lab.run(10_000);
    expect(carriers(one)).toEqual(['a2']);
  });

  test('a cable from an aggregate to itself carries nothing', () => {
    const one = new Aggregate(specOf('a', ['a1', 'a2']));
    const lab = new Lab([one], [['a1', 'a2']]);
    lab.run(10_000);
    expect(carriers(one)).toEqual([]);
    expect(reasons(one)[0]).toBe('it leads back to this aggregate');
  });

  test('with fewer links than min_links none carries frames, at either end', () => {
    const { one, two, lab } = pair({ minLinks: 2 });
    lab.run(5_000);
    expect(carriers(one)).toEqual(['a1', 'a2']);
    lab.setUp('a1', false);
    lab.setUp('b1', false);
    lab.run(100);
    expect([carriers(one), carriers(two), one.isUp]).toEqual([[], [], false]);
    expect(reasons(one)[1]).toBe('fewer than 2 members are ready (min_links)');
    lab.setUp('a1', true);
    lab.setUp('b1', true);
    lab.run(5_000);
    expect([carriers(one), carriers(two)]).toEqual([
      ['a1', 'a2'],
      ['b1', 'b2'],
    ]);
  });
});

describe('without LACP', () => {
  test('all members that are up share the flows', () => {
    const one = new Aggregate(specOf('a', ['a1', 'a2'], { lacp: 'off' }));
    const lab = new Lab([one], []);
    expect(carriers(one)).toEqual(['a1', 'a2']);
    expect(one.distribution.collecting).toEqual(['a1', 'a2']);
    lab.setUp('a1', false);
    expect(carriers(one)).toEqual(['a2']);
    lab.run(100_000);
    expect(lab.sent.size).toBe(0);
  });

  test('active-backup uses one; another one only when that is down, or a better one is there', () => {
    const spec = specOf('a', ['a1', 'a2'], { lacp: 'off', mode: 'active_backup' });
    const one = new Aggregate(spec);
    const lab = new Lab([one], []);
    expect(carriers(one)).toEqual(['a1']);
    expect(one.distribution.collecting).toEqual(['a1']);
    lab.setUp('a1', false);
    expect(carriers(one)).toEqual(['a2']);
    lab.setUp('a1', true);
    expect(carriers(one)).toEqual(['a2']);
    const better = one.spec.members.map((member) =>
      member.name === 'a1' ? { ...member, priority: 1 } : member,
    );
    one.update({ ...spec, members: better }, lab.now);
    expect(carriers(one)).toEqual(['a1']);
  });
});

const END = {
  systemPriority: 1,
  system: '02:00:00:00:00:77',
  key: 3,
  portPriority: 1,
  port: 1,
  state: 0x3f,
};

test('whatever a partner says, the machines stay within their bounds', () => {
  const end = fc.record({
    systemPriority: fc.nat(3),
    system: fc.constantFrom('02:00:00:00:00:61', '02:00:00:00:00:62', '02:00:00:00:00:63'),
    key: fc.nat(2),
    portPriority: fc.constantFrom(1, 32_768),
    port: fc.nat(2),
    state: fc.nat(255),
  });
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('heard' as const),
      to: fc.constantFrom('a1', 'a2'),
      actor: end,
      partner: end,
    }),
    fc.record({
      kind: fc.constant('noise' as const),
      to: fc.constantFrom('a1', 'a2'),
      bytes: fc.uint8Array(),
    }),
    fc.record({ kind: fc.constant('run' as const), ms: fc.nat(10_000) }),
    fc.record({ kind: fc.constant('link' as const), to: fc.constantFrom('a1', 'a2'), isUp: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const { one, lab } = pair();
      for (const one of steps) {
        if (one.kind === 'heard') lab.deliver(one.to, buildLacpdu({ hi: 0x200, lo: 1 }, one));
        else if (one.kind === 'noise') lab.deliver(one.to, one.bytes);
        else if (one.kind === 'run') lab.run(one.ms);
        else lab.setUp(one.to, one.isUp);
        for (const { port, state, partner } of pairStatus()) {
          const isUp = specUp(port);
          if (state === 'carries') expect([isUp, partner?.port !== undefined]).toEqual([true, true]);
        }
      }
      // With peace, and a sound partner, it works.
      for (const member of ['a1', 'a2']) lab.setUp(member, true);
      lab.run(40_000);
      expect(carriers(one)).toEqual(['a1', 'a2']);

      function pairStatus() {
        return one.status().members;
      }
      function specUp(port: string) {
        return one.spec.members.find(({ name }) => name === port)?.isUp;
      }
    }),
    { numRuns: 100 },
  );
});

test('a member that is taken away takes its flows along, and no other flow moves', () => {
  const one = new Aggregate(specOf('a', ['a1', 'a2', 'a3'], { lacp: 'off' }));
  const lab = new Lab([one], []);
  const before = one.distribution.buckets;
  one.update({ ...one.spec, members: one.spec.members.filter(({ name }) => name !== 'a2') }, lab.now);
  const { buckets } = one.distribution;
  expect(buckets.every((name) => name === 'a1' || name === 'a3')).toBe(true);
  expect(before.every((name, n) => name === 'a2' || name === buckets[n])).toBe(true);
});

test('it answers a marker', () => {
  const one = new Aggregate(specOf('a', ['a1']));
  one.update(one.spec, 0);
  const marker = new Uint8Array(124);
  marker.set([0x88, 0x09, 2, 1, 1, 16], 12);
  const sent: Uint8Array[] = [];
  one.heard('a1', marker, 0, { send: (_, frame) => sent.push(frame) > 0 });
  expect(sent[0].slice(12, 18)).toEqual(new Uint8Array([0x88, 0x09, 2, 1, 2, 16]));
  expect(parseSlow(sent[0])).toBe('tlv');
  expect(one.status().members[0].counters).toMatchObject({ markersIn: 1, malformed: {} });
});

test('frames of slow protocols without use are counted under their reason, and answered by nothing', () => {
  const one = new Aggregate(specOf('a', ['a1']));
  one.update(one.spec, 0);
  const { counters: before } = one.status().members[0];
  const frames = [
    [0x88, 0x09],
    [0x88, 0x09, 3, ...new Array(109).fill(0)],
    [0x88, 0x09, 1, 1, 1, 20, ...new Array(106).fill(0)],
    [0x88, 0x09, 1, 1, 1, 20],
    [0x08, 0x00, 1, 1, ...new Array(108).fill(0)],
  ];
  for (const bytes of frames) {
    const frame = Uint8Array.from([...new Array(12).fill(0), ...bytes]);
    one.heard('a1', frame, 0, { send: () => expect.unreachable('it was answered') });
  }
  const { counters } = one.status().members[0];
  expect(counters).toEqual({ ...before, malformed: { too_short: 2, subtype: 1, tlv: 1, ether_type: 1 } });
  expect(before.malformed).toEqual({});
});
