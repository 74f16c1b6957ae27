// The daemon: a switch, its control socket, its metrics, its web page, and the files that it starts from. It knows nothing of
// signals and command lines; src/cli/taploomd.ts does.
//
// Order at the start: configuration, switch, socket, metrics, page. Whoever reaches the socket finds a switch that forwards.

import type { StoredLeases, SwitchApi } from '../api.ts';
import type { ActionResult } from '../config/action.ts';
import { ConfigError, EMPTY_CONFIG, type SwitchConfig } from '../config/schema.ts';
import { loadConfigWithLines } from '../config/yaml.ts';
import { TaploomError } from '../error.ts';
import type { Credentials } from './author.ts';
import { BridgeHelper, type HelperSystem } from './bridge_helper.ts';
import { ChangeError, Changes } from './changes.ts';
import { lockFor, type TakeLock } from './file_lock.ts';
import { GuestPorts, type TapMaker } from './guest_ports.ts';
import { Journal } from './journal.ts';
import { LastLoad } from './last_load.ts';
import type { Logger } from './log.ts';
import { Metrics, type MetricsServer, metricsServer } from './metrics.ts';
import { PortWatch } from './port_watch.ts';
import { readRegularFile } from './regular_file.ts';
import { type ControlServer, startControlServer } from './server.ts';
import { type ConfigSource, type Loaded, StateStore } from './store.ts';
import type { TcpAddress } from './tcp_listener.ts';
import { requireFreeSocket } from './unix_socket.ts';
import { taploomVersion } from './version.ts';
import { type WebOptions, type WebServer, webServer } from './web_server.ts';

export interface DaemonOptions {
  /** Makes the switch; the daemon closes it. */
  open: (config: SwitchConfig, leases: StoredLeases) => Promise<SwitchApi>;
  log: Logger;
  /** Path of the control socket. */
  socket: string;
  socketGroup?: string;
  /** Against two daemons on one socket or state. Without it they are told apart by who answers on the socket. */
  takeLock?: TakeLock;
  /** Who is at the other end of a connection to the socket. */
  credentials?: Credentials;
  /** For guests whose hypervisors call taploom-bridge-helper. Without it nobody listens to that. */
  guests?: HelperSystem & TapMaker;
  /** Configuration file (YAML). */
  config?: string;
  /** Where changes by clients are kept for the next start. Without it they end with the daemon. */
  state?: string;
  /** Where /metrics is served; nowhere without it. */
  metrics?: TcpAddress;
  /** Where the web page is served beside the control socket; nowhere without it. */
  web?: WebOptions;
  /** Called once, with what is wanted, when it has come true as far as it can. */
  applied?: (config: SwitchConfig) => Promise<void>;
}

interface Parts {
  api: SwitchApi;
  changes: Changes;
  server: ControlServer;
  metrics?: MetricsServer;
  web?: WebServer;
  watch: PortWatch;
  helper?: BridgeHelper;
  store?: StateStore;
  lastLoad: LastLoad;
  unlock: readonly (() => unknown)[];
}

export class Daemon {
  private readonly options: DaemonOptions;
  private readonly parts: Parts;

  private constructor(options: DaemonOptions, parts: Parts) {
    this.options = options;
    this.parts = parts;
  }

