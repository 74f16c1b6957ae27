import { performance } from 'node:perf_hooks';
import { afterEach, expect, test } from 'vitest';
import type { AggregateStatus, StpPortStatus } from '../../src/api.ts';
import { type DaemonOptions, daemonCommand } from '../../src/cli/daemon_command.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { Metrics, type MetricsServer, metricsServer } from '../../src/control/metrics.ts';
import { formatFor } from '../../src/control/metrics_format.ts';
import { counters, FakeSwitch, portStatus } from './fake_switch.ts';
import { lldpPort } from './lldp_neighbors.ts';

/** The series of an exposition. */
const names = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
    .sort();

/** All samples, `name{labels}` -> text of the value, and the lint: every line is what the format allows. */
function parse(text: string): { samples: Map<string, string>; types: Map<string, string> } {
  const samples = new Map<string, string>();
  const types = new Map<string, string>();
  const helps = new Set<string>();
  let family = '';
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const help = /^# HELP ([a-z_][a-z0-9_]*) (\S.*\.)$/.exec(line);
    const type = /^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram)$/.exec(line);
    const sample = /^([a-z_][a-z0-9_]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$/.exec(line);
    if (help) {
      expect(helps, line).not.toContain(help[1]);
      helps.add(help[1]);
      family = help[1];
    } else if (type) {
      expect(type[1]).toBe(family);
      types.set(type[1], type[2]);
    } else {
      expect(sample, line).not.toBeNull();
      const [, name, labels = '', value] = sample ?? [];
      const suffixes = types.get(family) === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      expect(suffixes.map((suffix) => family + suffix)).toContain(name);
      expect(samples.has(name + labels), line).toBe(false);
      expect(Number(value), line).not.toBeNaN();
      samples.set(name + labels, value);
    }
  }
  return { samples, types };
}

const series = (samples: Map<string, string>, start: string) =>
  Object.fromEntries([...samples].filter(([name]) => name.startsWith(start)));

test('every line, name, type and unit is what Prometheus expects', async () => {
  const api = new FakeSwitch([portStatus('vm1', { counters: counters({ receiveDropped: { runt: 1 } }) })]);
  const { types } = parse(await new Metrics(api).text());
  for (const [name, type] of types) {
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    expect(name, name).toMatch(/^(taploom|process|nodejs)_/);
    // base units, in the plural, at the end
    expect(name).not.toMatch(/_(ms|milliseconds|kb|percent|count|sum|bucket)(_total)?$/);
  }
});

