import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { Burst, KIND } from '../../src/sys/burst.ts';
import { aligned, HotCall, native } from '../../src/sys/native.ts';
import { receiveRights, sendRights } from '../../src/sys/rights.ts';
import { errnoName, SysError } from '../../src/sys/sys_error.ts';
import { closeFd, createWake, signalWake } from '../../src/sys/wake.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What loading a copy of the built src/sys says, in a package folder that `prepare` equips. */
function loadCopy(prepare: (dir: string) => void): string {
  const dir = mkdtempSync(join(tmpdir(), 'taploom-native with spaces-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(`${ROOT}dist/src/sys`, `${dir}/dist/src/sys`, { recursive: true });
  writeFileSync(`${dir}/package.json`, '{ "type": "module" }');
  prepare(dir);
  const code = `
    const { native } = await import('${dir}/dist/src/sys/native.js');
    try { native(); console.log('loaded'); } catch (e) { console.log(e.name + ' ' + e.code + ': ' + e.message); }`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
}

const withModules = (dir: string) => symlinkSync(`${ROOT}node_modules`, `${dir}/node_modules`);

/** ffi-napi as it is when its install script did not run, in `folder`. */
function unbuiltFfi(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/package.json`, '{ "main": "missing.js" }');
}

test('without the ffi binaries, the error names the command that builds them, where they are', () => {
  expect(loadCopy(() => {})).toMatch(/^NativeError FFI_MISSING: .*Run `npm install`/);

  const unbuilt = loadCopy((dir) => unbuiltFfi(`${dir}/node_modules/ffi-napi`));
  expect(unbuilt).toMatch(
    /Run: cd '\S*taploom-native with spaces-\w+' && npm rebuild ffi-napi ref-napi @2060.io\/ref-napi --ignore-scripts=false/,
  );
  expect(unbuilt).toContain('"allowScripts"');

  const ofPnpm = loadCopy((dir) => {
    const store = `${dir}/node_modules/.pnpm/ffi-napi@4/node_modules/ffi-napi`;
    unbuiltFfi(store);
    symlinkSync(store, `${dir}/node_modules/ffi-napi`);
  });
  expect(ofPnpm).toMatch(/onlyBuiltDependencies.*cd '\S*taploom-native with spaces-\w+' && pnpm rebuild/);
});

test('without the library, the first who needs it compiles it, once', () => {
  let folder = '';
  const text = loadCopy((dir) => {
    folder = dir;
    withModules(dir);
    cpSync(`${ROOT}native`, `${dir}/native`, { recursive: true });
  });
  expect(text).toBe('loaded\n');
  expect(readdirSync(`${folder}/build`)).toEqual(['libtaploom.so', 'taploom-bridge-helper']);
});

test('in a bundle, where there is neither library nor source, the error says how to leave the package out', () => {
  expect(loadCopy(withModules)).toMatch(/^NativeError LIBRARY_MISSING: .*external: \['taploom'\]/);
});

test('a library that cannot be compiled is an error that names the command and the reason', () => {
  const text = loadCopy((dir) => {
    withModules(dir);
    mkdirSync(`${dir}/native`);
    writeFileSync(`${dir}/native/Makefile`, '$(error no compiler here)');
  });
  expect(text).toMatch(/^NativeError LIBRARY_MISSING: .*no compiler here/);
  expect(text).toMatch(/Run, as a user who may write there: make -C '\/.* with spaces-\w+\/native'\n/);
});

test('the library compiles with the flags of distributions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taploom-lto-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(`${ROOT}native`, `${folder}/native`, { recursive: true });
  // -Wpadded warns of something in any C program.
  execFileSync('make', ['-s', '-C', `${folder}/native`, 'CFLAGS=-O0 -flto -Wpadded'], { stdio: 'ignore' });
  expect(existsSync(`${folder}/build/libtaploom.so`)).toBe(true);
});

test('a library of another version or make is refused before it is called', () => {
  const text = loadCopy((dir) => {
    withModules(dir);
    mkdirSync(`${dir}/build`);
    writeFileSync(`${dir}/build/libtaploom.so`, 'not a library');
  });
  expect(text).toMatch(/^NativeError LIBRARY_STALE: .*Run: make -C '\/.*native'/);

  const old = loadCopy((dir) => {
    withModules(dir);
    cpSync(`${ROOT}native`, `${dir}/native`, { recursive: true });
    cpSync(`${ROOT}native/fd.c`, `${dir}/native/old.h`);
    writeFileSync(
      `${dir}/native/fd.c`,
      '#include "taploom.h"\n#undef TL_VERSION\n#define TL_VERSION 99\n#include "old.h"\n',
    );
    execFileSync('make', ['-s', '-C', `${dir}/native`, 'CFLAGS=-O0']);
  });
  expect(old).toMatch(/^NativeError LIBRARY_STALE: .*interface 99/);
});

test('a complete copy loads from dist/src/sys', () => {
  const text = loadCopy((dir) => {
    withModules(dir);
    mkdirSync(`${dir}/build`);
    cpSync(`${ROOT}build/libtaploom.so`, `${dir}/build/libtaploom.so`);
  });
  expect(text).toBe('loaded\n');
});

function median(values: number[]): number {
  return values.toSorted((x, y) => x - y)[values.length >> 1];
}

test('hot calls allocate nothing', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const burst = new Burst(Buffer.alloc(4096), {
    slots: 1,
    stride: 2048,
    headroom: 64,
    vnetHeader: 12,
    txCapacity: 1,
  });
  const wake = createWake();
  burst.add(wake, 1, KIND.wake);
  const nothing = new HotCall('tl_nothing', aligned(8));
  const work = (calls: number) => {
    for (let i = 0; i < calls; i++) {
      nothing.call();
      signalWake(wake);
      burst.receive(0, 1, 0);
      burst.transmit(0);
    }
  };
  work(200_000);
  // Of five, because V8 compiles when it likes, which takes memory once: what a call allocates is in each.
  const growth = Array.from({ length: 5 }, () => {
    collect();
    const before = process.memoryUsage();
    work(100_000);
    const after = process.memoryUsage();
    return { heap: (after.heapUsed - before.heapUsed) / 100_000, external: after.external - before.external };
  });
  burst.close();
  closeFd(wake);
  expect(median(growth.map(({ heap }) => heap)), 'bytes of heap for four calls').toBeLessThan(2);
  expect(median(growth.map(({ external }) => external))).toBeLessThan(100_000);
});

test('errors carry number, name, call and a sentence', () => {
  expect(new SysError(16, 'TUNSETIFF', 'Cannot open TAP vm')).toMatchObject({
    name: 'SysError',
    errno: 16,
    code: 'EBUSY',
    syscall: 'TUNSETIFF',
    message: 'Cannot open TAP vm: resource busy or locked (EBUSY)',
  });
  expect(errnoName(11)).toBe('EAGAIN');
  expect(errnoName(77)).toBe('EBADFD');
  expect(errnoName(4095)).toBe('E4095');
  expect(new SysError(77, 'read', 'Cannot read').message).toContain('gone');
  expect(native().tl_close(-1)).toBe(-9);
});

test('arguments of all kinds arrive, call after call, and what they point to lives until then', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const words = aligned(8);
  for (let n = 0; n < 200; n++) {
    const fd = native().tl_memfd_create(`piece ${n}`);
    expect(fd).toBeGreaterThanOrEqual(0);
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe(`/memfd:piece ${n} (deleted)`);
    closeFd(fd);
    expect(native().tl_unix_pair(words)).toBe(0);
    const [a, b] = [words.readInt32LE(0), words.readInt32LE(4)];
    expect(sendRights(a, Buffer.from(`text ${n}`))).toBe(`text ${n}`.length);
    if (n % 50 === 0) gc();
    const room = Buffer.alloc(16);
    const { length } = receiveRights(b, room);
    expect(room.toString('utf8', 0, length)).toBe(`text ${n}`);
    closeFd(a);
    closeFd(b);
  }
});

test('an argument that is missing, or does not fit, is an error and no call', () => {
  const { tl_dup: dup } = native() as unknown as Record<string, (...args: unknown[]) => number>;
  expect(() => dup()).toThrow(TypeError);
  expect(() => dup(2 ** 40)).toThrow(RangeError);
  expect(dup(-1)).toBe(-constants.errno.EBADF);
});
