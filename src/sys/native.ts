// The only file that knows how C is reached: build/libtaploom.so.
//
// Two ways to call. `native().tl_xxx(...)` goes through ffi-napi and writes its arguments anew: 4 us and more, and strings and
// addresses are garbage (native_call.ts). A `HotCall` passes one constant pointer by Node-API (native/addon.c): 0.02 us, and nothing
// is allocated.
//
// ffi-napi has its own copy of ref-napi inside its scope, so types are named by string. Assumes a little-endian
// machine with 64-bit pointers (x86-64, arm64).

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { buildCommand, libraryPath, NativeError, quote } from './library.ts';
import {
  type Argument,
  bindCall,
  type Foreign,
  type ForeignFunction,
  type NativeCall,
} from './native_call.ts';

/** Must equal TL_VERSION in native/taploom.h. */
const VERSION = 21;

/** Parameter types of every function that is called with arguments; all of them return an int. */
const FUNCTIONS = {
  tl_version: [],
  tl_close: ['int'],
  tl_dup: ['int'],
  tl_own: ['int'],
  tl_disown: ['int'],
  tl_lock: ['int'],
  tl_set_nonblocking: ['int'],
  tl_set_blocking: ['int'],
  tl_peer_credentials: ['int', 'pointer'],
  tl_peer_groups: ['int', 'pointer', 'int'],
  tl_unix_listen: ['string', 'int'],
  tl_unix_accept: ['int'],
  tl_unix_connect: ['string'],
  tl_unix_pair: ['pointer'],
  tl_rights_send: ['int', 'pointer', 'int', 'pointer', 'int'],
  tl_rights_receive: ['int', 'pointer', 'int', 'pointer'],
  tl_memfd_create: ['string'],
  tl_memory_map: ['int', 'pointer'],
  tl_memory_leave: ['pointer'],
  tl_user_id: ['string'],
  tl_group_id: ['string'],
  tl_netns_open: ['string'],
  tl_socket_in: ['int', 'int', 'int', 'int'],
  tl_tap_attach: ['int', 'string', 'int', 'pointer', 'pointer'],
  tl_tap_query: ['int', 'pointer', 'pointer'],
  tl_tap_netns: ['int'],
  tl_tap_up: ['pointer', 'int'],
  tl_tap_set_header: ['int', 'int'],
  tl_tap_set_offload: ['int', 'int'],
  tl_tap_reset: ['int'],
  tl_tap_set_persist: ['int', 'int'],
  tl_tap_set_owner: ['int', 'int'],
  tl_tap_set_group: ['int', 'int'],
  tl_link_prepare: ['int'],
  tl_link_socket_of_tap: ['int'],
  tl_link_of_tap: ['int', 'pointer', 'pointer', 'pointer', 'pointer'],
  tl_link_get: ['int', 'string', 'pointer', 'pointer', 'pointer', 'pointer'],
  tl_link_at: ['int', 'int', 'pointer', 'pointer', 'pointer', 'pointer'],
  tl_link_set_mtu: ['int', 'string', 'int'],
  tl_link_set_gso_max: ['int', 'string', 'int'],
  tl_link_set_mac: ['int', 'string', 'pointer'],
  tl_link_set_alias: ['int', 'string', 'string'],
  tl_link_set_flag: ['int', 'string', 'int', 'int'],
  tl_link_set_netns: ['int', 'string', 'int'],
  tl_link_hand_over: ['int', 'int', 'int', 'string'],
  tl_link_remove: ['int', 'string'],
  tl_link_remove_at: ['int', 'int'],
  tl_link_group_taps: ['int', 'pointer', 'int', 'int'],
  tl_link_count_group: ['int', 'int'],
  tl_link_remove_group: ['int', 'int'],
  tl_link_dump: ['int', 'string'],
  tl_link_dump_next: ['int', 'pointer', 'int'],
  tl_link_address: ['int', 'int', 'string', 'int', 'int'],
  tl_link_vxlan_remote: ['int', 'int', 'pointer'],
  tl_route_get: ['int', 'pointer', 'pointer', 'int', 'pointer'],
  tl_sockaddr: ['string', 'int', 'pointer'],
  tl_udp_open: ['int', 'pointer', 'int', 'pointer'],
  tl_udp_port: ['int'],
  tl_udp_drops: ['int'],
  tl_too_big_open: ['int'],
  tl_packet_open: ['int', 'int', 'int'],
  tl_packet_filter: ['int', 'pointer', 'int', 'int'],
  tl_packet_drops: ['int'],
  tl_nft_drop_ingress: ['int', 'string', 'string', 'int', 'pointer', 'int'],
  tl_nft_forward_ingress: ['int', 'string', 'string', 'int'],
  tl_nft_batch: ['int', 'pointer', 'int', 'pointer'],
  tl_netlink_ask: ['int', 'pointer', 'int'],
  tl_iptables_forward_policy: ['int', 'int'],
  tl_stream_open: ['int'],
  tl_stream_close: ['int'],
  tl_socket_listen: ['string', 'int', 'int', 'int', 'int'],
  tl_socket_connect: ['string', 'int'],
  tl_socket_reconnect: ['int', 'string'],
  tl_socket_inet: ['pointer', 'int', 'pointer', 'int', 'int'],
  tl_socket_error: ['int'],
  tl_socket_greet: ['int', 'pointer', 'int'],
  tl_socket_meet: ['int', 'pointer', 'int'],
  tl_wake_create: [],
  tl_watch_open: ['pointer'],
  tl_watch_open_fast: ['pointer'],
  tl_watch_ready: ['int', 'pointer', 'int'],
  tl_watch_add: ['int', 'int'],
  tl_watch_remove: ['int', 'int'],
  tl_watch_routes: ['int', 'int'],
  tl_pidfd_open: ['int'],
  tl_watch_read: ['int', 'pointer', 'int'],
  tl_watch_arm: ['int', 'int', 'int'],
  tl_vhost_open: ['int'],
  tl_vhost_close: ['int'],
  tl_vhost_fds: ['int', 'pointer'],
  tl_vhost_set_features: ['int', 'pointer'],
  tl_vhost_set_memory: ['int', 'pointer', 'pointer', 'int'],
  tl_vhost_add_memory: ['int', 'pointer', 'int'],
  tl_vhost_remove_memory: ['int', 'pointer'],
  tl_vhost_set_ring: ['int', 'int', 'pointer'],
  tl_vhost_set_fd: ['int', 'int', 'int', 'int'],
  tl_vhost_start: ['int', 'int'],
  tl_vhost_set_log: ['int', 'pointer', 'int'],
  tl_vhost_stop: ['int', 'int', 'pointer'],
  tl_vhost_enable: ['int', 'int', 'int'],
  tl_vhost_take_alarm: ['int'],
  tl_vhost_announce: ['int', 'pointer'],
  tl_vhost_states: ['int', 'pointer'],
  tl_vhost_message: ['int', 'pointer', 'int', 'pointer', 'int'],
  tl_notify: ['string', 'string'],
  tl_test_socket: ['int', 'int', 'int'],
  tl_test_send: ['int', 'pointer', 'pointer', 'int'],
  tl_test_receive: ['int', 'pointer'],
  tl_test_stop: ['int'],
  tl_test_poll: ['int', 'pointer', 'pointer'],
  tl_test_close: ['int'],
  tl_test_bucket: ['double'],
} as const;

