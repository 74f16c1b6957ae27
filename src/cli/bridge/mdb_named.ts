// What `bridge mdb add`, `replace` and `del` name: a group, and who is in it. The checks and their order are those of
// iproute2 and of the kernel.

import { isMulticastIp, parseIp } from '../../wire/ip_address.ts';
import { isGroupMac, parseMac } from '../../wire/mac.ts';
import { BridgeFailure, lacking } from './failure.ts';
import { type Context, type Device, isPort, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { begins, integer, type Words } from './words.ts';

export interface Named {
  readonly bridge: Device;
  readonly port: string;
  /** The port, or the bridge for its own interface. */
  readonly device: Device;
  readonly group: string;
  readonly source?: string;
  readonly vlan?: number;
  readonly isPermanent: boolean;
  readonly mode?: 'include' | 'exclude';
  readonly sources: readonly string[];
}

const KEYS = ['dev', 'port', 'grp', 'src', 'vid', 'filter_mode', 'source_list', 'proto'] as const;
type Key = (typeof KEYS)[number];
/** Of VXLAN devices, which have groups of remotes. */
export const OF_TUNNELS = ['dst', 'dst_port', 'vni', 'src_vni', 'via', 'nhid'];

interface Said {
  readonly keys: ReadonlyMap<Key, string>;
  readonly isPermanent: boolean;
}

function parse(words: Words): Said {
  const keys = new Map<Key, string>();
  let isPermanent = false;
  while (words.left) {
    const word = words.next();
    const key = KEYS.find((one) => one === word);
    if (key !== undefined) keys.set(key, words.next());
    else if (OF_TUNNELS.includes(word)) throw ofTunnels(word);
    else if (word === 'permanent' || word === 'temp') isPermanent = word === 'permanent';
    else if (begins(word, ['help'])) throw usage('mdb');
    // as iproute2, which does not look at words that it does not know
  }
  return { keys, isPermanent };
}

export function ofTunnels(word: string): BridgeFailure {
  return lacking(
    `A VXLAN port sends groups to all its remotes: "${word}" chooses among them, which Taploom does not`,
  );
}

/** As `bridge -d mdb` tells them: what is permanent is `static`, what hosts joined `kernel`. */
export function checkProtocol(protocol: string | undefined): void {
  if (protocol === undefined || protocol === 'static' || protocol === 'kernel') return;
  throw lacking(
    `Taploom does not keep who made a group: its proto is "static" or "kernel", not "${protocol}"`,
  );
}

export async function named(context: Context, words: Words, isAdded: boolean): Promise<Named> {
  const { keys, isPermanent } = parse(words);
  const [dev, port, group] = (['dev', 'port', 'grp'] as const).map((key) => keys.get(key));
  if (dev === undefined || port === undefined || group === undefined)
    throw new BridgeFailure('Device, group address and port name are required arguments.');
  const scene = await Scene.look(context);
  scene.need(dev);
  scene.need(port);
  const source = keys.get('src');
  checkWords(group, source, keys.get('filter_mode'));
  checkProtocol(keys.get('proto'));
  const vid = integer(keys.get('vid') ?? '0');
  if (vid > 4094) throw new BridgeFailure('Error: Invalid entry VLAN id.');
  checkGroup(group);
  const bridge = bridgeOf(scene, dev);
  const device = scene.device(port);
  if (!isMember(bridge, device)) throw new BridgeFailure('Error: bridge: Net device is not a bridge port.');
  if (bridge.bridgeConfig.multicast?.snooping !== true)
    throw new BridgeFailure("Error: bridge: Bridge's multicast processing is disabled.");
  if (isAdded && !isPermanent && isPort(device) && device.status?.state !== 'up')
    throw new BridgeFailure('Error: bridge: Port is in disabled state and entry is not permanent.');
  checkSource(group, source);
  checkKind(group, isPermanent || !isAdded);
  if (!isPort(device) && isPermanent)
    throw new BridgeFailure('Error: bridge: Flags are not allowed for host groups.');
  if (!isPort(device) && source !== undefined)
    throw new BridgeFailure('Error: bridge: Groups with sources cannot be manually host joined.');
  return {
    bridge,
    port,
    device,
    group,
    source,
    ...(vid > 0 && { vlan: vid }),
    isPermanent,
    mode: keys.get('filter_mode') as Named['mode'],
    sources: keys.get('source_list')?.split(',') ?? [],
  };
}

const isMac = (text: string) => /^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text);

function checkWords(group: string, source: string | undefined, mode: string | undefined): void {
  if (parseIp(group) === undefined && !isMac(group)) throw new BridgeFailure(`Invalid address "${group}"`);
  if (source !== undefined && parseIp(source) === undefined)
    throw new BridgeFailure(`Invalid source address "${source}"`);
  if (mode !== undefined && mode !== 'include' && mode !== 'exclude')
    throw new BridgeFailure(`Invalid filter mode "${mode}"`);
}

/** As validate_mdb_entry() of net/core/rtnetlink.c. */
export function checkGroup(group: string): void {
  checkWords(group, undefined, undefined);
  const bytes = parseIp(group);
  const isIpv4 = bytes?.length === 4;
  if (bytes === undefined) {
    const { hi = 0 } = parseMac(group) ?? {};
    if (!isGroupMac(hi)) throw new BridgeFailure('Error: L2 entry group is not multicast.');
  } else if (isIpv4 && !isMulticastIp(bytes) && bytes.some((byte) => byte !== 0))
    throw new BridgeFailure('Error: IPv4 entry group address is not multicast or 0.0.0.0.');
  else if (isIpv4 && bytes[0] === 224 && bytes[1] === 0 && bytes[2] === 0)
    throw new BridgeFailure('Error: IPv4 entry group address is local multicast.');
  else if (!isIpv4 && isAllNodes(bytes))
    throw new BridgeFailure('Error: IPv6 entry group address is link-local all nodes.');
}

/** ff02::1 */
function isAllNodes(bytes: Uint8Array): boolean {
  return (
    bytes[0] === 0xff && bytes[1] === 2 && bytes[15] === 1 && bytes.slice(2, 15).every((byte) => byte === 0)
  );
}

/** @throws BridgeFailure unless it is a host's of the family of the group */
export function checkSource(group: string, source: string | undefined): void {
  if (source === undefined) return;
  const [of, from] = [parseIp(group), parseIp(source)];
  const family = of?.length === 4 ? 'IPv4' : 'IPv6';
  if (from === undefined) throw new BridgeFailure(`Invalid source address "${source}"`);
  if (of === undefined) throw new BridgeFailure('Error: bridge: Invalid protocol used with source address.');
  if (of.length !== from.length)
    throw new BridgeFailure(`Error: bridge: ${family} invalid source address length.`);
  if (isMulticastIp(from))
    throw new BridgeFailure(`Error: bridge: ${family} multicast source address is not allowed.`);
}

/** @throws BridgeFailure if there is none of this name */
export function bridgeOf(scene: Scene, name: string): Device {
  const bridge = scene.device(name);
  if (bridge === undefined || isPort(bridge))
    throw new BridgeFailure('Error: Device does not support MDB operations.');
  return bridge;
}

function isMember({ name, bridgeConfig }: Device, device: Device | undefined): device is Device {
  return device?.bridge === name && (isPort(device) || bridgeConfig.local !== false);
}

function checkKind(group: string, isPermanent: boolean): void {
  if (parseIp(group) !== undefined) return;
  if (!isPermanent) throw new BridgeFailure('Error: bridge: Only permanent L2 entries allowed.');
  throw lacking('Snooping knows groups by their IP address: frames to other groups go to all ports');
}
