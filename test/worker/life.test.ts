// Life and death of the thread: while it sleeps in native code its event loop stands still, so nothing that usually
// ends a worker would. The package is taken as its users do, built.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Switch } from 'taploom';
import { expect, onTestFinished, test } from 'vitest';
import { runCommand } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TWO_PORTS = {
  version: 1,
  bridges: { br0: { local: false, ports: { p1: { type: 'memory' }, p2: { type: 'memory' } } } },
} as const;

const fds = () => readdirSync('/proc/self/fd').length;
const threads = () => Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

/** A program that uses the package; `config` is a switch with two memory ports. */
function program(body: string) {
  const code = `import { Switch } from 'taploom'; const config = ${JSON.stringify(TWO_PORTS)}; ${body}`;
  return runCommand([process.execPath, '--input-type=module', '-e', code], { cwd: ROOT, timeoutMs: 10_000 });
}

const FRAME = `const frame = new Uint8Array(60).fill(0xff, 0, 6); frame[6] = 2;`;

test('a switch that was closed leaves no file descriptor and no thread behind', async () => {
  const cycle = async () => {
    const taploom = await Switch.open(TWO_PORTS);
    await taploom.close();
    await taploom.close();
  };
  await cycle();
  const before = { fds: fds(), threads: threads() };
  for (let n = 0; n < 20; n++) await cycle();
  await expect.poll(() => ({ fds: fds(), threads: threads() }), { timeout: 3000 }).toEqual(before);
});

test('frames pass through the thread, and the program ends by itself after close', async () => {
  const result = await program(`
    const taploom = await Switch.open(config);
    ${FRAME}
    taploom.memoryPort('p1').send(frame);
    await taploom.memoryPort('p2').received(5000);
    console.log(taploom.memoryPort('p2').receive().bytes.length);
    await taploom.close();
  `);
  expect(result).toEqual({ code: 0, stdout: '60\n', stderr: '' });
});

test('process.exit() with an open switch ends the program at once, with its code', async () => {
  const started = Date.now();
  const result = await program('await Switch.open(config); await Switch.open(config); process.exit(3);');
  expect(result.code).toBe(3);
  expect(Date.now() - started).toBeLessThan(5000);
});

test('process.exit() in the middle of traffic does not hang', async () => {
  const result = await program(`
    const taploom = await Switch.open(config);
    ${FRAME}
    setTimeout(() => process.exit(4), 200);
    const send = () => { for (let n = 0; n < 500; n++) taploom.memoryPort('p1').send(frame); setImmediate(send); };
    send();
  `);
  expect(result.code).toBe(4);
});

test('process.exit() in the middle of apply and close does not hang', async () => {
  const apply = await program('Switch.open(config); setTimeout(() => process.exit(5), 60);');
  expect(apply.code).toBe(5);
  const close = await program('const s = await Switch.open(config); s.close(); process.exit(6);');
  expect(close.code).toBe(6);
});

test('an exception that nobody catches ends the program with its message', async () => {
  const result = await program(
    `await Switch.open(config); setTimeout(() => { throw new Error('mine'); }, 20);`,
  );
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('Error: mine');
});

test('many switches live in one process without a warning', async () => {
  const result = await program(`
    const all = await Promise.all(Array.from({ length: 15 }, () => Switch.open(config)));
    await Promise.all(all.map((one) => one.close()));
  `);
  expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
});

test('a switch that cannot be opened lets the program end', async () => {
  const vxlan = { type: 'vxlan', vni: 1, local: '192.0.2.77' };
  const config = JSON.stringify({ version: 1, bridges: { br0: { local: false, ports: { vx: vxlan } } } });
  const result = await program(`await Switch.open(${config}).catch(({ code }) => console.log(code));`);
  expect(result).toEqual({ code: 0, stdout: 'not_applied\n', stderr: '' });
});

test('when the thread dies the switch says so, refuses further requests, and closes', async () => {
  const taploom = await Switch.open(TWO_PORTS);
  onTestFinished(() => taploom.close());
  const failed = new Promise<Error>((resolve) => taploom.once('failed', resolve));
  // No request is malformed; this one stands for a bug in the thread.
  const plane = Reflect.get(taploom, 'plane') as {
    port: { postMessage(message: unknown): void };
    wake(): void;
  };
  plane.port.postMessage({ id: 1, body: null });
  plane.wake();
  expect(await failed).toBeInstanceOf(TypeError);
  await expect(taploom.flush()).rejects.toThrow();
  await expect(taploom.apply({ version: 1 })).rejects.toThrow();
  await taploom.close();
});

test('a thread that dies leaves no file descriptor behind', async () => {
  const cycle = async () => {
    const taploom = await Switch.open(TWO_PORTS);
    const plane = Reflect.get(taploom, 'plane') as {
      port: { postMessage(message: unknown): void };
      wake(): void;
    };
    const failed = new Promise((resolve) => taploom.once('failed', resolve));
    plane.port.postMessage({ id: 1, body: null });
    plane.wake();
    await failed;
    await taploom.close();
  };
  await cycle();
  const before = fds();
  for (let n = 0; n < 5; n++) await cycle();
  await expect.poll(fds, { timeout: 3000 }).toBe(before);
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
