import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FdbEntry, FdbFilter, MdbEntry, MdbFilter, NatFilter, PolicyFilter } from '../../src/api.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { CaptureSessions } from '../../src/control/capture_sessions.ts';
import { Changes } from '../../src/control/changes.ts';
import { EventStreams } from '../../src/control/event_stream.ts';
import { PageSessions } from '../../src/control/page_sessions.ts';
import { ROUTES } from '../../src/control/routes.ts';
import { controlApp } from '../../src/control/server.ts';
import { PAGE_PATHS } from '../../src/control/web_page.ts';
import { lldpNeighbor, lldpPort } from './lldp_neighbors.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

const CONFIG = {
  version: 1,
  bridges: {
    br0: {
      vlan_filtering: true,
      ports: { vm1: { type: 'tap', vlan: { access: 10 } }, vm2: { type: 'tap' } },
    },
  },
};

let api: SimulatedSwitch;
let saved: unknown[];
let app: ReturnType<typeof controlApp>;
const G = '239.1.1.1';
let sessions: PageSessions<FdbFilter, FdbEntry>;
let faults: unknown[];

beforeEach(() => {
  api = new SimulatedSwitch(CONFIG);
  saved = [];
  faults = [];
  sessions = new PageSessions((filter: FdbFilter) => api.fdb(filter));
  const groups = new PageSessions((filter: MdbFilter) => api.mdb(filter));
  const changes = new Changes(api, (config) => void saved.push(config));
  const streams = new EventStreams(api.events);
  const captures = new CaptureSessions(api, 'taploom');
  const connections = new PageSessions((filter: NatFilter) => api.routing.connections(filter));
  const tracked = new PageSessions((filter: PolicyFilter) => api.policy.connections(filter));
  const context = {
    api,
    changes,
    sessions,
    groups,
    connections,
    tracked,
    streams,
    captures,
    version: '9.9.9',
  };
  app = controlApp(context, (error) => void faults.push(error));
});
afterEach(() => sessions.close());

async function call(method: string, path: string, body?: unknown) {
  const response = await app.request(path, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: the tests look into it
  const value = (await response.json()) as any;
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    headers: response.headers,
    value,
  };
}

