import { beforeEach, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/schema.ts';
import { type Asker, helperSocket, mayAsk } from '../../src/control/bridge_helper.ts';
import { Changes } from '../../src/control/changes.ts';
import { GuestPorts } from '../../src/control/guest_ports.ts';
import { SimulatedSwitch } from './simulated_switch.ts';

const BY = { kind: 'program' } as const;
const CONFIG = parseConfig({
  version: 1,
  bridges: {
    br0: {
      vlan_filtering: true,
      bridge_helper: { users: ['alice', 7], groups: ['kvm'], limit: 2, template: { vlan: { access: 10 } } },
      ports: { tap1: { type: 'tap', vlan: { access: 20 }, mtu: 1400 } },
    },
    br1: {},
  },
});

let api: SimulatedSwitch;
let changes: Changes;
let guests: GuestPorts;
let held: { name: string; bridge: string; mtu?: number }[];
let closed: number[];

beforeEach(() => {
  api = new SimulatedSwitch(CONFIG);
  changes = new Changes(api);
  held = [];
  closed = [];
  const maker = {
    open: (name: string, { bridge, mtu }: { bridge: string; mtu: number }) =>
      name === 'tap2' ? undefined : held.push({ name, bridge, mtu }),
    list: () => held,
    close: (fd: number) => void closed.push(fd),
  };
  guests = new GuestPorts(maker, changes, () => api.config);
  changes.carry = (whole) => guests.carry(whole);
});

const ports = () => Object.keys(api.config.bridges.br0.ports);

test('guests get free names, the least MTU of the bridge, and what its template says', async () => {
  expect(await guests.handOut('br0', true, BY)).toEqual({ name: 'tap0', fd: 1 });
  expect(await guests.handOut('br0', true, BY)).toMatchObject({ name: 'tap3' });
  expect(held[0]).toMatchObject({ mtu: 1400 });
  expect(api.config.bridges.br0.ports.tap3).toMatchObject({
    type: 'af_packet',
    vlan: { access: 10 },
    when_deleted: 'forget',
    lldp: false,
  });
  await expect(guests.handOut('br0', true, BY)).rejects.toThrow(/has 2 TAPs of guests already/);
  guests.forget('tap3');
  await expect(guests.handOut('br1', true, BY)).rejects.toThrow(/users: \[NAME\] under bridges\.br1/);
  await expect(guests.handOut('constructor', true, BY)).rejects.toThrow(/There is no bridge/);
});

test('a TAP whose port cannot be had is closed', async () => {
  api.apply = async () => [{ op: 'add', kind: 'port', path: 'x', ok: false, error: 'no room' }];
  await expect(guests.handOut('br0', true, BY)).rejects.toThrow('no room');
  expect(closed).toEqual([1]);
  expect(guests.without(api.config)).toBe(api.config);
});

test('a whole configuration keeps guests of a bridge that still lets them be, by its new template', async () => {
  await guests.handOut('br0', true, BY);
  const next = structuredClone(CONFIG) as typeof CONFIG;
  next.bridges.br0.bridge_helper = {
    ...next.bridges.br0.bridge_helper,
    template: { vlan: { access: 30 } },
  } as never;
  expect(changes.plan(next).some(({ op }) => op === 'delete')).toBe(false);
  await changes.change(() => next, { keep: true });
  expect(api.config.bridges.br0.ports.tap0).toMatchObject({ vlan: { access: 30 } });
  await changes
    .change(() => ({ version: 1, bridges: { br0: {}, br1: null } }), { keep: true })
    .catch(() => {});
  await changes.change(() => ({ version: 1, bridges: { br0: {} } }), { keep: true });
  expect(ports()).toEqual([]);
  for (const odd of [
    null,
    7,
    {},
    { bridges: 7 },
    { bridges: { br0: null } },
    { bridges: { br0: { ports: 3 } } },
  ])
    expect(() => guests.carry(odd)).not.toThrow();
});

test('guests are kept out of the state, and found again by a daemon that starts', async () => {
  await guests.handOut('br0', true, BY);
  expect(Object.keys(guests.without(api.config).bridges.br0.ports)).toEqual(['tap1']);
  held.push(
    { name: 'tap9', bridge: 'br1' },
    { name: 'tap1', bridge: 'br0' },
    { name: 'tap5', bridge: 'br0' },
  );
  await guests.adopt('br0', BY);
  expect(ports()).toEqual(['tap1', 'tap0', 'tap5']);
});

test('users by name or number, groups also by those that a process has besides its own', () => {
  const { bridge_helper: helper } = CONFIG.bridges.br0;
  const system = {
    userId: (name: string) => (name === 'alice' ? 1000 : undefined),
    groupId: (name: string) => (name === 'kvm' ? 105 : undefined),
  };
  const may = (asker: Partial<Asker>, users = helper?.users ?? []) =>
    mayAsk({ ...helper, users } as never, { uid: 5, gid: 5, groups: [], ...asker }, system, 990);
  expect(may({})).toBe(false);
  for (const asker of [
    { uid: 0 },
    { uid: 990 },
    { uid: 7 },
    { uid: 1000 },
    { gid: 105 },
    { groups: [3, 105] },
  ])
    expect(may(asker)).toBe(true);
  expect(may({}, 'all')).toBe(true);
  expect(may({ uid: 1 }, ['nobody-of-this-name'])).toBe(false);
});

test('the socket is beside the control socket', () => {
  expect(helperSocket('/run/taploom/taploom.sock')).toBe('/run/taploom/taploom-bridge.sock');
  expect(helperSocket('/tmp/control')).toBe('/tmp/control-bridge.sock');
});

test('a template that the bridge cannot have is refused where it stands', () => {
  const parse = (bridge: object) => parseConfig({ version: 1, bridges: { br0: bridge } });
  expect(() => parse({ bridge_helper: { template: { vlan: { access: 1 } } } })).toThrow(
    /^bridges\.br0\.bridge_helper\.template\.vlan: bridge br0 does not filter VLANs/,
  );
  expect(() => parse({ bridge_helper: { users: 'alice' } })).toThrow(
    /users: "alice" is not all, or a list of users/,
  );
  expect(() => parse({ bridge_helper: { template: { mab: true } } })).toThrow(
    /template\.mab: only a locked port/,
  );
});