test('the values are those of the switch, exact up to 2^53', async () => {
  const most = Number.MAX_SAFE_INTEGER;
  const vm1 = counters({
    receivedFrames: most,
    receivedBytes: 2,
    receivedSegments: 3,
    forwarded: 4,
    generated: 1,
    injected: 16,
    recirculated: 17,
    consumed: 18,
    punted: 19,
    copies: 5,
    transmittedFrames: 6,
    transmittedBytes: 7,
    transmittedSegments: 8,
    learnRefused: 9,
    stationMoves: 10,
    receiveDropped: { runt: 11, same_port: 12 },
    transmitDropped: { too_big: 13, queue_full: 0 },
  });
  const api = new FakeSwitch([
    portStatus('vm1', { counters: vm1, learnedAddresses: 14, queueDropped: 15 }),
    portStatus('vm2', { state: 'gone', mtu: 1450 }),
  ]);
  const { samples } = parse(await new Metrics(api, { process: false }).text());
  const port = '{bridge="br0",port="vm1"}';
  expect(series(samples, 'taploom_port_receive_packets')).toEqual({
    [`taploom_port_receive_packets_total${port}`]: String(most),
    'taploom_port_receive_packets_total{bridge="br0",port="vm2"}': '0',
  });
  expect(Object.fromEntries([...samples].filter(([name]) => name.includes('vm1')))).toEqual({
    [`taploom_port_receive_packets_total${port}`]: String(most),
    [`taploom_port_receive_bytes_total${port}`]: '2',
    [`taploom_port_receive_segments_total${port}`]: '3',
    [`taploom_port_receive_forwarded_packets_total${port}`]: '4',
    [`taploom_port_generated_packets_total${port}`]: '1',
    [`taploom_port_injected_packets_total${port}`]: '16',
    [`taploom_port_recirculated_packets_total${port}`]: '17',
    [`taploom_port_consumed_packets_total${port}`]: '18',
    [`taploom_port_punted_packets_total${port}`]: '19',
    [`taploom_port_transmit_copies_total${port}`]: '5',
    [`taploom_port_transmit_packets_total${port}`]: '6',
    [`taploom_port_transmit_bytes_total${port}`]: '7',
    [`taploom_port_transmit_segments_total${port}`]: '8',
    [`taploom_port_learn_refused_total${port}`]: '9',
    [`taploom_port_station_moves_total${port}`]: '10',
    'taploom_port_receive_dropped_total{reason="runt",bridge="br0",port="vm1"}': '11',
    'taploom_port_receive_dropped_total{reason="same_port",bridge="br0",port="vm1"}': '12',
    'taploom_port_transmit_dropped_total{reason="too_big",bridge="br0",port="vm1"}': '13',
    [`taploom_port_queue_dropped_total${port}`]: '15',
    [`taploom_port_fdb_entries${port}`]: '14',
    [`taploom_port_up${port}`]: '1',
    [`taploom_port_mtu_bytes${port}`]: '1500',
    'taploom_port_info{type="tap",mtu="1500",bridge="br0",port="vm1"}': '1',
  });
  expect(samples.get('taploom_port_up{bridge="br0",port="vm2"}')).toBe('0');
  expect(samples.has('taploom_port_queue_dropped_total{bridge="br0",port="vm2"}')).toBe(false);
  expect(samples.get('taploom_fdb_entries{bridge="br0"}')).toBe('7');
  expect(series(samples, 'taploom_build_info')).toEqual({
    [`taploom_build_info{version="0.1.0",node="${process.versions.node}"}`]: '1',
  });
});

