// Priorities between our ports and VLAN devices of the kernel, whose qos maps are the judge in both directions:
//
//   q1: e.20 --VLAN 20--> [port q1 > port q2] --VLAN 20--> q2: e.20 > kernel bridge > e.30 --VLAN 30--> [port q2 > port q3] --> q3: e.30
//
// A VLAN device writes the priority of a socket into the tag (egress-qos-map), and reads that of a frame from it (ingress-qos-map).
// What the bridge in q2 sends back has the PCP that its kernel made of the one that we wrote: policers of our ports count each PCP.

import { expect } from 'vitest';

const vlan = (vids: number[]) => ({ type: 'af_packet', vlan: { trunk: vids } });
/** Counts by PCP, and drops nothing. */
const police = { in: [0, 1, 2, 3, 4, 5, 6, 7].map((pcp) => ({ rate: '10gbit', match: { pcp } })) };

export const PRIORITIES_BRIDGE = {
  local: false,
  vlan_filtering: true,
  ports: {
    q1: { ...vlan([20]), qos: { police } },
    // 3 is as it was.
    q2: { ...vlan([20, 30]), qos: { police, rewrite: { pcp: { 5: 2, 6: 1 } } } },
    q3: { ...vlan([30]), qos: { police } },
  },
};

/** Linux gives a socket the priority 2 for TOS 0x08, 4 for 0x18, 6 for 0x10. */
export const PRIORITIES_SCRIPT = `
# qos NAMESPACE VID EGRESS INGRESS
qos() {
  $ip -n $1 link add link e name e.$2 type vlan id $2 egress-qos-map $3 ingress-qos-map $4
  $ip -n $1 link set e.$2 up
}
for n in q1 q2 q3; do $ip -n $n link set e up; done
qos q1 20 '2:6 4:3 6:5' '0:0'
qos q2 20 '5:4' '2:4 3:6'
qos q2 30 '4:7 6:2' '1:5'
qos q3 30 '2:6' '0:0'
$ip -n q2 link add k type bridge
for d in e.20 e.30; do $ip -n q2 link set $d master k; done
$ip -n q2 link set k up
$ip -n q1 addr add 10.0.20.1/24 dev e.20
$ip -n q3 addr add 10.0.20.3/24 dev e.30
# What the kernel has to say would come in between.
echo 1 > /proc/sys/kernel/printk
# said NAMESPACE ADDRESS TOS COUNT
said() { echo "$1 says $3: $($ip netns exec $1 $ping -c $4 -i 0.2 -W 2 -Q $3 $2 | $b grep -o '[0-9]* received')"; }
said q1 10.0.20.3 0x10 5
said q1 10.0.20.3 0x18 4
said q3 10.0.20.1 0x08 3
$b wget -qO- http://127.0.0.1:9477/metrics | $b grep policer_packets_total | $b grep -v ' 0$'
`;

export function expectPriorities(text: string): void {
  // They are answered, also through the kernel's bridge. (ping waits for the last answer no longer than two round trips.)
  for (const who of ['q1 says 0x10', 'q1 says 0x18', 'q3 says 0x08'])
    expect(text).toMatch(new RegExp(`${who}: [1-9] received`));
  const came = new Map<string, number>();
  for (const [, labels, frames] of text.matchAll(/taploom_policer_packets_total\{(.*)\} (\d+)/g)) {
    const [, port] = /port="(.*?)"/.exec(labels) ?? [];
    const [, pcp] = /match="pcp (\d)"/.exec(labels) ?? [];
    // What has no priority is answers, and ARP.
    if (pcp !== '0') came.set(`${port} pcp ${pcp}`, Number(frames));
  }
  expect(Object.fromEntries(came)).toEqual({
    // As the kernel of q1 wrote them, and that of q2 has read and written them.
    'q1 pcp 5': 5,
    'q2 pcp 7': 5,
    'q1 pcp 3': 4,
    'q2 pcp 2': 4,
    // The other way.
    'q3 pcp 6': 3,
    'q2 pcp 4': 3,
  });
}
