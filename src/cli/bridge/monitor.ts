// `bridge monitor`: what changes, from the switch's events. Ports as they come, go and change, stations as they move, and
// VLANs as a configuration changes them. Stations that are new or forgotten are no events of a switch.

import type { SwitchEvent } from '../../event.ts';
import { stationText } from './fdb.ts';
import { linkText } from './link.ts';
import { type Context, type Device, isPort, type Port, readLinks, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { vlanText } from './vlan.ts';
import { begins, type Words } from './words.ts';

type What = 'link' | 'fdb' | 'vlan';

export async function monitor(context: Context, words: Words): Promise<void> {
  const whats = new Set<What>();
  while (words.left) {
    const what = begins(words.next(), ['link', 'fdb', 'vlan', 'all'] as const);
    if (what === undefined) throw usage('monitor');
    for (const one of ['link', 'fdb', 'vlan'] as const) if (what === 'all' || what === one) whats.add(one);
  }
  const all = whats.size === 0 || whats.size === 3;
  // also what is gone already when its event comes
  const known = await ports(context);
  for await (const event of context.client.follow({ type: 'port,station,configuration' })) {
    const now = await ports(context);
    for (const { what, text } of await told(context, event, known, now)) {
      if (!all && !whats.has(what)) continue;
      const stamp = context.options.timestamp ? timestamp(new Date(event.time)) : '';
      context.out(`${stamp}${all ? `[${what === 'fdb' ? 'NEIGH' : what.toUpperCase()}]` : ''}${text}`);
    }
    for (const [name, port] of now) known.set(name, port);
    if (event.type === 'port' && event.change === 'removed') known.delete(event.port);
  }
}

/** With the date as asctime(3) writes it. */
function timestamp(time: Date): string {
  const [day, month, date, year, clock] = time.toString().split(' ');
  return `Timestamp: ${day} ${month} ${date} ${clock} ${year} ${time.getMilliseconds() * 1000} usec\n`;
}

type Ports = Map<string, Port>;

async function ports({ client }: Context): Promise<Ports> {
  const devices: Device[] = [...(await Scene.look(client)).devices()];
  return new Map(devices.filter(isPort).map((port) => [port.name, port]));
}

interface Told {
  readonly what: What;
  readonly text: string;
}

async function told(
  { client, options }: Context,
  event: SwitchEvent,
  known: Ports,
  now: Ports,
): Promise<Told[]> {
  const context = { options };
  if (event.type === 'port') {
    const isGone = event.change === 'removed';
    const port = (isGone ? known : now).get(event.port);
    if (port === undefined) return [];
    const text = linkText(context, [port], await readLinks(client));
    return [{ what: 'link', text: isGone && !options.json ? `Deleted ${text}` : text }];
  }
  if (event.type === 'station' && event.change === 'moved') {
    const { mac, to, vlan, bridge } = event;
    const row = { mac, ifname: to, ...(vlan !== 0 && { vlan }), flags: [], master: bridge, state: '' };
    return [{ what: 'fdb', text: stationText(context, [row]) }];
  }
  if (event.type !== 'configuration') return [];
  const link = await readLinks(client);
  return [...now.values()].flatMap((port): Told[] => {
    const { config } = known.get(port.name) ?? {};
    if (config === undefined || JSON.stringify(config) === JSON.stringify(port.config)) return [];
    const isVlan = JSON.stringify(config.vlan) !== JSON.stringify(port.config.vlan);
    return isVlan
      ? [{ what: 'vlan', text: vlanText(context, [port]) }]
      : [{ what: 'link', text: linkText(context, [port], link) }];
  });
}
