// What a trace says of control protocols in tunnels.

import { expect, test } from 'vitest';
import { controlFrame } from '../support/l2cp_frames.ts';
import { openTraceRig, type TraceRig } from './trace_rig.ts';

const TUNNEL_MAC = '01:00:0c:cd:cd:d0';

const open = () => {
  const customer = { vlan: { tunnel: 100 } };
  return openTraceRig({
    br0: {
      vlan_filtering: true,
      ports: {
        a: { ...customer, tunnel_protocols: ['lldp'], tunnel_protocols_limit: 1 },
        b: { ...customer, tunnel_protocols: ['lldp', 'stp'] },
        up: { vlan: { trunk: [100] } },
      },
    },
  });
};

async function told(rig: TraceRig, port: string, frame: Uint8Array) {
  const { steps, outcome } = await rig.taploom.trace({ bridge: 'br0', port, frame });
  const lines = steps
    .filter(({ stage }) => stage !== 'receive' && stage !== 'learn' && stage !== 'classify')
    .map(({ stage, message }) => `${stage}: ${message}`);
  return { lines, outcome };
}

test('a control frame of a customer, into the tunnel and out of it', async () => {
  const rig = await open();
  const before = await rig.state();
  const { lines, outcome } = await told(rig, 'a', controlFrame('lldp'));
  expect(lines).toEqual([
    'decide: A control frame of the customer, for 01:80:c2:00:00:0e: the tunnel carries it as 01:00:0c:cd:cd:d0 (bridges.br0.ports.a.tunnel_protocols: [lldp])',
    'decide: That is a group, and goes to all of VLAN 100',
    'replicate: a is left out: the frame came from there (bridges.br0.ports.a.hairpin: false, as installed)',
    'egress: b: with nothing but the customer’s tags (bridges.br0.ports.b.vlan.tunnel: 100), for 01:80:c2:00:00:0e again, 60 bytes',
    'egress: up: tagged with VLAN 100 (bridges.br0.ports.up.vlan.trunk: [100]), 64 bytes',
  ]);
  expect(outcome).toMatchObject({ verdict: 'forwarded', copies: [{ port: 'b' }, { port: 'up' }] });
  expect(await rig.state()).toBe(before);
});

test('one that comes from another edge, for those who carry its protocol', async () => {
  const rig = await open();
  const frame = controlFrame('stp', { dst: TUNNEL_MAC, tags: '81000064' });
  const { lines } = await told(rig, 'up', frame);
  expect(lines).toContain(
    'egress: a does not carry this protocol (bridges.br0.ports.a.tunnel_protocols: [lldp]): dropped, tunnel_protocol',
  );
  expect(lines).toContain(
    'egress: b: with nothing but the customer’s tags (bridges.br0.ports.b.vlan.tunnel: 100), for 01:80:c2:00:00:00 again, 60 bytes',
  );
});

test('the address of tunnels from a customer', async () => {
  const rig = await open();
  const { lines, outcome } = await told(rig, 'a', controlFrame('lldp', { dst: TUNNEL_MAC }));
  expect(lines).toEqual([
    'decide: 01:00:0c:cd:cd:d0 is the address of tunnels (bridges.br0.tunnel_mac: 01:00:0c:cd:cd:d0, as installed), and no customer’s: dropped, tunnel_mac',
  ]);
  expect(outcome).toMatchObject({ verdict: 'dropped', reason: 'tunnel_mac' });
});

test('a live trace says the same of what has happened', async () => {
  const rig = await open();
  const frames = [controlFrame('lldp'), controlFrame('lldp', { dst: TUNNEL_MAC })];
  const live = rig.taploom.traceLive({ bridge: 'br0', port: 'a', frames: 2, timeout: 5 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const frame of frames) rig.taploom.memoryPort('a').send(frame);
  rig.taploom.poll(0, rig.now);
  const traces = await live;
  expect(traces.map(({ frame }) => frame)).toEqual(frames.map((frame) => Buffer.from(frame).toString('hex')));
  const verdicts = traces.map(({ steps }) => steps.find(({ stage }) => stage === 'decide')?.verdict);
  expect(verdicts).toEqual(['tunnelled', 'tunnel_mac']);
});
