// A trace names the rule of a security group that let a packet pass, and says whose rules did not.

import { Switch } from 'taploom';
import { expect, test } from 'vitest';
import { packet } from '../support/nat/packets.ts';
import { openPolicy } from '../support/policy/rig.ts';

const A = '10.0.0.1';
const B = '10.0.0.2';
const MACS = { src: '02:00:00:00:00:61', dst: '02:00:00:00:00:62' };

async function open() {
  const rig = await openPolicy(
    { br0: { ports: { p1: { groups: ['client'] }, p2: { groups: ['web'] } } } },
    {
      groups: {
        client: { out: [{ protocol: 'tcp', to: '10.0.0.0/24' }] },
        web: { in: [{ protocol: 'udp' }, { protocol: 'tcp', ports: 80, from: 'client' }] },
      },
    },
    ((...args: Parameters<typeof Switch.open>) => Switch.open(...args)) as never,
  );
  rig.say('p1', 'a > *');
  rig.say('p2', 'b > *');
  return rig;
}

test('the rule, or that there is none', async () => {
  const rig = await open();
  const tcp = (dport: number) =>
    rig.taploom.trace({
      bridge: 'br0',
      port: 'p1',
      fields: { ...MACS, ipSrc: A, ipDst: B, proto: 'tcp', sport: 9, dport },
    });
  const let_ = await tcp(80);
  expect(let_.outcome.verdict).toBe('forwarded');
  expect(let_.steps.filter(({ stage }) => stage === 'policy').map(({ message }) => message)).toEqual([
    'p1 may send it (groups.client.out[0]: { protocol: tcp, to: 10.0.0.0/24 })',
    'p2 may get it (groups.web.in[1]: { protocol: tcp, ports: 80, from: client })',
  ]);
  const refused = await tcp(81);
  expect(refused.outcome).toMatchObject({ verdict: 'dropped', reason: 'policy_in' });
  expect(refused.steps.map(({ message }) => message)).toContain(
    'No in rule of the groups of p2 (web) lets it get it',
  );
  const udp = await rig.taploom.trace({
    bridge: 'br0',
    port: 'p1',
    fields: { ...MACS, ipSrc: A, ipDst: B, proto: 'udp', sport: 9, dport: 80 },
  });
  expect(udp.outcome).toMatchObject({ verdict: 'dropped', reason: 'policy_out' });
});

test('a packet of a connection that is there is told as such, in both directions', async () => {
  const rig = await open();
  rig.send('p1', 'a > b', { protocol: 6, src: A, dst: B, sport: 9, dport: 80, flags: 2 });
  const back = await rig.taploom.trace({
    bridge: 'br0',
    port: 'p2',
    frame: Uint8Array.from([
      ...[2, 0, 0, 0, 0, 0x61, 2, 0, 0, 0, 0, 0x62, 8, 0],
      ...packet({ protocol: 6, src: B, dst: A, sport: 80, dport: 9, flags: 18 }),
    ]),
  });
  expect(back.outcome.verdict).toBe('forwarded');
  expect(back.steps.map(({ message }) => message)).toContain(
    'It is of a connection that is there: nobody asks whether it may pass',
  );
});

test('a group that has all its connections is told, and what is traced does not count', async () => {
  const rig = await openPolicy(
    { br0: { ports: { p1: { groups: ['few'] }, p2: {} } } },
    { groups: { few: { connections: 1 } } },
    ((...args: Parameters<typeof Switch.open>) => Switch.open(...args)) as never,
  );
  rig.say('p1', 'a > *');
  rig.say('p2', 'b > *');
  const trace = async () =>
    (
      await rig.taploom.trace({
        bridge: 'br0',
        port: 'p1',
        fields: { ...MACS, ipSrc: A, ipDst: B, proto: 'udp', sport: 9, dport: 80 },
      })
    ).outcome;
  for (let n = 0; n < 3; n++) expect(await trace()).toMatchObject({ verdict: 'forwarded' });
  expect(rig.send('p1', 'a > b', { src: A, dst: B, sport: 8, dport: 80 })[0]).toMatch(/^p2: /);
  expect(await trace()).toMatchObject({ verdict: 'dropped', reason: 'connection_limit' });
  expect(rig.send('p1', 'a > b', { src: A, dst: B, sport: 8, dport: 80 })[0]).toMatch(/^p2: /);
});
