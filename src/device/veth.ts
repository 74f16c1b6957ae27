// The device of a `veth` port: a pair of ours, whose end here is attached as that of an `af_packet` port is. The other is in a
// container, which has it also while no switch runs.

import type { VethPortConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import { SysError } from '../sys/sys_error.ts';
import type { Device } from './device.ts';
import { furnish } from './inside.ts';
import { openAfPacket, requireUnused } from './packet.ts';
import { noNamespace } from './tap.ts';
import { VethPair } from './veth_pair.ts';

/**
 * @param keeper who takes the pair again: see veth_mark.ts
 * @param userOf tells who in this switch has an interface already
 */
export function openVethPort(
  port: number,
  name: string,
  config: VethPortConfig,
  mtu: number,
  keeper: string,
  userOf: (id: string) => string | undefined,
): Device {
  const verb = `Cannot attach port ${name}`;
  const unused = (id: string) => requireUnused(verb, name, userOf(id));
  const pair = open(verb, { name, config, mtu, keeper, requireUnused: unused });
  const { fault } = config;
  const attached = { type: 'af_packet', host_stack: false, stacked_tags: false, lldp: false, fault } as const;
  let packet: Device;
  try {
    packet = openAfPacket(port, name, { ...attached, when_deleted: config.when_deleted }, userOf);
  } catch (error) {
    if (pair.isNew) void pair.remove();
    throw error;
  }
  const place = {
    links: () => pair.inside(),
    name: (links: ReturnType<typeof pair.inside>) => pair.nameInside(links),
  };
  return furnish(pairDevice(packet, pair, verb, config, mtu), place, verb, config);
}

function open(verb: string, options: Parameters<typeof VethPair.open>[1]): VethPair {
  try {
    return VethPair.open(verb, options);
  } catch (error) {
    throw explain(error, verb, options.config.netns);
  }
}

function pairDevice(
  packet: Device,
  pair: VethPair,
  verb: string,
  config: VethPortConfig,
  mtu: number,
): Device {
  let now = config;
  let given = mtu;
  /** What somebody else made of it, until Taploom sets another. */
  let ownMtu: number | undefined;
  const end = async (isKept: boolean) => {
    await packet.close();
    if (!isKept) await pair.remove();
  };
  const { spec, socket, ifindex, offloads, interfaceId, queueDropped } = packet;
  return {
    ...{ spec, socket, ifindex, offloads, interfaceId, queueDropped },
    get mac() {
      return pair.mac;
    },
    get ownMtu() {
      return ownMtu;
    },
    link() {
      const state = packet.link?.();
      if (state !== undefined && state.mtu !== given) ownMtu = state.mtu;
      return state;
    },
    setMtu(wanted) {
      if (wanted === ownMtu) return;
      [given, ownMtu] = [wanted, undefined];
      pair.setMtu(wanted);
    },
    change(next) {
      const wanted = next as VethPortConfig;
      try {
        if (wanted.netns !== now.netns) pair.move(wanted.netns);
        if (wanted.mac !== undefined && wanted.mac !== now.mac) pair.setMac(wanted.mac);
      } catch (error) {
        throw explain(error, verb, wanted.netns);
      }
      now = wanted;
    },
    // Of a container that has gone nothing stays.
    close: () => end(now.persist && pair.isThere()),
    remove: () => end(false),
    undo: () => end(!pair.isNew),
  };
}

function explain(error: unknown, verb: string, netns: string): unknown {
  if (!(error instanceof SysError)) return error;
  const options = { cause: error };
  const { code, syscall } = error;
  if (syscall === 'netns' && (code === 'ENOENT' || code === 'EINVAL'))
    return noNamespace(verb, netns, options);
  if (code === 'EPERM' || code === 'EACCES') {
    const message = `${verb}: ${error.message}; making a pair takes CAP_NET_ADMIN here and there: run as root`;
    return new TaploomError('not_permitted', message, options);
  }
  if (code === 'EOPNOTSUPP') {
    const message = `${verb}: this kernel has no veth (modprobe veth); type tap does without`;
    return new TaploomError('device_failed', message, options);
  }
  return new TaploomError('device_failed', `${verb}: ${error.message}`, options);
}
