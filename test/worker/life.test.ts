// Life and death of the thread: while it sleeps in native code its event loop stands still, so nothing that usually
// ends a worker would. The package is taken as its users do, built.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Switch } from 'taploom';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCommand } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TWO_PORTS = {
  version: 1,
  bridges: { br0: { local: false, ports: { p1: { type: 'memory' }, p2: { type: 'memory' } } } },
} as const;

const fds = () => readdirSync('/proc/self/fd').length;
const threads = () => Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

/** A program that uses the package; `config` is a switch with two memory ports, `options` say how many workers. */
function program(workers: number, body: string) {
  const code = `
    import { Switch } from 'taploom';
    const config = ${JSON.stringify(TWO_PORTS)};
    const options = { workers: ${workers} };
    ${body}`;
  return runCommand([process.execPath, '--input-type=module', '-e', code], { cwd: ROOT, timeoutMs: 10_000 });
}

const FRAME = `const frame = new Uint8Array(60).fill(0xff, 0, 6); frame[6] = 2;`;

describe.each([1, 3])('with %i workers', (workers) => {
  test('a switch that was closed leaves no file descriptor and no thread behind', async () => {
    const cycle = async () => {
      const taploom = await Switch.open(TWO_PORTS, { workers });
      await taploom.close();
      await taploom.close();
    };
    await cycle();
    const before = { fds: fds(), threads: threads() };
    for (let n = 0; n < 20 / workers; n++) await cycle();
    await expect.poll(() => ({ fds: fds(), threads: threads() }), { timeout: 3000 }).toEqual(before);
  });

  test('frames pass through the thread, and the program ends by itself after close', async () => {
    const result = await program(
      workers,
      `
    const taploom = await Switch.open(config, options);
    ${FRAME}
    taploom.memoryPort('p1').send(frame);
    await taploom.memoryPort('p2').received(5000);
    console.log(taploom.memoryPort('p2').receive().bytes.length);
    await taploom.close();
  `,
    );
    expect(result).toEqual({ code: 0, stdout: '60\n', stderr: '' });
  });

  test('what is asked while it closes is refused, and close comes to its end', {
    timeout: 20_000,
  }, async () => {
    for (let n = 0; n < 20 / workers; n++) {
      const taploom = await Switch.open(TWO_PORTS, { workers });
      const closed = taploom.close();
      const asked: Promise<string>[] = [];
      const outcome = (request: Promise<unknown>) => request.then(() => 'answered', String);
      for (let turn = 0; turn < 5; turn++) {
        asked.push(outcome(taploom.flush()), outcome(taploom.fdb().next()));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await closed;
      for (const one of asked) expect(await one).toMatch(/^answered$|The switch is closed/);
      await expect(taploom.flush()).rejects.toThrow('The switch is closed');
    }
  });

  test('process.exit() with an open switch ends the program at once, with its code', async () => {
    const result = await program(
      workers,
      `
    await Switch.open(config, options);
    await Switch.open(config, options);
    console.log(Date.now());
    process.exit(3);
  `,
    );
    expect(result.code).toBe(3);
    expect(Date.now() - Number(result.stdout)).toBeLessThan(5000);
  });

  test('process.exit() in the middle of traffic does not hang', async () => {
    const result = await program(
      workers,
      `
    const taploom = await Switch.open(config, options);
    ${FRAME}
    setTimeout(() => process.exit(4), 200);
    const send = () => { for (let n = 0; n < 500; n++) taploom.memoryPort('p1').send(frame); setImmediate(send); };
    send();
  `,
    );
    expect(result.code).toBe(4);
  });

  test('process.exit() in the middle of apply and close does not hang', { timeout: 60_000 }, async () => {
    // Also while threads load their addon: interrupted there, 5 processes of 100 aborted (Node 20).
    for (const ms of [0, 20, 25, 30, 35, 40, 45, 50]) {
      const start = await program(
        workers,
        `process.once('worker', (thread) => thread.once('online', () => setTimeout(() => process.exit(5), ${ms})));
        Switch.open(config, options);`,
      );
      expect(start).toEqual({ code: 5, stdout: '', stderr: '' });
    }
    const close = await program(
      workers,
      'const s = await Switch.open(config, options); s.close(); process.exit(6);',
    );
    expect(close.code).toBe(6);
  });

  test('an exception that nobody catches ends the program with its message', async () => {
    const result = await program(
      workers,
      `await Switch.open(config, options); setTimeout(() => { throw new Error('mine'); }, 20);`,
    );
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Error: mine');
  });

  test('many switches live in one process without a warning', async () => {
    const result = await program(
      workers,
      `
    const all = await Promise.all(Array.from({ length: 16 / options.workers }, () => Switch.open(config, options)));
    await Promise.all(all.map((one) => one.close()));
  `,
    );
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('a switch that cannot be opened lets the program end', async () => {
    const vxlan = { type: 'vxlan', vni: 1, local: '192.0.2.77', remote_learning: true };
    const config = JSON.stringify({ version: 1, bridges: { br0: { local: false, ports: { vx: vxlan } } } });
    const result = await program(
      workers,
      `await Switch.open(${config}, options).catch(({ code }) => console.log(code));`,
    );
    expect(result).toEqual({ code: 0, stdout: 'not_applied\n', stderr: '' });
  });
});

/** No request is malformed; this one stands for a bug in a thread. @param next is asked in the same breath */
function kill<T>(taploom: Switch, worker: number, body: unknown = null, next?: () => T): T | undefined {
  const plane = Reflect.get(taploom, 'plane') as Thread | { threads: Thread[] };
  const thread = 'threads' in plane ? plane.threads[worker] : plane;
  thread.port.postMessage({ id: 1, body });
  const asked = next?.();
  thread.wake();
  return asked;
}

interface Thread {
  port: { postMessage(message: unknown): void };
  wake(): void;
}

describe.each([
  [1, 0],
  [3, 0],
  [3, 2],
])('of %i workers, number %i', (workers, victim) => {
  const opened = async () => {
    const taploom = await Switch.open(TWO_PORTS, { workers });
    onTestFinished(() => taploom.close());
    return taploom;
  };

  test('dies: the switch says so once, refuses further requests, and closes', async () => {
    const taploom = await opened();
    const errors: Error[] = [];
    taploom.on('failed', (error) => errors.push(error));
    kill(taploom, victim);
    await expect.poll(() => errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(TypeError);
    await expect(taploom.flush()).rejects.toThrow();
    await expect(taploom.apply({ version: 1 })).rejects.toThrow();
    await taploom.close();
    expect(errors).toHaveLength(1);
  });

  test('dies: those who wait for it do not wait for ever', async () => {
    const taploom = await opened();
    const failed = new Promise((resolve) => taploom.once('failed', resolve));
    kill(taploom, victim);
    const [flush, apply] = [taploom.flush(), taploom.apply({ version: 1 })];
    await expect(flush).rejects.toThrow();
    await expect(apply).rejects.toThrow();
    await failed;
    await taploom.close();
  });

  test('ends unasked: that is a failure, too', async () => {
    const taploom = await opened();
    const errors: Error[] = [];
    taploom.on('failed', (error) => errors.push(error));
    const flush = kill(taploom, victim, { kind: 'stop' }, () =>
      taploom.flush().then(() => 'answered', String),
    );
    await expect.poll(() => errors).toHaveLength(1);
    expect(errors[0].message).toBe('The data plane has ended unasked');
    expect(await flush).toMatch(/ended unasked|Another worker is dead|The switch is closed/);
    await taploom.close();
    expect(errors).toHaveLength(1);
  });

  test('dies: process.exit() at that moment does not hang', async () => {
    const result = await program(
      workers,
      `const taploom = await Switch.open(config, options);
       const plane = Reflect.get(taploom, 'plane');
       const thread = plane.threads?.[${victim}] ?? plane;
       thread.port.postMessage({ id: 1, body: null });
       thread.wake();
       taploom.flush().catch(() => {});
       for (const until = Date.now() + 100; Date.now() < until; );
       process.exit(7);`,
    );
    expect(result.code).toBe(7);
  });

  test('dies: no file descriptor is left behind', async () => {
    const cycle = async () => {
      const taploom = await Switch.open(TWO_PORTS, { workers });
      const failed = new Promise((resolve) => taploom.once('failed', resolve));
      kill(taploom, victim);
      await failed;
      await taploom.close();
    };
    await cycle();
    const before = fds();
    for (let n = 0; n < 5; n++) await cycle();
    await expect.poll(fds, { timeout: 3000 }).toBe(before);
  });
});

test('a request whose wake-up was lost is answered all the same', async () => {
  const taploom = await Switch.open(TWO_PORTS);
  onTestFinished(() => taploom.close());
  const plane = Reflect.get(taploom, 'plane') as {
    port: { postMessage(message: unknown): void };
    pending: Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>;
  };
  const answer = new Promise((resolve, reject) => plane.pending.set(1_000_000, { resolve, reject }));
  plane.port.postMessage({ id: 1_000_000, body: { kind: 'flush', domains: null, port: 0, hi: 0, lo: 0 } });
  expect(await answer).toEqual({ kind: 'flushed', count: 0 });
});

test('poll() of an inline switch that was closed is refused', async () => {
  const taploom = await Switch.open(TWO_PORTS, { threaded: false });
  taploom.poll();
  await taploom.close();
  expect(() => taploom.poll()).toThrow('The switch is closed');
});
