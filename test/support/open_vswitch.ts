// An Open vSwitch of the test's own: its own database and daemon in a temporary folder, inside a namespace, userspace
// datapath with TSO unless the test says otherwise. Nothing of the system's service is touched.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import { type Background, check, type RunOptions } from './process.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** A namespace, or a lab for a daemon that needs none. */
interface Place {
  spawn(command: readonly string[], options?: RunOptions): Background;
}

export interface OpenVSwitchOptions {
  /** Of `other_config`, read at the start of the daemon. */
  settings?: string[];
  /** More arguments of ovs-vswitchd. */
  args?: string[];
}

export class OpenVSwitch {
  /** Where ovs-appctl would talk to the daemon. */
  readonly control: string;
  private readonly database: string;

  private constructor(database: string, control: string) {
    this.database = database;
    this.control = control;
  }

  static async start(
    lab: Lab,
    where: Place,
    { settings = ['userspace-tso-enable=true'], args = [] }: OpenVSwitchOptions = {},
  ): Promise<OpenVSwitch> {
    const dir = join(lab.dir, 'ovs');
    mkdirSync(dir);
    const env = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir };
    const file = join(dir, 'conf.db');
    const socket = `${dir}/db.sock`;
    await check(['ovsdb-tool', 'create', file, SCHEMA]);
    const control = `${dir}/vswitchd.ctl`;
    const server = lab.spawn(
      ['ovsdb-server', file, `--remote=punix:${socket}`, `--unixctl=${dir}/db.ctl`, '--verbose=info'],
      { env },
    );
    await server.waitFor(/ovsdb-server \(Open vSwitch\)/);
    const ovs = new OpenVSwitch(`unix:${socket}`, control);
    await ovs.vsctl('--no-wait', 'init');
    const configs = settings.map((setting) => `other_config:${setting}`);
    await ovs.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', ...configs);
    const daemon = where.spawn(
      ['ovs-vswitchd', ovs.database, `--unixctl=${control}`, '--verbose=info', ...args],
      { env },
    );
    await daemon.waitFor(/ovs-vswitchd \(Open vSwitch\)/);
    return ovs;
  }

  /** Asks the daemon. */
  appctl(...args: string[]): Promise<string> {
    return check(['ovs-appctl', `--target=${this.control}`, ...args]);
  }

  vsctl(...args: string[]): Promise<string> {
    return check(['ovs-vsctl', `--db=${this.database}`, '--timeout=10', ...args]);
  }
  /** What `taploom import` reads. */
  dump(): Promise<string> {
    return check(['ovsdb-client', 'dump', '--format', 'json', this.database]);
  }
}
