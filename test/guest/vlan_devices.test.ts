// VLAN devices on an interface that a bridge has: eth0 in br0, eth0.10 beside it in br10. In a guest, because few kernels
// that tests run on have 802.1Q. A kernel bridge gives the same answers. And the priorities that such devices write and read.

import { beforeEach, expect, test } from 'vitest';
import { missingForGuests } from '../support/guest.ts';
import { runInGuest } from '../support/guest_taploom.ts';
import { expectPriorities, PRIORITIES_BRIDGE, PRIORITIES_SCRIPT } from './kernel_priorities.ts';

beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

const port = { type: 'af_packet' };
const CONFIG = {
  version: 1,
  bridges: {
    br0: { local: false, ports: { eth0: port, g1: port } },
    br10: { local: false, ports: { 'eth0.10': port, g2: port } },
    brq: PRIORITIES_BRIDGE,
  },
};

const SCRIPT = `
for n in up g1 g2 away q1 q2 q3; do $ip netns add $n; $ip netns exec $n $b sysctl -qw net.ipv6.conf.default.disable_ipv6=1; done
$b sysctl -qw net.ipv6.conf.default.disable_ipv6=1
$ip link add eth0 type veth peer name e netns up
for g in g1 g2 q1 q2 q3; do $ip link add $g type veth peer name e netns $g; $ip link set $g up; done
# vlan NAMESPACE DEVICE VID [ADDRESS]
vlan() {
  $ip -n $1 link add link $2 name $2.$3 type vlan id $3
  [ -z "$4" ] || $ip -n $1 addr add $4 dev $2.$3
  $ip -n $1 link set $2.$3 up
}
for n in up g1 g2; do $ip -n $n link set e up; done
$ip link set eth0 up
for v in 10 11 12; do vlan up e $v 10.0.$v.2/24; done
vlan g1 e 11 10.0.11.9/24
$ip link add link eth0 name eth0.10 type vlan id 10
$ip link set eth0.10 up
$ip -n g2 addr add 10.0.10.12/24 dev e
start '${JSON.stringify(CONFIG)}'
# pings LABEL NAMESPACE ADDRESS
pings() { echo "$1: $($ip netns exec $2 $ping -c 3 -i 0.3 -W 2 $3 | $b grep -o '[0-9]* received')"; }
dropped() { metric vlan_device; }

pings 'br10 by eth0.10' g2 10.0.10.2
seen=$($ip netns exec g1 $b ifconfig e | $b grep -o 'RX packets:[0-9]*')
$ip netns exec up $ping -c 2 -W 1 10.0.10.77 > /tmp/none
echo "broadcasts of VLAN 10 on br0: $seen and $($ip netns exec g1 $b ifconfig e | $b grep -o 'RX packets:[0-9]*')"
echo "dropped as vlan_device: $(dropped)"

pings 'without a device VLAN 11 is of br0' g1 10.0.11.2
$ip link add link eth0 name eth0.11 type vlan id 11
$ip addr add 10.0.11.1/24 dev eth0.11
$ip link set eth0.11 up
echo "the host by eth0.11: $($ping -c 3 -i 0.3 -W 2 10.0.11.2 | $b grep -o '[0-9]* received')"
pings 'beside the device' g1 10.0.11.2
$ip link del eth0.11
$b sleep 0.5
pings 'after the device' g1 10.0.11.2

$ip link add link eth0 name eth0.12 type vlan id 12
$ip link set eth0.12 netns away
$ip -n away addr add 10.0.12.1/24 dev eth0.12
$ip -n away link set eth0.12 up
$b sleep 0.5
pings 'a device that moved' away 10.0.12.2
$ip link set eth0 down
$ip link set eth0 name wan0
$ip link set wan0 up
$b sleep 1
pings 'after its interface was renamed' away 10.0.12.2
${PRIORITIES_SCRIPT}
`;

/** One guest for all. */
let run: Promise<string> | undefined;
const inGuest = () => {
  run ??= runInGuest(SCRIPT, 220_000);
  return run;
};

test('tags of VLAN devices are theirs, as long as the devices are there, and the bridge has all others', {
  timeout: 240_000,
}, async () => {
  const text = await inGuest();
  expect(text).toContain('guest is done');
  expect(text).toContain('br10 by eth0.10: 3 received');
  const [, before, after] = /broadcasts of VLAN 10 on br0: (.*) and (.*)/.exec(text) ?? [];
  expect(before).toMatch(/RX packets:\d+/);
  expect(after).toBe(before);
  // Three answers to pings, and what ARP needs.
  expect(Number(/dropped as vlan_device: (\d+)/.exec(text)?.[1])).toBeGreaterThanOrEqual(4);
  expect(text).toContain('without a device VLAN 11 is of br0: 3 received');
  expect(text).toContain('the host by eth0.11: 3 received');
  expect(text).toContain('beside the device: 0 received');
  expect(text).toContain('after the device: 3 received');
  expect(text).toContain('a device that moved: 3 received');
  expect(text).toContain('after its interface was renamed: 3 received');
});

test('a priority is that of the tags which the kernel writes, and the kernel reads what rewrite.pcp has written', {
  timeout: 240_000,
}, async () => {
  expectPriorities(await inGuest());
});
