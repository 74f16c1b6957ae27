// What taploomd does once its command line is read: a switch, its control socket, signals, and the way out.
//
// The data plane's thread sleeps in native code, where neither terminate() nor process.exit() can reach it: so every
// way out stops the switch first, and if even that hangs, ends the process by SIGKILL.

import { constants, setPriority } from 'node:os';
import { resolve } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { Daemon } from '../control/daemon.ts';
import { createLogger, type Logger } from '../control/log.ts';
import { TaploomError } from '../error.ts';
import { Switch } from '../switch/switch.ts';
import { keeperOf } from '../sys/bridge_mark.ts';
import { NativeError } from '../sys/library.ts';
import { takeLock } from '../sys/lock.ts';
import { native } from '../sys/native.ts';
import { notify } from '../sys/notify.ts';
import { peerOf } from '../sys/peer.ts';
import { removeOrphans } from './cleanup.ts';
import type { DaemonOptions } from './daemon_command.ts';
import { Guard } from './guard.ts';
import { guestSystem } from './guest_system.ts';
import { uplinkState } from './undo.ts';
import { feedWatchdog, watchdogMs } from './watchdog.ts';

/** How long a start may go on, how long closing may take, and how much longer for each port, ms: then nothing moves. */
const START_MS = 60_000;
const CLOSE_MS = 5000;
const CLOSE_PORT_MS = 20;

/** Serves until a signal ends it. */
export async function serve(options: DaemonOptions): Promise<void> {
  const { config, state, socket, socketGroup, metricsAddress, logLevel, logFormat, workers } = options;
  const { webAddress, webTokenFile: tokenFile } = options;
  const log = createLogger({ level: logLevel, format: logFormat });
  if (!hasNative(log)) return;
  const tell = notifier(log);
  const keeper = keeperOf(resolve(state ?? socket));

  let daemon: Daemon | undefined;
  let answers = async () => {};
  let ending = false;
  const die = (err: Error, what: string) => {
    log.fatal({ err }, `${what}; taploomd ends`);
    if (ending) return;
    ending = true;
    void leave(1, log, closeMs(daemon), () => daemon?.closeSwitch());
  };
  const guard = new Guard(log, (error) => die(error, 'An error that nobody expected'));
  process.on('uncaughtException', (error) => guard.caught(error, daemon !== undefined));

  const metrics = metricsAddress === 'off' ? undefined : metricsAddress;
  const web = webAddress === 'off' ? undefined : { ...webAddress, tokenFile };
  const starting = Daemon.start({
    open: async (initial, leases) => {
      const opened = await Switch.open(initial, {
        workers,
        keeper,
        leases,
        stateDirectory: uplinkState(options),
        hooksDirectory: options.hooks === undefined ? false : resolve(options.hooks),
      });
      opened.on('failed', (error) => die(error, 'The data plane failed'));
      opened.on('unsegmented', (port, errno) => {
        const reason = getSystemErrorName(-errno);
        log.warn(
          { port },
          `port ${port}: the kernel refuses UDP segmentation (${reason}); segments go one by one, slower`,
        );
      });
      answers = () => opened.answers();
      return opened;
    },
    log,
    socket,
    socketGroup,
    credentials: peerOf,
    guests: guestSystem(keeper),
    takeLock,
    config,
    state,
    metrics,
    web,
    applied: (config) => removeOrphans(config, keeper, log),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending) return;
      ending = true;
      log.info(`${signal}: taploomd ends`);
      tell('STOPPING=1');
      void stop();
    });
  }
  /** A start under way is finished first, so that all it made is taken down. */
  const stop = async () => {
    const patience = killAfter(START_MS, log, 'start');
    const started = await starting.catch(() => undefined);
    clearTimeout(patience);
    await leave(0, log, closeMs(started), () => started?.close());
  };
  process.on('SIGHUP', () => {
    const reload = async (started: Daemon) => {
      tell(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
      await started.reload();
      tell(`READY=1\nSTATUS=${started.status}`);
    };
    // A start that fails is told where it was asked for.
    starting.then(reload, () => {}).catch((err) => log.error({ err }, 'Reloading failed'));
  });

  try {
    daemon = await starting;
  } catch (error) {
    if (ending) return;
    ending = true;
    if (error instanceof TaploomError) log.fatal(`Cannot start: ${error.message}`);
    else log.fatal({ err: error }, 'Cannot start');
    // nothing is open any more: Daemon.start has cleaned up
    process.exitCode = 1;
    return;
  }
  goFirst();
  if (ending) return;
  tell(`READY=1\nSTATUS=${daemon.status}`);
  const limit = watchdogMs();
  if (limit !== undefined) feedWatchdog(limit, answers, () => tell('WATCHDOG=1'));
}

/**
 * Lets this thread go before the data plane's, and others', where they want the same core: it needs little, and a command
 * should not wait for a burst. Under 13 Gb/s of TCP on two cores a command took 2.7 ms (p99 8.1) without, 2.1 ms (p99
 * 6.6) with it. On Linux the priority is the thread's own. Without CAP_SYS_NICE it stays as it is.
 */
function goFirst(): void {
  try {
    setPriority(process.pid, constants.priority.PRIORITY_HIGH);
  } catch {
    // Not permitted; slower commands under load are all that follows.
  }
}

function closeMs(daemon: Daemon | undefined): number {
  return CLOSE_MS + CLOSE_PORT_MS * (daemon?.portCount ?? 0);
}

function killAfter(ms: number, log: Logger, what: 'start' | 'stop'): NodeJS.Timeout {
  return setTimeout(() => {
    log.fatal(`The switch did not ${what} within ${ms / 1000} s; killing the process`);
    process.kill(process.pid, 'SIGKILL');
  }, ms);
}

/** Ends the process with `code` once `close` is done, and at the latest after `ms`. */
async function leave(
  code: number,
  log: Logger,
  ms: number,
  close: () => Promise<void> | undefined,
): Promise<void> {
  const patience = killAfter(ms, log, 'stop');
  try {
    await close();
  } catch (err) {
    log.error({ err }, 'Closing the switch failed');
    code = 1;
  }
  clearTimeout(patience);
  process.exit(code);
}

/** Loads the native library, before anything is touched. False: it cannot be had, and the log says what helps. */
function hasNative(log: Logger): boolean {
  try {
    native();
    return true;
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    log.fatal(`Cannot start: ${error.message}`);
    process.exitCode = 1;
    return false;
  }
}

/** sd_notify, if a service manager asked for it; its absence is no reason to stop. */
function notifier(log: Logger): (state: string) => void {
  if (!process.env.NOTIFY_SOCKET) return () => {};
  return (state) => {
    try {
      notify(state);
    } catch (err) {
      log.warn({ err }, 'Cannot reach the service manager');
    }
  };
}