describe('bridges and ports', () => {
  test('a bridge is created, read, changed and deleted', async () => {
    expect((await call('PUT', '/v1/bridges/br1', { ageing_time: 60 })).value.results).toEqual([
      { op: 'add', kind: 'bridge', path: 'bridges.br1', ok: true },
      { op: 'add', kind: 'port', path: 'bridges.br1.local', ok: true },
    ]);
    expect((await call('GET', '/v1/bridges/br1')).value.status).toMatchObject({
      name: 'br1',
      ageingTime: 60,
    });
    await call('PATCH', '/v1/bridges/br1', { ageing_time: 30, local: false });
    expect((await call('GET', '/v1/bridges/br1')).value.config).toMatchObject({
      ageing_time: 30,
      local: false,
    });
    await call('PATCH', '/v1/bridges/br1', { ageing_time: null });
    expect(api.config.bridges.br1.ageing_time).toBe(300);
    expect((await call('DELETE', '/v1/bridges/br1')).status).toBe(200);
    expect(Object.keys(api.config.bridges)).toEqual(['br0']);
  });

  test('a bridge can be created with an empty body', async () => {
    expect((await call('PUT', '/v1/bridges/br1')).status).toBe(200);
    expect(api.config.bridges.br1.vlan_filtering).toBe(false);
  });

  test('a port is created, read, changed and deleted, and its static entries go with it', async () => {
    await call('PUT', '/v1/bridges/br0/ports/vm3', { type: 'tap', vlan: { access: 20 } });
    await call('PUT', '/v1/fdb', { bridge: 'br0', mac: '02:00:00:00:00:99', vlan: 20, port: 'vm3' });
    expect(api.config.bridges.br0.static).toHaveLength(1);
    const vlan = { access: null, trunk: [20, '30-40'] };
    expect((await call('PATCH', '/v1/bridges/br0/ports/vm3', { vlan, hairpin: true })).status).toBe(200);
    expect((await call('GET', '/v1/bridges/br0/ports/vm3')).value).toMatchObject({
      status: { name: 'vm3', state: 'up' },
      config: { vlan: { trunk: [20, '30-40'] }, hairpin: true },
    });
    expect((await call('DELETE', '/v1/bridges/br0/ports/vm3')).status).toBe(200);
    expect(api.config.bridges.br0.static).toEqual([]);
  });

  test('with exclusive, what exists is a conflict and stays as it is', async () => {
    const bridge = await call('PUT', '/v1/bridges/br0?exclusive=true', {});
    expect(bridge).toMatchObject({ status: 409, value: { code: 'bridge_exists' } });
    await call('PUT', '/v1/bridges/br1', {});
    const port = await call('PUT', '/v1/bridges/br1/ports/vm1?exclusive', { type: 'tap' });
    expect(port).toMatchObject({
      status: 409,
      value: { code: 'port_exists', status: 409, type: 'about:blank' },
    });
    expect(port.value.detail).toContain('it is in bridge br0 already');
    expect(Object.keys(api.config.bridges.br0.ports)).toEqual(['vm1', 'vm2']);
  });

  test.each([
    ['GET', '/v1/bridges/nope', 'no_such_bridge'],
    ['PATCH', '/v1/bridges/nope', 'no_such_bridge'],
    ['DELETE', '/v1/bridges/nope', 'no_such_bridge'],
    ['GET', '/v1/bridges/nope/ports', 'no_such_bridge'],
    ['GET', '/v1/bridges/__proto__', 'no_such_bridge'],
    ['GET', '/v1/bridges/br0/ports/nope', 'no_such_port'],
    ['PATCH', '/v1/bridges/br0/ports/constructor', 'no_such_port'],
    ['DELETE', '/v1/bridges/br0/ports/nope', 'no_such_port'],
    ['PUT', '/v1/bridges/nope/ports/vm9', 'no_such_bridge'],
    ['DELETE', '/v1/fdb?bridge=br0&mac=02:00:00:00:00:01', 'no_such_entry'],
  ])('%s %s is 404 %s', async (method, path, code) => {
    const body = method === 'PATCH' || method === 'PUT' ? { type: 'tap' } : undefined;
    expect(await call(method, path, body)).toMatchObject({ status: 404, value: { code } });
  });

  test('a disabled port is enabled, and one that is not says so', async () => {
    await call('PUT', '/v1/bridges/br0', { ports: { vm1: { type: 'tap' } } });
    api.disabled.add('vm1');
    expect((await call('POST', '/v1/bridges/br0/ports/vm1/enable')).value).toEqual({ enabled: true });
    expect((await call('POST', '/v1/bridges/br0/ports/vm1/enable')).value).toEqual({ enabled: false });
    expect((await call('POST', '/v1/bridges/br0/ports/vm9/enable')).status).toBe(404);
  });

  test('two changes at the same moment both take effect', async () => {
    const names = Array.from({ length: 10 }, (_, i) => `t${i}`);
    await Promise.all(names.map((name) => call('PUT', `/v1/bridges/br0/ports/${name}`, { type: 'tap' })));
    expect(Object.keys(api.config.bridges.br0.ports)).toEqual(['vm1', 'vm2', ...names]);
    expect(faults).toEqual([]);
  });

  test('every change in force is saved', async () => {
    await call('PUT', '/v1/bridges/br1', {});
    await call('PUT', '/v1/bridges/br2', { ageing_time: -1 });
    expect(saved).toHaveLength(1);
    expect(saved[0]).toEqual(api.config);
  });
});