test('what the configuration says of bridges and ports is there to compare with', async () => {
  const tunnel = { type: 'vxlan', vni: 5, local: '192.0.2.1', remotes: ['192.0.2.2', '192.0.2.3'] };
  const ports = {
    t1: tunnel,
    t2: { ...tunnel, vni: 6, remote_learning: true },
    vm1: { type: 'tap', fdb_limit: 3 },
  };
  const bridges = { br0: { fdb_limit: 100, ports }, br1: {} };
  const api = new FakeSwitch([
    portStatus('br0', { type: 'local' }),
    portStatus('t1', { type: 'vxlan', mtu: 1450, learnedRemotes: 0 }),
    portStatus('t2', { type: 'vxlan', mtu: 0, state: 'waiting', learnedRemotes: 4 }),
    portStatus('vm1', { state: 'down' }),
  ]);
  api.config = parseConfig({ version: 1, bridges });
  const { samples } = parse(await new Metrics(api, { process: false }).text());
  const series = (pattern: RegExp) =>
    Object.fromEntries([...samples].filter(([name]) => pattern.test(name) && !name.includes('bridge="br1"')));
  expect(series(/_limit|_remotes|_info\{(?!version)|_ports\{/)).toEqual({
    'taploom_fdb_limit{bridge="br0"}': '100',
    'taploom_port_fdb_limit{bridge="br0",port="vm1"}': '3',
    'taploom_port_info{type="local",mtu="1500",bridge="br0",port="br0"}': '1',
    'taploom_port_info{type="vxlan",vni="5",mtu="1450",bridge="br0",port="t1"}': '1',
    'taploom_port_info{type="vxlan",vni="6",mtu="0",bridge="br0",port="t2"}': '1',
    'taploom_port_info{type="tap",mtu="1500",bridge="br0",port="vm1"}': '1',
    'taploom_port_configured_remotes{bridge="br0",port="t1"}': '2',
    'taploom_port_configured_remotes{bridge="br0",port="t2"}': '2',
    'taploom_port_learned_remotes{bridge="br0",port="t1"}': '0',
    'taploom_port_learned_remotes{bridge="br0",port="t2"}': '4',
    'taploom_port_max_remotes{bridge="br0",port="t2"}': '1024',
    'taploom_ports{state="up",bridge="br0"}': '2',
    'taploom_ports{state="disabled",bridge="br0"}': '0',
    'taploom_ports{state="down",bridge="br0"}': '1',
    'taploom_ports{state="waiting",bridge="br0"}': '1',
    'taploom_ports{state="gone",bridge="br0"}': '0',
    'taploom_ports{state="failed",bridge="br0"}': '0',
    'taploom_ports{state="broken",bridge="br0"}': '0',
  });
});

test('LLDP has series for the ports on which it runs', async () => {
  const api = new FakeSwitch([portStatus('vm1'), portStatus('vm2')]);
  api.lldpStates = [lldpPort()];
  const { samples } = parse(await new Metrics(api, { process: false }).text());
  const labels = '{bridge="br0",port="vm1"}';
  expect(series(samples, 'taploom_lldp_')).toEqual({
    [`taploom_lldp_neighbors${labels}`]: '1',
    [`taploom_lldp_receive_frames_total${labels}`]: '1',
    [`taploom_lldp_transmit_frames_total${labels}`]: '2',
    [`taploom_lldp_receive_discarded_total${labels}`]: '3',
    [`taploom_lldp_receive_errors_total${labels}`]: '4',
    [`taploom_lldp_transmit_failed_total${labels}`]: '5',
    [`taploom_lldp_neighbors_aged_out_total${labels}`]: '9',
    [`taploom_lldp_neighbors_refused_total${labels}`]: '10',
  });
});

test('frames of protocols without use have series by reason, once they are not zero', async () => {
  const malformed = { too_short: 2, type: 0 };
  const bpdus = {
    bpdusReceived: 9,
    bpdusSent: 0,
    bpdusNotSent: 0,
    topologyChanges: 0,
    forwardTransitions: 0,
  };
  const stp = { counters: { ...bpdus, malformed } } as unknown as StpPortStatus;
  const lacp = { lacpdusIn: 0, lacpdusOut: 0, lacpdusNotSent: 0, markersIn: 0, failures: 0, churns: 0 };
  const members = [{ port: 'eth1', counters: { ...lacp, malformed: { tlv: 3 } } }];
  const aggregate = { members } as unknown as AggregateStatus;
  const api = new FakeSwitch([portStatus('vm1', { stp }), portStatus('bond0', { aggregate })]);
  const none = { groups: 0, reports: 0, queries: 0, hellos: 0, refused: 0 };
  api.multicastStates = [{ bridge: 'br0', port: 'vm1', ...none, malformed: { checksum: 4 } }];
  const { samples } = parse(await new Metrics(api, { process: false }).text());
  expect(Object.fromEntries([...samples].filter(([name]) => name.includes('malformed')))).toEqual({
    'taploom_stp_malformed_total{reason="too_short",bridge="br0",port="vm1"}': '2',
    'taploom_aggregate_member_malformed_total{reason="tlv",bridge="br0",port="eth1",aggregate="bond0"}': '3',
    'taploom_multicast_malformed_total{reason="checksum",bridge="br0",port="vm1"}': '4',
  });
});

test('networks tell whether they are ready, and what DHCP does', async () => {
  const api = new FakeSwitch([]);
  const dhcp = {
    range: '',
    leases: 3,
    free: 9,
    received: { discover: 5 },
    sent: { offer: 4 },
    ignored: { other_server: 2 },
  };
  api.networkStates = [
    { network: 'br0.10', bridge: 'br0', vlan: 10, mode: 'nat', problems: ['no way out'], dhcp },
    { network: 'br1', bridge: 'br1', mode: 'bridged', problems: [] },
  ];
  const { samples } = parse(await new Metrics(api, { process: false }).text());
  expect(Object.fromEntries([...samples].filter(([name]) => /network|dhcp/.test(name)))).toEqual({
    'taploom_network_ready{network="br0.10"}': '0',
    'taploom_network_ready{network="br1"}': '1',
    'taploom_dhcp_leases{network="br0.10"}': '3',
    'taploom_dhcp_free_addresses{network="br0.10"}': '9',
    'taploom_dhcp_received_total{type="discover",network="br0.10"}': '5',
    'taploom_dhcp_sent_total{type="offer",network="br0.10"}': '4',
    'taploom_dhcp_ignored_total{reason="other_server",network="br0.10"}': '2',
  });
});

test('IPv6 of networks counts advertisements and messages', async () => {
  const dhcp = { leases: 2, received: { solicit: 3 }, sent: { reply: 1 }, ignored: { not_ours: 4 } };
  const ipv6 = { subnet: 'fd00::/64', gateway: 'fd00::1', advertisements: 7, solicitations: 5, dhcp };
  const api = new FakeSwitch([]);
  api.networkStates = [
    { network: 'br0.10', bridge: 'br0', vlan: 10, mode: 'nat', problems: [], ipv6 },
    { network: 'br1', bridge: 'br1', mode: 'bridged', problems: [] },
  ];
  const { samples } = parse(await new Metrics(api, { process: false }).text());
  expect(Object.fromEntries([...samples].filter(([name]) => /dhcp6|router_(adv|sol)/.test(name)))).toEqual({
    'taploom_dhcp6_leases{network="br0.10"}': '2',
    'taploom_dhcp6_received_total{type="solicit",network="br0.10"}': '3',
    'taploom_dhcp6_sent_total{type="reply",network="br0.10"}': '1',
    'taploom_dhcp6_ignored_total{reason="not_ours",network="br0.10"}': '4',
    'taploom_router_advertisements_total{network="br0.10"}': '7',
    'taploom_router_solicitations_total{network="br0.10"}': '5',
  });
});

test('DNS of networks counts where answers came from, and why there are none', async () => {
  const dns = {
    domain: 'lab.example',
    names: 1,
    upstreams: [],
    queries: 9,
    answered: { zone: 3, cache: 0, upstream: 2 },
    refused: { off: 1 },
    failed: 1,
    malformed: { short: 2 },
  };
  const network = { network: 'br0', bridge: 'br0', mode: 'nat', problems: [] } as const;
  const api = new FakeSwitch([]);
  api.networkStates = [
    { ...network, problems: [], dns },
    { ...network, problems: [], network: 'br1' },
  ];
  const { samples } = parse(await new Metrics(api, { process: false }).text());
  expect(Object.fromEntries([...samples].filter(([name]) => name.includes('dns')))).toEqual({
    'taploom_dns_queries_total{network="br0"}': '9',
    'taploom_dns_answered_total{source="zone",network="br0"}': '3',
    'taploom_dns_answered_total{source="upstream",network="br0"}': '2',
    'taploom_dns_refused_total{reason="off",network="br0"}': '1',
    'taploom_dns_failed_total{network="br0"}': '1',
    'taploom_dns_malformed_total{reason="short",network="br0"}': '2',
  });
});

test('a scrape takes one snapshot, and the next scrape another', async () => {
  const api = new FakeSwitch([portStatus('vm1')]);
  const metrics = new Metrics(api);
  await metrics.text();
  expect(api.snapshots).toBe(1);
  await metrics.text();
  expect(api.snapshots).toBe(2);
});

test('a port that is gone has no series any more, and one that comes back counts anew', async () => {
  const api = new FakeSwitch([
    portStatus('vm1', { counters: counters({ receivedFrames: 5 }) }),
    portStatus('vm2'),
  ]);
  const metrics = new Metrics(api);
  expect(await metrics.text()).toContain('port="vm1"');
  api.list = [portStatus('vm2')];
  const text = await metrics.text();
  expect(text).not.toContain('port="vm1"');
  expect(text).toContain('port="vm2"');
  api.list = [portStatus('vm1')];
  expect(await metrics.text()).toContain('taploom_port_receive_packets_total{bridge="br0",port="vm1"} 0\n');
});

test('a name with quotes and backslashes is escaped', async () => {
  const { samples } = parse(await new Metrics(new FakeSwitch([portStatus('a"b\\c')])).text());
  expect(samples.get('taploom_port_up{bridge="br0",port="a\\"b\\\\c"}')).toBe('1');
});

test('the poll gap is a whole histogram', async () => {
  const api = new FakeSwitch([]);
  api.gap = {
    polls: 9,
    sumSeconds: 0.5,
    maxSeconds: 0.25,
    buckets: [
      [0.00001, 3],
      [0.001, 8],
    ],
  };
  const { samples } = parse(await new Metrics(api).text());
  expect(series(samples, 'taploom_poll_gap')).toEqual({
    'taploom_poll_gap_seconds_bucket{le="0.00001"}': '3',
    'taploom_poll_gap_seconds_bucket{le="0.001"}': '8',
    'taploom_poll_gap_seconds_bucket{le="+Inf"}': '9',
    taploom_poll_gap_seconds_sum: '0.5',
    taploom_poll_gap_seconds_count: '9',
    taploom_poll_gap_max_seconds: '0.25',
  });
});

test('the frames of a poll are a whole histogram', async () => {
  const api = new FakeSwitch([]);
  api.frames = {
    polls: 4,
    frames: 100,
    buckets: [
      [1, 2],
      [2, 3],
    ],
  };
  const { samples } = parse(await new Metrics(api).text());
  expect(series(samples, 'taploom_poll_frames')).toEqual({
    'taploom_poll_frames_bucket{le="1"}': '2',
    'taploom_poll_frames_bucket{le="2"}': '3',
    'taploom_poll_frames_bucket{le="+Inf"}': '4',
    taploom_poll_frames_sum: '100',
    taploom_poll_frames_count: '4',
  });
});

test('the buckets never decrease, even if the total is read one poll too early', async () => {
  const api = new FakeSwitch([]);
  api.gap = { polls: 7, sumSeconds: 0.5, maxSeconds: 0.25, buckets: [[0.001, 8]] };
  const { samples } = parse(await new Metrics(api).text());
  expect(samples.get('taploom_poll_gap_seconds_bucket{le="+Inf"}')).toBe('8');
  expect(samples.get('taploom_poll_gap_seconds_count')).toBe('8');
});

test('two switches in one process do not meet', async () => {
  const one = new Metrics(new FakeSwitch([portStatus('vm1')]));
  const two = new Metrics(new FakeSwitch([portStatus('vm2')]));
  expect(await one.text()).not.toContain('vm2');
  expect(await two.text()).not.toContain('vm1');
});

test('the registry answers in JSON with all labels, too', async () => {
  const { registry } = new Metrics(new FakeSwitch([portStatus('vm1')]), { process: false });
  const up = (await registry.getMetricsAsJSON()).find(({ name }) => name === 'taploom_port_up');
  expect(up?.values).toEqual([{ value: 1, metricName: undefined, labels: { bridge: 'br0', port: 'vm1' } }]);
});

test('a scrape of 512 ports takes less than 20 ms of this thread', async () => {
  const ports = Array.from({ length: 512 }, (_, i) => {
    const receiveDropped = { runt: i + 1, same_port: 5, no_destination: 6 };
    return portStatus(`vm${i}`, {
      counters: counters({ receivedBytes: 1e12 + i, receiveDropped, transmitDropped: { too_big: 3 } }),
    });
  });
  const metrics = new Metrics(new FakeSwitch(ports));
  for (let i = 0; i < 10; i++) await metrics.text();
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    await metrics.text();
    times.push(performance.now() - start);
  }
  // The least: what else the machine does comes on top.
  expect(Math.min(...times)).toBeLessThan(20);
});

let server: MetricsServer | undefined;
afterEach(() => server?.close());

test('the server has the metrics, a page that leads to them, and nothing else', async () => {
  const metrics = new Metrics(new FakeSwitch([portStatus('vm1')]));
  server = await metricsServer({ address: '127.0.0.1', port: 0 }, metrics);
  const { origin } = new URL(server.url);
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);

  const scrape = await fetch(server.url);
  expect(scrape.status).toBe(200);
  expect(scrape.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(await scrape.text()).toContain('taploom_port_up{bridge="br0",port="vm1"} 1\n');
  expect((await fetch(`${server.url}?debug=1`)).status).toBe(200);

  const head = await fetch(server.url, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(Number(head.headers.get('content-length'))).toBeGreaterThan(1000);
  expect(await head.text()).toBe('');

  const landing = await fetch(origin);
  expect(landing.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(await landing.text()).toContain('href="/metrics"');

  expect((await fetch(`${origin}/nothing`)).status).toBe(404);
  const post = await fetch(server.url, { method: 'POST', body: 'x' });
  expect(post.status).toBe(405);
  expect(post.headers.get('allow')).toBe('GET, HEAD');
});

test.each([
  [undefined, 'text/plain; version=0.0.4'],
  ['*/*', 'text/plain; version=0.0.4'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/plain; version=0.0.4'],
  ['application/openmetrics-text', 'application/openmetrics-text; version=1.0.0'],
  ['application/openmetrics-text;version=2.0.0', 'text/plain; version=0.0.4'],
  ['application/openmetrics-text;q=0', 'text/plain; version=0.0.4'],
  ['application/openmetrics-text;q=0.3, text/plain;q=0.5', 'text/plain; version=0.0.4'],
  // Prometheus 2.42
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'application/openmetrics-text; version=1.0.0',
  ],
])('who accepts %s gets %s', (accept, type) => {
  expect(formatFor(accept)).toBe(`${type}; charset=utf-8`);
});

test('OpenMetrics names a counter without _total, its samples with it, and says where it ends', async () => {
  const metrics = new Metrics(new FakeSwitch([portStatus('vm1')]));
  const { samples, types } = parse(await metrics.text());
  const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
  // Both at once: neither changes the names of the other.
  const [open, text] = await Promise.all([metrics.text(openMetrics), metrics.text()]);
  expect([...parse(text).types]).toEqual([...types]);
  expect(names(open)).toEqual([...samples.keys()].sort());
  for (const [name, type] of types) {
    const family = type === 'counter' ? name.replace(/_total$/, '') : name;
    expect(open).toContain(`# TYPE ${family} ${type}\n`);
  }
  expect(open).not.toContain('\n\n');
  expect(open).toMatch(/\n# EOF\n$/);
});

test('within a moment there is one text of each format, compressed once', async () => {
  const asked: string[] = [];
  const text = async (type: string) => {
    asked.push(type);
    return `${type} ${asked.length}`.repeat(100);
  };
  server = await metricsServer({ address: '127.0.0.1', port: 0 }, { text });
  const get = async (accept: string, encoding: string) => {
    const answer = await fetch(server?.url ?? '', { headers: { accept, 'accept-encoding': encoding } });
    expect(answer.headers.get('vary')).toBe('Accept, Accept-Encoding');
    return [answer.headers.get('content-encoding'), await answer.text()];
  };
  const open = 'application/openmetrics-text';
  const answers = await Promise.all([
    get('text/plain', 'gzip'),
    get('text/plain', 'br, gzip;q=0.5'),
    get('text/plain', 'identity'),
    get('text/plain', 'gzip;q=0'),
    get(open, 'gzip'),
    get(open, 'identity'),
  ]);
  expect(asked).toHaveLength(2);
  expect(answers.map(([encoding]) => encoding)).toEqual(['gzip', 'gzip', null, null, 'gzip', null]);
  expect(new Set(answers.map(([, body]) => body)).size).toBe(2);
  // and a moment later another
  await new Promise((done) => setTimeout(done, 150));
  await get('text/plain', 'gzip');
  expect(asked).toHaveLength(3);
});

test('an address that is taken is an error that says so', async () => {
  const exposition = { text: async () => '' };
  server = await metricsServer({ address: '127.0.0.1', port: 0 }, exposition);
  const port = Number(new URL(server.url).port);
  await expect(metricsServer({ address: '127.0.0.1', port }, exposition)).rejects.toMatchObject({
    code: 'metrics_address',
    message: `Cannot serve metrics at 127.0.0.1:${port}: the address is in use`,
  });
});

test('a link-local address takes the interface that it is of', async () => {
  const exposition = { text: async () => '' };
  await expect(metricsServer({ address: 'fe80::1', port: 0 }, exposition)).rejects.toMatchObject({
    message: 'Cannot serve metrics at [fe80::1]:0: a link-local address needs its interface: [fe80::1%eth0]',
  });
  const { metricsAddress } = daemonCommand()
    .parse(['--metrics-address', '[fe80::1%eth0]:80'], { from: 'user' })
    .opts<DaemonOptions>();
  expect(metricsAddress).toEqual({ address: 'fe80::1%eth0', port: 80 });
});

test('counters that cannot be read are an error of the server, not its end', async () => {
  const exposition = { text: () => Promise.reject(new Error('closed')) };
  server = await metricsServer({ address: '::1', port: 0 }, exposition);
  expect(server.url).toMatch(/^http:\/\/\[::1\]:/);
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(server.url);
    expect([answer.status, await answer.text()]).toEqual([500, 'Cannot read the counters: closed\n']);
  }
});
