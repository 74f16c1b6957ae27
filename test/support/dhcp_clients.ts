// Real DHCP clients in namespaces of a test. Each runs until it has a lease, and its script tells what it was told.

import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';
import type { Background } from './process.ts';

/** What the script of a client finds in its environment. */
export type Told = Record<string, string>;

export type ClientName = 'udhcpc' | 'dhclient' | 'dhcpcd';

const LIMIT_MS = 15_000;

/** The command line of a client, up to what a test adds. `base`: where its files begin. */
const COMMANDS: Record<ClientName, (base: string) => string[]> = {
  udhcpc: (base) => [
    ...'udhcpc -f -n -q -t 4 -T 2 -x hostname:guest-u'.split(' '),
    ...['search', 'staticroutes', 'mtu', 'ntpsrv', 'bootfile'].flatMap((name) => ['-O', name]),
    ...['-s', `${base}.sh`],
  ],
  dhclient: (base) => [
    ...'dhclient -4 -d -1 -v'.split(' '),
    ...['-sf', `${base}.sh`, '-cf', `${base}.conf`, '-lf', `${base}.leases`, '-pf', `${base}.pid`],
  ],
  // Its children ignore SIGTERM: they go with their PID namespace.
  dhcpcd: (base) => [
    ...'unshare -pf --kill-child dhcpcd -4 -d -B -1 -A -t 12'.split(' '),
    ...['-f', `${base}.conf`, '-c', `${base}.sh`],
  ],
};

const CONFIGURATIONS: Record<ClientName, string> = {
  udhcpc: '',
  dhclient: `
    option rfc3442 code 121 = array of unsigned integer 8;
    request subnet-mask, routers, domain-name, domain-name-servers, domain-search, host-name, interface-mtu,
      ntp-servers, rfc3442;
    send host-name "guest-d";
    timeout 10;`,
  dhcpcd:
    'option interface_mtu, ntp_servers, domain_search, classless_static_routes\nclientid\nhostname guest-c\n',
};

/** Waits until the client has a lease, and stops it; undefined: it got none. `more`: words of its command line. */
export async function runClient(
  lab: Lab,
  netns: Netns,
  device: string,
  name: ClientName,
  ...more: string[]
): Promise<Told | undefined> {
  const base = join(lab.dir, `${name}-${device}`);
  const env = `${base}.env`;
  writeScript(base);
  writeFileSync(`${base}.conf`, CONFIGURATIONS[name]);
  rmSync(env, { force: true });
  const isUdhcpc = name === 'udhcpc';
  const command = [...COMMANDS[name](base), ...more, ...(isUdhcpc ? ['-i', device] : [device])];
  const client = netns.spawn(command, { group: true });
  const end = Date.now() + LIMIT_MS;
  while (client.running && !existsSync(env) && Date.now() < end)
    await new Promise((done) => setTimeout(done, 10));
  // It notes its lease after the script.
  if (name === 'dhclient' && existsSync(env)) await client.waitFor(/bound to/);
  if (isUdhcpc) await client.exit(LIMIT_MS);
  else await client.stop('SIGKILL', 3000);
  return existsSync(env) ? parse(readFileSync(env, 'utf8')) : undefined;
}

/** udhcpc with a lease, which it keeps: SIGUSR1 makes it renew, SIGUSR2 release. */
export async function startUdhcpc(lab: Lab, netns: Netns, device: string): Promise<Background> {
  const script = writeScript(join(lab.dir, `kept-${device}`));
  const client = netns.spawn(['udhcpc', '-f', '-i', device, '-s', script]);
  await client.waitFor(/obtained/);
  return client;
}

/**
 * The script that a client calls for whatever happens: `base`.sh. Once there is a lease it writes its environment to
 * `base`.env, and takes the address if the client does not do so by itself.
 */
function writeScript(base: string): string {
  const text = `#!/bin/sh
[ -n "$ip" ] && ip addr replace "$ip/$mask" dev "$interface"
[ -n "$ip$new_ip_address" ] && env > ${base}.env.new && mv ${base}.env.new ${base}.env
exit 0
`;
  writeFileSync(`${base}.sh`, text);
  chmodSync(`${base}.sh`, 0o755);
  return `${base}.sh`;
}

function parse(text: string): Told {
  const lines = text.split('\n').map((line) => /^([^=]+)=(.*)$/.exec(line));
  return Object.fromEntries(lines.flatMap((match) => (match === null ? [] : [[match[1], match[2]]])));
}