/** What opens a descriptor and returns it. */
const OPENERS = [
  ...[
    'tl_dup',
    'tl_netns_open',
    'tl_socket_in',
    'tl_tap_attach',
    'tl_tap_netns',
    'tl_link_socket_of_tap',
    'tl_udp_open',
    'tl_unix_listen',
    'tl_unix_accept',
    'tl_unix_connect',
    'tl_memfd_create',
  ],
  ...[
    'tl_too_big_open',
    'tl_packet_open',
    'tl_wake_create',
    'tl_watch_open',
    'tl_watch_open_fast',
    'tl_watch_routes',
    'tl_pidfd_open',
  ],
  ...['tl_socket_listen', 'tl_socket_connect', 'tl_socket_inet'],
  'tl_test_socket',
] as const;

type Arguments<T extends readonly (keyof Argument)[]> = { -readonly [I in keyof T]: Argument[T[I]] };
/** The library's functions: each returns >= 0 or -errno. */
export type Native = {
  [K in keyof typeof FUNCTIONS]: (...args: Arguments<(typeof FUNCTIONS)[K]>) => number;
};

interface Loaded extends Foreign {
  /** A function of C without arguments but the address of `context`, which it does not hold. See native/addon.c. */
  bind(symbol: Buffer, context: Buffer): () => number;
  functions: Native;
}

let loaded: Loaded | undefined;

const { RTLD_NOW } = constants.dlopen;
/** dlfcn.h: the file stays in the process. */
const RTLD_NODELETE = 0x1000;

function loadFfi(): Pick<Foreign, 'ffi' | 'bindings' | 'ref'> {
  const require = createRequire(import.meta.url);
  try {
    return {
      ffi: require('ffi-napi'),
      bindings: require('ffi-napi/lib/bindings'),
      ref: require('ref-napi'),
    };
  } catch (cause) {
    throw new NativeError('FFI_MISSING', `Cannot load ffi-napi: ${howToBuildFfi(require)}`, cause);
  }
}

/** In the folder whose node_modules has it: a project of the reader's, or this package if it is installed globally. */
function howToBuildFfi(require: NodeJS.Require): string {
  let folder: string;
  try {
    folder = require
      .resolve('ffi-napi/package.json')
      .replace(/\/node_modules\/(\.pnpm\/.*|ffi-napi\/package\.json)$/, '');
  } catch {
    return 'it is not installed. Run `npm install` in the project that uses taploom.';
  }
  if (existsSync(join(folder, 'node_modules/.pnpm'))) {
    return (
      'pnpm did not build it. Have "pnpm": { "onlyBuiltDependencies": ["@2060.io/ffi-napi", "@2060.io/ref-napi"] } in ' +
      `${join(folder, 'package.json')}, then run: cd ${quote(folder)} && pnpm rebuild\n(needs python3, make and g++)`
    );
  }
  return (
    `it is not built for this Node. Run: cd ${quote(folder)} && ` +
    'npm rebuild ffi-napi ref-napi @2060.io/ref-napi --ignore-scripts=false --foreground-scripts\n' +
    '(needs python3, make and g++; npm 11 and later build it only if package.json there has ' +
    '"allowScripts": { "@2060.io/ffi-napi": true, "@2060.io/ref-napi": true })'
  );
}

