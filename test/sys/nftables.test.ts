import { expect, onTestFinished, test } from 'vitest';
import { withNetns } from '../../src/sys/netns.ts';
import { NfTablesSocket } from '../../src/sys/nftables.ts';
import { parseIp } from '../../src/wire/ip_address.ts';
import { parsePrefix } from '../../src/wire/ip_prefix.ts';
import {
  addressIn,
  counter,
  destinationTo,
  interfaceIs,
  isAnswer,
  isDestinationTranslated,
  isToHost,
  masquerade,
  portIs,
  type Statement,
  verdict,
} from '../../src/wire/nf_expressions.ts';
import { chainsRequest, parseChains, parseRules, rulesRequest } from '../../src/wire/nf_listing.ts';
import { HOOK, type NfChain, type NfTable, PRIORITY, tableBatch } from '../../src/wire/nf_tables.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';

needs('nft', 'iptables');

const prefix = (text: string) => parsePrefix(text) ?? expect.fail(text);
const ip = (text: string) => parseIp(text) ?? expect.fail(text);
const rule = (comment: string, ...statements: Statement[]) => ({ comment, statements });

const FORWARD: NfChain = {
  name: 'forward',
  type: 'filter',
  hook: 'forward',
  priority: PRIORITY.filter,
  rules: [
    rule('answers', interfaceIs('iifname', 'br0'), isAnswer(), verdict('accept')),
    rule(
      'out',
      interfaceIs('oifname', 'eth0'),
      addressIn('saddr', prefix('10.0.0.0/20')),
      counter(),
      verdict('accept'),
    ),
    rule('in', addressIn('daddr', prefix('fd00:1::/64')), isDestinationTranslated(), verdict('accept')),
    rule('one', addressIn('daddr', prefix('10.0.0.2/32')), portIs('tcp', 80), verdict('accept')),
    rule('rest', counter(), verdict('drop')),
  ],
};
const PREROUTING: NfChain = {
  name: 'prerouting',
  type: 'nat',
  hook: 'prerouting',
  priority: PRIORITY.dstnat,
  rules: [
    rule('IPv4', isToHost(), portIs('tcp', 8080), destinationTo(ip('10.0.0.2'), 80)),
    rule(
      'IPv6',
      addressIn('daddr', prefix('fd00::/8'), true),
      portIs('udp', 53),
      destinationTo(ip('fd00:1::2'), 5353),
    ),
  ],
};
const POSTROUTING: NfChain = {
  name: 'postrouting',
  type: 'nat',
  hook: 'postrouting',
  priority: PRIORITY.srcnat,
  rules: [rule('guests', addressIn('saddr', prefix('10.0.0.0/24')), masquerade())],
};
const TABLE: NfTable = { name: 'tl', chains: [FORWARD, PREROUTING, POSTROUTING] };

async function space(): Promise<{ netns: Netns; socket: NfTablesSocket }> {
  const netns = await (await openLab()).netns('a');
  const socket = withNetns(netns.name, (fd) => NfTablesSocket.open(fd));
  onTestFinished(() => socket.close());
  return { netns, socket };
}

const linesOf = (text: string) => text.split('\n').map((line) => line.trim());

test('nft reads a table as it was meant', async () => {
  const { netns, socket } = await space();
  socket.carryOut(tableBatch(TABLE, false));
  const lines = linesOf(await netns.check(['nft', 'list', 'ruleset']));
  expect(lines.filter((line) => line !== '' && line !== '}')).toEqual([
    'table inet tl { # progname node',
    'flags owner',
    'chain forward {',
    'type filter hook forward priority filter; policy accept;',
    'iifname "br0" ct state established,related accept comment "answers"',
    'oifname "eth0" ip saddr 10.0.0.0/20 counter packets 0 bytes 0 accept comment "out"',
    'ip6 daddr fd00:1::/64 ct status dnat accept comment "in"',
    'ip daddr 10.0.0.2 tcp dport 80 accept comment "one"',
    'counter packets 0 bytes 0 drop comment "rest"',
    'chain prerouting {',
    'type nat hook prerouting priority dstnat; policy accept;',
    'fib daddr type local tcp dport 8080 dnat ip to 10.0.0.2:80 comment "IPv4"',
    'ip6 daddr != fd00::/8 udp dport 53 dnat ip6 to [fd00:1::2]:5353 comment "IPv6"',
    'chain postrouting {',
    'type nat hook postrouting priority srcnat; policy accept;',
    'ip saddr 10.0.0.0/24 masquerade comment "guests"',
  ]);
});

