// How many seconds 1,000 guests took to get an address each, in a switch of its own with a worker. Arguments: who gives
// them, the network namespace of another server, a file for leases. It says when it is ready, and begins at a line of input.

import { once } from 'node:events';
import type { StoredLeases } from '../src/api.ts';
import { Journal } from '../src/control/journal.ts';
import { Switch } from '../src/index.ts';
import { type DhcpServerName, switchWith } from './dhcp_servers.ts';
import { GUESTS_PORTS, secondsToLease } from './lease_guests.ts';

const [, , server, netns, file] = process.argv;

/** As the daemon has it: a lease is on the disk before its guest hears of it. */
const journal = new Journal(file);
const { entries } = journal.load();
const leases: StoredLeases = {
  entries,
  put: (key, value) => journal.put(key, value),
  delete: (key) => journal.delete(key),
  flushed: () => journal.flushed(),
};
const config = switchWith(server as DhcpServerName, GUESTS_PORTS, netns);
const taploom = await Switch.open(config, { leases });
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const seconds = await secondsToLease(taploom);
await taploom.close();
await journal.close();
process.stdout.write(`${seconds}\n`);
process.exit(0);
