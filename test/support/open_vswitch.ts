// An Open vSwitch of the test's own: its own database and daemon in a temporary folder, inside a namespace, userspace
// datapath with TSO. Nothing of the system's service is touched.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import type { Netns } from './netns.ts';
import { check } from './process.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export class OpenVSwitch {
  private readonly database: string;
  private readonly daemon: string;

  private constructor(database: string, daemon: string) {
    this.database = database;
    this.daemon = daemon;
  }

  static async start(lab: Lab, where: Netns): Promise<OpenVSwitch> {
    const dir = join(lab.dir, 'ovs');
    mkdirSync(dir);
    const env = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir };
    const file = join(dir, 'conf.db');
    const socket = `${dir}/db.sock`;
    await check(['ovsdb-tool', 'create', file, SCHEMA]);
    const control = (name: string) => `--unixctl=${dir}/${name}.ctl`;
    const server = lab.spawn(
      ['ovsdb-server', file, `--remote=punix:${socket}`, control('db'), '--verbose=info'],
      { env },
    );
    await server.waitFor(/ovsdb-server \(Open vSwitch\)/);
    const ovs = new OpenVSwitch(`unix:${socket}`, `${dir}/vswitchd.ctl`);
    await ovs.vsctl('--no-wait', 'init');
    // Read once at the start of the daemon.
    await ovs.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'other_config:userspace-tso-enable=true');
    const daemon = where.spawn(['ovs-vswitchd', ovs.database, control('vswitchd'), '--verbose=info'], {
      env,
    });
    await daemon.waitFor(/ovs-vswitchd \(Open vSwitch\)/);
    return ovs;
  }

  /** Asks the daemon. */
  appctl(...args: string[]): Promise<string> {
    return check(['ovs-appctl', `--target=${this.daemon}`, ...args]);
  }

  vsctl(...args: string[]): Promise<string> {
    return check(['ovs-vsctl', `--db=${this.database}`, '--timeout=10', ...args]);
  }
  /** What `taploom import` reads. */
  dump(): Promise<string> {
    return check(['ovsdb-client', 'dump', '--format', 'json', this.database]);
  }
}
