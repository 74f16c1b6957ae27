import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bench, type BenchOptions, type Result, Skip } from './bench.ts';
import { needTool } from './contenders/contender.ts';
import { startDaemon } from './daemon.ts';
import { type DhcpServerName, dhcpServers, startServer, switchWith } from './dhcp_servers.ts';
import { Lab } from './lab.ts';
import { GUESTS } from './lease_guests.ts';
import { median, medianInterval } from './statistics.ts';

/** Sets of 1,000 guests, and times that one guest is plugged in again. */
const SETS = 5;
const PLUGS_OF_A_SET = 10;
const AT_MOST_S = 5;
const AT_MOST_MS = 100;
const ABOUT_S = 10;
const TIMEOUT_MS = 90_000;
const LEASE_MS = 15_000;
const GUEST = 'guest';
const PROGRAM = fileURLToPath(new URL('./measure_leases.js', import.meta.url));

const TITLES: Record<DhcpServerName, string> = {
  taploom: 'Taploom',
  dnsmasq: 'dnsmasq behind a port',
  kea: 'Kea behind a port',
};

interface Times {
  /** ms from link up until bound, of a guest that is known. */
  known: number[];
  /** s until all new guests are bound. */
  many: number[];
}

export const leases: Bench = {
  name: 'leases',
  question: `How soon has a guest an address that is known, and how soon have ${GUESTS.toLocaleString('en')} new ones?`,
  duration: (options) => sets(options) * dhcpServers(options.peers).length * ABOUT_S,
  async run(options) {
    if (process.getuid?.() !== 0) throw new Skip('It needs root, for TAP devices and network namespaces.');
    needTool('ip', 'nsenter', 'sysctl', 'udhcpc');
    const servers = dhcpServers(options.peers);
    const times = new Map(servers.map((name): [DhcpServerName, Times] => [name, { known: [], many: [] }]));
    for (let set = 0; set < sets(options); set++) {
      options.say(`set ${set + 1} of ${sets(options)}`);
      for (const [name, { known, many }] of times) {
        many.push(await inLab((lab) => manyGuests(lab, name)));
        known.push(...(await inLab((lab) => knownGuest(lab, name, plugs(options)))));
      }
    }
    const notes = [
      servers.length > 1
        ? 'Others probe for no address before an offer (dnsmasq was told not to); Taploom does, for 250 ms.'
        : 'Neither dnsmasq nor Kea is installed, or was asked for.',
    ];
    return { results: [...times].flatMap(([name, one]) => results(name, one)), notes };
  },
};

const sets = ({ quick }: Pick<BenchOptions, 'quick'>) => (quick ? 1 : SETS);
const plugs = ({ quick }: Pick<BenchOptions, 'quick'>) => (quick ? 2 : PLUGS_OF_A_SET);

function results(server: DhcpServerName, { known, many }: Times): Result[] {
  const isOurs = server === 'taploom';
  const by = TITLES[server];
  return [
    {
      what: `udhcpc with a lease that ${by} knows: from link up until it is bound`,
      value: median(known),
      unit: 'ms',
      interval: medianInterval(known),
      ...(isOurs && { expected: { atMost: AT_MOST_MS } }),
    },
    {
      what: `${GUESTS.toLocaleString('en')} new guests at once, all bound by ${by}`,
      value: median(many),
      unit: 's',
      interval: medianInterval(many),
      ...(isOurs && { expected: { atMost: AT_MOST_S } }),
    },
  ];
}

async function inLab<T>(act: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = new Lab();
  try {
    return await act(lab);
  } finally {
    lab.close();
  }
}

async function manyGuests(lab: Lab, server: DhcpServerName): Promise<number> {
  const netns = lab.netns('server');
  const file = join(lab.folder(), 'leases');
  const guests = lab.start([process.execPath, PROGRAM, server, netns, file]);
  await guests.waitFor(/^ready\n/, TIMEOUT_MS);
  await startServer(lab, server, netns);
  guests.child.stdin?.write('\n');
  return Number((await guests.output(TIMEOUT_MS)).split('\n')[1]);
}

/** Behind a TAP of the daemon: its first lease is not counted. */
async function knownGuest(lab: Lab, server: DhcpServerName, count: number): Promise<number[]> {
  const [netns, serverNetns] = [lab.netns('guest'), lab.netns('server')];
  const folder = lab.folder();
  startDaemon(lab, folder, switchWith(server, { [GUEST]: { type: 'tap', netns } }, serverNetns));
  await lab.deviceAppears(netns, GUEST);
  await startServer(lab, server, serverNetns);
  const script = join(folder, 'bound.sh');
  writeFileSync(script, '#!/bin/sh\n[ "$1" = bound ] && echo "bound $(date +%s.%N)"\nexit 0\n', {
    mode: 0o755,
  });
  const times: number[] = [];
  for (let n = 0; n <= count; n++) {
    lab.ip(netns, `link set ${GUEST} down`);
    // Both at once, as a machine does that comes up; udhcpc waits for no carrier.
    const plug = `date +up\\ %s.%N; ip link set ${GUEST} up; exec udhcpc -f -q -n -t 5 -T 3 -i ${GUEST} -s ${script}`;
    const client = lab.start(['sh', '-c', plug], { netns });
    const [, up, bound] = await client.waitFor(/up (\S+)\n[\s\S]*bound (\S+)\n/, LEASE_MS);
    await client.output(LEASE_MS);
    if (n > 0) times.push((Number(bound) - Number(up)) * 1000);
  }
  return times;
}