  /** Throws `ConfigError` for a bad configuration, `TaploomError` for anything else that cannot be had. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const { socket } = options;
    // before devices are touched: they may be those of a daemon that runs already
    await requireFreeSocket(socket);
    const closers: (() => unknown)[] = lockAll(options);
    try {
      return await Daemon.open(options, closers);
    } catch (error) {
      for (const close of closers.reverse()) await close();
      throw error;
    }
  }

  /** What is to be undone if it fails goes to `closers`. */
  private static async open(options: DaemonOptions, closers: (() => unknown)[]): Promise<Daemon> {
    const { log, socket, socketGroup, credentials } = options;
    const unlock = [...closers];
    const store = options.state === undefined ? undefined : new StateStore(options.state);
    const { config, lines } = initialConfig(options, store);

    const journal = new Journal(`${options.state ?? socket}.leases`);
    const { entries, notes } = journal.load();
    for (const note of notes) log.warn(note);
    closers.push(() => journal.close());
    const leases: StoredLeases = {
      entries,
      put: (key, value) => {
        entries.set(key, value);
        journal.put(key, value);
      },
      delete: (key) => {
        entries.delete(key);
        journal.delete(key);
      },
      flushed: () => journal.flushed(),
    };
    const api = await options.open(EMPTY_CONFIG, leases);
    closers.push(() => api.close());
    let guests: GuestPorts | undefined;
    let helper: BridgeHelper | undefined;
    const save = (next: SwitchConfig) => saveLoudly(store, guests?.without(next) ?? next, log);
    api.events.listen((event) => {
      if (event.type === 'configuration') void helper?.update();
      if (event.type === 'configuration' && event.by.kind !== 'file') log.info(event.message);
      if (event.type === 'uplink') log[event.change === 'full' ? 'warn' : 'info'](event.message);
      if (event.type === 'port' && event.change === 'removed') guests?.forget(event.port);
      if (event.type === 'port' && event.guestOf !== undefined) {
        log.info(event.message);
        return;
      }
      // A port whose interface was deleted, and that is not wanted any more.
      if (event.type === 'port' && event.change === 'removed' && event.reason !== undefined) {
        log.info(event.message);
        void save(api.config)?.catch(() => {});
      }
    });
    const by = { kind: 'file' as const, file: options.config ?? options.state ?? '' };
    const results = await api.apply(config, { by, keep: true, lines });
    report(log, results);
    const lastLoad = new LastLoad();
    lastLoad.note(results.every(({ ok }) => ok));
    await options.applied?.(config);
    const changes = new Changes(api, save);
    if (options.guests !== undefined) {
      const made = new GuestPorts(options.guests, changes, () => api.config);
      guests = made;
      changes.carry = (whole) => made.carry(whole);
      helper = new BridgeHelper({
        control: socket,
        guests,
        system: options.guests,
        config: () => api.config,
        log,
      });
      closers.push(() => helper?.close());
      await helper.update();
    }
    const watch = new PortWatch(api, log);
    watch.start();
    closers.push(() => watch.stop());
    const version = taploomVersion();
    const onError = (err: unknown) => log.error({ err }, 'a request failed');
    const server = await startControlServer({
      api,
      changes,
      version,
      socket,
      socketGroup,
      credentials,
      onError,
    });
    closers.push(() => server.close());
    const metrics = options.metrics && (await metricsServer(options.metrics, new Metrics(api, { lastLoad })));
    closers.push(() => metrics?.close());
    const web = options.web && (await webServer(options.web, server.app));
    const forwards = `${count(api.bridges(), 'bridge')} and ${count(api.ports(), 'port')}`;
    log.info(`taploomd ${version} is ready with ${forwards}: control at ${socket}, ${where(metrics, web)}`);
    return new Daemon(options, {
      api,
      changes,
      server,
      metrics,
      web,
      watch,
      helper,
      store,
      lastLoad,
      unlock,
    });
  }

  /** `http://127.0.0.1:9477/metrics`, if metrics are served. */
  get metricsUrl(): string | undefined {
    return this.parts.metrics?.url;
  }

  /** Of the web page, with its token unless that came from a file. */
  get webUrl(): string | undefined {
    return this.parts.web?.url;
  }

  /** One line for the service manager. */
  get status(): string {
    const { api } = this.parts;
    return `Forwarding with ${count(api.bridges(), 'bridge')} and ${count(api.ports(), 'port')}`;
  }

  /** Of all bridges, their own interfaces apart. */
  get portCount(): number {
    return Object.values(this.parts.api.config.bridges).reduce(
      (sum, { ports }) => sum + Object.keys(ports).length,
      0,
    );
  }

