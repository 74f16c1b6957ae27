// A live trace of a frame that access lists, policers or security groups have dropped: it names who has, and nobody who was not asked.

import { Switch, type SwitchConfigInput, type Trace } from 'taploom';
import { expect, test } from 'vitest';
import { type AclRig, openAcls } from '../support/acls/rig.ts';
import { parse } from '../support/engine/frame_text.ts';
import { packet } from '../support/engine/packets.ts';

const vlan = { trunk: [10] };

function open(
  bridges: Parameters<typeof openAcls>[0],
  acls: Record<string, readonly unknown[]>,
  rest: Partial<SwitchConfigInput> = {},
): Promise<AclRig> {
  return openAcls(bridges, acls, rest as never, (config, options) => Switch.open(config, options) as never);
}

/** What becomes of frames that come in by p1. */
async function live(rig: AclRig, frames: Uint8Array[]): Promise<Trace[]> {
  const traces = rig.taploom.traceLive({ bridge: 'br0', port: 'p1', frames: frames.length, timeout: 5 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const frame of frames) rig.taploom.memoryPort('p1').send(frame);
  rig.taploom.poll(0, rig.now);
  return traces;
}

const told = ({ steps }: Trace) =>
  steps
    .filter(({ stage }) => ['classify', 'acl', 'police', 'policy'].includes(stage))
    .map(({ verdict, path }) => `${verdict} ${path}`);

test('policers of a list and of the port: each counts its own drops, and a trace names the one that it was', async () => {
  const rig = await open(
    {
      br0: {
        vlan_filtering: true,
        ports: {
          p1: { vlan, acls: { in: ['slow'] }, qos: { police: { in: { rate: '1pps', burst: 5 } } } },
          p2: { vlan },
        },
      },
    },
    {
      slow: [
        { count: 'any' },
        { count: { from_mac: '02:00:00:00:00:61' }, police: { rate: '1pps', burst: 2 } },
        { count: { vlan: 10 }, police: { rate: '1pps', burst: 9 } },
        { permit: 'any' },
      ],
    },
  );
  const frames = ['a', 'a', 'a', 'b', 'b', 'b', 'b'].map((from) => parse(`${from} > * vlan 10`));
  const traces = await live(rig, frames);
  const reasons = traces.map(({ outcome }) => outcome.reason ?? 'forwarded');
  const passed = 'forwarded';
  expect(reasons).toEqual([passed, passed, 'acl_policed_in', passed, passed, passed, 'policed_receive']);
  const ports = rig.taploom.ports();
  expect(ports.find(({ name }) => name === 'p1')?.counters.receiveDropped).toEqual({
    acl_policed_in: 1,
    policed_receive: 1,
  });
  expect(rig.taploom.acls.list('slow').list.map(({ exceeded }) => exceeded)).toEqual([
    undefined,
    1,
    0,
    undefined,
    undefined,
    undefined,
  ]);
  expect(rig.taploom.qos().policers).toMatchObject([{ port: 'p1', green: 5, red: 1 }]);

  const domain = 'domain bridges.br0.ports.p1.vlan.trunk';
  expect(told(traces[2])).toEqual([domain, 'count acls.slow[0]', 'acl_policed_in acls.slow[1]']);
  expect(traces[2].steps.at(-1)?.message).toBe(
    'Rule 2 of access list slow fits in on p1, and it is more than its police allows (acls.slow[1]: { count: { from_mac: 02:00:00:00:00:61 }, police: { rate: 1pps, burst: 2, exceed: pass } }): dropped, acl_policed_in',
  );
  expect(told(traces[6])).toEqual([
    domain,
    'count acls.slow[0]',
    'count acls.slow[2]',
    'permit acls.slow[3]',
    'policer bridges.br0.ports.p1.qos.police.in',
    'policed_receive undefined',
  ]);
});

test('the policer of the second of two rules, and of the list of a VLAN', async () => {
  const rig = await open(
    {
      br0: {
        vlan_filtering: true,
        vlans: { 10: { acls: { in: ['ofVlan'] } } },
        ports: { p1: { vlan, acls: { in: ['own'] } }, p2: { vlan } },
      },
    },
    {
      own: [{ permit: 'any', police: { rate: '1pps', burst: 9 } }],
      ofVlan: [
        { deny: { from_mac: '02:00:00:00:00:62' } },
        { permit: 'any', police: { rate: '1pps', burst: 1 } },
      ],
    },
  );
  const traces = await live(
    rig,
    ['a', 'a', 'b'].map((from) => parse(`${from} > * vlan 10`)),
  );
  const domain = 'domain bridges.br0.ports.p1.vlan.trunk';
  expect(traces.map(told)).toEqual([
    [domain, 'permit acls.own[0]', 'permit acls.ofVlan[1]'],
    [domain, 'permit acls.own[0]', 'acl_policed_in acls.ofVlan[1]'],
    [domain, 'permit acls.own[0]', 'deny acls.ofVlan[0]'],
  ]);
});

test('rules of security groups, and of the lists that were asked before', async () => {
  const rig = await open(
    {
      br0: {
        vlan_filtering: true,
        ports: { p1: { vlan, groups: ['web'], acls: { in: ['all'] } }, p2: { vlan } },
      },
    },
    { all: [{ permit: 'any' }] },
    { groups: { web: { out: [{ protocol: 'tcp', to: 'any' }] } } } as never,
  );
  const said = { from: 'a', to: 'b', src: '10.0.0.1', dst: '10.0.0.2', vlan: 10 };
  const ports = [0, 1, 0, 2];
  const udp = packet({ ...said, protocol: 17, payload: [...ports, 0, 8, 0, 0] });
  const reply = packet({ ...said, protocol: 1, payload: [0, 0, 0xff, 0xfd, 0, 1, 0, 1] });
  const traces = await live(rig, [udp, reply]);
  const [domain, list] = ['domain bridges.br0.ports.p1.vlan.trunk', 'permit acls.all[0]'];
  expect(traces.map(told)).toEqual([
    [domain, list, 'refused undefined', 'policy_out undefined'],
    [domain, list, 'policy_invalid undefined'],
  ]);
});
