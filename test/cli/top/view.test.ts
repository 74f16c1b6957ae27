import { describe, expect, test } from 'vitest';
import type { PortStatus } from '../../../src/api.ts';
import { curve, type Style, TopView } from '../../../src/cli/top/view.ts';
import { RateMeter } from '../../../src/rates.ts';
import { SimulatedSwitch } from '../../control/simulated_switch.ts';

const PLAIN: Style = { colours: false, unicode: true };

/** `count` ports, vm1 first; after `seconds` each port has received a thousand frames times its number. */
function ports(count: number, seconds: number): PortStatus[] {
  const names = Array.from({ length: count }, (_, i) => `vm${i + 1}`);
  const config = Object.fromEntries(names.map((name) => [name, { type: 'tap' }]));
  const api = new SimulatedSwitch({ version: 1, bridges: { br0: { local: false, ports: config } } });
  names.forEach((name, i) => {
    const receivedFrames = 1000 * (i + 1) * seconds;
    api.counters.set(name, {
      receivedFrames,
      receivedBytes: receivedFrames * 125,
      receiveDropped: i === 1 ? { runt: 7 * seconds } : {},
    });
    if (i === 2) api.states.set(name, 'gone');
  });
  return api.ports().map((port) => (port.name === 'vm1' ? { ...port, queueDropped: 3 * seconds } : port));
}

function viewOf(count: number, style = PLAIN, choice = {}, bridge?: string): TopView {
  const view = new TopView({ sort: 'traffic', reverse: false, filter: [], ...choice }, style, bridge);
  const meter = new RateMeter();
  meter.next(ports(count, 0), 10);
  view.update(meter.next(ports(count, 2), 12), '12:00:00');
  return view;
}

const type = (view: TopView, text: string) => {
  for (const letter of text) view.press(letter, { name: letter });
};
const shownPorts = (view: TopView) =>
  view
    .lines(80, 24)
    .slice(3, -1)
    .flatMap((line) => /^vm\d+/.exec(line) ?? []);

describe('the picture', () => {
  test('is what ports do, the busiest first', () => {
    expect(viewOf(3).lines(80, 8)).toEqual([
      'taploom top  12:00:00  3 ports, 1 not up',
      'RX 6.00k f/s 6.00M bit/s  TX 0 f/s 0 bit/s  drops 7/s  lost 3/s',
      'PORT  BRIDGE  STATE    RX f/s  RX bps  TX f/s  TX bps  DROP/s  LOST/s   TRAFFIC>',
      'vm3   br0     gone      3.00k   3.00M       0       0       0       0          █',
      'vm2   br0     up        2.00k   2.00M       0       0       7       0          █',
      'vm1   br0     up        1.00k   1.00M       0       0       0       3          █',
      '',
      'q quit  s sort  r reverse  / filter  arrows, PgUp, PgDn scroll  ? help',
    ]);
  });

  test('fits every terminal, with a thousand ports', () => {
    const view = viewOf(1000);
    for (const columns of [1, 20, 40, 79, 80, 120, 200]) {
      for (const rows of [1, 2, 4, 24, 50]) {
        const lines = view.lines(columns, rows);
        expect(lines).toHaveLength(rows);
        for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('has what is wrong in colour', () => {
    const lines = viewOf(3, { colours: true, unicode: true }).lines(80, 24);
    expect(lines[3]).toContain('\x1b[31mgone');
    expect(lines[4]).toContain('\x1b[31m      7');
    expect(lines[5]).toContain('\x1b[33m      3');
  });

  test('says why it is old', () => {
    const view = viewOf(3);
    view.fail('taploomd is not running');
    expect(view.lines(80, 24).at(-1)).toBe('taploomd is not running');
  });
});

describe('keys', () => {
  test('sort and reverse', () => {
    const view = viewOf(11);
    type(view, 's');
    expect(shownPorts(view).slice(0, 3)).toEqual(['vm1', 'vm2', 'vm3']);
    expect(shownPorts(view).at(-1)).toBe('vm11');
    type(view, 'r');
    expect(shownPorts(view)[0]).toBe('vm11');
    type(view, 'rSSS');
    expect(shownPorts(view)[0]).toBe('vm2');
  });

  test('filter while it is typed', () => {
    const view = viewOf(30);
    type(view, '/port=vm2* rx>2');
    expect(view.lines(80, 24).at(-1)).toBe('/port=vm2* rx>2_');
    expect(shownPorts(view)).toHaveLength(11);
    type(view, '5.5k');
    view.press('\r', { name: 'return' });
    expect(shownPorts(view)).toEqual(['vm29', 'vm28', 'vm27', 'vm26']);
    expect(view.press('/', { name: '/' })).toBe(true);
    view.press('', { name: 'backspace' });
    expect(view.lines(80, 24).at(-1)).toBe('/port=vm2* rx>25.5_');
    view.press('', { name: 'escape' });
    expect(shownPorts(view)).toHaveLength(20);
    type(view, '/q');
    expect(shownPorts(view)).toEqual([]);
  });

  test('scroll, and stop at both ends', () => {
    const view = viewOf(1000);
    const first = () => shownPorts(view)[0];
    expect(first()).toBe('vm1000');
    view.press('', { name: 'pagedown' });
    view.press('', { name: 'down' });
    expect(first()).toBe('vm979');
    view.press('', { name: 'end' });
    view.press('', { name: 'pagedown' });
    expect(shownPorts(view).at(-1)).toBe('vm1');
    view.press('', { name: 'home' });
    view.press('', { name: 'up' });
    expect(first()).toBe('vm1000');
  });

  test('help, and quit', () => {
    const view = viewOf(3);
    type(view, '?');
    const help = view.lines(80, 24);
    expect(help.join('\n')).toContain('filter: vm');
    for (const line of help) expect(line.length).toBeLessThanOrEqual(80);
    expect(view.press('q', { name: 'q' })).toBe(true);
    expect(shownPorts(view)).toHaveLength(3);
    expect(view.press('q', { name: 'q' })).toBe(false);
    expect(view.press('\x03', { name: 'c', ctrl: true })).toBe(false);
  });
});

test('a curve has its own peak, and nothing for nothing', () => {
  expect(curve([0, 1, 4, 8, 800, 400], 8, true)).toBe('   ▁▁▁█▄');
  expect(curve([0, 1, 4, 8, 800, 400], 8, false)).toBe('   ...@=');
  expect(curve([], 3, true)).toBe('   ');
  expect(curve([0, 0], 3, true)).toBe('   ');
});
