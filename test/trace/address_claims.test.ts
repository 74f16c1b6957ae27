// What a trace says of a guest that claims an address of others.

import { expect, test } from 'vitest';
import { buildArp, REPLY } from '../../src/wire/arp.ts';
import { openTraceRig } from './trace_rig.ts';

const guest = { hi: 0x0200, lo: 9 };

test('it is dropped, with the reason; an address that is nobody’s goes its way', async () => {
  const rig = await openTraceRig({
    br0: {
      local: false,
      network: { mode: 'isolated', subnet: '10.7.0.0/24' },
      ports: { vm1: {}, vm2: {} },
    },
  });
  const trace = (sender: number) => {
    const claim = { operation: REPLY, senderMac: guest, sender, targetMac: { hi: 0, lo: 0 }, target: 5 };
    const frame = buildArp({ hi: 0xffff, lo: -1 }, claim);
    return rig.taploom.trace({ bridge: 'br0', port: 'vm1', frame });
  };
  expect((await trace(0x0a07_0001)).outcome).toMatchObject({ verdict: 'dropped', reason: 'address_taken' });
  expect((await trace(0x0a07_0063)).outcome).toMatchObject({ verdict: 'forwarded' });
});
