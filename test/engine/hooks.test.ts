// Hooks in an inline switch, given as functions. `run` of the rig checks both laws after every poll.

import { expect, onTestFinished, test } from 'vitest';
import type { Hook, HookContext, HookFrame } from '../../src/engine/hook.ts';
import type { SwitchEvent } from '../../src/event.ts';
import { Switch } from '../../src/switch/switch.ts';
import { parse } from '../support/engine/frame_text.ts';
import { configOf, Rig } from '../support/engine/rig.ts';

type Bridge = Parameters<typeof configOf>[0][string];

/** A rig whose hooks are `one`, `two`, ... in the order of `hooks`. */
async function rigWith(bridge: Bridge, hooks: Record<string, Hook | ((context: HookContext) => Hook)>) {
  const factories = Object.fromEntries(
    Object.entries(hooks).map(([name, hook]) => [
      name,
      (_: unknown, context: HookContext) => (typeof hook === 'function' ? hook(context) : hook),
    ]),
  );
  const taploom = await Switch.open(configOf({ br0: bridge }), { threaded: false, hooks: factories });
  onTestFinished(() => taploom.close());
  return new Rig(taploom);
}

const use = (...names: string[]) => ({ hooks: names.map((name) => ({ function: name })) });
const strict = (name: string) => ({ hooks: [{ function: name, on_error: 'drop' }] });

function hookEvents(rig: Rig): SwitchEvent[] {
  return rig.taploom.events.stored({ types: ['hook'] });
}

test('observe sees what comes in through its port, and nothing else', async () => {
  const seen: string[] = [];
  const observe = (frame: HookFrame) => {
    const { port, length, vlan, priority, segments, checksumStart } = frame;
    seen.push([port, length, vlan, priority, segments, checksumStart, frame.getUint16(12)].join(' '));
  };
  const rig = await rigWith(
    {
      vlan_filtering: true,
      ports: { p1: { vlan: { trunk: [10] }, ...use('one') }, p2: { vlan: { access: 10 } } },
    },
    { one: { observe } },
  );
  expect(rig.say('p1', 'a > * vlan 10 pcp 5')).toEqual(['p2: a > *']);
  expect(rig.say('p2', 'b > *')).toEqual(['p1: b > * vlan 10']);
  expect(seen).toEqual([`p1 60 10 5 1 0 ${0x88b5}`]);
});

test('filter drops with a reason, and nothing is learned of what it drops', async () => {
  const filter = (frame: HookFrame) => frame.getUint8(14) !== 'x'.charCodeAt(0);
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one: { filter } });
  expect(rig.say('p1', 'a > * "x"')).toEqual(['p1 drops: hook']);
  expect(await rig.fdb()).toEqual([]);
  expect(rig.say('p1', 'a > * "y"')).toEqual(['p2: a > * "y"']);
});

test('rewrite changes the frame: by its new source it is learned, by its new destination forwarded', async () => {
  const rewrite = (frame: HookFrame) => {
    frame.setUint8(5, 'b'.charCodeAt(0));
    frame.setUint8(11, 'c'.charCodeAt(0));
    frame.setUint16(14, 0x6869);
    frame.setUint32(10_000, 1); // beyond its end
  };
  const rig = await rigWith({ ports: { p1: use('one'), p2: {}, p3: {} } }, { one: { rewrite } });
  rig.say('p2', 'b > *');
  rig.say('p3', 'x > *');
  expect(rig.say('p1', 'a > x')).toEqual(['p2: c > b "hi"']);
  expect(await rig.fdb()).toContain('br0 vlan 0 02:00:00:00:00:63 p1');
});

test('a source that nobody may have is dropped as if it had come so', async () => {
  const rewrite = (frame: HookFrame) => frame.setUint8(6, 1);
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one: { rewrite } });
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: bad_source']);
});

test('those of the bridge are asked before those of the port, in their order, until one refuses', async () => {
  const asked: string[] = [];
  const say = (name: string, passes = true): Hook => ({
    observe: () => void asked.push(`${name} observes`),
    filter: () => {
      asked.push(`${name} filters`);
      return passes;
    },
    rewrite: () => void asked.push(`${name} rewrites`),
  });
  const rig = await rigWith(
    { ...use('one', 'two'), ports: { p1: use('three', 'four'), p2: {} } },
    {
      one: say('1'),
      two: { observe: () => void asked.push('2 observes') },
      three: say('3', false),
      four: say('4'),
    },
  );
  rig.say('p1', 'a > *');
  expect(asked).toEqual(['1 observes', '1 filters', '1 rewrites', '2 observes', '3 observes', '3 filters']);
});

