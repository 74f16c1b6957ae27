// Events as sentences: what happened, why, and what helps.

import { formatRate } from '../config/amounts.ts';
import {
  type Author,
  type ConfigurationFact,
  type EventFact,
  type HookFact,
  type LeaseFact,
  type LimitFact,
  LOST,
  lostHelp,
  type PortFact,
  type StationFact,
  type StpFact,
  type UplinkFact,
} from '../event.ts';
import { DROPS } from '../table/drops.ts';
import { plainText } from '../wire/plain_text.ts';
import { aclSentence } from './acl_message.ts';
import { guardSentence } from './guard_message.ts';

/** Paths that a sentence names. */
const NAMED = 3;

export function eventMessage(fact: EventFact): string {
  return plainText(sentence(fact), 1000);
}

function sentence(fact: EventFact): string {
  switch (fact.type) {
    case 'port':
      return portSentence[fact.change](fact);
    case 'station':
      return stationSentence(fact);
    case 'limit':
      return limitSentence(fact);
    case 'neighbour': {
      const who = fact.name ?? fact.chassis;
      const words = { added: 'is new', changed: 'says something else', removed: 'is gone' }[fact.change];
      return `neighbour ${who} (port ${fact.neighbourPort}) on port ${fact.port} ${words}`;
    }
    case 'stp':
      return stpSentence(fact);
    case 'multicast': {
      const where = fact.vlan === 0 ? fact.bridge : `VLAN ${fact.vlan} of ${fact.bridge}`;
      const protocol = fact.protocol.toUpperCase();
      return {
        querier_elected: `${fact.address} on port ${fact.port} is the ${protocol} querier of ${where}`,
        querier_lost: `${fact.address} on port ${fact.port} is no longer the ${protocol} querier of ${where}`,
        router_added: `port ${fact.port} leads to a multicast router (${protocol}, ${where})`,
        router_removed: `port ${fact.port} leads to no multicast router any more (${protocol}, ${where})`,
      }[fact.change];
    }
    case 'member': {
      const { port, member, change, reason } = fact;
      if (change === 'carries') return `member ${member} of aggregate ${port} carries frames`;
      const words = change === 'down' ? 'is down' : 'carries no frames';
      return `member ${member} of aggregate ${port} ${words}${reason === undefined ? '' : `: ${reason}`}`;
    }
    case 'uplink':
      return uplinkSentence(fact);
    case 'hook':
      return hookSentence(fact);
    case 'lease':
      return leaseSentence(fact);
    case 'address': {
      const { port, address, mac, before, reason } = fact;
      return {
        moved: `${address} behind ${port} is at ${mac} now, not at ${before} any more`,
        leased: `${port} has address ${address} from ${address.includes(':') ? 'the advertisements of a router' : 'a DHCP server'}`,
        ended: `${port} has address ${address} no longer: ${reason}`,
        lost: `${address} behind ${port} (${mac}) answers no longer`,
        duplicate: `${mac} says that it has ${address}, the address of ${port}: one of the two has to take another one`,
      }[fact.change];
    }
    case 'network':
      if (fact.change === 'restored')
        return `network ${fact.network} lost ${fact.address} on ${fact.port}, which somebody removed: it is set again`;
      if (fact.change === 'address_taken')
        return `${fact.mac} on port ${fact.port} of network ${fact.network} claims ${fact.address}, which is another's: nobody hears it`;
      return fact.change === 'ready'
        ? `network ${fact.network} is ready`
        : `network ${fact.network} is not ready: ${fact.reason}`;
    case 'acl':
      return aclSentence(fact);
    case 'guard':
      return guardSentence(fact);
    case 'drop': {
      const isLost = fact.reason === LOST && fact.side === 'receive';
      const help = isLost
        ? lostHelp('', fact.port)
        : (DROPS.find(({ name }) => name === fact.reason)?.help ?? fact.reason);
      const where = fact.port === '' ? 'no port' : `port ${fact.port}`;
      return `${where} dropped ${count(fact.frames, 'frame')} on ${fact.side}: ${fact.reason} (${help})`;
    }
    case 'configuration':
      return configurationSentence(fact);
    case 'lost':
      return fact.count === 0
        ? 'events before this are gone: the switch was started again since; look at its state afresh'
        : `${count(fact.count, 'event')} before this ${fact.count === 1 ? 'is' : 'are'} lost: they came faster than they were read`;
  }
}

const portSentence: Record<PortFact['change'], (fact: PortFact) => string> = {
  added: ({ port, bridge, reason }) =>
    `port ${port} was added to bridge ${bridge}${reason === undefined ? '' : `: ${reason}`}`,
  removed: ({ port, bridge, reason }) =>
    `port ${port} was removed from bridge ${bridge}${reason === undefined ? '' : `: ${reason}`}`,
  up: ({ port }) => `port ${port} is up`,
  down: ({ port, reason = `its interface is not up; \`ip link set ${port} up\` helps` }) =>
    `port ${port} is down: ${reason}`,
  disabled: ({ port, reason }) => `port ${port} is disabled: ${reason}`,
  enabled: ({ port }) => `port ${port} was enabled by hand`,
  gone: ({ port, reason = 'its device was deleted' }) =>
    `port ${port} is gone: ${reason}; it is taken again as soon as there is one`,
  waiting: ({ port, reason }) => `port ${port} waits: ${reason}`,
  failed: ({ port, reason }) => `port ${port} failed, and is tried again: ${reason}`,
  broken: ({ port, reason }) => `port ${port} is broken: ${reason}`,
};

