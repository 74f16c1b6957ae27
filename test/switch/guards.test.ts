// Bindings that nobody wrote: from leases of a network, from DHCP snooping, and of who comes first.

import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Switch } from '../../src/switch/switch.ts';
import { OPTION } from '../../src/wire/dhcp4/codes.ts';
import { parseDhcpFrame } from '../../src/wire/dhcp4/frame.ts';
import { formatMac } from '../../src/wire/mac.ts';
import { arp, linkLocal, nd } from '../support/engine/attacker.ts';
import { packet } from '../support/engine/packets.ts';
import { configOf } from '../support/engine/rig.ts';
import { ADDRESS, lease, openWorld, replies, request, SUBNET } from '../support/network_world.ts';
import { given, openSnooped, passes, snooped } from '../support/snooped_world.ts';
import { clientFrame, clientMessage, guestMac } from '../wire/dhcp4/messages.ts';

const macOf = (n: number) => {
  const { hi, lo } = guestMac(n);
  return formatMac(hi, lo);
};
const says = (n: number, src: string) => packet({ from: macOf(n), to: 'x', src, dst: '10.7.0.99' });

test('a guest of a network speaks as what the network gave it, and loses that with the lease', async () => {
  const network = { mode: 'isolated', subnet: SUBNET };
  const strict = { type: 'memory', guard: { source: 'strict' } };
  const world = await openWorld({ local: false, network, ports: { p1: strict, p2: { type: 'memory' } } });
  const heard = async (frame: Uint8Array) => {
    world.heard('p2');
    world.send('p1', frame);
    await world.pass(10);
    return world.heard('p2').length;
  };
  expect(await heard(says(1, '10.7.0.2'))).toBe(0);
  const { yiaddr = 0 } = (await lease(world, 'p1', 1)) ?? {};
  expect(yiaddr).toBe(ADDRESS(2));
  expect(await heard(says(1, '10.7.0.2'))).toBe(1);
  expect(await heard(says(1, '10.7.0.3'))).toBe(0);
  expect(await heard(says(2, '10.7.0.2'))).toBe(0);
  expect(world.taploom.guards()[0]).toMatchObject({
    port: 'p1',
    bindings: [{ mac: macOf(1), ip: '10.7.0.2', from: 'lease' }],
    refused: { spoofed_ip: 1, spoofed_mac: 2 },
  });
  world.taploom.endLeases({ network: 'br0' });
  expect(await heard(says(1, '10.7.0.2'))).toBe(0);
});

test('DHCP of others is snooped: its client speaks as what it got, also after a restart', async () => {
  const world = await openSnooped();
  expect(await given(world, 'p1', 1)).toBe(ADDRESS(2));
  expect(await passes(world, says(1, '10.7.0.2'))).toBe(true);
  expect(await passes(world, says(1, '10.7.0.9'))).toBe(false);
  const [{ bindings }] = world.taploom.guards();
  expect(bindings).toMatchObject([{ mac: macOf(1), ip: '10.7.0.2', from: 'dhcp' }]);
  expect(bindings[0].expiresIn).toBeCloseTo(3600, -2);
  expect([...world.store.keys()].filter((key) => key.startsWith('guard:'))).toEqual(['guard:p1 10.7.0.2']);
  await world.reopen();
  expect(await passes(world, says(1, '10.7.0.2'))).toBe(true);
  world.send('p1', clientFrame(clientMessage({ type: 'release', mac: guestMac(1), ciaddr: ADDRESS(2) })));
  await world.pass(50);
  expect(await passes(world, says(1, '10.7.0.2'))).toBe(false);
  expect([...world.store.keys()].filter((key) => key.startsWith('guard:'))).toEqual([]);
  await world.close();
});

test('a binding ends with its lease, and a guest that moves takes it along', async () => {
  const world = await openSnooped();
  await given(world, 'p1', 1);
  await given(world, 'p2', 1, 8);
  expect(await passes(world, says(1, '10.7.0.2'), 'p2')).toBe(true);
  expect(await passes(world, says(1, '10.7.0.2'), 'p1')).toBe(false);
  await world.pass(10);
  world.taploom.poll(0, 1_000_000 + 3_700_000);
  expect(world.taploom.guards().flatMap(({ bindings }) => bindings)).toEqual([]);
  await world.close();
});

test('a guest cannot answer, or take the answer of another', async () => {
  const world = await openSnooped();
  const discover = clientMessage({ mac: guestMac(1) });
  world.send('p1', clientFrame(discover));
  // p2 has heard the broadcast, and asks the same in the name of the other.
  world.send('p2', clientFrame(discover));
  await world.pass(500);
  const [offer] = replies(world.heard('p1'));
  world.send('p1', request(offer.yiaddr, 1));
  world.send('p2', request(offer.yiaddr, 1));
  await world.pass(100);
  const of = (port: string) => world.taploom.guards().find((one) => one.port === port)?.bindings;
  expect(of('p1')).toMatchObject([{ ip: '10.7.0.2', from: 'dhcp' }]);
  expect(of('p2')).toEqual([]);
  await world.close();
});