test('reading beyond the end of a frame gives zeros: no frame makes a hook throw', async () => {
  const seen: number[] = [];
  const target = new Uint8Array(8).fill(0xff);
  const observe = (frame: HookFrame) => {
    seen.push(frame.getUint8(60), frame.getUint16(59), frame.getUint32(1000), frame.getUint8(-1));
    seen.push(frame.copyTo(target, 58), frame.copyTo(target, 100));
  };
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one: { observe } });
  rig.say('p1', `a > * "${'.'.repeat(46)}"`);
  expect(seen).toEqual([0, 0x2e00, 0, 0, 2, 0]);
  expect(hookEvents(rig)).toEqual([]);
});

// the-tcpdump-group/libpcap#379: an offset that wraps around passed the check.
test('places that are no places read as zeros and are not written', async () => {
  const places = [0xffff_ffee, 2 ** 32, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN, -4];
  const seen: number[] = [];
  const one: Hook = {
    observe(frame) {
      for (const at of places) seen.push(frame.getUint8(at), frame.getUint16(at), frame.getUint32(at));
    },
    rewrite(frame) {
      for (const at of places.slice(0, 5)) frame.setUint32(at, 0xffff_ffff);
    },
  };
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one });
  expect(rig.say('p1', 'a > * "x"')).toEqual(['p2: a > * "x"']);
  expect(seen.filter((value) => value !== 0)).toEqual([]);
  expect(hookEvents(rig)).toEqual([]);
});

test('where a tag was taken off, places are those of the frame without it', async () => {
  const seen: number[] = [];
  const observe = (frame: HookFrame) => void seen.push(frame.getUint32(10), frame.getUint16(11));
  const port = { vlan: { trunk: [10] } };
  const rig = await rigWith(
    { vlan_filtering: true, ports: { p1: { ...port, ...use('one') }, p2: port } },
    { one: { observe } },
  );
  rig.say('p1', 'a > * vlan 10');
  expect(seen).toEqual([0x0061_88b5, 0x6188]);
});

test('a hook that throws is off, and frames pass without it', async () => {
  let asked = 0;
  let isClosed = false;
  const one: Hook = {
    filter() {
      asked += 1;
      throw new Error('oh');
    },
    close() {
      isClosed = true;
      throw new Error('again');
    },
  };
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one });
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  expect(asked).toBe(1);
  expect(isClosed).toBe(true);
  const hook = { bridge: 'br0', port: 'p1', hook: 'one' };
  expect(hookEvents(rig)).toMatchObject([{ change: 'off', ...hook, reason: 'oh' }]);
  const [p1, p2] = rig.taploom.ports();
  expect(p1.hooks).toEqual([{ ...hook, state: 'off', reason: 'oh', onError: 'pass' }]);
  expect(p2.hooks).toBeUndefined();
});

test('with on_error: drop nothing passes one that is off, until it is put in again', async () => {
  let mayThrow = true;
  const filter = () => {
    if (mayThrow) throw new Error('oh');
    return true;
  };
  const rig = await rigWith({ ports: { p1: strict('one'), p2: {} } }, { one: { filter } });
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: hook']);
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: hook']);
  expect(rig.say('p2', 'b > *')).toEqual(['p1: b > *']);
  mayThrow = false;
  await rig.change(({ bridges }) => void delete bridges.br0.ports.p1.hooks);
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  await rig.change(({ bridges }) => {
    bridges.br0.ports.p1.hooks = [{ function: 'one', options: {}, on_error: 'drop' }];
  });
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  expect(rig.taploom.ports()[0].hooks).toMatchObject([{ state: 'on' }]);
});

test('only rewrite may write', async () => {
  const rig = await rigWith(
    { ports: { p1: use('one'), p2: {} } },
    { one: { observe: (frame) => frame.setUint8(0, 1) } },
  );
  expect(rig.say('p1', 'a > *')).toEqual(['p2: a > *']);
  expect(hookEvents(rig)).toMatchObject([{ reason: 'Only rewrite() may change a frame' }]);
});

test('generate is called at once, and then when it said, by the clock of the switch', async () => {
  const times: number[] = [];
  const one = (context: HookContext): Hook => ({
    generate(out) {
      times.push(context.now);
      out.receive(parse('g > *'));
      return 500;
    },
  });
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one });
  expect(rig.run()).toEqual(['p2: g > *']);
  rig.now += 499;
  expect(rig.run()).toEqual([]);
  rig.now += 1;
  expect(rig.run()).toEqual(['p2: g > *']);
  expect(times[1] - times[0]).toBe(500);
  expect(rig.counters('p1')).toMatchObject({
    generated: 2,
    receivedFrames: 0,
    receivedBytes: 0,
    forwarded: 2,
  });
  expect(await rig.fdb()).toEqual(['br0 vlan 0 02:00:00:00:00:67 p1']);
});

