// The page: asks the switch once a second while somebody looks at it, and shows what it says. It keeps no state that a
// reload would lose, but for the rates' past.
//
//   switch   every second; every tenth time the daemon asks the kernel about interfaces, which costs more than the rest
//   drops    every fifth second: they say what the reasons mean, and know of frames of no port
//   networks, routers   every fifth second, and what of them there may be much of for who asks
//   events   every other second, which is how often the daemon itself looks: those since the last one

import type { BridgeStatus, FdbEntry } from '../api.ts';
import type { SwitchEvent } from '../event.ts';
import { type PortRates, RateMeter, total } from '../rates.ts';
import type { Drop, SwitchStatus } from './answers.ts';
import { AnswerError, ask } from './ask.ts';
import { element, figure } from './elements.ts';
import { lookAtNetworks } from './networking.ts';
import { bits, count, duration } from './numbers.ts';
import { PAGE_ROWS, Search } from './search.ts';
import { drawSparkline, SAMPLES } from './sparkline.ts';
import { setText, Table } from './table.ts';

const TURN_MS = 1000;
/** Turns from one that does this to the next. */
const LOOK_TURNS = 10;
const DROPS_TURNS = 5;
const EVENTS_TURNS = 2;
const NETWORKS_TURNS = 5;
const EVENTS = 200;

const LOCKED_OUT =
  'The token is missing, or no longer the right one: taploomd logs this page’s address with it, behind the #.';

// Frames that the kernel lost before the switch have no rate: their number is that of a look some seconds ago, and comes
// in jumps.
const droppedBy = ({ rxDrops = 0, txDrops = 0 }: PortRates): number => rxDrops + txDrops;

function dropsInAll({ status: { counters, queueDropped = 0 } }: PortRates): string {
  const dropped = total(counters.receiveDropped) + total(counters.transmitDropped);
  return `${count(dropped)} in all, and ${count(queueDropped)} before the switch`;
}

const ports = new Table<PortRates>(element('ports'), {
  key: ({ status: { bridge, name } }) => `${bridge} ${name}`,
  empty: 'No port',
  filter: element('find-port'),
  columns: [
    {
      title: 'Port',
      kind: 'name',
      text: ({ status }) => status.name,
      order: ({ status }) => status.name,
      hint: ({ status: { type, mtu } }) => `${type}, MTU ${mtu}`,
    },
    { title: 'Bridge', text: ({ status }) => status.bridge, order: ({ status }) => status.bridge },
    {
      title: 'State',
      text: ({ status }) => status.state,
      order: ({ status }) => status.state,
      mark: ({ status }) => (status.state === 'up' ? 'good' : 'bad'),
      hint: ({ status: { reason = '' } }) => reason,
    },
    figure({ title: 'Received', of: ({ rxBits = 0 }) => rxBits }, bits),
    figure({ title: 'Transmitted', of: ({ txBits = 0 }) => txBits }, bits),
    {
      title: 'Last minute',
      kind: 'extra',
      text: () => '',
      draw: (cell, { history }) => drawSparkline(cell, history),
    },
    figure({ title: 'Received, frames/s', kind: 'extra', of: ({ rx = 0 }) => rx }),
    figure({ title: 'Transmitted, frames/s', kind: 'extra', of: ({ tx = 0 }) => tx }),
    {
      ...figure<PortRates>({ title: 'Drops/s', of: droppedBy }),
      mark: (port) => (droppedBy(port) > 0 ? 'bad' : ''),
      hint: dropsInAll,
    },
    figure({ title: 'Learned', of: ({ status }) => status.learnedAddresses }),
  ],
});

const bridges = new Table<BridgeStatus>(element('bridges'), {
  key: ({ name }) => name,
  empty: 'No bridge',
  columns: [
    { title: 'Bridge', kind: 'name', text: ({ name }) => name },
    { title: 'Address', text: ({ mac }) => mac },
    { title: 'VLANs', text: ({ vlanFiltering }) => (vlanFiltering ? 'filtered' : 'ignored') },
    { title: 'Ageing', kind: 'number extra', text: ({ ageingTime }) => duration(ageingTime) },
    figure({ title: 'Ports', of: (bridge) => bridge.ports.length }),
    figure({ title: 'Learned', of: ({ learnedAddresses }) => learnedAddresses }),
  ],
});

const drops = new Table<Drop>(element('drops'), {
  key: ({ bridge, port, side, reason }) => `${bridge} ${port} ${side} ${reason}`,
  empty: 'Nothing was dropped',
  columns: [
    { title: 'Port', kind: 'name', text: ({ port }) => port || 'none', order: ({ port }) => port },
    { title: 'Side', text: ({ side }) => side, order: ({ side }) => side },
    { title: 'Reason', text: ({ reason }) => reason, order: ({ reason }) => reason },
    figure({ title: 'Frames', of: ({ frames }) => frames }),
    { title: 'What it means', kind: 'prose', text: ({ help }) => help },
  ],
});

