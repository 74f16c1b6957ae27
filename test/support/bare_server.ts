// The yardstick for times of commands. A millisecond is a different thing on a machine that others use, too: what a
// request costs that does nothing, at the same moments, says how different.

import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { IDLE_MS } from '../../src/control/connection.ts';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';

const SCRIPT = fileURLToPath(new URL('./bare_server.mjs', import.meta.url));

export class BareServer {
  private readonly agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  private readonly socketPath: string;

  private constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** In the namespace of the daemon that it is compared with; ends with the test. */
  static async start(lab: Lab, where: Netns): Promise<BareServer> {
    const socket = join(lab.dir, 'bare.sock');
    const server = where.spawn([process.execPath, SCRIPT, socket]);
    const bare = new BareServer(socket);
    onTestFinished(() => bare.agent.destroy());
    const end = Date.now() + 20_000;
    const isReady = () =>
      bare.request({}).then(
        () => true,
        () => false,
      );
    while (!(await isReady())) {
      if (!server.running || Date.now() > end) throw new Error(`no bare server\n${server.output()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return bare;
  }

  /** Resolves when the answer is there. */
  request(body: object): Promise<void> {
    return new Promise((resolve, reject) => {
      request({ socketPath: this.socketPath, agent: this.agent, method: 'PATCH' }, (response) => {
        response.resume().once('end', resolve);
      })
        .once('error', reject)
        .end(JSON.stringify(body));
    });
  }
}
