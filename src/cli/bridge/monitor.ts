// `bridge monitor`: what changes, from the switch's events, in text as the one of iproute2 whatever `-json` says. Stations that
// are learned or forgotten are no events of a switch.

import { lacking, senseless } from './failure.ts';
import { newsOf, type Topic } from './monitor_news.ts';
import { RouterPorts } from './router_ports.ts';
import { type Context, isPort, type Port, readLinks, Scene } from './scene.ts';
import { usage } from './usage.ts';
import { begins, type Words } from './words.ts';

const TOPICS = ['link', 'fdb', 'mdb', 'vlan'] as const;
const LABELS = { link: '[LINK]', fdb: '[NEIGH]', mdb: '[MDB]', vlan: '[VLAN]' } as const;
const EVENTS = 'port,station,stp,multicast,configuration';

interface Wish {
  /** None: all. */
  readonly topics: Set<Topic>;
  readonly isLabelled: boolean;
}

function parse(words: Words): Wish {
  const topics = new Set<Topic>();
  let isLabelled = false;
  while (words.left) {
    const word = words.next();
    const topic = begins(word, ['file', ...TOPICS, 'vni', 'help']);
    if (word === 'all') isLabelled = true;
    else if (topic === 'help') throw usage('monitor');
    else if (topic === 'file')
      throw lacking('Messages of netlink are not what a switch has: taploom events tells what it has stored');
    else if (topic === 'vni')
      throw lacking('A VXLAN port has one VNI as long as it is there: link tells of it');
    else if (topic === undefined)
      throw senseless(`Argument "${word}" is unknown, try "bridge monitor help".`);
    else topics.add(topic);
  }
  return { topics: isLabelled ? new Set() : topics, isLabelled };
}

export async function monitor(context: Context, words: Words): Promise<void> {
  const { topics, isLabelled } = parse(words);
  const options = { ...context.options, json: false };
  let before = await Scene.look(context);
  const known = portsOf(before);
  const routers = new RouterPorts((await context.client.multicast()).vlans);
  for await (const event of context.client.follow({ type: EVENTS })) {
    const now = await Scene.look(context);
    const link = await readLinks(context);
    for (const { topic, text } of newsOf(event, { options, link, before, now, known, routers })) {
      if (topics.size > 0 && !topics.has(topic)) continue;
      const stamp = options.timestamp ? timestamp(new Date(event.time)) : '';
      context.out(`${stamp}${isLabelled ? LABELS[topic] : ''}${text}`);
    }
    if (event.type === 'configuration') before = now;
    if (event.type === 'port' && event.change === 'removed') known.delete(event.port);
    for (const [name, port] of portsOf(now)) known.set(name, port);
  }
}

function portsOf(scene: Scene): Map<string, Port> {
  return new Map([...scene.devices()].filter(isPort).map((port) => [port.name, port]));
}

/** With the date as asctime(3) writes it. */
function timestamp(time: Date): string {
  const [day, month, date, year, clock] = time.toString().split(' ');
  return `Timestamp: ${day} ${month} ${date} ${clock} ${year} ${time.getMilliseconds() * 1000} usec\n`;
}
