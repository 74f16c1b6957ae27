// Open vSwitch's userspace datapath, with a database and daemons of its own in a temporary folder and a namespace of its
// own. Nothing of the system's service is touched. TAPs are made by the daemon and then moved to their hosts: its file
// descriptors stay good.

import { execFileSync } from 'node:child_process';
import { SWITCH_CPU } from '../cpus.ts';
import type { Lab } from '../lab.ts';
import type { Process } from '../process.ts';
import { type ContenderKind, connect, hostNamespaces, needTool } from './contender.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export class OpenVSwitch {
  readonly netns: string;
  readonly daemon: Process;
  private readonly database: string;
  /** Where its sockets are. */
  readonly folder: string;

  private constructor(netns: string, daemon: Process, database: string, folder: string) {
    this.netns = netns;
    this.daemon = daemon;
    this.database = database;
    this.folder = folder;
  }

  /** @param dpdk a program that was built with it, and what it is told of it */
  static async start(
    lab: Lab,
    netns: string,
    { tso, dpdk }: { tso: boolean; dpdk?: { program: string; settings: Record<string, string> } },
  ): Promise<OpenVSwitch> {
    const program = dpdk?.program ?? 'ovs-vswitchd';
    needTool(...(dpdk === undefined ? [program] : []), 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl');
    const folder = lab.folder();
    const env = { OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
    const file = `${folder}/conf.db`;
    const database = `unix:${folder}/db.sock`;
    execFileSync('ovsdb-tool', ['create', file, SCHEMA], { timeout: 10_000 });
    const server = ['ovsdb-server', file, `--remote=p${database}`, `--unixctl=${folder}/db.ctl`];
    await lab.start([...server, '--verbose=info'], { env }).waitFor(/ovsdb-server \(Open vSwitch\)/);
    const settings = Object.entries({ 'userspace-tso-enable': String(tso), ...dpdk?.settings });
    const wanted = settings.map(([key, value]) => `other_config:${key}="${value}"`);
    vsctl(database, '--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.', ...wanted);
    const control = `--unixctl=${folder}/vswitchd.ctl`;
    const daemon = lab.start([program, database, control, '--verbose=info'], {
      netns,
      cpus: SWITCH_CPU,
      env,
    });
    await daemon.waitFor(/ovs-vswitchd(-dpdk)? \(Open vSwitch\)/);
    return new OpenVSwitch(netns, daemon, database, folder);
  }

  vsctl(...args: string[]): void {
    vsctl(this.database, ...args);
  }

  /** OpenFlow 1.3, to a bridge. */
  ofctl(bridge: string, command: string, rule: string): void {
    const target = `unix:${this.folder}/${bridge}.mgmt`;
    execFileSync('ovs-ofctl', ['-O', 'OpenFlow13', command, target, rule], { stdio: 'pipe' });
  }

  addBridge(name: string): void {
    this.vsctl('add-br', name, '--', 'set', 'bridge', name, 'datapath_type=netdev');
  }

  /** A TAP of the switch in a host's namespace. */
  addTap(lab: Lab, bridge: string, name: string, netns: string): void {
    this.vsctl('add-port', bridge, name, '--', 'set', 'interface', name, 'type=tap');
    lab.ip(this.netns, `link set dev ${name} netns ${netns}`);
  }
}

function vsctl(database: string, ...args: string[]): void {
  execFileSync('ovs-vsctl', [`--db=${database}`, '--timeout=10', ...args], { stdio: 'pipe' });
}

export const OVS = 'OVS as installed';
export const OVS_TSO = 'OVS with TSO';

function onTaps(name: string, label: string, tso: boolean): ContenderKind {
  return {
    name,
    async open(lab, { hosts }) {
      const ovs = await OpenVSwitch.start(lab, lab.netns(`${label}-sw`), { tso });
      ovs.addBridge('br0');
      const devices = hostNamespaces(lab, label, hosts).map((netns, n) => {
        ovs.addTap(lab, 'br0', `ov${n}`, netns);
        return { netns, device: `ov${n}` };
      });
      return { name, hosts: connect(lab, devices), processes: [ovs.daemon] };
    },
  };
}

export const ovsTaps = onTaps(OVS, 'ovs', false);
export const ovsTsoTaps = onTaps(OVS_TSO, 'ovstso', true);
