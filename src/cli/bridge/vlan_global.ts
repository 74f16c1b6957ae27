// `bridge vlan global`: multicast snooping of one VLAN of a bridge. Ours is the same in all of them: it is shown, and what is
// set must be so already.

import { multicastTimes } from '../../config/multicast.ts';
import { rangesOf } from '../../config/range.ts';
import type { BridgeConfig, MulticastConfig } from '../../config/schema.ts';
import { BridgeFailure, lacking, senseless } from './failure.ts';
import { jsonText } from './json.ts';
import { byIndex, type Context, isPort, readLinks, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { NAME_WIDTH, parseShow, range, rangeText, tableText, vlansOf } from './vlan.ts';
import { rangeOf } from './vlan_change.ts';
import { begins, type Words } from './words.ts';

/** What a bridge without snooping would do with it. */
const OFF = {
  snooping: false,
  querier: false,
  igmp_version: 3,
  mld_version: 2,
  last_member_count: 2,
  last_member_interval: 1,
  startup_query_count: 2,
  query_interval: 125,
  query_response_interval: 10,
} as MulticastConfig;

export async function vlanGlobal(context: Context, words: Words): Promise<void> {
  const word = words.left ? words.next() : 'show';
  if (word === 'set') return set(context, words);
  if (begins(word, ['show', 'lst', 'list'])) return show(context, words);
  throw usage('vlan');
}

async function show(context: Context, words: Words): Promise<void> {
  const { only, vid } = parseShow(words);
  const { json, pretty } = context.options;
  const scene = await Scene.look(context);
  if (only !== undefined) scene.need(only);
  const link = await readLinks(context);
  const bridges = [...scene.devices()]
    .filter((device) => !isPort(device) && (only ?? device.name) === device.name)
    .sort(byIndex(link));
  const rows = bridges
    .map(({ name, bridgeConfig }) => ({
      name,
      options: optionsOf(bridgeConfig),
      // of a range one VLAN is enough
      ranges: rangesOf([...vlansOfBridge(scene, name)]).filter(
        ({ from, to }) => vid === 0 || (from <= vid && vid <= to),
      ),
    }))
    .filter(({ ranges }) => ranges.length > 0);
  if (json) return void context.out(jsonText(rows.map(jsonOf), pretty));
  context.out(tableText(rows.map(textOf), context.options));
}

type Row = { name: string; options: Record<string, number>; ranges: ReturnType<typeof rangesOf> };

function textOf({ name, options, ranges }: Row): string {
  const told = Object.entries(options).map(([key, value]) => `${key} ${value} `);
  const more = `${' '.repeat(NAME_WIDTH + 2)}${told.join('')}\n`;
  return ranges
    .map((one, i) => `${(i === 0 ? name : '').padEnd(NAME_WIDTH)}${rangeText(one)}\n${more}`)
    .join('');
}

function jsonOf({ name, options, ranges }: Row): object {
  const vlans = ranges.map(({ from, to }) => ({
    vlan: from,
    ...(from !== to && { vlanEnd: to }),
    ...options,
  }));
  return { ifname: name, vlans };
}

/** As the kernel, which knows a VLAN globally as soon as a port has it. */
function vlansOfBridge(scene: Scene, bridge: string): Set<number> {
  const devices = [...scene.devices()].filter((device) => device.bridge === bridge);
  return new Set(devices.flatMap((device) => [...vlansOf(device)]).sort((a, b) => a - b));
}

/** In Linux' order, times in hundredths of a second. */
function optionsOf({ multicast = OFF }: BridgeConfig): Record<string, number> {
  const { membership, querier, startup } = multicastTimes(multicast);
  const hundredths = (seconds: number) => Math.round(seconds * 100);
  return {
    mcast_snooping: Number(multicast.snooping),
    mcast_querier: Number(multicast.querier),
    mcast_igmp_version: multicast.igmp_version,
    mcast_mld_version: multicast.mld_version,
    mcast_last_member_count: multicast.last_member_count,
    mcast_last_member_interval: hundredths(multicast.last_member_interval),
    mcast_startup_query_count: multicast.startup_query_count,
    mcast_startup_query_interval: hundredths(startup),
    mcast_membership_interval: hundredths(membership),
    mcast_querier_interval: hundredths(querier),
    mcast_query_interval: hundredths(multicast.query_interval),
    mcast_query_response_interval: hundredths(multicast.query_response_interval),
  };
}

const NAMES = Object.keys(optionsOf({} as BridgeConfig));

interface Said {
  name?: string;
  vids?: string;
  readonly wanted: Map<string, number>;
}

function parseSet(words: Words): Said {
  const said: Said = { wanted: new Map() };
  while (words.left) {
    const word = words.next();
    if (word === 'dev') said.name = words.next();
    else if (word === 'vid') said.vids = words.next();
    else if (NAMES.includes(word)) said.wanted.set(word, numberOf(word, words.next()));
    else if (begins(word, ['help'])) words.next();
    // as iproute2, which does not look at words that it does not know
  }
  return said;
}

function numberOf(name: string, word: string): number {
  if (!/^\d+$/.test(word)) throw senseless(`Error: argument "${word}" is wrong: invalid ${name}`);
  return Number(word);
}

async function set(context: Context, words: Words): Promise<void> {
  const { name, vids, wanted } = parseSet(words);
  if (name === undefined || vids === undefined) {
    throw new BridgeFailure('Device and VLAN ID are required arguments.');
  }
  const scene = await Scene.look(context);
  scene.need(name, 'network device');
  const { from, to } = rangeOf(vids, false);
  const device = scene.device(name);
  if (device === undefined || isPort(device))
    throw new BridgeFailure('Error: bridge: Global vlan options can only be set on bridge device.');
  const known = vlansOfBridge(scene, name);
  if (!range(from, to).every((vid) => known.has(vid)))
    throw new BridgeFailure("Error: bridge: Vlan in range doesn't exist, can't process global options.");
  const now = optionsOf(device.bridgeConfig);
  for (const [option, value] of wanted) {
    if (now[option] !== value)
      throw lacking(
        `Multicast is the same in all VLANs of ${name}, and ${option} is ${now[option]}: --multicast of taploom bridge set ${name} changes it`,
      );
  }
}
