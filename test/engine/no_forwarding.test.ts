// What must not reach anybody, whatever its address and tag: the scenarios of Linux' selftest no_forwarding.

import { expect, test } from 'vitest';
import { openRig, type Rig } from '../support/engine/rig.ts';

const TAGS = [0, 1, 2, 100, 4094].map((vid) => ` vlan ${vid}`);
const TO = ['y', '*', '01:02:03:04:05:06', '01:00:5e:00:00:01', '33:33:00:00:00:01'];

/** What `to` gets of all that `from` can say. */
function heard(rig: Rig, from: string, to: string): string[] {
  const frames = TO.flatMap((station) => ['', ...TAGS].map((tag) => `x > ${station}${tag}`));
  return frames.flatMap((frame) => rig.say(from, frame)).filter((line) => line.startsWith(`${to}: `));
}

test.each([true, false])(
  'ports of two bridges hear nothing of each other (vlan_filtering: %s)',
  async (on) => {
    const rig = await openRig({
      br0: { vlan_filtering: on, ports: { p1: {}, p2: {} } },
      br1: { vlan_filtering: on, ports: { q1: {} } },
    });
    // y is known there, which is no reason to send it what is for it
    rig.say('q1', 'y > *');
    expect(heard(rig, 'p1', 'q1')).toEqual([]);
    expect(heard(rig, 'p1', 'p2')).not.toEqual([]);
  },
);

test('ports of one bridge in different VLANs hear nothing of each other', async () => {
  const ports = { p1: { vlan: { access: 1 } }, p2: { vlan: { access: 2 } }, p3: { vlan: { access: 1 } } };
  const rig = await openRig({ br0: { vlan_filtering: true, ports } });
  rig.say('p2', 'y > *');
  expect(heard(rig, 'p1', 'p2')).toEqual([]);
  expect(heard(rig, 'p2', 'p1')).toEqual([]);
  expect(heard(rig, 'p1', 'p3')).not.toEqual([]);
});