function stationSentence(fact: StationFact): string {
  if (fact.change === 'more') return `${count(fact.moves, 'move')} of stations more were not told one by one`;
  const { mac, vlan, from, to, fromRemote, toRemote } = fact;
  const station = vlan === 0 ? `station ${mac}` : `station ${mac} in VLAN ${vlan}`;
  const [a, b] = [behind(from, fromRemote), behind(to, toRemote)];
  if (fact.change === 'locked') return `${station} waits on ${b}, which is locked: a static entry admits it`;
  if (fact.change === 'moved') return `${station} moved from ${a} to ${b}`;
  if (fact.change === 'calm') return `${station} has stopped flapping and is behind ${b}`;
  return (
    `${station} flaps between ${a} and ${b}: ${fact.moves} moves in ${fact.seconds} s; ` +
    'look for a loop, or for two machines with one address'
  );
}

function stpSentence(fact: StpFact): string {
  if (fact.change === 'root') {
    const where = fact.port === undefined ? 'itself' : `behind port ${fact.port}`;
    return `bridge ${fact.bridge} has root ${fact.root}, ${where}`;
  }
  const { port, role, reason } = fact;
  switch (fact.change) {
    case 'role':
      return `port ${port} is ${role} in the spanning tree`;
    case 'forwarding':
      return `port ${port} (${role}) forwards`;
    case 'blocked':
      return `port ${port} (${role}) no longer forwards`;
    case 'guarded':
      return `port ${port} is held back: ${reason}`;
  }
}

function leaseSentence({ change, network, port, mac, address, name, reason }: LeaseFact): string {
  const who = name === undefined ? mac : `${name} (${mac})`;
  const where = port === '' ? network : `port ${port}`;
  switch (change) {
    case 'bound':
      return `${who} on ${where} has address ${address}`;
    case 'released':
      return `${who} on ${where} gave address ${address} back`;
    case 'expired':
      return `the time of address ${address} of ${who} is over`;
    case 'declined':
      return `address ${address} of ${network} is used by somebody whom nobody gave it, says ${where}: it is not given for a while`;
    case 'refused':
      return `${who} on ${where} gets no address: ${reason}`;
    case 'rogue':
      if (reason === 'router')
        return `${mac} on ${where} is a router of its own (${address}), whose advertisements nobody hears: set ra of network ${network} to false if it should be one`;
      if (reason === 'dhcp6')
        return `${mac} on ${where} is a DHCPv6 server of its own (${address}); nobody hears it: set dhcp6 of network ${network} to false if it should be one`;
      return `${mac} on ${where} is a DHCP server of its own (${address}); nobody hears it: set dhcp of network ${network} to false if it should be one`;
  }
}

function behind(port: string, remote: string | undefined): string {
  return remote === undefined ? port : `${port} (${remote})`;
}

function limitSentence({ limit, bridge, port, mac, group, value }: LimitFact): string {
  if (limit === 'max_remotes') {
    return (
      `port ${port} has learned its ${value} remotes, and gives up the oldest for others: ` +
      'raise its max_remotes, list those that you know, or look who makes up addresses'
    );
  }
  if (limit === 'mcast_max_groups' || limit === 'max_groups') {
    const who = limit === 'max_groups' ? `bridge ${bridge}` : `port ${port}`;
    return (
      `${who} has its ${value} multicast groups, and port ${port} does not get ${group}: ` +
      `raise its ${limit}, or look who joins so many`
    );
  }
  const who = limit === 'port_fdb_limit' ? `port ${port}` : `bridge ${bridge}`;
  return (
    `${who} has its ${value} addresses and does not learn more (${mac} on ${port}): ` +
    'frames to those it does not know are flooded; raise its fdb_limit, or look who makes up addresses'
  );
}

function uplinkSentence({ port, change, rate = 0 }: UplinkFact): string {
  if (change === 'free') return `port ${port} takes what is sent there again`;
  return (
    `port ${port} takes less than is sent there, ${formatRate(rate)}: ports have equal shares of it; ` +
    'where you know what it takes, a `shape` says it once and for all, with classes'
  );
}

function configurationSentence({ by, actions, total, failed }: ConfigurationFact): string {
  const named = actions.slice(0, NAMED).map(({ op, path, ok, keys }) => {
    const what = keys === undefined ? `${op} ${path}` : `${op} ${keys.join(' and ')} of ${path}`;
    return ok ? what : `${what} (failed)`;
  });
  const rest = total > NAMED ? ` and ${total - NAMED} more` : '';
  const outcome = failed === 0 ? '' : `; ${failed} of ${count(total, 'action')} failed`;
  return `${authorText(by)} changed the configuration: ${named.join(', ')}${rest}${outcome}`;
}

function authorText(by: Author): string {
  if (by.kind === 'file') return `file ${by.file}`;
  if (by.kind === 'program') return 'the embedding program';
  if (by.kind === 'unknown') return 'an unknown client of the control socket';
  const { user, uid, pid, command } = by;
  const who = user === undefined ? `user ${uid}` : `${user} (uid ${uid})`;
  return command === undefined ? `${who}, process ${pid},` : `${who}, process ${pid} \`${command}\`,`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

function hookSentence({ change, bridge, port, hook, reason, onError, text }: HookFact): string {
  const where = port === '' ? `bridge ${bridge}` : `port ${port}`;
  if (change === 'reported') return `hook ${hook} of ${where}: ${text}`;
  const then = onError === 'drop' ? 'what it would have seen is dropped' : 'frames pass without it';
  return `hook ${hook} of ${where} is off: ${reason}; ${then}, until it is taken out of the configuration and put in again`;
}