function load(): Loaded {
  if (loaded) return loaded;
  if (!existsSync('/proc/self/ns/net')) {
    throw new NativeError(
      'PROC_MISSING',
      'There is no /proc, which tells of interfaces and namespaces: mount -t proc proc /proc',
    );
  }
  const packages = loadFfi();
  const { ffi } = packages;
  const path = libraryPath();
  const mode = RTLD_NOW | RTLD_NODELETE;
  const stale = (why: string, cause?: unknown) =>
    new NativeError('LIBRARY_STALE', `${why} Run: ${buildCommand()}`, cause);
  let foreign: Foreign;
  let version: number;
  const addon: { exports: unknown } = { exports: {} };
  try {
    foreign = { ...packages, library: new ffi.DynamicLibrary(path, mode) };
    if (!isMainThread) for (const addon of addons()) new ffi.DynamicLibrary(addon, mode);
    version = bindCall(foreign, 'tl_version', FUNCTIONS.tl_version)();
    if (version === VERSION) process.dlopen(addon, path, mode);
  } catch (cause) {
    throw stale(`Cannot use ${path}.`, cause);
  }
  if (version !== VERSION) throw stale(`${path} has interface ${version}, this code needs ${VERSION}.`);
  const functions = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, types]) => [name, boundLater(foreign, name, types)]),
  ) as unknown as Native;
  const bind = addon.exports as Loaded['bind'];
  loaded = { ...foreign, bind, functions: isMainThread ? functions : { ...functions, ...owning(functions) } };
  return loaded;
}

/** Most processes call a few of them. */
function boundLater(foreign: Foreign, symbol: string, types: readonly (keyof Argument)[]): NativeCall {
  let call: NativeCall | undefined;
  return (...args) => {
    call ??= bindCall(foreign, symbol, types);
    return call(...args);
  };
}

/**
 * The binaries of ffi-napi and ref-napi. Node unloads addons that only a worker_thread had when that ends, and the
 * process dies at its own end of what they had left to be called.
 */
function addons(): string[] {
  const { cache } = createRequire(import.meta.url);
  return Object.keys(cache).filter((file) => /\/(ffi_bindings|binding)\.node$/.test(file));
}

/** Openers in a worker_thread, which can end at any moment: what it has not closed by then the library closes. */
function owning(functions: Native): Partial<Native> {
  const own =
    (open: (...args: never[]) => number) =>
    (...args: never[]) => {
      const fd = open(...args);
      if (fd >= 0) functions.tl_own(fd);
      return fd;
    };
  return Object.fromEntries(OPENERS.map((name) => [name, own(functions[name])]));
}

/** Closes a descriptor on another thread; resolves with 0 or -errno. */
export function closeAside(fd: number): Promise<number> {
  native().tl_disown(fd);
  return aside('tl_close', fd);
}

/** Removes an interface on another thread; resolves with 0 or -errno. @param socket of rtnetlink, for nothing else meanwhile */
export function removeLinkAside(socket: number, index: number): Promise<number> {
  return aside('tl_link_remove_at', socket, index);
}

const asides = new Map<keyof Native, ForeignFunction>();

function aside(symbol: keyof Native, ...args: number[]): Promise<number> {
  const { ffi, library } = load();
  const call = asides.get(symbol) ?? ffi.ForeignFunction(library.get(symbol), 'int', FUNCTIONS[symbol]);
  asides.set(symbol, call);
  return new Promise((resolve, reject) => {
    call.async(...args, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** Loads the library at the first call, once in each thread. Throws NativeError. */
export function native(): Native {
  return load().functions;
}

/** Where a Buffer's bytes are. They never move, but they die with the Buffer: keep it referenced. */
export function addressOf(buffer: Buffer): bigint {
  return BigInt(`0x${load().ref.hexAddress(buffer)}`);
}

/** A Buffer over memory that is not Node's; the address is at `offset`. The memory has to stay as long as the process. */
export function bufferOver(pointer: Buffer, offset: number, length: number): Buffer {
  return load().ref.readPointer(pointer, offset, length);
}

/** A Buffer of its own zeroed memory, aligned for any C type (a slice of Node's pool may not be). */
export function aligned(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes));
}

/** `int symbol(void *context)`, bound once: `call` allocates nothing. */
export class HotCall {
  readonly call: () => number;
  /** Held here: native code knows only where it is. */
  protected readonly context: Buffer;

  constructor(symbol: string, context: Buffer) {
    const { bind, library } = load();
    this.call = bind(library.get(symbol), context);
    this.context = context;
  }
}
