// A kernel bridge with service tags and ours are one tree: both talk at the group address of provider bridges. In a guest, because
// few kernels that tests run on have VLANs in a bridge.

import { beforeEach, expect, test } from 'vitest';
import { missingForGuests } from '../support/guest.ts';
import { runInGuest } from '../support/guest_taploom.ts';

beforeEach(({ skip }) => {
  const reason = missingForGuests();
  skip(reason !== undefined, reason);
});

const CONFIG = {
  version: 1,
  bridges: {
    br0: {
      vlan_filtering: true,
      vlan_protocol: '802.1ad',
      stp: { protocol: 'stp', priority: 8192, hello_time: 1, max_age: 6, forward_delay: 4 },
      local: { mac: '02:00:5e:20:00:01' },
      ports: { core: { type: 'af_packet', vlan: { trunk: [100] } } },
    },
  },
};

const SCRIPT = `
$b sysctl -qw net.ipv6.conf.default.disable_ipv6=1
$ip link add core type veth peer name peer
$ip link add kernel type bridge vlan_filtering 1 vlan_protocol 802.1ad stp_state 1 hello_time 100 max_age 600 forward_delay 400 priority 4096
$ip link set peer master kernel
for d in core peer kernel; do $ip link set $d up; done
start '${JSON.stringify(CONFIG)}'
# until COMMAND PATTERN: at most half a minute
settles() { n=0; until $1 | $b grep -q "$2" || [ $n = 150 ]; do n=$((n + 1)); $b sleep 0.2; done; }
metrics() { $b wget -qO- http://127.0.0.1:9477/metrics; }
tree() { $ip -d link show kernel; }
settles metrics 'stp_port_role{role="root".* 1'
echo "group: $(tree | $b grep -o 'group_addr[a-z]* [^ ]*')"
echo "ours: root port $(metric 'stp_port_role{role="root"'), BPDUs $(metric 'stp_receive_bpdus_total{')"
$ip link set kernel type bridge priority 61440
settles tree 'root_port 1'
echo "theirs: $(tree | $b grep -o 'root_port [^ ]*') $($ip -d link show peer | $b grep -o 'designated_root [^ ]*')"
`;

test('the tree of a kernel bridge with service tags is ours, too', { timeout: 240_000 }, async () => {
  const text = await runInGuest(SCRIPT, 220_000);
  expect(text).toContain('guest is done');
  expect(text).toMatch(/group: group_addr[a-z]* 0?1:80:c2:0?0:0?0:0?8/);
  expect(text).toMatch(/ours: root port 1, BPDUs [1-9]/);
  expect(text).toContain('theirs: root_port 1 designated_root 2000.2:0:5e:20:0:1');
});
