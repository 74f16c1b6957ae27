// `bridge fdb show` and `get`.

import { BridgeFailure } from './failure.ts';
import { macOf, parseStation, parseVlan } from './fdb_named.ts';
import { floods, type Station, stationsOf, stationText } from './fdb_rows.ts';
import { bitsOf, stateBits } from './fdb_state.ts';
import { type Context, isPort, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { begins, integer, type Words } from './words.ts';

const PAGE = 10_000;
/** -ENOENT and -EINVAL as a byte: 6.1 gives this one for all that `get` is refused. */
const NOT_FOUND = 254;

interface Shown {
  bridge?: string;
  port?: string;
  vlan?: number;
  /** Bits of states; 0 = all. */
  state: number;
  isDynamic: boolean;
}

function parseShow(words: Words): Shown {
  const shown: Shown = { state: 0, isDynamic: false };
  while (words.left) {
    const word = words.next();
    if (word === 'br') shown.bridge = words.next();
    else if (word === 'brport' || word === 'dev') shown.port = words.next();
    else if (word === 'vlan') shown.vlan = integer(words.once('vlan', shown.vlan));
    else if (word === 'state') shown.state |= stateBits(words.next());
    else if (word === 'dynamic') shown.isDynamic = true;
    else if (begins(word, ['help'])) throw usage('fdb');
  }
  return shown;
}

export async function fdbShow(context: Context, words: Words): Promise<void> {
  const shown = parseShow(words);
  const { bridge, port, vlan } = shown;
  const scene = await Scene.look(context);
  if (bridge !== undefined) scene.need(bridge, 'bridge device');
  if (port !== undefined) scene.need(port);
  const isWanted = (station: Station) => isShown(shown, station);
  const stations: Station[] = [];
  for (const device of scene.devices()) {
    if ((bridge ?? device.bridge) === device.bridge) stations.push(...floods(device).filter(isWanted));
  }
  if (port === undefined || scene.device(port) !== undefined) {
    for await (const page of context.client.fdb({ bridge, port, vlan }, PAGE)) {
      const { statistics } = context.options;
      stations.push(...page.flatMap((entry) => stationsOf(entry, statistics)).filter(isWanted));
    }
  }
  context.out(stationText(context, stations, port === undefined));
}

function isShown({ port, vlan, state, isDynamic }: Shown, station: Station): boolean {
  return (
    (port ?? station.ifname) === station.ifname &&
    (vlan === undefined || vlan === station.vlan) &&
    // iproute2 counts all that is not permanent
    !(isDynamic && station.state === 'permanent') &&
    (state === 0 || (state & bitsOf(station.state)) !== 0)
  );
}

interface Sought {
  mac?: string;
  bridge?: string;
  port?: string;
  vlan?: number;
  isSelf: boolean;
  isMaster: boolean;
}

function parseGet(words: Words): Sought {
  const sought: Sought = { isSelf: false, isMaster: false };
  while (words.left) {
    const word = words.next();
    if (word === 'br') sought.bridge = words.next();
    else if (word === 'dev' || word === 'brport') sought.port = words.next();
    else if (word === 'vlan') sought.vlan = parseVlan(words, sought.vlan);
    else if (word === 'vni') words.next();
    else if (word === 'self') sought.isSelf = true;
    else if (begins(word, ['master'])) sought.isMaster = true;
    else if (!begins(word, ['dynamic'])) sought.mac = parseStation(words, word, sought.mac);
  }
  return sought;
}

export async function fdbGet(context: Context, words: Words): Promise<void> {
  const { mac: text, bridge, port, vlan = 0, ...flags } = parseGet(words);
  if (text === undefined || (bridge === undefined && port === undefined)) {
    throw new BridgeFailure('Device or master and address are required arguments.');
  }
  const mac = macOf(text);
  const scene = await Scene.look(context);
  if (bridge !== undefined) scene.need(bridge, 'bridge device');
  if (port !== undefined) scene.need(port);
  const refuse = (why: string) => new BridgeFailure(`Error: ${why}.`, NOT_FOUND);
  if (vlan > 4094) throw refuse('invalid vlan id');
  if (bridge !== undefined && port !== undefined) throw refuse('Master and device are mutually exclusive');
  const device = scene.device(port ?? bridge ?? '');
  const isSelf = flags.isSelf && !flags.isMaster;
  // a station of the bridge is found, whatever its port
  const isAsked = port === undefined ? device !== undefined && !isPort(device) : isPort(device);
  if (port !== undefined && !isSelf && !isAsked) throw refuse('Device is not a bridge port');
  if (isSelf || !isAsked) throw refuse('Fdb get operation not supported by device');
  for await (const page of context.client.fdb({ bridge: device?.bridge, mac }, PAGE)) {
    const entry = page.find((other) => other.vlan === vlan);
    if (entry === undefined) continue;
    const [station] = stationsOf(entry, context.options.statistics);
    return void context.out(stationText(context, [station]));
  }
  throw refuse('Fdb entry not found');
}
