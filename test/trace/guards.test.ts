// What a trace says of frames that guards look at.

import { expect, test } from 'vitest';
import { dhcp, tagged } from '../support/engine/attacker.ts';
import { packet } from '../support/engine/packets.ts';
import { openTraceRig, type TraceRig } from './trace_rig.ts';

const MAC = '02:00:00:00:00:61';
const from = (src: string) => packet({ from: 'a', to: 'g', src, dst: '10.0.0.1' });

async function told(rig: TraceRig, frame: Uint8Array): Promise<string> {
  const { steps } = await rig.taploom.trace({ bridge: 'br0', port: 'evil', frame });
  const { stage, message } = steps.filter((one) => one.stage !== 'receive')[0];
  return `${stage}: ${message}`;
}

test('a frame that its guard refuses: by which binding, and in which VLAN', async () => {
  const bindings = [{ mac: MAC, ip: '10.0.0.7', vlan: 10 }];
  const rig = await openTraceRig({
    br0: {
      vlan_filtering: true,
      ports: { evil: { vlan: { trunk: [10, 20] }, guard: { source: 'strict', bindings } } },
    },
  });
  expect(await told(rig, tagged(from('10.0.0.7'), [0x8100, 10]))).toContain('evil carries VLAN 10');
  expect(await told(rig, tagged(from('10.0.0.7'), [0x8100, 20]))).toMatch(
    /^classify: its MAC address is none .*, in VLAN 20 \(bridges\.br0\.ports\.evil\.guard: .*\): dropped, spoofed_mac$/,
  );
  expect(await told(rig, tagged(from('10.0.0.8'), [0x8100, 10]))).toMatch(
    /, in VLAN 10 .*dropped, spoofed_ip$/,
  );
  const hops = await told(rig, tagged(from('10.0.0.7'), [0x8100, 10], [0x8100, 20]));
  expect(hops).toContain('dropped, double_tag');
  expect(hops).not.toContain('in VLAN');
});

test('what the control plane gets: newcomers, and DHCP where it is snooped', async () => {
  const rig = await openTraceRig({
    br0: { ports: { evil: { guard: { source: 'first' } }, up: { guard: { trusted: true } } } },
  });
  expect(await told(rig, from('10.0.0.7'))).toMatch(/^trap: What a newcomer says first/);
  expect(await told(rig, dhcp('a'))).toMatch(/^trap: DHCP, which is snooped/);
});
