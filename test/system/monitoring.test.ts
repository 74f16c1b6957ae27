// The dashboard and the alert rules against a real Prometheus that scrapes a real daemon: every query finds something.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { BROADCAST, frame } from '../support/frames.ts';
import { openLab } from '../support/lab.ts';
import { needs } from '../support/needs.ts';
import type { Netns } from '../support/netns.ts';
import { check } from '../support/process.ts';
import { Taploomd } from '../support/taploomd.ts';
import { sendFrames } from '../support/traffic.ts';

needs('prometheus', 'promtool', 'curl', 'python3');

const MONITORING = fileURLToPath(new URL('../../docs/monitoring', import.meta.url));
const API = 'http://127.0.0.1:9090/api/v1';
/** A datagram for a VNI that no tunnel has. */
const UNKNOWN_VNI = `import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(
  bytes.fromhex('0800000000abcd00') + bytes(60), ('127.0.0.1', 4789))`;

interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[];
  templating: { list: { name: string; type: string; definition: string }[] };
}

/** A query as Grafana sends it when nothing is selected. */
function filledIn(expr: string): string {
  return expr.replaceAll('$__rate_interval', '5s').replaceAll(/\$(instance|bridge|port)\b/g, '.*');
}

class Prometheus {
  private readonly where: Netns;

  private constructor(where: Netns) {
    this.where = where;
  }

  static async start(where: Netns, folder: string): Promise<Prometheus> {
    const config = {
      global: { scrape_interval: '250ms', scrape_timeout: '250ms', evaluation_interval: '250ms' },
      rule_files: [join(MONITORING, 'alerts.yaml')],
      scrape_configs: [{ job_name: 'taploom', static_configs: [{ targets: ['127.0.0.1:9477'] }] }],
    };
    const file = join(folder, 'prometheus.yaml');
    writeFileSync(file, JSON.stringify(config)); // JSON is YAML
    const paths = [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, 'tsdb')}`];
    const server = where.spawn(['prometheus', ...paths, '--web.listen-address=127.0.0.1:9090']);
    await server.waitFor(/ready to receive web requests/);
    return new Prometheus(where);
  }

  async get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const words = Object.entries(query).flatMap(([name, value]) => ['--data-urlencode', `${name}=${value}`]);
    const answer = JSON.parse(await this.where.check(['curl', '-sG', `${API}/${path}`, ...words]));
    expect(answer.status, `${path} ${JSON.stringify(query)}: ${answer.error}`).toBe('success');
    return answer.data;
  }

  async finds(query: string): Promise<boolean> {
    const { result } = await this.get<{ result: { value: [number, string] }[] }>('query', { query });
    return result.some(({ value }) => value[1] !== 'NaN');
  }
}

/** A switch that has something to tell of each kind. */
async function busySwitch() {
  const lab = await openLab();
  const [sw, a, b] = await lab.netnsList(['sw', 'a', 'b']);
  const ports = {
    a: { type: 'tap', netns: a.name },
    b: { type: 'tap', netns: b.name, mtu: 1000 },
    later: { type: 'af_packet' },
    t1: { type: 'vxlan', vni: 5, local: '127.0.0.1', remotes: ['127.0.0.2'], remote_learning: true },
  };
  const daemon = await Taploomd.start(lab, sw, { version: 1, bridges: { br0: { ports } } });
  await a.up('a');
  await b.up('b');
  await sendFrames(a, 'a', [
    { hex: frame({ to: BROADCAST, from: '02:00:00:00:00:0a', size: 1100 }) },
    { hex: frame({ to: BROADCAST, from: '00:00:00:00:00:00' }) },
  ]);
  await sw.check(['python3', '-c', UNKNOWN_VNI]);
  return { daemon, prometheus: await Prometheus.start(sw, lab.dir) };
}

test('Prometheus answers every query of the dashboard, and evaluates every alert', async () => {
  const { daemon, prometheus } = await busySwitch();
  const { panels, templating }: Dashboard = JSON.parse(
    readFileSync(join(MONITORING, 'dashboard.json'), 'utf8'),
  );
  const ofPanels = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
  const ofVariables = templating.list.flatMap(({ name, definition }) => {
    const [, expr, label] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? '') ?? [];
    return expr === undefined
      ? []
      : [{ title: `the variable ${name}`, expr: `count by (${label}) (${expr})` }];
  });
  expect([ofPanels.length > 15, ofVariables.length]).toEqual([true, 3]);
  for (const { title, expr } of [...ofPanels, ...ofVariables]) {
    await daemon.until(`${title}: ${expr}`, () => prometheus.finds(filledIn(expr)), 10_000);
  }

  const rules = await prometheus.get<{
    groups: { rules: { name: string; query: string; health: string }[] }[];
  }>('rules');
  const names = await prometheus.get<string[]>('label/__name__/values');
  for (const { name, query, health } of rules.groups.flatMap((group) => group.rules)) {
    expect([name, health]).toEqual([name, 'ok']);
    expect(names).toEqual(expect.arrayContaining(query.match(/\btaploom_\w+/g) ?? ['up']));
  }
  const { alerts } = await prometheus.get<{ alerts: { labels: Record<string, string> }[] }>('alerts');
  expect(alerts.map(({ labels }) => [labels.alertname, labels.port])).toContainEqual([
    'TaploomPortNotUp',
    'later',
  ]);

  // It has read OpenMetrics, which names the family of a counter without _total.
  const metadata = await prometheus.get<Record<string, unknown>>('metadata');
  expect(Object.keys(metadata)).toContain('taploom_port_receive_bytes');
});

test('the alert rules are sound, and fire for what they are for', async () => {
  const folder = { cwd: MONITORING };
  expect(await check(['promtool', 'check', 'rules', 'alerts.yaml'], folder)).toContain(
    'SUCCESS: 9 rules found',
  );
  expect(await check(['promtool', 'test', 'rules', 'alerts_test.yaml'], folder)).toContain('SUCCESS');
});
