// The second demonstration of `npm start`: a guest that knows nothing is plugged into a network with NAT, gets its address
// by DHCP, and looks how far it comes. Its subnet is one that the machine has no route to.
//
//   taploom-g1 --- TAP g1 --- taploomd (taploom1, DHCP, DNS) --- the host's kernel --- the outside

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatSubnet, overlaps, parseSubnet } from '../dist/src/config/subnet.js';
import { ip, output, say, startIn, traffic } from './hosts.mjs';
import { ROOT, SetupError } from './setup.mjs';

const BRIDGE = 'taploom1';
const HOST_NAME = 'guest';
const OUTSIDE_NAME = 'example.com'; // IANA keeps it for this, RFC 2606
const PINGS = 3;
const DNS_MS = 1500;

/** `ask(method, path, body)`: of the daemon. */
export async function showNetwork(guest, ask) {
  say();
  const uplink = defaultRoute();
  if (uplink === undefined) {
    say(`NAT  is not shown: ${WHY_NOT}`);
    return;
  }
  const subnet = freeSubnet();
  if (subnet === undefined) {
    say('NAT  is not shown: this machine has routes to all subnets that it might take.');
    return;
  }
  ip([`netns add ${guest.netns}`]);
  const network = { mode: 'nat', subnet };
  const ports = { [guest.device]: { type: 'tap', netns: guest.netns } };
  const { results } = await ask('PUT', `/v1/bridges/${BRIDGE}`, { network, ports });
  const failed = results.find(({ error }) => error !== undefined);
  if (failed !== undefined) throw new SetupError(failed.error);
  const { networks } = await ask('GET', '/v1/networks');
  const { problems } = networks.find(({ bridge }) => bridge === BRIDGE);
  say(`NAT  ${subnet} behind ${uplink.dev}: a guest is plugged in and asks for its address.`);
  for (const problem of problems) say(`     In its way: ${problem}`);

  const lease = await leaseOf(guest);
  if (lease === undefined) return;
  await showPing(guest, lease.router, 'its gateway');
  await showName(guest, lease.dns, `${HOST_NAME}.${BRIDGE}.internal`, 'itself');
  await showName(guest, lease.dns, OUTSIDE_NAME, "by the host's resolvers");
  if (uplink.gateway) await showPing(guest, uplink.gateway, 'the first hop outside');
  else say(`     ${uplink.dev} leads out without a next hop that it could ping.`);
}

const WHY_NOT = process.env.TAPLOOM_PRIVATE_RUN
  ? 'a sandbox (unshare -rn) has no way out; as root there is one.'
  : 'this machine has no default route of IPv4, so there is no way out.';

// --- the machine

function routes(...which) {
  const { stdout, status } = spawnSync('ip', ['-4', '-j', 'route', 'show', ...which], { encoding: 'utf8' });
  return status === 0 && stdout.trim() !== '' ? JSON.parse(stdout) : [];
}

/** The best one, with `dev` and, if there is a next hop, `gateway`. */
function defaultRoute() {
  const [best] = routes('default').sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
  return best?.nexthops?.[0] ?? best;
}

function freeSubnet() {
  const isRoute = ({ dst }) => dst !== 'default' && dst !== '0.0.0.0/0';
  const taken = [
    ...routes('table', 'all')
      .filter(isRoute)
      .map(({ dst }) => dst),
    ...resolvers(),
  ]
    .map((text) => parseSubnet(text.includes('/') ? text : `${text}/32`))
    .filter((subnet) => subnet !== undefined);
  const free = candidates().find((subnet) => !taken.some((other) => overlaps(subnet, other)));
  return free && formatSubnet(free);
}

/** Of private use (RFC 1918), where few networks are. */
function candidates() {
  const third = Array.from({ length: 100 }, (_, n) => 100 + n);
  return ['10.98', '172.30', '192.168'].flatMap((begin) =>
    third.map((n) => parseSubnet(`${begin}.${n}.0/24`)),
  );
}

function resolvers() {
  if (!existsSync('/etc/resolv.conf')) return [];
  const lines = readFileSync('/etc/resolv.conf', 'utf8').split('\n');
  return lines.flatMap((line) => /^nameserver\s+([\d.]+)/.exec(line)?.[1] ?? []);
}

// --- the guest

/** Has its address and routes from a DHCP client: one that is installed, or our own. */
async function leaseOf({ netns, device }) {
  ip([`link set dev lo up`, `link set dev ${device} up`], netns);
  const client = installedClient();
  const script = join(ROOT, 'scripts/udhcpc.sh');
  const words = [
    '-f',
    '-n',
    '-q',
    '-t',
    '4',
    '-T',
    '1',
    '-i',
    device,
    '-x',
    `hostname:${HOST_NAME}`,
    '-s',
    script,
  ];
  const line = (client && (await leaseLine(startIn(netns, client[0], [...client.slice(1), ...words])))) ?? '';
  const found = line || (await ownLease(netns, device));
  const [, address, prefix, router, dns] = /^lease (\S+) (\S+) (\S+) (\S+)$/m.exec(found) ?? [];
  if (address === undefined) {
    say('     The guest got no address.');
    return undefined;
  }
  ip([`addr replace ${address}/${prefix} dev ${device}`, `route replace default via ${router}`], netns);
  const who = line ? client.join(' ') : "npm start's own client";
  say(`DHCP ${device} has ${address} by ${who}; router ${router}, DNS ${dns}.`);
  return { address, router, dns };
}

function installedClient() {
  const applets = spawnSync('busybox', ['--list'], { encoding: 'utf8' }).stdout ?? '';
  const isThere = spawnSync('udhcpc', ['--help'], { stdio: 'ignore' }).error === undefined;
  if (isThere) return ['udhcpc'];
  return applets.split('\n').includes('udhcpc') ? ['busybox', 'udhcpc'] : undefined;
}

async function leaseLine(child) {
  child.stderr.resume();
  return (await output(child)).match(/^lease .*$/m)?.[0];
}

async function ownLease(netns, device) {
  const route = `route replace 255.255.255.255 dev ${device}`;
  ip([route], netns);
  const mac = JSON.parse(spawnSync('ip', ['-n', netns, '-j', 'link', 'show', device]).stdout)[0].address;
  const script = join(ROOT, 'scripts/lease.mjs');
  const line = await leaseLine(startIn(netns, process.execPath, [script, mac, HOST_NAME]));
  ip([`route del 255.255.255.255 dev ${device}`], netns);
  return line ?? '';
}

async function showPing(guest, address, what) {
  let answered = 0;
  await output(traffic(guest, 'ping', address, PINGS, 50), (line) => {
    if (line !== 'lost') answered++;
  });
  const note = answered === 0 ? ': many routers are silent' : '';
  say(`ping ${guest.device} -> ${address}, ${what}: ${answered} of ${PINGS} answers${note}`);
}

async function showName({ netns }, server, name, what) {
  const code = `
    const dns = new (require('node:dns').promises.Resolver)({ timeout: ${DNS_MS}, tries: 1 });
    dns.setServers(['${server}']);
    dns.resolve4('${name}').then((found) => console.log(found[0]), (error) => console.log(error.code));`;
  const child = startIn(netns, process.execPath, ['-e', code]);
  child.stderr.resume();
  const answer = (await output(child)).trim();
  const isUnknown = answer === 'ENOTFOUND' || answer === 'ENODATA';
  const words = isUnknown ? 'they do not know it' : `no answer in ${DNS_MS / 1000} s`;
  say(`name ${name}, ${what}: ${/^\d/.test(answer) ? answer : words}`);
}
