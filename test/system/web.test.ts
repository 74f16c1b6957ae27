// The web page as somebody sees it: Chromium without a window, the daemon as built, and traffic.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { Chromium, type Tab } from '../support/chromium.ts';
import { type Lab, openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('chromium');

const MARKUP = 'x<b>y';
/** One more than the ports that the daemon is measured with: the bridge's own. */
const TAPS = 63;

interface Scene {
  lab: Lab;
  where: Netns;
  daemon: Taploomd;
  url: string;
  chromium: Chromium;
}

async function open(bridges: object): Promise<Scene> {
  const lab = await openLab();
  const where = await lab.netns('switch');
  await where.withoutIpv6(); // no traffic but the test's
  const daemon = await Taploomd.start(
    lab,
    where,
    { version: 1, bridges },
    { args: ['--web-address', '9478'] },
  );
  const [, url] = await daemon.process.waitFor(/web page at (http:\/\/127\.0\.0\.1:9478\/#[\w-]{22})\s/);
  return { lab, where, daemon, url, chromium: new Chromium(lab, where) };
}

/** A test that failed for what the browser says should say so. */
function withoutComplaints(tab: Tab): void {
  onTestFinished(() => expect(tab.complaints).toEqual([]));
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('shows bridges, ports, rates, stations, drops and events, and names as text', async () => {
  const tap = { type: 'tap' };
  const { where, daemon, url, chromium } = await open({
    br0: { ports: { [MARKUP]: tap, vm1: tap, vm2: { type: 'af_packet', interface: 'missing' } } },
  });
  const tab = await chromium.open(url);
  withoutComplaints(tab);
  expect(await tab.shows('#about', /process/)).toContain(`process ${daemon.process.pid}`);
  expect(await tab.text('#bridges')).toMatch(/br0\s+\S+\s+ignored/);
  expect(await tab.text('#ports')).toContain(MARKUP);
  expect(await tab.evaluate('document.querySelectorAll("table b").length')).toBe(0);
  expect(await tab.text('#ports [data-mark=bad]')).toBe('waiting');
  await tab.shows('#events', /vm2 waits/);

  await where.up('vm1', '192.0.2.1/24');
  where.spawn(['ping', '-q', '-b', '-i', '0.01', '-s', '1000', '192.0.2.255']);
  await tab.evaluate(`document.getElementById('find-port').value = 'vm1'`);
  await tab.evaluate(`document.getElementById('find-port').dispatchEvent(new Event('input'))`);
  expect(await tab.evaluate('document.querySelectorAll("#ports tbody tr").length')).toBe(1);
  await tab.shows('#ports', /vm1\s+br0\s+up\s+[1-9]\d\d kb\/s/);
  expect(await tab.evaluate(`document.querySelector('#ports polyline').getAttribute('points')`)).toContain(
    ',',
  );

  const search = (fields: string) =>
    tab.evaluate(`Object.entries(${fields}).forEach(([name, value]) => {
      document.getElementById('search-stations').elements.namedItem(name).value = value;
    }), document.getElementById('search-stations').requestSubmit()`);
  await search(`{ bridge: 'br0', port: 'vm1' }`);
  await tab.shows('#found-stations', /^\d+ found$/);
  expect(await tab.text('#stations')).toContain((await where.link('vm1')).address);
  await search(`{ port: '', mac: '02:00:00:00:00:77' }`);
  await tab.shows('#found-stations', /^0 found$/);

  await where.ip(`link set dev ${MARKUP} down`);
  await tab.shows(
    '#drops',
    new RegExp(`${MARKUP}\\s+transmit\\s+port_down\\s+[\\d,]+\\s+egress interface is down`),
  );
  await tab.shows('#events', new RegExp(`port ${MARKUP} is down`));
});

test('asks for the token if it has none, and goes on when the daemon is back', async () => {
  const { daemon, url, chromium } = await open({ br0: {} });
  const tab = await chromium.open(url.replace(/#.*/, ''));
  await tab.shows('#ask-token', /Token/);
  expect(await tab.text('#trouble')).toMatch(/^The token is missing/);
  await tab.evaluate(`document.getElementById('token').value = '${url.replace(/.*#/, '')}'`);
  await tab.evaluate(`document.getElementById('ask-token').requestSubmit()`);
  await tab.shows('#ports', /br0/);
  expect(await tab.text('#trouble')).toBe('');

  // For the kernel to go on taking connections, which are then answered late.
  daemon.process.kill('SIGSTOP');
  await tab.shows('#trouble', /taploomd does not answer; trying again/);
  daemon.process.kill('SIGCONT');
  await tab.shows('#trouble', /^$/);
});

test('is on the control socket too, wherever ssh or another relay takes that, and needs no token there', async () => {
  const { where, daemon, chromium } = await open({ br0: {} });
  const relay = `require('net').createServer((one) => {
    const other = require('net').connect('${daemon.socket}');
    one.pipe(other).pipe(one).on('error', () => {});
  }).listen(8080, () => console.log('ready'))`;
  await where.spawn([process.execPath, '-e', relay]).waitFor(/ready/);
  const tab = await chromium.open('http://localhost:8080/');
  withoutComplaints(tab);
  await tab.shows('#ports', /br0/);
});

test('works below a path of a proxy', async () => {
  const { where, url, chromium } = await open({ br0: {} });
  const proxy = `const http = require('http');
    http.createServer((asked, answer) => {
      const path = asked.url.startsWith('/lab/') ? asked.url.slice(4) : '/nothing';
      const headers = { ...asked.headers, host: '127.0.0.1' };
      http.get({ port: 9478, path, headers }, (got) => {
        answer.writeHead(got.statusCode, got.headers);
        got.pipe(answer);
      });
    }).listen(8080, () => console.log('ready'))`;
  await where.spawn([process.execPath, '-e', proxy]).waitFor(/ready/);
  const tab = await chromium.open(url.replace(':9478/', ':8080/lab/'));
  withoutComplaints(tab);
  await tab.shows('#ports', /br0/);
});

test('costs less than 10 ms a second with 64 ports, and nothing while nobody looks', async () => {
  const names = Array.from({ length: TAPS }, (_, n) => `vm${n}`);
  const ports = Object.fromEntries(names.map((name) => [name, { type: 'tap' }]));
  const { where, daemon, url, chromium } = await open({ br0: { ports } });
  const tab = await chromium.open(url);
  withoutComplaints(tab);
  await tab.shows('#totals', new RegExp(`of ${TAPS + 1}`));
  await compileWhatAnswers(where, url);

  /** Of the daemon with all its threads, ms a second. */
  const cost = async (seconds: number) => {
    const [before, start] = [cpuMs(daemon.process.pid), performance.now()];
    await sleep(seconds * 1000);
    return ((cpuMs(daemon.process.pid) - before) / (performance.now() - start)) * 1000;
  };
  // Ten seconds have each kind of turn. The least of some: others work on this machine.
  const costs = [await cost(10), await cost(10), await cost(10)];
  console.log(`With the page open: ${costs.map((ms) => ms.toFixed(1)).join(', ')} ms a second`);
  expect(Math.min(...costs)).toBeLessThan(10);

  const hide = (hidden: boolean) =>
    tab.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${hidden} }),
      document.dispatchEvent(new Event('visibilitychange'))`);
  await hide(true);
  await sleep(500);
  const asked = tab.requests.length;
  await sleep(2500);
  expect(tab.requests.length).toBe(asked);
  await hide(false);
  await tab.evaluate('new Promise((resolve) => setTimeout(resolve, 1500))');
  expect(tab.requests.length).toBeGreaterThan(asked + 2);
});

/** V8 compiles what runs often: for a minute of a page's questions, or some seconds of these. */
async function compileWhatAnswers(where: Netns, url: string): Promise<void> {
  const script = `
    const { origin, hash } = new URL('${url}');
    const headers = { authorization: 'Bearer ' + hash.slice(1) };
    (async () => {
      for (let turn = 0; turn < 500; turn++) {
        for (const resource of ['switch?look=' + (turn % 10 === 0), 'drops?look=false', 'events?follow=false&look=false']) {
          const answer = await fetch(origin + '/v1/' + resource, { headers });
          if (!answer.ok) throw new Error(await answer.text());
          await answer.json();
        }
      }
    })()`;
  await where.check([process.execPath, '-e', script]);
}

function cpuMs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const ns = tasks.map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return ns.reduce((sum, one) => sum + one, 0) / 1e6;
}