describe('the configuration as a whole', () => {
  test('apply makes the switch what the document says, deletions first', async () => {
    const next = {
      version: 1,
      bridges: { br0: { ...CONFIG.bridges.br0, ports: { vm1: { type: 'tap' }, vm9: { type: 'tap' } } } },
    };
    const plan = (await call('PUT', '/v1/config?dry_run=true', next)).value.plan;
    expect(plan.map(({ op, path }: { op: string; path: string }) => `${op} ${path}`)).toEqual([
      'delete bridges.br0.ports.vm2',
      'add bridges.br0.ports.vm9',
      'set bridges.br0.ports.vm1',
    ]);
    expect(api.applied).toBe(0);
    const { results } = (await call('PUT', '/v1/config', next)).value;
    expect(results).toEqual(plan.map((action: object) => ({ ...action, ok: true })));
    expect((await call('GET', '/v1/config')).value).toEqual(JSON.parse(JSON.stringify(api.config)));
  });

  test('what GET answers can be PUT, and then there is nothing to do', async () => {
    const { value } = await call('GET', '/v1/config');
    expect((await call('PUT', '/v1/config', value)).value).toEqual({ results: [] });
  });

  test('a bad configuration is 400 with all problems and their paths', async () => {
    const answer = await call('PUT', '/v1/config', {
      version: 1,
      bridges: { br0: { ageing_time: -1, ports: { vm1: { type: 'tap', vlan: { access: 5000 } } } } },
    });
    expect(answer).toMatchObject({
      status: 400,
      type: 'application/problem+json',
      value: { code: 'invalid_config' },
    });
    expect(answer.value.problems.map(({ path }: { path: string }) => path)).toEqual([
      'bridges.br0.ageing_time',
      'bridges.br0.ports.vm1.vlan.access',
    ]);
    expect(api.applied).toBe(1);
    expect(saved).toEqual([]);
  });

  test('an action that fails is reported with the results of all, and stays wanted', async () => {
    api.failures.set('bridges.br0.ports.vm8', { error: 'interface vm8 exists', code: 'interface_exists' });
    const ports = { ...CONFIG.bridges.br0.ports, vm8: { type: 'tap' }, vm9: { type: 'tap' } };
    const answer = await call('PUT', '/v1/config', {
      version: 1,
      bridges: { br0: { ...CONFIG.bridges.br0, ports } },
    });
    expect(answer).toMatchObject({ status: 409, value: { code: 'interface_exists' } });
    expect(answer.value.detail).toBe('interface vm8 exists');
    expect(answer.value.results.map(({ ok }: { ok: boolean }) => ok)).toEqual([false, true]);
    expect(saved).toEqual([api.config]);
    expect(Object.keys(api.config.bridges.br0.ports)).toEqual(['vm1', 'vm2', 'vm8', 'vm9']);
  });

  test('a part that is not there yet waits, and a command for it alone fails', async () => {
    const failure = { error: 'there is no interface vm8', code: 'no_such_interface' };
    api.failures.set('bridges.br0.ports.vm8', failure);
    const alone = await call('PUT', '/v1/bridges/br0/ports/vm8', { type: 'af_packet' });
    expect(alone).toMatchObject({ status: 404, value: { code: 'no_such_interface' } });
    expect(Object.keys(api.config.bridges.br0.ports)).toEqual(['vm1', 'vm2']);
    const ports = { ...CONFIG.bridges.br0.ports, vm8: { type: 'af_packet' } };
    const answer = await call('PUT', '/v1/config', {
      version: 1,
      bridges: { br0: { ...CONFIG.bridges.br0, ports } },
    });
    expect(answer).toMatchObject({
      status: 200,
      value: { results: [{ ok: true, waits: true, ...failure }] },
    });
  });

  test('nobody hands over a file descriptor by number', async () => {
    const answer = await call('PUT', '/v1/bridges/br0/ports/vm3', { type: 'tap', fd: 5 });
    expect(answer).toMatchObject({
      status: 400,
      value: { problems: [{ path: 'bridges.br0.ports.vm3.fd' }] },
    });
    expect(api.applied).toBe(0);
  });
});

