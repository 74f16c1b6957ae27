// The daemon as its users run it: the built program, a configuration file, a Unix socket. It runs in a namespace of
// the test, so that its interfaces cannot meet those of the machine; ports move on to other namespaces by `netns`.

import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { FdbEntry, PollGap, PortStatus } from '../../src/api.ts';
import type { ActionResult } from '../../src/config/action.ts';
import { IDLE_MS } from '../../src/control/connection.ts';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';
import type { Background, RunResult } from './process.ts';

export const program = (name: string) =>
  fileURLToPath(new URL(`../../dist/src/programs/${name}.js`, import.meta.url));
const METRICS = '127.0.0.1:9477';
let sockets = 0;

export interface DaemonOptions {
  /** More words for its command line. */
  args?: readonly string[];
  /** Reuse the socket path of a daemon that was killed. */
  socket?: string;
  /** Words before the command, e.g. `setpriv ...`. */
  wrap?: readonly string[];
}

export class Taploomd {
  readonly process: Background;
  readonly socket: string;
  readonly where: Netns;
  private readonly agent = new Agent({ keepAlive: true, timeout: IDLE_MS });

  private constructor(process: Background, socket: string, where: Netns) {
    this.process = process;
    this.socket = socket;
    this.where = where;
  }

  /** Resolves when the daemon answers on its socket, which is after it has applied its configuration. */
  static async start(
    lab: Lab,
    where: Netns,
    config: object | string,
    options: DaemonOptions = {},
  ): Promise<Taploomd> {
    const daemon = await Taploomd.launch(lab, where, config, options);
    const end = Date.now() + 20_000;
    while (!(await daemon.get('/v1/healthz').catch(() => null))) {
      if (!daemon.process.running) throw new Error(`taploomd ended at its start\n${daemon.process.output()}`);
      if (Date.now() > end) throw new Error(`taploomd does not answer\n${daemon.process.output()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return daemon;
  }

  /** Starts it and does not wait: for configurations that it should refuse. */
  static async launch(
    lab: Lab,
    where: Netns,
    config: object | string,
    options: DaemonOptions = {},
  ): Promise<Taploomd> {
    await where.ip('link set dev lo up'); // for the metrics address
    const socket = options.socket ?? join(lab.dir, `taploom${++sockets}.sock`);
    const file = join(lab.dir, 'taploom.yaml');
    writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config)); // JSON is YAML
    const args = [
      '--config',
      file,
      '--socket',
      socket,
      '--metrics-address',
      METRICS,
      ...(options.args ?? []),
    ];
    const process = where.spawn([
      ...(options.wrap ?? []),
      globalThis.process.execPath,
      program('taploomd'),
      ...args,
    ]);
    const daemon = new Taploomd(process, socket, where);
    onTestFinished(({ task }) => {
      daemon.agent.destroy();
      if (task.result?.state === 'fail') console.error(`taploomd:\n${process.output()}`);
    });
    return daemon;
  }

  /** A request on the control socket, over one connection that stays open. Rejects on any status but 2xx. */
  request<T>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = request(
        { socketPath: this.socket, agent: this.agent, method, path, headers },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('error', reject);
          response.on('end', () => {
            if ((response.statusCode ?? 0) < 300) resolve(JSON.parse(text));
            else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          });
        },
      );
      sent.setTimeout(15_000, () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  get<T>(path: string): Promise<T> {
    return this.request<T>('GET', path);
  }

  async ports(): Promise<PortStatus[]> {
    return (await this.get<{ ports: PortStatus[] }>('/v1/stats')).ports;
  }

  async port(name: string): Promise<PortStatus> {
    const port = (await this.ports()).find((one) => one.name === name);
    if (!port) throw new Error(`taploomd has no port ${name}`);
    return port;
  }

  async pollGap(): Promise<PollGap> {
    return (await this.get<{ pollGap: PollGap }>('/v1/stats')).pollGap;
  }

  async fdb(query = ''): Promise<FdbEntry[]> {
    return (await this.get<{ entries: FdbEntry[] }>(`/v1/fdb${query}`)).entries;
  }

  async apply(config: object): Promise<ActionResult[]> {
    return (await this.request<{ results: ActionResult[] }>('PUT', '/v1/config', config)).results;
  }

  /** The `taploom` client, in the daemon's namespace; rejects if it fails. */
  cli(...args: string[]): Promise<string> {
    return this.where.check([process.execPath, program('taploom'), ...args], {
      env: { TAPLOOM_SOCKET: this.socket },
    });
  }

  brctl(...args: string[]): Promise<RunResult> {
    return this.where.run([process.execPath, program('brctl'), ...args], {
      env: { TAPLOOM_SOCKET: this.socket },
    });
  }

  bridge(...args: string[]): Promise<RunResult> {
    return this.where.run([process.execPath, program('bridge'), ...args], {
      env: { TAPLOOM_SOCKET: this.socket },
    });
  }

  /** What Prometheus would read. */
  scrape(): Promise<string> {
    const script = `fetch('http://${METRICS}/metrics').then((r) => r.text()).then((t) => process.stdout.write(t))`;
    return this.where.check([process.execPath, '-e', script]);
  }

  /** `scrape` as numbers, labels in alphabetic order: `taploom_port_up{bridge="br0",port="h1"}` -> 1. */
  async metrics(): Promise<Map<string, number>> {
    const lines = (await this.scrape()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => {
        const [series, value] = [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' '))];
        const [name, labels = ''] = series.split(/[{}]/);
        const sorted = (labels.match(/\w+="[^"]*"/g) ?? []).sort().join();
        return [sorted === '' ? name : `${name}{${sorted}}`, Number(value)];
      }),
    );
  }

  /** Polls until `look` gives something true; rejects with `what` if it does not in time. */
  async until(what: string, look: () => Promise<boolean>, timeoutMs = 5000): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!(await look())) {
      if (Date.now() > end) throw new Error(`After ${timeoutMs} ms still not: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