test('a table is replaced as a whole, and nobody else may change it', async () => {
  const { netns, socket } = await space();
  socket.carryOut(tableBatch(TABLE, false));
  socket.carryOut(tableBatch({ name: 'tl', chains: [POSTROUTING] }, true));
  const text = await netns.check(['nft', 'list', 'ruleset']);
  expect(text).toContain('chain postrouting');
  expect(text).not.toContain('chain forward');
  expect((await netns.run(['nft', 'delete', 'table', 'inet', 'tl'])).code).not.toBe(0);
  socket.close();
  expect(await netns.check(['nft', 'list', 'ruleset'])).toBe('');
});

test('a batch with an error changes nothing, names the message, and hinders no later one', async () => {
  const { netns, socket } = await space();
  socket.carryOut(tableBatch({ name: 'tl', chains: [POSTROUTING] }, false));
  const wrong = { ...FORWARD, rules: [...FORWARD.rules, rule('nowhere', masquerade())] };
  expect(() => socket.carryOut(tableBatch({ name: 'tl', chains: [wrong, PREROUTING] }, true))).toThrow(
    /^Cannot set up nftables \(rule "nowhere" of chain forward\): .*\(ENOTSUP\)$/,
  );
  expect(await netns.check(['nft', 'list', 'ruleset'])).toContain('chain postrouting');
  const other = withNetns(netns.name, (fd) => NfTablesSocket.open(fd));
  onTestFinished(() => other.close());
  expect(() => other.carryOut(tableBatch(TABLE, false))).toThrow(expect.objectContaining({ code: 'EPERM' }));
  socket.carryOut(tableBatch(TABLE, true));
  expect(await netns.check(['nft', 'list', 'ruleset'])).toContain('chain forward');
});

test('a thousand rules are one batch', async () => {
  const { netns, socket } = await space();
  const rules = Array.from({ length: 1000 }, (_, i) => rule(`${i}`, ...FORWARD.rules[1].statements));
  const table = { name: 'tl', chains: [{ ...FORWARD, rules }] };
  socket.carryOut(tableBatch(table, false));
  socket.carryOut(tableBatch(table, true));
  expect((await netns.check(['nft', 'list', 'ruleset'])).match(/comment/g)).toHaveLength(1000);
});

test('rules are listed with the interfaces that they ask for', async () => {
  const { netns, socket } = await space();
  await netns.check(['iptables', '-I', 'FORWARD', '-i', 'br0', '-o', 'eth0', '-p', 'tcp', '-j', 'ACCEPT']);
  await netns.check(['iptables', '-A', 'FORWARD', '-o', 'br0', '-j', 'DROP']);
  await netns.check(['iptables', '-A', 'FORWARD', '!', '-i', 'br1', '-j', 'REJECT']);
  await netns.check(['iptables', '-A', 'FORWARD', '-j', 'REJECT']);
  await netns.check(['iptables', '-A', 'INPUT', '-j', 'DROP']);
  const list = (name?: string) =>
    [...socket.list(rulesRequest({ family: 2, table: 'filter', name }))].flatMap((part) => [
      ...parseRules(part),
    ]);
  expect(list('FORWARD')).toEqual([
    { stops: false, isUnconditional: false, interfaces: { from: 'br0', to: 'eth0' } },
    { stops: true, isUnconditional: false, interfaces: { to: 'br0' } },
    { stops: true, isUnconditional: false, interfaces: {} },
    { stops: true, isUnconditional: true, interfaces: {} },
  ]);
  expect(list()).toHaveLength(5);
});

test('chains and what they end with are listed, of all tables', async () => {
  const { netns, socket } = await space();
  const input = `
    table ip filter {
      chain FORWARD { type filter hook forward priority 0; policy drop; }
      chain other { tcp dport 80 accept; counter; accept; }
    }
    table inet fire {
      chain forwarded { type filter hook forward priority 10; ct state established accept; counter reject with icmpx admin-prohibited; }
      chain sent { type filter hook output priority 0; oifname "a" drop; counter drop; }
    }`;
  await netns.check(['nft', '-f', '-'], { input });
  const chains = [...socket.list(chainsRequest())].flatMap((part) => [...parseChains(part)]);
  const seen = chains.map((chain) => ({
    ...chain,
    stops: [...socket.list(rulesRequest(chain))]
      .flatMap((part) => [...parseRules(part)])
      .map(({ stops, isUnconditional }) => stops && isUnconditional),
  }));
  expect(seen).toEqual([
    { family: 2, table: 'filter', name: 'FORWARD', hook: HOOK.forward, isPolicyDrop: true, stops: [] },
    {
      family: 2,
      table: 'filter',
      name: 'other',
      hook: undefined,
      isPolicyDrop: false,
      stops: [false, false, false],
    },
    {
      family: 1,
      table: 'fire',
      name: 'forwarded',
      hook: HOOK.forward,
      isPolicyDrop: false,
      stops: [false, true],
    },
    { family: 1, table: 'fire', name: 'sent', hook: HOOK.output, isPolicyDrop: false, stops: [false, true] },
  ]);
});
