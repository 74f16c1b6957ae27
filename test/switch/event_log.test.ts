import { describe, expect, test } from 'vitest';
import type { SwitchEvent } from '../../src/event.ts';
import { EventLog } from '../../src/switch/event_log.ts';

const clock = () => new Date(0);
const port = (name: string, change: 'up' | 'down' = 'up') =>
  ({ type: 'port', change, bridge: 'br0', port: name }) as const;
const open = () => new EventLog({ first: 1000, clock });
const seqs = (events: readonly SwitchEvent[]) => events.map(({ seq }) => seq);

test('an event has a number, a time and a sentence', () => {
  const log = open();
  expect(log.add(port('vm1'))).toEqual({
    seq: 1001,
    time: '1970-01-01T00:00:00.000Z',
    type: 'port',
    change: 'up',
    bridge: 'br0',
    port: 'vm1',
    message: 'port vm1 is up',
  });
});

test('numbers of a later run are higher', async () => {
  const early = new EventLog().add(port('vm1')).seq;
  await new Promise((done) => setTimeout(done, 2));
  expect(new EventLog().add(port('vm1')).seq).toBeGreaterThan(early);
  expect(Number.isSafeInteger(early)).toBe(true);
});

test('the last thousand are kept, and who comes too late is told how many are missing', () => {
  const log = open();
  for (let n = 0; n < 2500; n++) log.add(port('vm1'));
  expect(seqs(log.stored())).toEqual(Array.from({ length: 1000 }, (_, n) => 2501 + n));
  expect(seqs(log.stored({ since: 3498 }))).toEqual([3499, 3500]);
  const [lost, next] = log.stored({ since: 2000 });
  expect(lost).toMatchObject({ type: 'lost', count: 500, seq: 2500 });
  expect(next.seq).toBe(2501);
  expect(log.stored({ since: 3500 })).toEqual([]);
});

test('who comes back after a restart gets all of the new run, and is told that', () => {
  const log = open();
  log.add(port('vm1'));
  expect(log.stored({ since: 17 })).toMatchObject([{ type: 'lost', count: 0, seq: 1000 }, { seq: 1001 }]);
  expect(log.stored({ since: 5000 })).toMatchObject([{ type: 'lost', count: 0 }, { seq: 1001 }]);
});

describe('a filter', () => {
  const log = open();
  log.add(port('vm1'));
  log.add(port('vm2'));
  log.add({ type: 'drop', bridge: 'br0', port: 'vm2', side: 'receive', reason: 'runt', frames: 2 });
  const action = { op: 'add', kind: 'port', path: 'bridges.br0.ports["vm.2"]', ok: true } as const;
  log.add({ type: 'configuration', by: { kind: 'program' }, actions: [action], total: 1, failed: 0 });
  const station = { type: 'station', bridge: 'br1', vlan: 0, mac: '02:00:00:00:00:01' } as const;
  log.add({ ...station, change: 'moved', from: 'a', to: 'vm2' });
  const cases = [
    [{ types: ['port'] }, [1001, 1002]],
    [{ port: 'vm2' }, [1002, 1003, 1005]],
    [{ port: 'vm.2' }, [1004]],
    [{ bridge: 'br1' }, [1005]],
    [{ bridge: 'br0', types: ['drop', 'configuration'] }, [1003, 1004]],
  ] as const;
  test.each(cases)('%j passes what it names', (filter, expected) => {
    expect(seqs(log.stored(filter))).toEqual(expected);
  });
});

describe('a subscription', () => {
  test('gives what is stored since, then what comes, without gap or repetition', async () => {
    const log = open();
    for (let n = 0; n < 5; n++) log.add(port('vm1'));
    const events = log.subscribe({ since: 1003 });
    log.add(port('vm2'));
    const got: number[] = [];
    for await (const { seq } of events) {
      got.push(seq);
      if (seq === 1006) setTimeout(() => log.add(port('vm3')));
      if (seq === 1007) break;
    }
    expect(got).toEqual([1004, 1005, 1006, 1007]);
  });

  test('begins with what comes now unless it is told otherwise', async () => {
    const log = open();
    log.add(port('vm1'));
    const events = log.subscribe();
    log.add(port('vm2'));
    expect((await events.next()).value.port).toBe('vm2');
  });

  test('loses events when nobody reads, says how many, and holds no more than its queue', async () => {
    const log = open();
    const events = log.subscribe();
    for (let n = 1; n <= 10_000; n++) log.add(port('vm1'));
    const read = async () => (await events.next()).value as SwitchEvent;
    for (let n = 1; n <= 256; n++) expect((await read()).seq).toBe(1000 + n);
    expect(await read()).toMatchObject({ type: 'lost', count: 10_000 - 256, seq: 11_000 });
    log.add(port('vm2'));
    expect(await read()).toMatchObject({ seq: 11_001, port: 'vm2' });
  });

  test('ends when it is closed, and when the switch is, then after what is queued', async () => {
    const counts: number[] = [];
    const log = new EventLog({ onFollowers: (count) => counts.push(count) });
    const [one, two] = [log.subscribe(), log.subscribe()];
    const waiting = one.next();
    one.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    log.add(port('vm1'));
    log.close();
    expect((await two.next()).value.port).toBe('vm1');
    expect((await two.next()).done).toBe(true);
    expect((await log.subscribe().next()).done).toBe(true);
    expect(counts).toEqual([1, 2, 1, 0]);
  });
});

test('a sentence shows no control characters of strangers', () => {
  const neighbour = {
    type: 'neighbour',
    change: 'added',
    bridge: 'br0',
    port: 'vm1',
    protocol: 'lldp',
  } as const;
  const { message } = open().add({
    ...neighbour,
    chassis: 'x',
    neighbourPort: '\u001b[2J',
    name: 'a\u202eb\n',
  });
  expect(message).toBe('neighbour a?b? (port ?[2J) on port vm1 is new');
});
