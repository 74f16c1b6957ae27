// Networks and routers on the web page: a guest with a lease behind NAT, and what there is of it to see.

import { expect, onTestFinished, test } from 'vitest';
import { Chromium } from '../support/chromium.ts';
import { arrives, bootGuest } from '../support/guests.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import { Taploomd } from '../support/taploomd.ts';

needs('chromium', 'udhcpc', 'ping');

const LAN = '192.0.2.1';

test('shows networks, leases, routers, routes, neighbours and NAT, where there are any', async () => {
  const lab = await openLab();
  const [sw, out, guest] = await lab.netnsList(['sw', 'out', 'g1']);
  await sw.withoutIpv6();
  const lan = { local: false, ports: { wan0: { type: 'tap', netns: out.name } } };
  const uplink = { port: 'wan0', address: '192.0.2.7/24', gateway: LAN };
  const dhcp = { hosts: { web: { port: 'vm1', address: '10.7.0.9' } } };
  const br0 = {
    local: false,
    network: { mode: 'nat', subnet: '10.7.0.0/24', uplink, dhcp },
    ports: { vm1: { type: 'tap', netns: guest.name } },
  };
  const plain = { version: 1, bridges: { lan } };
  const daemon = await Taploomd.start(lab, sw, plain, { args: ['--web-address', '9478'] });
  const [, url] = await daemon.process.waitFor(/web page at (http:\/\/127\.0\.0\.1:9478\/#[\w-]{22})\s/);
  const tab = await new Chromium(lab, sw).open(url);
  onTestFinished(() => expect(tab.complaints).toEqual([]));
  await tab.shows('#about', /process/);
  const hidden = () => tab.evaluate('document.querySelectorAll("section[hidden]").length');
  expect(await hidden()).toBe(6);

  await daemon.apply({ version: 1, bridges: { lan, br0 } });
  await out.up('wan0', `${LAN}/24`);
  await bootGuest(lab, guest, 'vm1');
  expect(await arrives(guest, LAN)).toBe(true);
  await tab.shows('#networks', /br0\s+nat\s+10\.7\.0\.0\/24\s+10\.7\.0\.1\s+wan0\s+1\s+ready/);
  await tab.shows('#routers', /br0\.uplink\s+lan\s+up\s+192\.0\.2\.7\/24/);
  await tab.shows('#nat', /^br0: \d of 262,144 connections$/);
  expect(await hidden()).toBe(0);

  const show = (form: string, fields: object = {}) =>
    tab.evaluate(`Object.entries(${JSON.stringify(fields)}).forEach(([name, value]) => {
      document.getElementById('search-${form}').elements.namedItem(name).value = value;
    }), document.getElementById('search-${form}').requestSubmit()`);
  await show('leases', { network: 'br0' });
  await tab.shows('#leases', /10\.7\.0\.9\s+web\s+\S+\s+br0\s+vm1\s+bound, fixed\s+\d+ /);
  await show('routes', { router: 'br0' });
  await tab.shows('#routes', /0\.0\.0\.0\/0\s+br0\s+main\s+static\s+192\.0\.2\.1 \(uplink\)/);
  await show('neighbours', { address: LAN });
  await tab.shows('#found-neighbours', /^1 found$/);
  await show('connections', { address: '10.7.0.9' });
  await tab.shows('#connections', /10\.7\.0\.9:\d+\s+192\.0\.2\.1:\d+\s+192\.0\.2\.7:\d+\s.*icmp/);
});