test('what it transmits leaves through its port, and no hook sees what another one generates', async () => {
  let seen = 0;
  const one = (context: HookContext): Hook => {
    let isAsked = false;
    return {
      filter(frame) {
        seen += 1;
        isAsked = frame.getUint16(14) === 0x3f3f;
        if (isAsked) context.wake();
        return !isAsked;
      },
      generate(out) {
        if (isAsked) out.transmit(parse('h > a "!"'));
      },
    };
  };
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one });
  rig.run();
  expect(rig.say('p1', 'a > * "??"')).toEqual(['p1 drops: hook']);
  expect(rig.run()).toEqual(['p1: h > a "!"']);
  expect(rig.run()).toEqual([]);
  expect(seen).toBe(1);
  expect(rig.counters('p1')).toMatchObject({ generated: 1, forwarded: 1, copies: 1 });
});

test('a frame that is none turns generate off', async () => {
  const rig = await rigWith(
    { ports: { p1: use('one'), p2: {} } },
    { one: { generate: (out) => void out.receive(new Uint8Array(13)) } },
  );
  expect(rig.run()).toEqual([]);
  expect(hookEvents(rig)).toMatchObject([{ reason: 'Frame of 13 bytes: from 14 to 65557' }]);
});

test('it reports ten times a second, and no more', async () => {
  const one = (context: HookContext): Hook => ({ observe: () => context.report('seen') });
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one });
  for (let n = 0; n < 20; n++) rig.say('p1', 'a > *');
  expect(hookEvents(rig)).toHaveLength(10);
  rig.now += 1000;
  rig.say('p1', 'a > *');
  expect(hookEvents(rig).at(-1)).toMatchObject({
    change: 'reported',
    text: 'seen',
    message: 'hook one of port p1: seen',
  });
});

test('a hook lives on while something else changes, and is closed when nobody wants it', async () => {
  const log: string[] = [];
  const one = (): Hook => {
    log.push('made');
    return { observe() {}, close: () => void log.push('closed') };
  };
  const rig = await rigWith({ ports: { p1: use('one'), p2: {} } }, { one });
  await rig.change(({ bridges }) => {
    bridges.br0.ports.p2.isolated = true;
  });
  expect(log).toEqual(['made']);
  await rig.change(({ bridges }) => {
    bridges.br0.ports.p1.hooks = [];
  });
  expect(log).toEqual(['made', 'closed']);
});

test.each([
  [{ function: 'two' }, 'There is no function two; Switch.open was given one, bad, slow, all'],
  [{ module: './nowhere.mjs' }, /^There is no file .*\/nowhere\.mjs$/],
  [{ module: '/' }, '/ is no file'],
  [{ function: 'bad' }, 'The hook has none of observe, filter, rewrite, generate'],
  [{ function: 'slow' }, 'filter is asynchronous or a generator: the data plane does not wait for anybody'],
  [
    { function: 'one' },
    'It returned no hook, but must at once: an object with observe, filter, rewrite or generate',
  ],
])('%j is refused with its path, and nothing changes', async (hook, message) => {
  const slow = { filter: async () => true } as unknown as Hook;
  const functions = { one: () => null as unknown as Hook, bad: {} as Hook, slow, all: { observe() {} } };
  const rig = await rigWith({ ports: { p1: use('all') } }, functions);
  const before = structuredClone(rig.taploom.config);
  const next = structuredClone(before);
  Object.assign(next.bridges.br0.ports.p1, { hooks: [hook], isolated: true });
  const error = await rig.taploom.apply(next).catch((error) => error);
  expect(error.problems).toEqual([
    {
      path: 'bridges.br0.ports.p1.hooks[0]',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    },
  ]);
  expect(rig.taploom.config).toEqual(before);
  expect(rig.taploom.ports()[0].hooks).toMatchObject([{ hook: 'all', state: 'on' }]);
});

test('what cannot be had when a daemon starts is off, and told', async () => {
  const rig = await rigWith({ ports: { p1: {}, p2: {} } }, {});
  const next = structuredClone(rig.taploom.config);
  next.bridges.br0.ports.p1.hooks = [{ module: './nowhere.mjs', options: {}, on_error: 'drop' }];
  await rig.taploom.apply(next, { by: { kind: 'file', file: 'x.yaml' }, keep: true });
  expect(rig.say('p1', 'a > *')).toEqual(['p1 drops: hook']);
  expect(hookEvents(rig)).toMatchObject([{ change: 'off', hook: './nowhere.mjs' }]);
});

test('generate of a whole bridge is refused', async () => {
  const opened = rigWith({ ...use('one'), ports: { p1: {} } }, { one: { generate: () => {} } });
  await expect(opened).rejects.toThrow('bridges.br0.hooks[0]: generate: only a hook of a port may');
});
