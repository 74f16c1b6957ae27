// What a guard refused, as a sentence: on which port, who claimed what, and what helps.

import type { GuardFact } from '../event.ts';

export function guardSentence(fact: GuardFact): string {
  const { port, vlan, reason, mac, address } = fact;
  const where = vlan === 0 ? `port ${port}` : `port ${port} in VLAN ${vlan}`;
  return `the guard of ${where} refused ${mac}, which ${deed(reason, address)}: ${help(reason, port)} (${reason})`;
}

function deed(reason: string, address: string | undefined): string {
  const what = address ?? 'an address';
  switch (reason) {
    case 'spoofed_mac':
      return 'is none of its stations, or asks for an address in the name of another';
    case 'spoofed_ip':
      return `sends as ${what}`;
    case 'arp_spoofed':
      return `says by ARP that it has ${what}`;
    case 'nd_spoofed':
      return `says by neighbour discovery that it has ${what}`;
    case 'rogue_server':
      return `is a DHCP server of its own${address === undefined ? '' : ` (${address})`}`;
    case 'rogue_router':
      return `says what routers say${address === undefined ? '' : ` (${address})`}`;
    case 'double_tag':
      return 'sends frames with a second VLAN tag';
    case 'tiny_fragment':
      return 'sends fragments that hide what they are of';
    default:
      return 'hides what its packets are';
  }
}

function help(reason: string, port: string): string {
  switch (reason) {
    case 'rogue_server':
      return `set dhcp_server in the guard of ${port} to true if it should be one`;
    case 'rogue_router':
      return `set ra in the guard of ${port} to true if it should be a router`;
    case 'double_tag':
      return `set double_tag in the guard of ${port} to true if it should`;
    case 'tiny_fragment':
      return `set tiny_fragments in the guard of ${port} to true if it should`;
    case 'hidden_packet':
      return `look who makes such packets behind ${port}`;
    default:
      return `add it to bindings in the guard of ${port} if it should`;
  }
}
