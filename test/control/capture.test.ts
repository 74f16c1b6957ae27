// Captures over the control socket: a stream that starts at once, ends when asked, and goes when its client goes.

import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CapturedFrame } from '../../src/api.ts';
import { Changes } from '../../src/control/changes.ts';
import { ControlClient } from '../../src/control/client.ts';
import { type ControlServer, startControlServer } from '../../src/control/server.ts';
import { PcapngReader, type ReadBlock } from '../../src/wire/pcapng_reader.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

let directory: string;
let api: SimulatedSwitch;
let server: ControlServer;
let client: ControlClient;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tlcap-'));
  api = new SimulatedSwitch({ version: 1, bridges: { br0: { ports: { vm1: { type: 'tap' } } } } });
  const socket = join(directory, 'c.sock');
  server = await startControlServer({ api, changes: new Changes(api), version: '1.2.3', socket });
  client = new ControlClient(socket);
});
afterEach(async () => {
  client.close();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

function frame(change: Partial<CapturedFrame> = {}): CapturedFrame {
  return {
    time: 1_795_824_000_000_000_001n,
    port: 'vm1',
    direction: 'in',
    length: 60,
    bytes: new Uint8Array(60),
    ...change,
  };
}

async function blocks(chunks: AsyncIterable<Uint8Array>): Promise<ReadBlock[]> {
  const reader = new PcapngReader();
  const all: ReadBlock[] = [];
  for await (const chunk of chunks) for (const block of reader.push(chunk)) all.push(reader.read(block));
  return all.filter(({ kind }) => kind !== 'other');
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((done) => setTimeout(done, 5));
  }
}

describe('a capture', () => {
  test('tells each frame`s port, direction and reason, and at the end what was lost where', async () => {
    api.captured.push(
      [frame(), frame({ port: 'vm2', direction: 'out' })],
      [
        frame({ direction: 'drop', reason: 'runt', side: 'receive' }),
        frame({ direction: 'drop', reason: 'queue_full', side: 'transmit' }),
      ],
    );
    Object.assign(api.captureLost, { vm1: 7, vm3: 2 });
    const options = { bridge: 'br0', directions: ['in' as const, 'drop' as const], count: 4, snaplen: 128 };
    const { chunks } = await client.capture(options);
    expect(await blocks(chunks)).toMatchObject([
      { interface: 'vm1', direction: 'in', comment: undefined },
      { interface: 'vm2', direction: 'out' },
      { interface: 'vm1', direction: 'in', comment: 'dropped: runt' },
      { interface: 'vm1', direction: 'out', comment: 'dropped: queue_full' },
      { kind: 'statistics', interface: 'vm1', received: 10, dropped: 7 },
      { kind: 'statistics', interface: 'vm2', received: 1, dropped: 0 },
      { kind: 'statistics', interface: 'vm3', received: 2, dropped: 2 },
    ]);
    expect(api.captureOptions).toEqual([options]);
  });

  test('shows its head and frames at once, and ends with the statistics when it is asked to', async () => {
    api.captured.push([frame()]);
    const { id, chunks } = await client.capture({});
    const reader = new PcapngReader();
    const seen: string[] = [];
    for await (const chunk of chunks) {
      for (const block of reader.push(chunk)) {
        const { kind } = reader.read(block);
        seen.push(kind);
        // Only now, so that the frame was there while the capture still ran.
        if (kind === 'packet') await client.endCapture(id);
      }
    }
    expect(seen).toEqual(['other', 'other', 'packet', 'statistics']);
    expect(api.openCaptures).toBe(0);
    await expect(client.endCapture(id)).rejects.toMatchObject({ code: 'no_such_capture', status: 404 });
  });

  test('goes when its client goes, also while nothing comes', async () => {
    const { chunks, abort } = await client.capture({});
    const reading = blocks(chunks).catch(() => {});
    await until(() => api.openCaptures === 1);
    abort();
    await until(() => api.openCaptures === 0);
    await reading;
  });

  test('ends with the server, and has its statistics', async () => {
    api.captured.push([frame()]);
    const { chunks } = await client.capture({});
    const reading = blocks(chunks);
    await server.close();
    expect(await reading).toMatchObject([{ kind: 'packet' }, { kind: 'statistics' }]);
    expect(api.openCaptures).toBe(0);
  });

  test('does not read on while its client does not', async () => {
    let read = 0;
    const big = {
      [Symbol.iterator]: function* () {
        for (; read < 10_000; read++) yield [frame({ length: 60_000, bytes: new Uint8Array(60_000) })];
      },
    };
    Object.assign(api, { captured: big });
    await new Promise<void>((done, fail) => {
      const body = '{}';
      const call = request(
        {
          socketPath: client.socket,
          method: 'POST',
          path: '/v1/capture',
          headers: { 'content-length': body.length },
        },
        (response) => {
          response.pause();
          setTimeout(() => {
            // Some megabytes are in the sockets and streams in between; not the 600 of all frames.
            if (read > 500) fail(new Error(`${read} frames were read`));
            response.destroy();
            done();
          }, 500);
        },
      );
      call.on('error', fail);
      call.end(body);
    });
    await until(() => api.openCaptures === 0);
  });

  test.each([
    [{ directions: ['sideways'] }, 'directions'],
    [{ program: [[6, 0, 0]] }, 'program'],
    [{ program: [[6, 0, 999, 0]] }, 'program'],
    [{ snaplen: 0 }, 'snaplen'],
    [{ count: 1.5 }, 'count'],
    [{ filter: 'tcp' }, 'filter'],
  ])('is refused with %j', async (options, what) => {
    const refused = client.capture(options as object);
    await expect(refused).rejects.toMatchObject({ status: 400, code: 'invalid_request' });
    await expect(refused).rejects.toThrow(what);
  });
});