test('option 82 is put into what goes to the server, and taken out of its answers', async () => {
  const world = await openSnooped(snooped({ source: 'strict', option_82: true }));
  expect(await given(world, 'p1', 1)).toBe(ADDRESS(2));
  const asked = world.toServer.map((frame) => parseDhcpFrame(frame)).filter((one) => typeof one !== 'string');
  const value = asked[0].message.options.get(OPTION.relayAgent);
  expect(Buffer.from(value ?? []).toString('latin1')).toBe('\x01\x02p1\x02\x03br0');
  world.send('p1', clientFrame(clientMessage({ mac: guestMac(1), xid: 9 })));
  await world.pass(500);
  const [offer] = replies(world.heard('p1'));
  expect(offer).toMatchObject({ type: 'offer', xid: 9 });
  expect(offer.options.has(OPTION.relayAgent)).toBe(false);
  await world.close();
});

test('a client is told of its address when the binding is on the disk', async () => {
  let written = () => {};
  const disk = new Promise<void>((resolve) => {
    written = resolve;
  });
  // The server's lease lies there, too, and is not what is waited for.
  const world = await openSnooped(snooped(), async (store) => {
    if (store.has('guard:p1 10.7.0.2')) await disk;
  });
  expect(await given(world, 'p1', 1)).toBeUndefined();
  expect(world.store.has('guard:p1 10.7.0.2')).toBe(true);
  written();
  await world.pass(50);
  expect(replies(world.heard('p1'))).toMatchObject([{ type: 'ack', yiaddr: ADDRESS(2) }]);
  await world.close();
});

test('a port has no more addresses than its limit', async () => {
  const world = await openSnooped(snooped({ source: 'strict', limit: 1 }));
  expect(await given(world, 'p1', 1)).toBe(ADDRESS(2));
  expect(await given(world, 'p1', 2)).toBeUndefined();
  await world.close();
});

test('first address wins: nobody else has it, and the rest of what is said is still judged', async () => {
  const world = await openSnooped(snooped({ source: 'first', limit: 3 }));
  const own = linkLocal(macOf(1));
  expect(await passes(world, says(1, '10.7.0.50'))).toBe(true);
  expect(await passes(world, says(1, '10.7.0.50'))).toBe(true);
  expect(await passes(world, says(2, '10.7.0.50'), 'p2')).toBe(false);
  expect(await passes(world, arp({ from: macOf(2), ip: '10.7.0.50', target: '10.7.0.1' }), 'p2')).toBe(false);
  // Another MAC behind the same port does not get the address either.
  expect(await passes(world, says(3, '10.7.0.50'))).toBe(false);
  expect(
    await passes(world, arp({ from: macOf(1), sender: macOf(2), ip: '10.7.0.51', target: '10.7.0.1' })),
  ).toBe(false);
  expect(await passes(world, nd({ from: macOf(1), src: '::', type: 135, target: 'fd00::5' }))).toBe(true);
  expect(
    await passes(world, nd({ from: macOf(1), src: own, type: 136, target: 'fd00::5', option: macOf(1) })),
  ).toBe(true);
  expect(
    await passes(world, nd({ from: macOf(2), src: linkLocal(macOf(2)), type: 136, target: 'fd00::5' }), 'p2'),
  ).toBe(false);
  const [{ bindings }] = world.taploom.guards();
  expect(bindings.every(({ from }) => from === 'first')).toBe(true);
  expect(bindings.length).toBeLessThanOrEqual(3);
  await world.close();
});

test('nobody is the first to have what is no address of a host, or the gateway of a network', async () => {
  const world = await openWorld({
    local: false,
    network: { mode: 'isolated', subnet: SUBNET },
    ports: { p1: { type: 'memory', guard: { source: 'first', limit: 9 } }, p2: { type: 'memory' } },
  });
  const gateway = '10.7.0.1';
  for (const frame of [
    ...['224.0.0.5', '255.255.255.255', '127.0.0.1', gateway].map((src) => says(1, src)),
    arp({ from: macOf(1), ip: gateway, target: gateway }),
    nd({ from: macOf(1), src: '::', type: 135, target: 'ff02::5' }),
  ]) {
    world.send('p1', frame);
    await world.pass(20);
  }
  expect(world.heard('p2')).toHaveLength(0);
  expect(world.taploom.guards()[0].bindings.filter(({ ip }) => ip !== undefined)).toEqual([]);
});

test('what a trusted port has is kept for it', async () => {
  const taploom = await Switch.open(
    configOf({
      br0: {
        ports: {
          evil: { guard: { source: 'first' } },
          up: { guard: { trusted: true, bindings: [{ mac: '02:00:00:00:00:67', ip: '10.7.0.1' }] } },
        },
      },
    }),
    { threaded: false },
  );
  const claim = arp({ from: 'a', ip: '10.7.0.1', target: '10.7.0.1' });
  for (let n = 0; n < 3; n++) {
    taploom.memoryPort('evil').send(claim);
    taploom.poll(0, 1000 + n);
    await turn();
  }
  expect(taploom.memoryPort('up').receive()).toBeUndefined();
  expect(taploom.guards()[0].bindings).toEqual([]);
  await taploom.close();
});
