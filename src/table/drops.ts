// Every reason for which a frame or a copy of one is dropped, declared once: the index is the code and the counter,
// `name` the metric label, `help` the text that `taploom drops` prints.
//
// `receive` reasons end a frame (nothing was forwarded); `transmit` reasons end one copy of it on its way out.

interface Drop {
  readonly name: string;
  readonly side: 'receive' | 'transmit';
  readonly help: string;
}

const TABLE = [
  ['runt', 'receive', 'shorter than its Ethernet header and tag'],
  ['receive_error', 'receive', 'the kernel could not hand it over, and threw it away; nothing of it arrived'],
  ['truncated', 'receive', 'larger than a frame slot; the rest was lost'],
  [
    'bad_offload',
    'receive',
    'virtio-net header contradicts the frame (gso_type, gso_size, csum_start, csum_offset)',
  ],
  ['bad_source', 'receive', 'source address is zero or a group address'],
  ['reserved_group', 'receive', 'link-local group address 01:80:C2:00:00:0X that a bridge does not forward'],
  [
    'tunnel_mac',
    'receive',
    'came from a customer with the tunnel_mac of the bridge, which no customer uses: a loop, or forged',
  ],
  [
    'tunnel_limit',
    'receive',
    'more control frames of a protocol than the tunnel_protocols_limit of the ingress port allows',
  ],
  [
    'vlan_device',
    'receive',
    'its tag belongs to a VLAN device on the same interface, which gets the frame from the kernel',
  ],
  ['vlan_invalid', 'receive', 'VLAN id 4095'],
  ['vlan_not_allowed', 'receive', 'tagged with a VLAN that the ingress port does not carry'],
  ['vlan_untagged', 'receive', 'untagged on a trunk without a native VLAN'],
  [
    'port_blocked',
    'receive',
    'ingress or egress port does not forward in this VLAN (spanning tree), is disabled for an error, or is the end of a mirror',
  ],
  [
    'rogue_server',
    'receive',
    'says what routers or DHCP servers say, behind a port of guests of a network, or one whose guard says that none is there',
  ],
  [
    'spoofed_mac',
    'receive',
    'its MAC address is none of the guard bindings of the ingress port, or a DHCP request in the name of another',
  ],
  ['spoofed_ip', 'receive', 'its IP address is none that the guard of the ingress port binds to its MAC'],
  [
    'arp_spoofed',
    'receive',
    'ARP that says its sender has an address or a MAC which the guard of the ingress port does not bind there',
  ],
  [
    'nd_spoofed',
    'receive',
    'neighbour discovery that tells an address or a MAC which the guard of the ingress port does not bind there',
  ],
  [
    'rogue_router',
    'receive',
    'a router advertisement or redirect, and the guard of the ingress port says that no router is there (ra: false)',
  ],
  ['double_tag', 'receive', 'has a VLAN tag behind the one that counts, and the ingress port has a guard'],
  [
    'hidden_packet',
    'receive',
    'the guard of the ingress port cannot see what it is: headers that are not whole, or more of them than honest packets have',
  ],
  [
    'tiny_fragment',
    'receive',
    'a fragment that hides its transport header, or reaches beyond the largest packet, on a port with a guard',
  ],
  ['punt_limit', 'receive', 'for the control plane, which takes only so many of a port and kind'],
  ['hook', 'receive', 'a hook of its port refused it, or one with on_error: drop is off'],
  ['loop', 'receive', 'routed or recirculated too often'],
  ['locked', 'receive', 'its sender has no entry on the ingress port, which is locked'],
  ['address_limit', 'receive', 'its sender is one more than the fdb_limit of the ingress port'],
  ['storm_broadcast', 'receive', 'more broadcasts than the storm control of the ingress port allows'],
  ['storm_multicast', 'receive', 'more multicasts than the storm control of the ingress port allows'],
  [
    'storm_unknown_unicast',
    'receive',
    'more frames to unknown addresses than the storm control of the ingress port allows',
  ],
  ['tenant_bandwidth_receive', 'receive', 'more than the bandwidth of the tenant of the ingress port'],
  [
    'acl_in',
    'receive',
    'an access list of the ingress port, of its VLAN or of its bridge denies it: see `taploom acl show`',
  ],
  [
    'acl_policed_in',
    'receive',
    'more than the `police` of a rule lets in, of an access list of the ingress port, of its VLAN or of its bridge: see `taploom acl show`, and raise its rate or burst',
  ],
  [
    'policed_receive',
    'receive',
    'more than the policer of the ingress port allows: see `taploom qos policers`, and raise qos: police: in',
  ],
  ['same_port', 'receive', 'destination is behind the ingress port and hairpin is off'],
  ['isolated', 'receive', 'ingress and egress port are both isolated'],
  [
    'private_vlan',
    'receive',
    'to a port that its private VLAN does not reach: an isolated one, or another community',
  ],
  ['split_horizon', 'receive', 'from one tunnel to another; hairpin on the tunnel allows it'],
  ['not_member', 'receive', 'egress port is not a member of the domain'],
  ['customer_vlan', 'receive', 'egress port is a tunnel that does not carry this VLAN of the customer'],
  ['no_destination', 'receive', 'nobody else in the domain to flood to'],
  [
    'unknown_multicast',
    'receive',
    'to a multicast group that nobody has joined, and the bridge drops such (multicast: unknown)',
  ],
  ['reconfigured', 'receive', 'ingress port left its domain while the frame was waiting'],
  [
    'vxlan_header',
    'receive',
    'VXLAN header is short, without a valid VNI flag, or without an inner Ethernet header',
  ],
  [
    'vxlan_outer',
    'receive',
    'came from the TAP under a tunnel, and is no whole VXLAN datagram to its address',
  ],
  ['vxlan_unknown_vni', 'receive', 'VNI is not mapped to a port'],
  [
    'vxlan_unknown_remote',
    'receive',
    'came from an address that is not among the remotes; list it, or set remote_learning',
  ],
  [
    'vxlan_ecn',
    'receive',
    'outer header says congestion experienced, inner transport does not support ECN (RFC 6040)',
  ],
  ['tun_packet', 'receive', 'came from a TUN, and is no whole header of IPv4 or IPv6'],
  [
    'tun_unknown_station',
    'receive',
    'came from a TUN for an address of which no station is known here yet: it was asked for',
  ],
  ['fault_receive', 'receive', 'dropped on purpose by a fault port'],
  [
    'address_taken',
    'receive',
    "ARP or neighbour discovery that claims an address of the network's gateway, or one that was given to another guest",
  ],
  ['not_ip', 'receive', 'to an interface of a router, and neither ARP nor IP of which it has an address'],
  [
    'bad_ip',
    'receive',
    'to an interface of a router: IP header is not whole, contradicts itself, or fails its checksum',
  ],
  [
    'martian',
    'receive',
    'source or destination address is none that a router forwards: loopback, link-local, multicast, reserved, or its own as the source',
  ],
  ['source_route', 'receive', 'wants to choose its way through routers by an IP option'],
  [
    'reverse_path',
    'receive',
    'its source is not routed back through the interface that it came from (reverse_path)',
  ],
  ['ttl_exceeded', 'receive', 'TTL or hop limit used up at a router; the sender is told'],
  ['no_route', 'receive', 'router has no route to its destination; the sender is told'],
  ['blackhole', 'receive', 'its route has the type blackhole'],
  ['route_unreachable', 'receive', 'its route has the type unreachable; the sender is told'],
  ['prohibited', 'receive', 'its route has the type prohibit; the sender is told'],
  ['directed_broadcast', 'receive', 'to the broadcast address of a subnet, which routers do not forward'],
  [
    'mtu_exceeded',
    'receive',
    'larger than the MTU of the interface that it is routed to, and must not be fragmented; the sender is told',
  ],
  [
    'no_neighbour',
    'receive',
    'its next hop is not known yet, and the control plane, which asks for it, keeps only so many packets',
  ],
  ['no_service', 'receive', 'to an address of a router itself, which answers nothing but ping'],
  [
    'nat_full',
    'receive',
    'no room for another connection of its guest: see `taploom nat show`, and raise connections: limit of its router',
  ],
  [
    'nat_ports',
    'receive',
    'no outside port is left for its guest: give the NAT rule more addresses, or a larger range of ports',
  ],
  [
    'nat_unknown',
    'receive',
    'to an address of NAT or to guests that it hides, and neither of a connection nor for a published port',
  ],
  [
    'nat_invalid',
    'receive',
    'begins no connection that NAT could follow: a TCP segment or an ICMP message of an unknown one, or not whole',
  ],
  ['nat_fragment', 'receive', 'a fragment of a packet whose first fragment NAT has not seen'],
  [
    'policy_out',
    'receive',
    'the out rules of the groups of its port let it go nowhere, or it answers what their in rules let in no more',
  ],
  [
    'policy_invalid',
    'receive',
    'from a port in a group, and begins no connection: a TCP segment or an ICMP message of an unknown one, or its headers are not whole',
  ],
  [
    'policy_window',
    'receive',
    'a TCP segment that its receiver would not take: outside of the window, or with flags that no host sends (`tcp_window: strict`)',
  ],
  ['policy_fragment', 'receive', 'from a port in a group: a fragment of a packet whose first was not seen'],
  [
    'routed_connection_limit',
    'receive',
    'to a router, and no room for another connection of its port: see `taploom connections`',
  ],
  ['not_collecting', 'receive', 'came in through a member of an aggregate that does not take frames in now'],
  [
    'tunnel_protocol',
    'transmit',
    'came through a tunnel of protocols, and is of none that the egress port carries',
  ],
  ['too_big', 'transmit', 'larger than the egress MTU'],
  ['port_down', 'transmit', 'egress interface is down'],
  ['queue_full', 'transmit', 'queue of the interface is full: it takes less than is sent there'],
  [
    'shaper_full',
    'transmit',
    'its queue in the shaper of the port (qos) is full: more was sent there than its rate; see `taploom qos show`',
  ],
  ['queue_late', 'transmit', 'waited too long in a queue of its shaper (qos)'],
  ['tenant_bandwidth', 'transmit', 'more than the bandwidth of the tenant of the egress port'],
  [
    'policed',
    'transmit',
    'more than the policer of the egress port allows: see `taploom qos policers`, and raise qos: police: out',
  ],
  [
    'acl_out',
    'transmit',
    'an access list of the egress port, of its VLAN or of its bridge denies it: see `taploom acl show`',
  ],
  [
    'acl_policed_out',
    'transmit',
    'more than the `police` of a rule lets out, of an access list of the egress port, of its VLAN or of its bridge: see `taploom acl show`, and raise its rate or burst',
  ],
  ['device_gone', 'transmit', 'egress device was deleted'],
  ['not_connected', 'transmit', 'nobody is connected to the socket of the egress port'],
  ['slow_reader', 'transmit', 'the other end of the socket of the egress port does not read fast enough'],
  ['device_error', 'transmit', 'egress device refused the frame'],
  [
    'bad_packet',
    'transmit',
    'cannot be segmented or checksummed: its headers contradict its offload request',
  ],
  ['unreachable', 'transmit', 'no route to the VXLAN remote'],
  ['no_remote', 'transmit', 'VXLAN port has no such remote any more'],
  ['fault_transmit', 'transmit', 'dropped on purpose by a fault port'],
  ['tun_not_ip', 'transmit', 'egress port is a TUN, which takes IPv4 and IPv6 without tags'],
  ['tun_other_station', 'transmit', 'egress port is a TUN, and the frame is for another station'],
  ['policy_in', 'transmit', 'the in rules of the groups of the egress port do not let it in'],
  [
    'policy_group',
    'transmit',
    'the out rules of the groups of the port that it came from do not let it go to the egress port',
  ],
  [
    'policy_unknown',
    'transmit',
    'egress port is in a group, and it begins no connection: a segment, ICMP message or fragment of an unknown one, or not whole',
  ],
  [
    'connection_limit',
    'transmit',
    'no room for another connection of the port that it came from, or of the egress port: see `taploom connections`',
  ],
  ['no_member', 'transmit', 'no member of the aggregate carries frames'],
] as const satisfies readonly (readonly [string, Drop['side'], string])[];

export type DropName = (typeof TABLE)[number][0];

/** All reasons; a reason's code is its index. */
export const DROPS: readonly Drop[] = TABLE.map(([name, side, help]) => ({ name, side, help }));

/** Code of each reason by name: `DROP.too_big`. */
export const DROP = Object.fromEntries(TABLE.map(([name], code) => [name, code])) as Record<DropName, number>;
