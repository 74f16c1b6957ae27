import { expect, onTestFinished, test } from 'vitest';
import { withNetns } from '../../src/sys/netns.ts';
import { NfTablesSocket } from '../../src/sys/nftables.ts';
import { findObstacles } from '../../src/uplink/obstacles.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';

needs('nft');

const BASE = 'type filter hook forward priority 0;';

async function obstacles(ruleset: string, ipv4 = ['br0'], ipv6 = ipv4): Promise<string[]> {
  const netns = await (await openLab()).netns('a');
  await netns.check(['nft', '-f', '-'], { input: ruleset });
  const socket = withNetns(netns.name, (fd) => NfTablesSocket.open(fd));
  onTestFinished(() => socket.close());
  return findObstacles(socket, 'own', { 4: ipv4, 6: ipv6 });
}

const sentence = (chain: string, table: string, rest: string) =>
  `Chain ${chain} of nftables' table ${table} drops what it does not accept itself, and another table's drop cannot be ` +
  `overridden: it must accept ${rest}`;

test('iptables with policy drop, of either family, with the commands that help', async () => {
  const found = await obstacles(
    `table ip filter { chain FORWARD { ${BASE} policy drop; }; }
     table ip6 filter { chain FORWARD { ${BASE} policy drop; }; chain DOCKER-USER { }; }`,
    ['br0', 'br1'],
  );
  const commands = (program: string, chain: string) =>
    ['br0', 'br1']
      .flatMap((name) => ['-i', '-o'].map((side) => `${program} -I ${chain} ${side} ${name} -j ACCEPT`))
      .join('; ');
  expect(found).toEqual([
    sentence('FORWARD', 'ip filter', `br0, br1: ${commands('iptables', 'FORWARD')}`),
    sentence('FORWARD', 'ip6 filter', `br0, br1: ${commands('ip6tables', 'DOCKER-USER')}`),
  ]);
});

test('only networks whose packets a chain sees matter', async () => {
  const drops = (family: string) => `table ${family} t { chain c { ${BASE} policy drop; }; }\n`;
  expect(await obstacles(drops('ip') + drops('ip6') + drops('inet'), ['br0'], ['br1'])).toEqual([
    sentence('c', 'ip t', 'br0'),
    sentence('c', 'ip6 t', 'br1'),
    sentence('c', 'inet t', 'br0, br1'),
  ]);
  expect(await obstacles(drops('ip6'), ['br0'], [])).toEqual([]);
});

test('firewalld, whose policy is accept and whose last rule rejects', async () => {
  const found = await obstacles(
    `table inet firewalld { chain filter_FORWARD { ${BASE} policy accept;
       ct state { established, related } accept
       reject with icmpx type admin-prohibited
     }; }`,
  );
  expect(found).toEqual([
    sentence('filter_FORWARD', 'inet firewalld', 'br0: firewall-cmd --zone=trusted --add-interface=br0'),
  ]);
});

test('of a table that nobody knows, what must be accepted', async () => {
  const found = await obstacles(`table inet mine { chain fence { ${BASE} policy drop; }; }`);
  expect(found).toEqual([sentence('fence', 'inet mine', 'br0')]);
});

test('a table that has rules for an interface in both directions knows it', async () => {
  const rules =
    'iifname "br0" accept; oifname "br0" jump more; iifname "br1" accept; iifname "br2" accept; oifname "br2" drop;';
  const found = await obstacles(
    `table inet mine { chain more { }; chain fence { ${BASE} policy drop; ${rules} }; }`,
    ['br0', 'br1', 'br2', 'br'],
  );
  expect(found).toEqual([sentence('fence', 'inet mine', 'br1, br2, br')]);
});

test('chains that let through, that see no forwarded packets, or that are ours, stand in nobody’s way', async () => {
  const found = await obstacles(
    `table inet own { chain forward { ${BASE} policy drop; }; }
     table inet a { chain open { ${BASE} policy accept; tcp dport 25 drop; }; chain called { drop; }; }
     table inet b { chain in { type filter hook input priority 0; policy drop; }; }
     table bridge c { chain frames { ${BASE} policy drop; }; }`,
  );
  expect(found).toEqual([]);
});
