// Options of interfaces of routers and of routes, see settings.ts.

import { list, mixedPairs, number, onOff, word } from './setting_values.ts';
import type { Setting } from './settings.ts';

export const INTERFACE_SETTINGS: readonly Setting[] = [
  { flags: '--bridge <bridge>', key: 'bridge', help: 'in which it is', parse: word },
  {
    flags: '--vlan <vid>',
    key: 'vlan',
    help: 'in which VLAN of it, if the bridge filters them',
    parse: number,
  },
  {
    flags: '--address <list>',
    key: 'address',
    help: 'addresses with the bits of their subnets: 10.0.1.1/24,fd00:1::1/64',
    parse: list,
  },
  {
    flags: '--mac <address>',
    key: 'mac',
    help: 'MAC address, if not the one that follows from its name',
    parse: word,
  },
  { flags: '--mtu <bytes>', key: 'mtu', help: 'largest packet that leaves there', parse: number },
  { flags: '--table <number>', key: 'table', help: 'table of routes for what comes in there', parse: number },
  {
    flags: '--reverse-path <mode>',
    key: 'reverse_path',
    help: 'strict, loose or off: whether a source has to be routed back',
    parse: word,
  },
  {
    flags: '--proxy-arp <on|off>',
    key: 'proxy_arp',
    help: 'answer ARP for what is routed elsewhere',
    parse: onOff,
  },
  {
    flags: '--advertise <on|off>',
    key: 'advertise',
    help: 'tell hosts of it and its prefixes by router advertisements',
    parse: onOff,
  },
  {
    flags: '--anycast <on|off>',
    key: 'anycast',
    help: 'the same MAC address on every host with such a router',
    parse: onOff,
  },
  {
    flags: '--neighbours <list>',
    key: 'neighbours',
    help: 'who is not asked for: 10.0.1.9=02:00:00:00:00:09,...',
    parse: mixedPairs,
  },
];

export const ROUTE_SETTINGS: readonly Setting[] = [
  {
    flags: '--via <list>',
    key: 'via',
    help: 'next router; of several one is chosen for each flow',
    parse: list,
  },
  { flags: '--interface <name>', key: 'interface', help: 'behind which interface that is', parse: word },
  { flags: '--type <type>', key: 'type', help: 'blackhole, unreachable or prohibit, instead', parse: word },
  { flags: '--table <number>', key: 'table', help: 'of another table than the main one', parse: number },
];
