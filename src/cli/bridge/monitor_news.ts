// What `bridge monitor` tells of an event: ports as they come, go and change, with their VLANs; stations as they move, wait on
// a locked port, or are configured; groups that are configured; router ports.

import type { StaticGroup } from '../../control/client.ts';
import type { SwitchEvent } from '../../event.ts';
import { stationsOf, stationText } from './fdb_rows.ts';
import { headText, linkText } from './link.ts';
import { groupRows, groupText } from './mdb_rows.ts';
import type { Link } from './namespace.ts';
import type { RouterPorts } from './router_ports.ts';
import { type Context, type Device, isPort, type Port, type Scene } from './scene.ts';
import { inOneLine } from './vlan.ts';
import { vlanNews } from './vlan_news.ts';

export type Topic = 'link' | 'fdb' | 'mdb' | 'vlan';

export interface News {
  readonly topic: Topic;
  readonly text: string;
}

interface Look {
  readonly options: Context['options'];
  readonly link: (device: Device) => Link;
  /** As of the last configuration event, and now. */
  readonly before: Scene;
  readonly now: Scene;
  /** Ports that were there until now. */
  readonly known: ReadonlyMap<string, Port>;
  readonly routers: RouterPorts;
}

export function newsOf(event: SwitchEvent, look: Look): News[] {
  const { options, now, link } = look;
  switch (event.type) {
    case 'configuration':
      return configurationNews(look);
    case 'port': {
      const port = event.change === 'removed' ? look.known.get(event.port) : now.device(event.port);
      if (!isPort(port)) return [];
      if (event.change !== 'removed') return [linkNews(look, port)];
      return [{ topic: 'link', text: `Deleted ${headText(link(port), port.bridge)}\n` }];
    }
    case 'stp': {
      const port = event.port === undefined ? undefined : now.device(event.port);
      return event.change !== 'root' && isPort(port) ? [linkNews(look, port)] : [];
    }
    case 'station': {
      if (event.change !== 'moved' && event.change !== 'locked') return [];
      const { bridge, vlan, mac, to: port, toRemote: remote } = event;
      const isLocked = event.change === 'locked' && { locked: true as const };
      const stations = stationsOf({ bridge, vlan, mac, port, remote, type: 'learned', ...isLocked });
      return stations.map((station) => ({ topic: 'fdb', text: stationText({ options }, [station]) }));
    }
    case 'multicast': {
      if (!look.routers.change(event)) return [];
      const text = `router port dev ${event.port} master ${event.bridge}\n`;
      return [{ topic: 'mdb', text: event.change === 'router_added' ? text : `Deleted ${text}` }];
    }
    default:
      return [];
  }
}

function linkNews({ options, link }: Look, port: Port): News {
  return { topic: 'link', text: linkText({ options }, [port], link) };
}

function configurationNews(look: Look): News[] {
  const { before, now } = look;
  return [...now.devices()].flatMap((device) => {
    const old = before.device(device.name);
    if (old === undefined) return [];
    if (!isPort(device))
      return [
        ...vlans(look, old, device),
        ...stationNews(look, old, device),
        ...groupNews(look, old, device),
      ];
    if (isSame(old.config, device.config)) return [];
    return [...vlans(look, old, device), linkNews(look, device)];
  });
}

function vlans({ options }: Look, old: Device, device: Device): News[] {
  return vlanNews(old, device).map((text) => ({ topic: 'vlan', text: inOneLine(text, options) }));
}

/** Static entries of a bridge. */
function stationNews({ options }: Look, old: Device, { name: bridge, bridgeConfig }: Device): News[] {
  const { gone, fresh } = difference(old.bridgeConfig.static, bridgeConfig.static);
  const tell = (deleted: string) => (entry: (typeof gone)[number]) =>
    stationsOf({ bridge, ...entry, vlan: entry.vlan ?? 0, type: 'static' }).map(
      (station): News => ({ topic: 'fdb', text: `${deleted}${stationText({ options }, [station])}` }),
    );
  return [...gone.flatMap(tell('Deleted ')), ...fresh.flatMap(tell(''))];
}

/** Permanent groups of a bridge. */
function groupNews({ options, link }: Look, old: Device, device: Device): News[] {
  const { gone, fresh } = difference(
    old.bridgeConfig.multicast?.static ?? [],
    device.bridgeConfig.multicast?.static ?? [],
  );
  const tell = (deleted: string) => (entry: Omit<StaticGroup, 'bridge'>) => {
    const { group, port, source, vlan = 0 } = entry;
    const member = {
      ...{ bridge: device.name, vlan, group, port, type: 'static' as const },
      mode: source === undefined ? ('exclude' as const) : ('include' as const),
      sources: source === undefined ? [] : [{ address: source, isBlocked: false }],
    };
    return groupRows([member], link(device).ifindex, { ...options, statistics: false }).map(
      (row): News => ({ topic: 'mdb', text: `${deleted}${groupText(row)}\n` }),
    );
  };
  return [...gone.flatMap(tell('Deleted ')), ...fresh.flatMap(tell(''))];
}

function difference<Item>(old: readonly Item[], now: readonly Item[]) {
  const [was, is] = [old, now].map((items) => new Set(items.map((item) => JSON.stringify(item))));
  return {
    gone: old.filter((item) => !is.has(JSON.stringify(item))),
    fresh: now.filter((item) => !was.has(JSON.stringify(item))),
  };
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