  /** Reads the configuration file again and applies it. If it is bad, that is logged and nothing changes. */
  async reload(): Promise<boolean> {
    const { log, config: file } = this.options;
    if (file === undefined) {
      log.warn('Nothing to reload: taploomd was started without --config');
      return false;
    }
    const succeeded = await this.load(file);
    this.parts.lastLoad.note(succeeded);
    return succeeded;
  }

  private async load(file: string): Promise<boolean> {
    const { log } = this.options;
    const { changes, store } = this.parts;
    try {
      const source = readSource(file);
      const { config: wanted, lines } = loadConfigWithLines(source.text, source.file);
      const results = await changes.change(() => wanted, {
        lines,
        by: { kind: 'file', file },
        keep: true,
        applied: () => store?.reloaded(source),
      });
      report(log, results);
      log.info(`Reloaded ${file}: ${results.length === 0 ? 'nothing changed' : count(results, 'action')}`);
      return true;
    } catch (error) {
      if (error instanceof ChangeError) report(log, error.results);
      else if (error instanceof ConfigError)
        log.error(`Nothing was changed, the file is bad:\n${error.message}`);
      else if (error instanceof TaploomError) log.error(`Reloading ${file}: ${error.message}`);
      // Not ours, but no reason to stop a switch that forwards.
      else log.error({ err: error }, `Reloading ${file} failed`);
      return false;
    }
  }

  /** Control first, so that nobody changes a switch that is closing; then the switch. */
  async close(): Promise<void> {
    const { api, server, metrics, web, watch, helper, unlock } = this.parts;
    watch.stop();
    await Promise.all([server.close(), helper?.close(), metrics?.close(), web?.close()]);
    await api.close();
    for (const release of unlock) release();
  }

  /** For the way out after an error of ours: only what must be done before the process may end. */
  closeSwitch(): Promise<void> {
    return this.parts.api.close();
  }
}

function initialConfig(
  { config, log }: DaemonOptions,
  store: StateStore | undefined,
): Pick<Loaded, 'config' | 'lines'> {
  const source = config === undefined ? undefined : readSource(config);
  if (store === undefined)
    return source ? loadConfigWithLines(source.text, source.file) : { config: EMPTY_CONFIG };
  const loaded = store.load(source);
  for (const { level, message } of loaded.notes) log[level](message);
  return loaded;
}

function readSource(file: string): ConfigSource {
  try {
    return { file, text: readRegularFile(file) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = error instanceof TaploomError ? message : (code ?? message);
    throw new TaploomError('config_unreadable', `Cannot read the configuration ${file}: ${reason}`, {
      cause: error,
    });
  }
}

function lockAll({ socket, state, takeLock }: DaemonOptions): (() => unknown)[] {
  if (takeLock === undefined) return [];
  const locks = [lockFor(socket, `the socket ${socket}`, takeLock)];
  if (state === undefined) return locks;
  try {
    return [...locks, lockFor(state, `the state file ${state}`, takeLock)];
  } catch (error) {
    locks[0]();
    throw error;
  }
}

/** The client that made the change is told as well; who made it may be gone. */
function saveLoudly(
  store: StateStore | undefined,
  config: SwitchConfig,
  log: Logger,
): Promise<void> | undefined {
  return store?.save(config).catch((error: Error) => {
    log.error(error.message);
    throw error;
  });
}

function report(log: Logger, results: readonly ActionResult[]): void {
  for (const { op, path, ok, error } of results) {
    // Which ports wait, and for what, is told by PortWatch.
    if (ok) log.debug(`${op} ${path}`);
    else log.error(`Cannot ${op} ${path}: ${error}`);
  }
}

function where(metrics: MetricsServer | undefined, web: WebServer | undefined): string {
  const places = [metrics ? `metrics at ${metrics.url}` : 'no metrics'];
  if (web) places.push(`web page at ${web.url}`);
  return places.join(', ');
}

function count(things: readonly unknown[], word: string): string {
  return `${things.length} ${word}${things.length === 1 ? '' : 's'}`;
}
