// Options of `port add` and `port set` for ports that are sockets.

import { nestedPairs, number, word } from './setting_values.ts';

export const SOCKET_SETTINGS = [
  { flags: '--path <path>', key: 'path', help: 'stream, dgram, vhost_user: of the Unix socket', parse: word },
  {
    flags: '--at <address>',
    key: 'address',
    help: 'stream, dgram: 127.0.0.1:5000 in place of a path: TCP or UDP',
    parse: word,
  },
  {
    flags: '--peer <place>',
    key: 'remote',
    help: 'dgram: path or address of the other end (default: whoever sends first)',
    parse: word,
  },
  {
    flags: '--framing <framing>',
    key: 'framing',
    help: 'stream: qemu or bess; dgram: qemu or vfkit',
    parse: word,
  },
  {
    flags: '--socket-mode <mode>',
    key: 'socket_mode',
    help: 'stream, dgram, vhost_user: mode of the file of the socket (0660)',
    parse: word,
  },
  {
    flags: '--template <key=value,...>',
    key: 'template',
    help: 'stream: each connection is a port with these settings: vlan.access=10,isolated=on',
    parse: nestedPairs,
  },
  {
    flags: '--users <key=value,...>',
    key: 'users',
    help: 'stream: other settings for guests of a user: 1000.vlan.access=20',
    parse: nestedPairs,
  },
  { flags: '--max-guests <number>', key: 'max_guests', help: 'stream: most guests (64)', parse: number },
  {
    flags: '--name-by <number|pid|uid>',
    key: 'name_by',
    help: 'stream: what guests are named by: guests.1',
    parse: word,
  },
];