describe('statistics', () => {
  test('drops are listed by port and reason with their meaning', async () => {
    api.counters.set('vm1', {
      receiveDropped: { vlan_untagged: 3 },
      transmitDropped: { too_big: 2, port_down: 0 },
    });
    expect((await call('GET', '/v1/drops')).value.drops).toEqual([
      {
        bridge: 'br0',
        port: 'vm1',
        side: 'receive',
        reason: 'vlan_untagged',
        frames: 3,
        help: expect.stringContaining('trunk'),
      },
      {
        bridge: 'br0',
        port: 'vm1',
        side: 'transmit',
        reason: 'too_big',
        frames: 2,
        help: expect.stringContaining('MTU'),
      },
    ]);
  });

  test('the kernel is asked about interfaces unless the client can do without', async () => {
    const ports = vi.spyOn(api, 'ports');
    for (const path of ['/v1/switch', '/v1/drops']) {
      await call('GET', path);
      await call('GET', `${path}?look=false`);
    }
    expect(ports.mock.calls).toEqual([[{}], [{ look: false }], [{ look: undefined }], [{ look: false }]]);
  });

  test('the switch tells its version, bridges and ports', async () => {
    const { value } = await call('GET', '/v1/switch');
    expect(value).toMatchObject({ version: '9.9.9', pid: process.pid, bridges: [{ name: 'br0' }] });
    expect(value.ports.map((port: { name: string }) => port.name)).toEqual(['vm1', 'vm2', 'br0']);
    expect((await call('GET', '/v1/stats')).value.pollGap.polls).toBe(2);
  });
});

describe('LLDP', () => {
  test('neighbours and counters are told of all ports, of a bridge, of a port', async () => {
    const [one, two] = [lldpNeighbor(), lldpNeighbor({ port: 'vm2', chassisId: 'x', otherTlvs: [] })];
    api.neighbors = [one, two];
    api.lldpStates = [lldpPort(), lldpPort({ port: 'vm2', mode: 'receive' })];
    const all = { neighbors: api.neighbors, ports: api.lldpStates };
    expect((await call('GET', '/v1/lldp')).value).toEqual(all);
    expect((await call('GET', '/v1/lldp?bridge=br0')).value).toEqual(all);
    expect((await call('GET', '/v1/lldp?bridge=br0&port=vm2')).value).toEqual({
      neighbors: [two],
      ports: [api.lldpStates[1]],
    });
    expect((await call('GET', '/v1/lldp?bridge=br9')).status).toBe(404);
    expect((await call('GET', '/v1/lldp?bridge=br0&port=vm9')).value.code).toBe('no_such_port');
    expect((await call('GET', '/v1/lldp?ports=vm1')).status).toBe(400);
  });

  test('it is switched on and off while the port stays', async () => {
    const set = { op: 'set', kind: 'port', path: 'bridges.br0.ports.vm1', ok: true };
    const { value } = await call('PATCH', '/v1/bridges/br0/ports/vm1', { lldp: true });
    expect(value.results).toEqual([{ ...set, changes: { lldp: { from: false, to: true } } }]);
  });
});