const stations = new Search<FdbEntry>(
  'stations',
  new Table(element('stations'), {
    key: ({ bridge, vlan, mac }) => `${bridge} ${vlan} ${mac}`,
    empty: 'No such station',
    columns: [
      { title: 'MAC address', kind: 'name', text: ({ mac }) => mac, order: ({ mac }) => mac },
      { title: 'Bridge', kind: 'extra', text: ({ bridge }) => bridge, order: ({ bridge }) => bridge },
      {
        title: 'VLAN',
        kind: 'number',
        text: ({ vlan }) => (vlan === 0 ? '' : `${vlan}`),
        order: ({ vlan }) => vlan,
      },
      { title: 'Port', text: ({ port }) => port, order: ({ port }) => port },
      { title: 'Remote', kind: 'extra', text: ({ remote = '' }) => remote },
      { title: 'Type', text: ({ type }) => type, order: ({ type }) => type },
      figure({ title: 'Seen, s ago', of: ({ age }) => age }),
    ],
  }),
  async (query) => {
    const { entries, next } = await ask('fdb', { ...query, limit: `${PAGE_ROWS}` });
    return { rows: entries, next };
  },
);

const events = new Table<SwitchEvent>(element('events'), {
  key: ({ seq, type }) => `${seq} ${type}`,
  empty: 'No event',
  filter: element('find-event'),
  columns: [
    {
      title: 'Time',
      text: ({ time }) => new Date(time).toLocaleTimeString('en-GB'),
      hint: ({ time }) => time,
    },
    { title: 'Type', text: ({ type }) => type },
    { title: 'What happened', kind: 'prose', text: ({ message }) => message },
  ],
});

const totals = new Map<string, HTMLElement>();

function showTotal(title: string, value: string): void {
  let place = totals.get(title);
  if (place === undefined) {
    const box = document.createElement('div');
    const term = document.createElement('dt');
    place = document.createElement('dd');
    term.textContent = title;
    box.append(term, place);
    element('totals').append(box);
    totals.set(title, place);
  }
  setText(place, value);
}

let meter = new RateMeter(SAMPLES);
let daemon = 0;

function showSwitch(status: SwitchStatus): void {
  const { version, pid, uptimeSeconds } = status;
  if (pid !== daemon) meter = new RateMeter(SAMPLES);
  daemon = pid;
  // the daemon's own time: how late an answer comes does not matter
  const rates = meter.next(status.ports, uptimeSeconds);
  const sum = (of: (port: PortRates) => number) => rates.reduce((all, port) => all + of(port), 0);
  setText(element('about'), `${version}, process ${pid}, up ${duration(uptimeSeconds)}`);
  const up = status.ports.filter(({ state }) => state === 'up').length;
  showTotal('Ports up', `${up} of ${status.ports.length}`);
  showTotal('Received', bits(sum(({ rxBits = 0 }) => rxBits)));
  showTotal('Transmitted', bits(sum(({ txBits = 0 }) => txBits)));
  showTotal('Received, frames/s', count(sum(({ rx = 0 }) => rx)));
  showTotal('Drops/s', count(sum(droppedBy)));
  showTotal('Learned', count(status.bridges.reduce((all, bridge) => all + bridge.learnedAddresses, 0)));
  ports.show(rates);
  bridges.show(status.bridges);
  stations.offer(
    'bridge',
    status.bridges.map(({ name }) => name),
  );
}

let seen: SwitchEvent[] = [];

function showEvents(news: SwitchEvent[]): void {
  if (news.length === 0) return;
  seen = [...news.reverse(), ...seen].slice(0, EVENTS);
  events.show(seen);
}

let turns = 0;

async function look(): Promise<void> {
  const turn = turns++;
  showSwitch(await ask('switch', { look: `${turn % LOOK_TURNS === 0}` }));
  if (turn % DROPS_TURNS === 0) drops.show((await ask('drops', { look: 'false' })).drops);
  if (turn % NETWORKS_TURNS === 1) await lookAtNetworks();
  if (turn % EVENTS_TURNS !== 0) return;
  const since = `${seen[0]?.seq ?? 0}`;
  showEvents((await ask('events', { follow: 'false', look: 'false', since })).events);
}

// One turn at a time, and none while nobody looks.
let timer: ReturnType<typeof setTimeout> | undefined;
let isUnderWay = false;

async function turn(): Promise<void> {
  if (isUnderWay) return;
  clearTimeout(timer);
  isUnderWay = true;
  const isLockedOut = await look().then(
    () => showTrouble(undefined),
    (error: Error) => showTrouble(error),
  );
  isUnderWay = false;
  if (!isLockedOut && !document.hidden) timer = setTimeout(turn, TURN_MS);
}

/** Whether there is no use in trying again. */
function showTrouble(error: Error | undefined): boolean {
  const isLockedOut = error instanceof AnswerError && error.status === 401;
  const isSilent = error !== undefined && !(error instanceof AnswerError);
  const words = isSilent ? 'taploomd does not answer; trying again' : (error?.message ?? '');
  setText(element('trouble'), isLockedOut ? LOCKED_OUT : words);
  element('ask-token').hidden = !isLockedOut;
  return isLockedOut;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else void turn();
});
// Another token.
addEventListener('hashchange', () => location.reload());
element('ask-token').addEventListener('submit', (event) => {
  event.preventDefault();
  location.hash = element<HTMLInputElement>('token').value;
});

void turn();
