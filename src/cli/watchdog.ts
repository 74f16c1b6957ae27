// The service manager's watchdog (sd_watchdog_enabled(3)): a daemon that it does not hear from in time is started again.

/** How often it wants to hear from this process, at the latest, ms; undefined if it does not watch it. */
export function watchdogMs(env: NodeJS.ProcessEnv = process.env): number | undefined {
  const { WATCHDOG_USEC: limit, WATCHDOG_PID: pid } = env;
  if (pid !== undefined && Number(pid) !== process.pid) return undefined;
  const ms = Number(limit) / 1000;
  return ms > 0 ? ms : undefined;
}

/**
 * Calls `tell` a few times within `limit` ms, each time only after `answers` resolved: neither an event loop nor a data
 * plane that hangs passes for alive. One that fails ends the daemon by other ways.
 */
export function feedWatchdog(limit: number, answers: () => Promise<unknown>, tell: () => void): void {
  let isAsking = false;
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    await answers().then(tell, () => {});
    isAsking = false;
  };
  setInterval(ask, limit / 4).unref();
}