describe('the forwarding database', () => {
  const entry = (i: number): FdbEntry => ({
    bridge: 'br0',
    mac: `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
    vlan: i % 2 === 0 ? 10 : 1,
    port: 'vm1',
    type: 'learned',
    age: i,
  });

  async function readAll(query: string) {
    const pages: FdbEntry[][] = [];
    let cursor = '';
    do {
      const { value, status } = await call('GET', `/v1/fdb?${query}${cursor && `&cursor=${cursor}`}`);
      expect(status).toBe(200);
      pages.push(value.entries);
      cursor = value.next ?? '';
    } while (cursor !== '');
    return pages;
  }

  test.each([1, 7, 99, 100, 101, 250, 10_000])(
    'comes in pages of %i with every entry once',
    async (limit) => {
      api.entries = Array.from({ length: 250 }, (_, i) => entry(i));
      const pages = await readAll(`limit=${limit}`);
      expect(pages.flat()).toEqual(api.entries);
      expect(pages).toHaveLength(Math.ceil(250 / limit));
      expect(api.openIterators).toBe(0);
    },
  );

  test('is empty in one page', async () => {
    expect((await call('GET', '/v1/fdb')).value).toEqual({ entries: [] });
  });

  test('is filtered by bridge, port, VLAN and address', async () => {
    api.entries = Array.from({ length: 10 }, (_, i) => entry(i));
    expect((await readAll('vlan=10')).flat()).toHaveLength(5);
    expect((await readAll(`mac=${entry(3).mac}&bridge=br0&port=vm1`)).flat()).toEqual([entry(3)]);
  });

  test('a cursor works once', async () => {
    api.entries = Array.from({ length: 10 }, (_, i) => entry(i));
    const { next } = (await call('GET', '/v1/fdb?limit=4')).value;
    const both = await Promise.all([1, 2].map(() => call('GET', `/v1/fdb?limit=4&cursor=${next}`)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 410]);
  });

  test('readers that walk away are forgotten, the oldest first', async () => {
    api.entries = Array.from({ length: 300 }, (_, i) => entry(i));
    const few = new PageSessions((filter: FdbFilter) => api.fdb(filter), { max: 2, ttl: 50 });
    const cursors: string[] = [];
    for (let i = 0; i < 3; i++) cursors.push((await few.open({}, 10)).next ?? '');
    expect(api.openIterators).toBe(2);
    expect(() => few.resume(cursors[0])).toThrow('expired');
    expect((await few.resume(cursors[1], 5)).entries).toHaveLength(5);
    await new Promise((done) => setTimeout(done, 120));
    expect(api.openIterators).toBe(0);
    expect(() => few.resume(cursors[2])).toThrow('expired');
    await few.open({}, 10);
    few.close();
    await new Promise((done) => setTimeout(done, 5));
    expect(api.openIterators).toBe(0);
  });

  test('is flushed by filter', async () => {
    expect((await call('POST', '/v1/fdb/flush', { bridge: 'br0', vlan: 10 })).value).toEqual({ flushed: 3 });
    expect((await call('POST', '/v1/fdb/flush')).value).toEqual({ flushed: 3 });
    expect(api.flushes).toEqual([{ bridge: 'br0', vlan: 10 }, {}]);
  });

  test('static entries are configuration: added, replaced, deleted', async () => {
    const station = { bridge: 'br0', mac: '02:AA:00:00:00:01', vlan: 10 };
    expect((await call('PUT', '/v1/fdb', { ...station, port: 'vm1' })).status).toBe(200);
    await call('PATCH', '/v1/bridges/br0/ports/vm2', { vlan: { access: 10 } });
    expect((await call('PUT', '/v1/fdb', { ...station, port: 'vm2' })).status).toBe(200);
    expect(api.config.bridges.br0.static).toEqual([{ mac: '02:aa:00:00:00:01', vlan: 10, port: 'vm2' }]);
    expect((await call('DELETE', '/v1/fdb?bridge=br0&mac=02:aa:00:00:00:01&vlan=10')).status).toBe(200);
    expect(api.config.bridges.br0.static).toEqual([]);
  });
});

describe('multicast groups', () => {
  const entry = (i: number): MdbEntry => ({
    bridge: 'br0',
    vlan: 0,
    group: `239.1.${i >> 8}.${i & 255}`,
    port: i % 2 === 0 ? 'vm1' : 'vm2',
    type: 'dynamic',
    mode: 'exclude',
    sources: [],
    expiresIn: 260,
  });

  test('come in pages, filtered, and a cursor works once', async () => {
    api.groups = { entries: Array.from({ length: 25 }, (_, i) => entry(i)), vlans: [], ports: [] };
    const first = (await call('GET', '/v1/mdb?limit=7&port=vm1')).value;
    const rest = (await call('GET', `/v1/mdb?limit=7&cursor=${first.next}`)).value;
    expect([...first.entries, ...rest.entries]).toEqual(
      api.groups.entries.filter(({ port }) => port === 'vm1'),
    );
    expect(rest.next).toBeUndefined();
    expect((await call('GET', `/v1/mdb?limit=7&cursor=${first.next}`)).status).toBe(410);
    expect((await call('GET', '/v1/mdb?bridge=br9')).status).toBe(404);
  });

  test('are configuration if they are static: added once, deleted', async () => {
    const group = { bridge: 'br0', group: 'FF15::1', port: 'vm1', vlan: 10 };
    const other = { ...group, source: '2001:db8::1' };
    for (const body of [group, other, group]) expect((await call('PUT', '/v1/mdb', body)).status).toBe(200);
    const { bridge, ...kept } = { ...other, group: 'ff15::1' };
    expect(api.config.bridges.br0.multicast?.static).toHaveLength(2);
    expect((await call('DELETE', '/v1/mdb?bridge=br0&group=ff15::1&port=vm1&vlan=10')).status).toBe(200);
    expect(api.config.bridges.br0.multicast?.static).toEqual([kept]);
    expect((await call('DELETE', '/v1/mdb?bridge=br0&group=ff15::1&port=vm1&vlan=10')).status).toBe(404);
    expect((await call('PUT', '/v1/mdb', { ...group, group: '224.0.0.5' })).status).toBe(400);
  });

  test('are joined for a while, and flushed', async () => {
    const wish = { bridge: 'br0', group: G, port: 'vm1', mode: 'include', sources: ['192.0.2.1'] };
    expect((await call('POST', '/v1/mdb/join', wish)).value).toEqual({ joined: G });
    expect((await call('POST', '/v1/mdb/join', { ...wish, sources: ['2001:db8::1'] })).status).toBe(400);
    expect(api.joins).toEqual([wish]);
    expect((await call('POST', '/v1/mdb/flush', { port: 'vm1' })).value).toEqual({ flushed: 1 });
    expect((await call('POST', '/v1/mdb/flush')).value).toEqual({ flushed: 1 });
    expect(api.groupFlushes).toEqual([{ port: 'vm1' }, {}]);
  });
});

describe('traces', () => {
  const outcome = { verdict: 'consumed' as const, copies: [] };
  const trace = { bridge: 'br0', port: 'vm1', frame: '00', bytes: 1, steps: [], outcome };

  test('of a frame, of fields, and of real ones', async () => {
    api.traces = [trace];
    const at = { bridge: 'br0', port: 'vm1' };
    const fields = { src: 'a', dst: 'b', vlan: 20 };
    expect((await call('POST', '/v1/trace', { ...at, frame: '00' })).value).toEqual({ traces: [trace] });
    await call('POST', '/v1/trace', { ...at, fields });
    await call('POST', '/v1/trace', { ...at, live: { frames: 2, vlan: 20 } });
    expect(api.asked).toEqual([
      { ...at, frame: '00' },
      { ...at, fields },
      { ...at, frames: 2, vlan: 20 },
    ]);
    const both = await call('POST', '/v1/trace', { ...at, frame: '00', live: {} });
    expect([both.status, both.value.code]).toEqual([400, 'invalid_trace']);
    const many = await call('POST', '/v1/trace', { ...at, live: { frames: 101 } });
    expect([many.status, many.value.code]).toEqual([400, 'invalid_request']);
    expect((await call('GET', '/openapi.json')).value.components.schemas.Trace).toBeDefined();
  });
});

describe('requests that are wrong', () => {
  test.each([
    ['GET', '/v1/fdb?limit=0', undefined, 400, 'invalid_request'],
    ['GET', '/v1/fdb?limit=x', undefined, 400, 'invalid_request'],
    ['GET', '/v1/fdb?colour=red', undefined, 400, 'invalid_request'],
    ['GET', '/v1/fdb?cursor=nope', undefined, 410, 'cursor_expired'],
    ['POST', '/v1/fdb/flush', { vlan: 'ten' }, 400, 'invalid_request'],
    ['PUT', '/v1/config', '{"version": 1,', 400, 'invalid_json'],
    ['PUT', '/v1/config', '', 400, 'invalid_json'],
    ['PUT', '/v1/config', '[]', 400, 'invalid_config'],
    ['PUT', '/v1/bridges/br0/ports/vm5', { type: 'carrier pigeon' }, 400, 'invalid_config'],
    ['PUT', '/v1/bridges/a%20b', {}, 400, 'invalid_config'],
    ['PUT', '/v1/config', ' '.repeat(5 << 20), 413, 'body_too_large'],
    ['GET', '/v1/nothing', undefined, 404, 'not_found'],
    ['POST', '/', {}, 405, 'method_not_allowed'],
    ['POST', '/v1/bridges/br0', {}, 405, 'method_not_allowed'],
    ['DELETE', '/openapi.json', undefined, 405, 'method_not_allowed'],
  ])('%s %s is answered with the right status', async (method, path, body, status, code) => {
    const answer = await call(method, path, body);
    expect(answer).toMatchObject({ status, type: 'application/problem+json', value: { status, code } });
    expect(answer.value.detail).toBeTruthy();
    expect(faults).toEqual([]);
  });

  test('the wrong method names the right ones', async () => {
    expect((await call('POST', '/v1/bridges/br0/ports/vm1')).headers.get('allow')).toBe(
      'GET, PUT, PATCH, DELETE',
    );
  });

  test('an error of ours is 500 and reported', async () => {
    api.bridges = () => {
      throw new Error('table is on fire');
    };
    expect(await call('GET', '/v1/switch')).toMatchObject({ status: 500, value: { code: 'internal' } });
    expect(faults).toHaveLength(1);
  });
});

describe('the OpenAPI document', () => {
  /** As JSON, where the usual answer has no end. */
  const unfollowed = (path: string) => (path === '/v1/events' ? `${path}?follow=false` : path);

  test('names every route that answers, and every route it names answers', async () => {
    const document = (await call('GET', '/openapi.json')).value;
    expect(document.openapi).toBe('3.1.0');
    const described = Object.entries<object>(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    expect(described.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
    for (const line of described) {
      if (line === 'post /v1/capture') continue; // not JSON, and without an end: capture.test.ts
      const [method, path] = line.split(' ');
      const { value } = await call(method.toUpperCase(), unfollowed(path.replaceAll(/\{\w+\}/g, 'x')));
      expect(['not_found', 'method_not_allowed', 'internal']).not.toContain(value.code);
    }
    const served = app.routes
      .filter(({ method, path }) => method !== 'ALL' && !PAGE_PATHS.includes(path))
      .map(({ method, path }) => `${method} ${path}`);
    expect(served).toHaveLength(described.length + 1);
  });

  test('resolves every reference, and names each operation once', async () => {
    const document = (await call('GET', '/openapi.json')).value;
    const text = JSON.stringify(document);
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
    expect([...text.matchAll(/"\$ref":"/g)].length).toBe(
      [...text.matchAll(/"\$ref":"#\/components\/schemas\//g)].length,
    );
    const ids = [...text.matchAll(/"operationId":"(\w+)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('describes what routes answer: each answer fits its schema', async () => {
    api.counters.set('vm1', { receiveDropped: { runt: 1 } });
    api.entries = [
      { bridge: 'br0', mac: '02:00:00:00:00:01', vlan: 10, port: 'vm1', type: 'learned', age: 1.5 },
    ];
    api.drops = [
      {
        time: 1_795_824_000_123.5,
        port: 'vm1',
        side: 'receive',
        reason: 'runt',
        help: 'too short',
        length: 9,
        head: 'ff00',
      },
    ];
    api.events.add({ type: 'station', change: 'more', moves: 3 });
    const web = { bridge: 'br0', vlan: 10, address: ['10.0.1.1/24', 'fd00:1::1/64'] };
    api.config = parseConfig({
      ...api.config,
      routers: { r1: { interfaces: { web } } },
      acls: { office: [{ deny: { protocol: 'udp' } }] },
    });
    api.routing.found = [
      { router: 'r1', interface: 'web', bridge: 'br0', address: '10.0.1.9', state: 'failed' },
    ];
    const asked = (path: string) => (path === '/v1/routes/to' ? `${path}?router=r1&address=10.0.1.9` : path);
    for (const route of ROUTES.filter(({ method }) => method === 'get')) {
      const names: Record<string, string> = { bridge: 'br0', port: 'vm1', router: 'r1', acl: 'office' };
      const path = route.path.replaceAll(/\{(\w+)\}/g, (all, name: string) => names[name] ?? all);
      const { value } = await call('GET', asked(unfollowed(path)));
      expect(route.answer.safeParse(value).error, route.path).toBeUndefined();
    }
  });
});
