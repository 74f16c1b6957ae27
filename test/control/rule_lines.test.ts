// A request says on which lines of a file the rules of its configuration stand.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ApplyOptions } from '../../src/api.ts';
import { loadConfigWithLines } from '../../src/config/yaml.ts';
import { ControlClient } from '../../src/control/client.ts';
import { Daemon } from '../../src/control/daemon.ts';
import { createLogger } from '../../src/control/log.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

class Listening extends SimulatedSwitch {
  readonly heard: (ApplyOptions | undefined)[] = [];

  override apply(next: never, options?: ApplyOptions) {
    this.heard.push(options);
    return super.apply(next, options);
  }
}

test('they go to the switch beside the configuration, and must be such', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'taploom-lines-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const socket = join(directory, 'c.sock');
  let api: Listening | undefined;
  const daemon = await Daemon.start({
    socket,
    log: createLogger({ level: 'error', journal: false, write: () => {} }),
    open: async (config) => {
      api = new Listening(config);
      return api;
    },
  });
  onTestFinished(() => daemon.close());
  const client = new ControlClient(socket);
  onTestFinished(() => client.close());
  const { config, lines } = loadConfigWithLines('version: 1\nacls: { web: [{ permit: any }] }\n', 'x.yaml');
  await client.apply(config, lines);
  expect(api?.heard.at(-1)?.lines).toEqual({ file: 'x.yaml', acls: { web: [2] }, groups: {} });
  expect(api?.config.acls).toEqual({ web: [{ permit: 'any' }] });
  await client.apply(config);
  expect(api?.heard.at(-1)?.lines).toBeUndefined();
  await expect(client.apply(config, { file: 'x.yaml', acls: { web: [-1] }, groups: {} })).rejects.toThrow(
    'rule_lines.acls.web.0',
  );
});
