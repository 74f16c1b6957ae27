import { expect, test } from 'vitest';
import type { ConfigError } from '../../src/config/config_error.ts';
import { diff } from '../../src/config/diff.ts';
import { formatConfig } from '../../src/config/format_config.ts';
import { inForce } from '../../src/config/in_force.ts';
import { parseConfig, type SwitchConfig } from '../../src/config/schema.ts';
import { portNamesOf, withoutPorts } from '../../src/config/without_ports.ts';
import { loadConfig } from '../../src/config/yaml.ts';

const MEMBERS = { eth1: { type: 'af_packet' }, eth2: { type: 'af_packet' } };

function config(bond0: Record<string, unknown> = {}, ports: Record<string, unknown> = {}): SwitchConfig {
  const aggregate = { type: 'aggregate', members: MEMBERS, ...bond0 };
  return parseConfig({ version: 1, bridges: { br0: { ports: { bond0: aggregate, ...ports } } } });
}

function problems(bond0: Record<string, unknown>, ports?: Record<string, unknown>): string[] {
  try {
    config(bond0, ports);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ path, message }) => `${path}: ${message}`);
  }
}

const AT = 'bridges.br0.ports.bond0';

test('what cannot be is refused with its path and a sentence', () => {
  expect(problems({ members: { vx: { type: 'vxlan', vni: 1, local: '192.0.2.1' } } })).toEqual([
    `${AT}.members.vx.type: an aggregate joins links, which a tunnel is not: expected one of tap, af_packet, memory`,
  ]);
  expect(problems({ members: { b: { type: 'aggregate', members: {} } } })).toEqual([
    `${AT}.members.b.type: an aggregate joins links, which another aggregate is not: expected one of tap, af_packet, memory`,
  ]);
  expect(problems({}, { eth1: { type: 'tap' } })).toEqual([
    `${AT}.members.eth1: bridge br0 has a port of this name`,
    `${AT}.members.eth1.interface: eth1 is port eth1 of this switch`,
  ]);
  expect(problems({}, { up: { type: 'af_packet', interface: 'eth2' } })).toEqual([
    `${AT}.members.eth2.interface: port up already attaches eth2`,
  ]);
  expect(problems({}, { bond1: { type: 'aggregate', members: { eth1: { type: 'af_packet' } } } })).toEqual([
    'bridges.br0.ports.bond1.members.eth1: bridge br0 has a port of this name',
    'bridges.br0.ports.bond1.members.eth1.interface: port eth1 already attaches eth1',
  ]);
  expect(problems({ min_links: 3 })).toEqual([
    `${AT}.min_links: 3 is more than the 2 members that there are`,
  ]);
  expect(problems({ mode: 'active_backup' })).toEqual([
    `${AT}.mode: LACP balances over all members: set lacp to off, or mode to balance`,
  ]);
  expect(problems({ members: { eth1: { type: 'af_packet', vlan: { access: 10 } } } })).toEqual([
    `${AT}.members.eth1.vlan: unknown key, the keys here are ${'type, interface, netns, host_stack, stacked_tags, when_deleted, lldp, priority, fault, qos'}`,
  ]);
  expect(problems({ fault: { drop: 1 } })[0]).toMatch(
    /^bridges\.br0\.ports\.bond0\.fault: unknown key: only /,
  );
});

test('it is written as it is read', () => {
  const whole = config({
    lacp: 'off',
    mode: 'active_backup',
    members: { ...MEMBERS, t: { type: 'tap', priority: 1 } },
  });
  const text = formatConfig(whole);
  expect(loadConfig(text, 'x')).toEqual(whole);
  expect(text).toContain('eth1: { type: af_packet }');
  expect(text).toContain('t: { type: tap, priority: 1 }');
});

test('members come and go by themselves, and what fails is left out', () => {
  const before = config();
  const after = config({
    rate: 'fast',
    members: { eth2: { type: 'af_packet' }, eth3: { type: 'af_packet' } },
  });
  const plan = diff(before, after);
  expect(plan.map(({ op, path }) => `${op} ${path}`)).toEqual([
    `delete ${AT}.members.eth1`,
    `add ${AT}.members.eth3`,
    `set ${AT}`,
  ]);
  expect(inForce(before, after, plan)).toEqual(after);
  const some = inForce(
    before,
    after,
    plan.filter(({ op }) => op !== 'add'),
  );
  expect(portNamesOf(some)).toEqual(new Set(['br0', 'bond0', 'eth2']));
});

test('a member that cannot be had is left out alone, and an aggregate with its members', () => {
  expect(portNamesOf(withoutPorts(config(), new Set(['eth1'])))).toEqual(new Set(['br0', 'bond0', 'eth2']));
  expect(portNamesOf(withoutPorts(config(), new Set(['bond0'])))).toEqual(new Set(['br0']));
});
