// Open vSwitch with dummy ports: frames go in by `netdev-dummy/receive` and come out in pcap files, the clock stands still
// unless it is warped. Flows are never installed, so that each frame is decided by the tables as they are at that moment.

import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { OpenVSwitch } from '../open_vswitch.ts';
import { Appctl } from './appctl.ts';
import type { Egress, Peer } from './peer.ts';
import type { Scene, ScenePort } from './scene.ts';

/** The VLAN of customers' frames on an unaware bridge: its ports are ends of a tunnel (802.1ad), so that tags pass untouched. */
const TUNNEL_VID = 1;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const DATAPATH = 'dummy@ovs-dummy';
/** Of the daemon's loop, for a few frames. */
const MOST_TURNS = 1000;
const LOOKUPS = /lookups: hit:(\d+) missed:(\d+) lost:(\d+)/;

export class OvsPeer implements Peer {
  readonly tableEvery = 1;
  private readonly dir: string;
  private readonly ovs: OpenVSwitch;
  private readonly appctl: Appctl;
  private bridge = 'b0';
  private scenes = 0;
  /** What `looked` is to become. */
  private sent = 0;
  private isAware = true;
  private ageing = 0;
  private captures: Capture[] = [];

  private constructor(dir: string, ovs: OpenVSwitch, appctl: Appctl) {
    this.dir = dir;
    this.ovs = ovs;
    this.appctl = appctl;
  }

  static async start(lab: Lab): Promise<OvsPeer> {
    const ovs = await OpenVSwitch.start(lab, lab, {
      settings: ['flow-limit=0'],
      args: ['--enable-dummy', '--disable-system'],
    });
    const appctl = await Appctl.open(ovs.control);
    await appctl.call('time/stop');
    return new OvsPeer(lab.dir, ovs, appctl);
  }

  close(): void {
    this.appctl.close();
    for (const capture of this.captures) capture.close();
  }

  async begin(scene: Scene): Promise<void> {
    for (const capture of this.captures) capture.close();
    const before = this.bridge;
    this.bridge = `b${++this.scenes}`;
    this.isAware = scene.isAware;
    this.ageing = scene.ageing;
    // Names that were never used: a port of the same name would be taken for the same port.
    await this.ovs.vsctl('--if-exists', 'del-br', before, ...this.commands(scene));
    this.captures = scene.ports.map(({ name }, n) => new Capture(name, n + 1, this.fileOf(name)));
    for (const { mac, vlan, port } of scene.statics)
      await this.appctl.call('fdb/add', this.bridge, this.nameOf(port), this.vlanOf(vlan), mac);
    this.sent = await this.looked();
  }

  async send(port: string, frames: readonly Buffer[]): Promise<Egress> {
    const hex = frames.map((frame) => frame.toString('hex'));
    await this.appctl.call('netdev-dummy/receive', this.nameOf(port), ...hex);
    this.sent += frames.length;
    let turns = 0;
    while ((await this.looked()) < this.sent) {
      if (++turns > MOST_TURNS) throw new Error(`Open vSwitch has lost a frame that came in by ${port}`);
    }
    return this.read();
  }

  /**
   * Frames that were looked up, whatever came of it. The daemon takes one of a port in each turn of its loop, and answers one
   * request or more.
   */
  private async looked(): Promise<number> {
    const text = await this.appctl.call('dpctl/show', DATAPATH);
    const [, hit, missed, lost] = LOOKUPS.exec(text) ?? [];
    return Number(hit) + Number(missed) + Number(lost);
  }

  private read(): Egress {
    return new Map(this.captures.map((capture) => [capture.port, capture.read()]));
  }

  async wait(seconds: number): Promise<void> {
    await this.appctl.call('time/warp', String(seconds * 1000));
    // Another thread may have turned the clock; the table is swept in the next turn of the loop.
    const isSwept = async () =>
      (await this.entries()).every(({ age }) => age === 'static' || +age < this.ageing);
    for (let turns = 0; turns < MOST_TURNS && !(await isSwept()); turns++);
  }

  async change(): Promise<void> {
    throw new Error('the VLANs of a port stay as they are');
  }

  async table(): Promise<string[]> {
    return (await this.entries())
      .map(({ number, vlan, mac, age }) => {
        const port = this.captures.find((capture) => String(capture.number) === number)?.port ?? number;
        return `${this.isAware ? vlan : 0} ${mac} ${port}${age === 'static' ? ' static' : ''}`;
      })
      .sort();
  }

  private async entries(): Promise<{ number: string; vlan: string; mac: string; age: string }[]> {
    const [, ...lines] = (await this.appctl.call('fdb/show', this.bridge)).trimEnd().split('\n');
    return lines.map((line) => {
      const [number, vlan, mac, age] = line.trim().split(/\s+/);
      return { number, vlan, mac, age };
    });
  }

