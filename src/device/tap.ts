// TAP ports, and the local interface of a bridge, which is one.

import { stableMac } from '../config/defaults.ts';
import type { LocalConfig, TapPortConfig } from '../config/schema.ts';
import { TaploomError } from '../error.ts';
import type { DeviceSpec } from '../port/spec.ts';
import { interfaceIdOfTap } from '../sys/interface_id.ts';
import { LinkSocket, linkOfTap } from '../sys/link.ts';
import { SysError } from '../sys/sys_error.ts';
import { adoptTapFd, openTap, setTapPersist, type TapDevice, tapName } from '../sys/tap.ts';
import { closeFdAside } from '../sys/wake.ts';
import type { Device } from './device.ts';

/** A TAP port, or with `bridge` the local interface of that bridge. */
export function openTapPort(port: number, name: string, config: TapPortConfig, mtu: number): Device {
  if (config.fd !== undefined) {
    const tap = adoptTapFd(config.fd, { offloads: config.offloads });
    // Its owner's: Taploom neither configures nor closes it.
    return tapDevice(port, tap, config, { ownMtu: tap.mtu || undefined, setMtu() {}, close() {}, undo() {} });
  }
  const { netns, owner, group, mac, persist, offloads } = config;
  const tap = attach('port', { name, netns, owner, group, mac, persist, offloads, mtu });
  return tapDevice(port, tap, config, ownTap(tap));
}

/** The interface of the bridge's own name. */
export function openLocal(port: number, bridge: string, config: LocalConfig, mtu: number): Device {
  const { netns, owner, group } = config;
  const tap = attach('bridge', {
    name: bridge,
    netns,
    owner,
    group,
    mac: config.mac ?? stableMac(bridge),
    mtu,
  });
  return tapDevice(port, tap, {}, ownTap(tap));
}

function tapDevice(
  port: number,
  tap: TapDevice,
  config: Pick<TapPortConfig, 'fault'>,
  life: Pick<Device, 'ownMtu' | 'setMtu' | 'setGsoMaxSize' | 'close' | 'undo'>,
): Device {
  const spec: DeviceSpec = { kind: 'tap', port, fd: tap.fd, offloads: tap.offloads, fault: config.fault };
  const link = () => linkOfTap(tap.fd, tap.ifindex);
  const interfaceId = () => interfaceIdOfTap(tap.fd);
  return { spec, mac: tap.mac, offloads: tap.offloads, upFd: tap.fd, link, interfaceId, ...life };
}

function ownTap(tap: TapDevice): Pick<Device, 'setMtu' | 'setGsoMaxSize' | 'close' | 'undo'> {
  const close = () => closeFdAside(tap.fd);
  return {
    setMtu(mtu) {
      // Wherever the interface was moved, and whatever it is called by now.
      using links = LinkSocket.ofTap(tap.fd);
      links.setMtu(tapName(tap.fd), mtu);
    },
    setGsoMaxSize(bytes) {
      using links = LinkSocket.ofTap(tap.fd);
      links.setGsoMaxSize(tapName(tap.fd), bytes);
    },
    close,
    undo() {
      try {
        if (tap.created) setTapPersist(tap.fd, false);
      } catch {
        // Deleted meanwhile: then nothing is left behind anyway.
      }
      return close();
    },
  };
}

const VERBS = {
  port: 'Cannot attach port',
  bridge: 'Cannot create bridge',
  underlay: 'Cannot open the TAP under a tunnel,',
};

/** Opens a TAP, and if that fails says what stands in the way. */
export function attach(what: keyof typeof VERBS, options: Parameters<typeof openTap>[0]): TapDevice {
  const { name, netns } = options;
  const verb = `${VERBS[what]} ${name}`;
  let isThere = false;
  try {
    const link = kindOf(name, netns);
    if (link === 'bridge') {
      throw new TaploomError(
        'kernel_bridge',
        `${verb}: a kernel bridge of that name exists; delete it (ip link delete ${name}) or choose another name`,
      );
    }
    if (link !== undefined && link !== 'tun') {
      const advice = what === 'port' ? 'type af_packet attaches existing interfaces' : 'choose another name';
      throw new TaploomError(
        'interface_exists',
        `${verb}: an interface of that name exists, and it is not a TAP; ${advice}`,
      );
    }
    isThere = link !== undefined;
    return openTap(options);
  } catch (error) {
    throw explain(error, verb, what, isThere);
  }
}

function kindOf(name: string, netns: string | undefined): string | undefined {
  using links = LinkSocket.open(netns);
  return links.find(name)?.kind;
}

/** `isThere`: the TAP existed before. */
function explain(error: unknown, verb: string, what: keyof typeof VERBS, isThere: boolean): unknown {
  if (!(error instanceof SysError)) return error;
  const options = { cause: error };
  const advice = what === 'port' ? '; type af_packet attaches it all the same' : '';
  switch (error.code) {
    case 'EBUSY':
      return new TaploomError('port_busy', `${verb}: another process has the TAP open${advice}`, options);
    case 'EINVAL':
      if (!isThere || error.syscall === 'TUNSETOFFLOAD') break;
      return new TaploomError(
        'port_busy',
        `${verb}: the TAP has several queues, or is a TUN${advice}`,
        options,
      );
    case 'EPERM':
    case 'EACCES':
      return new TaploomError(
        'not_permitted',
        `${verb}: ${error.message}; creating interfaces needs CAP_NET_ADMIN: run as root, or in a user namespace ` +
          '(unshare -rn)',
        options,
      );
  }
  return new TaploomError('device_failed', `${verb}: ${error.message}`, options);
}