  private nameOf(port: string): string {
    return `${this.bridge}${port}`;
  }

  private fileOf(port: string): string {
    return join(this.dir, `${this.nameOf(port)}.pcap`);
  }

  private vlanOf(vlan: number): string {
    return String(this.isAware ? vlan : TUNNEL_VID);
  }

  private commands({ isAware, provider, ageing, limit, ports, mirror, snooping }: Scene): string[] {
    const { bridge } = this;
    const settings = [`mac-aging-time=${ageing}`, 'forward-bpdu=true'];
    if (limit !== undefined) settings.push(`mac-table-size=${limit}`);
    if (snooping !== undefined) {
      settings.push(`mcast-snooping-aging-time=${ageing}`);
      settings.push(`mcast-snooping-disable-flood-unregistered=${!snooping.floodsUnknown}`);
    }
    // One tag is what a C-VLAN component looks at, and Open vSwitch's default; an end of a tunnel puts another one in front.
    const commands = [
      '--',
      'set',
      'Open_vSwitch',
      '.',
      `other_config:vlan-limit=${isAware && provider === undefined ? 1 : 2}`,
    ];
    commands.push('--', 'add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath-type=dummy');
    commands.push(`mcast_snooping_enable=${snooping !== undefined}`);
    commands.push('fail-mode=standalone', ...settings.map((setting) => `other_config:${setting}`));
    for (const [n, port] of ports.entries()) {
      const name = this.nameOf(port.name);
      commands.push('--', 'add-port', bridge, name, ...(isAware ? vlanSettings(port) : TUNNEL_SETTINGS));
      if (provider !== undefined) commands.push(`other_config:qinq-ethtype=${provider.toLowerCase()}`);
      commands.push(`protected=${port.isolated}`);
      commands.push('--', 'set', 'interface', name, 'type=dummy', `ofport_request=${n + 1}`);
      commands.push(`options:tx_pcap=${this.fileOf(port.name)}`);
    }
    if (mirror !== undefined) {
      const from = mirror.from ?? ports.map(({ name }) => name).filter((name) => name !== mirror.to);
      const refs = (names: readonly string[]) => names.map((name) => `@${name}`).join(',');
      for (const name of [...from, mirror.to])
        commands.push('--', `--id=@${name}`, 'get', 'port', this.nameOf(name));
      commands.push('--', '--id=@m', 'create', 'mirror', 'name=m1', `output-port=@${mirror.to}`);
      if (mirror.direction !== 'out') commands.push(`select-src-port=${refs(from)}`);
      if (mirror.direction !== 'in') commands.push(`select-dst-port=${refs(from)}`);
      if (mirror.vlans !== undefined) commands.push(`select-vlan=${mirror.vlans.join(',')}`);
      commands.push('--', 'set', 'bridge', bridge, 'mirrors=@m');
    }
    return commands;
  }
}

const TUNNEL_SETTINGS = ['vlan_mode=dot1q-tunnel', `tag=${TUNNEL_VID}`];

function vlanSettings({ vlan = { access: 1 } }: ScenePort): string[] {
  if ('access' in vlan) return ['vlan_mode=access', `tag=${vlan.access}`];
  if ('tunnel' in vlan) {
    if (typeof vlan.tunnel === 'number') return ['vlan_mode=dot1q-tunnel', `tag=${vlan.tunnel}`];
    const [[vid, list]] = Object.entries(vlan.tunnel);
    const customers = [...(vlan.native === undefined ? [] : [0]), ...list];
    return ['vlan_mode=dot1q-tunnel', `tag=${vid}`, `cvlans=${customers.join(',')}`];
  }
  const trunks = `trunks=${vlan.trunk.join(',')}`;
  if (vlan.native === undefined) return ['vlan_mode=trunk', trunks];
  return ['vlan_mode=native-untagged', trunks, `tag=${vlan.native}`];
}

/** A pcap file that grows. */
class Capture {
  readonly port: string;
  readonly number: number;
  private readonly file: number;
  private readonly buffer = Buffer.alloc(1 << 18);
  private at = FILE_HEADER;

  constructor(port: string, number: number, path: string) {
    this.port = port;
    this.number = number;
    this.file = openSync(path, 'r');
  }

  read(): string[] {
    const { buffer } = this;
    const length = readSync(this.file, buffer, 0, buffer.length, this.at);
    const found: string[] = [];
    let at = 0;
    while (at + RECORD_HEADER <= length) {
      const end = at + RECORD_HEADER + buffer.readUInt32LE(at + 8);
      if (end > length) break;
      found.push(buffer.toString('hex', at + RECORD_HEADER, end));
      at = end;
    }
    this.at += at;
    return found;
  }

  close(): void {
    closeSync(this.file);
  }
}
