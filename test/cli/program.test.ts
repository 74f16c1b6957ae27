import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { portText } from '../../src/cli/port_view.ts';
import { parseConfig } from '../../src/config/schema.ts';
import { simulatedCli } from './simulated_cli.ts';

const CONFIG = {
  version: 1,
  bridges: {
    br0: {
      vlan_filtering: true,
      ports: {
        vm1: { type: 'tap', vlan: { access: 10 } },
        up0: { type: 'tap', vlan: { trunk: [10, 20, '100-199'], native: 1 } },
        vx42: { type: 'vxlan', vni: 42, local: '192.0.2.1', remotes: ['192.0.2.2'], vlan: { access: 10 } },
      },
    },
  },
};

const cli = simulatedCli(CONFIG);
const taploom = cli.run;

const quiet = { code: 0, out: '', error: '' };

describe('bridges', () => {
  test('options become configuration keys', async () => {
    const args = [
      '--vlan-filtering',
      '--ageing-time',
      '60',
      '--fdb-limit',
      '100',
      '--group-fwd-mask',
      '0x4000',
    ];
    expect(await taploom('bridge', 'add', 'br1', ...args, '--mtu', '9000', '--access', '7')).toEqual(quiet);
    expect(cli.api.config.bridges.br1).toMatchObject({
      vlan_filtering: true,
      ageing_time: 60,
      fdb_limit: 100,
      group_fwd_mask: 0x4000,
      local: { mtu: 9000, vlan: { access: 7 } },
    });
  });

  test('set changes what is named and leaves the rest, unset goes back to the default', async () => {
    await taploom('bridge', 'set', 'br0', '--ageing-time', '5', '--local', 'off');
    expect(cli.api.config.bridges.br0).toMatchObject({ vlan_filtering: true, ageing_time: 5, local: false });
    expect(await taploom('bridge', 'set', 'br0', '--unset', 'ageing_time,local')).toEqual(quiet);
    expect(cli.api.config.bridges.br0).toMatchObject({ ageing_time: 300, local: {} });
    await taploom('bridge', 'set', 'br0', '--local', 'off');
    await taploom('bridge', 'set', 'br0', '--local', 'on', '--mtu', '1400');
    expect(cli.api.config.bridges.br0.local).toEqual({ mtu: 1400 });
  });

  test('add of an existing one and del of a missing one are errors', async () => {
    expect(await taploom('bridge', 'add', 'br0')).toEqual({
      code: 1,
      out: '',
      error: 'taploom: Cannot create bridge br0: there is one already\n',
    });
    expect((await taploom('bridge', 'del', 'nope')).error).toBe('taploom: There is no bridge nope\n');
    expect(await taploom('bridge', 'del', 'br0')).toEqual(quiet);
    expect(cli.api.config.bridges).toEqual({});
  });

  test('all problems of a bad change are printed with their paths', async () => {
    expect(await taploom('bridge', 'set', 'br0', '--ageing-time=-5', '--fdb-limit', '0')).toEqual({
      code: 1,
      out: '',
      error:
        'taploom: the configuration would not be valid, nothing was changed:\n' +
        '  bridges.br0.ageing_time: -5 is not an ageing time (0-1000000 seconds)\n' +
        '  bridges.br0.fdb_limit: 0 is not a number of addresses (1-4000000)\n',
    });
  });
});

describe('ports', () => {
  test('TAP options become configuration keys', async () => {
    const args = [
      '--trunk',
      '10,20,100-199',
      '--native',
      '1',
      '--netns',
      'h1',
      '--owner',
      '1000',
      '--group',
      'kvm',
    ];
    expect(
      await taploom('port', 'add', 'br0', 'vm2', ...args, '--persist', 'on', '--offloads', 'off'),
    ).toEqual(quiet);
    expect(cli.api.config.bridges.br0.ports.vm2).toMatchObject({
      type: 'tap',
      vlan: { trunk: [10, 20, '100-199'], native: 1 },
      netns: 'h1',
      owner: 1000,
      group: 'kvm',
      persist: true,
      offloads: false,
    });
  });

  test('VXLAN options become configuration keys, remotes add up', async () => {
    const remotes = ['--remote', '192.0.2.2', '--remote', '192.0.2.3,192.0.2.4'];
    const args = ['--type', 'vxlan', '--vni', '43', '--local', '192.0.2.1', ...remotes, '--access', '10'];
    const more = [
      '--tos',
      'inherit',
      '--dst-port',
      '8472',
      '--udp-checksum',
      'on',
      '--remote-learning',
      'off',
    ];
    expect(await taploom('port', 'add', 'br0', 'vx43', ...args, ...more)).toEqual(quiet);
    expect(cli.api.config.bridges.br0.ports.vx43).toMatchObject({
      type: 'vxlan',
      vni: 43,
      remotes: ['192.0.2.2', '192.0.2.3', '192.0.2.4'],
      tos: 'inherit',
      dst_port: 8472,
      udp_checksum: true,
      remote_learning: false,
    });
  });

  test('an access port becomes a trunk and back, without leftovers', async () => {
    const vlan = () => (cli.api.config.bridges.br0.ports.vm1 as { vlan: unknown }).vlan;
    expect(await taploom('port', 'set', 'br0', 'vm1', '--trunk', '10,20', '--native', '5')).toEqual(quiet);
    expect(vlan()).toEqual({ trunk: [10, 20], native: 5 });
    expect(await taploom('port', 'set', 'br0', 'vm1', '--native', 'none')).toEqual(quiet);
    expect(vlan()).toEqual({ trunk: [10, 20] });
    expect(await taploom('port', 'set', 'br0', 'vm1', '--access', '30', '--hairpin', 'on')).toEqual(quiet);
    expect(vlan()).toEqual({ access: 30 });
    expect(await taploom('port', 'set', 'br0', 'vm1', '--fault', 'drop=0.5,delay=3')).toEqual(quiet);
    expect(cli.api.config.bridges.br0.ports.vm1).toMatchObject({
      hairpin: true,
      fault: { drop: 0.5, delay: 3 },
    });
    expect(await taploom('port', 'set', 'br0', 'vm1', '--unset', 'vlan,fault')).toEqual(quiet);
    expect(cli.api.config.bridges.br0.ports.vm1).not.toHaveProperty('vlan');
  });

  test('rates of storm control take the place of those before, and none takes them away', async () => {
    const storm = async (rates: string) => {
      expect(await taploom('port', 'set', 'br0', 'vm1', '--storm-control', rates)).toEqual(quiet);
      return cli.api.config.bridges.br0.ports.vm1.storm_control;
    };
    expect(await storm('broadcast=100,multicast=1000000bit,action=shutdown')).toEqual({
      broadcast: { frames: 100 },
      multicast: { bits: 1_000_000 },
      action: 'shutdown',
    });
    expect(await storm('broadcast=5000bit')).toEqual({ broadcast: { bits: 5000 }, action: 'drop' });
    expect(await storm('none')).toBeUndefined();
  });

  test('protocols of a customer are listed for his tunnel, and none takes them away with all that is said of them', async () => {
    const set = async (...words: string[]) => {
      expect(await taploom('port', 'set', 'br0', 'vm1', ...words)).toEqual(quiet);
      const { tunnel_protocols, tunnel_protocols_limit } = cli.api.config.bridges.br0.ports.vm1;
      return { tunnel_protocols, tunnel_protocols_limit };
    };
    const limit = ['--tunnel-protocols-limit', '20'];
    expect(await set('--tunnel', '100', '--tunnel-protocols', 'stp,lldp', ...limit)).toEqual({
      tunnel_protocols: ['stp', 'lldp'],
      tunnel_protocols_limit: 20,
    });
    expect((await taploom('port', 'show', 'br0')).out).toContain('tunnel 100, carries stp lldp');
    expect(await set('--tunnel-protocols', 'none', '--access', '10')).toEqual({});
  });

  test('spanning tree is switched on with one word, and tuned with pairs', async () => {
    const stp = async (...words: string[]) => {
      expect(await taploom(...words)).toEqual(quiet);
      const { br0 } = cli.api.config.bridges;
      return words[0] === 'bridge' ? br0.stp : br0.ports.vm1.stp;
    };
    const ofBridge = (...words: string[]) => stp('bridge', 'set', 'br0', ...words);
    const ofPort = (...words: string[]) => stp('port', 'set', 'br0', 'vm1', ...words);
    expect(await ofBridge('--stp', 'priority=4096')).toMatchObject({ protocol: 'rstp', priority: 4096 });
    expect(await ofBridge('--stp', 'stp')).toMatchObject({ protocol: 'stp', priority: 4096 });
    expect(await ofBridge('--stp', 'on')).toMatchObject({ protocol: 'rstp', priority: 4096 });
    expect(await ofBridge('--stp', 'off')).toMatchObject({ protocol: 'off', priority: 4096 });
    expect(await ofBridge('--unset', 'stp.priority')).toMatchObject({ protocol: 'off', priority: 32768 });
    expect(await ofPort('--stp', 'cost=7,edge=on,guard=bpdu')).toMatchObject({
      cost: 7,
      edge: true,
      guard: 'bpdu',
    });
    expect(await ofPort('--stp', 'guard=root+tcn')).toMatchObject({ cost: 7, guard: ['root', 'tcn'] });
    expect(await ofPort('--stp', 'guard=none', '--unset', 'stp.cost')).toEqual({
      edge: true,
      guard: [],
      priority: 32,
    });
    expect(await taploom('port', 'set', 'br0', 'vm1', '--stp', 'guard=root,guard=bpdu')).toMatchObject({
      code: 2,
      error: expect.stringContaining('guard is there twice.'),
    });
    expect(await taploom('bridge', 'add', 'br8', '--stp', 'hello_time=1')).toEqual(quiet);
    expect(cli.api.config.bridges.br8.stp).toMatchObject({ protocol: 'rstp', hello_time: 1 });
    expect(await taploom('bridge', 'set', 'br0', '--stp', 'mstp')).toMatchObject({
      code: 2,
      error: expect.stringContaining('Expected on, off, rstp, stp or KEY=VALUE,...'),
    });
  });

  test('an aggregate joins the interfaces that are named, and keeps what it knows of those that stay', async () => {
    const aggregate = () => cli.api.config.bridges.br0.ports.bond0 as { members: object; min_links: number };
    const words = [
      '--type',
      'aggregate',
      '--members',
      'eth1,eth2',
      '--lacp',
      'passive',
      '--rate',
      'fast',
      '--trunk',
      '10',
    ];
    expect(await taploom('port', 'add', 'br0', 'bond0', ...words)).toEqual(quiet);
    const member = { type: 'af_packet', priority: 32768 };
    expect(aggregate()).toMatchObject({
      lacp: 'passive',
      rate: 'fast',
      members: { eth1: member, eth2: member },
    });
    await cli.api.apply({
      ...cli.api.config,
      bridges: {
        br0: {
          ...cli.api.config.bridges.br0,
          ports: { bond0: { ...aggregate(), members: { eth1: member, eth2: { ...member, priority: 7 } } } },
        },
      },
    } as never);
    expect(
      await taploom('port', 'set', 'br0', 'bond0', '--members', 'eth2,eth3', '--min-links', '2'),
    ).toEqual(quiet);
    expect(Object.keys(aggregate().members).sort()).toEqual(['eth2', 'eth3']);
    expect(aggregate()).toMatchObject({ min_links: 2, members: { eth2: { priority: 7 } } });
  });

  test("a customer's tunnel by his VLANs, and translated ones, take the place of those before", async () => {
    const set = async (...words: string[]) => {
      expect(await taploom('port', 'set', 'br0', 'vm1', ...words)).toEqual(quiet);
      return (cli.api.config.bridges.br0.ports.vm1 as { vlan: unknown }).vlan;
    };
    expect(await set('--tunnel', '200:10-20,30,210:40', '--native', '200')).toEqual({
      tunnel: { 200: ['10-20', 30], 210: [40] },
      native: 200,
    });
    expect(await set('--tunnel', '300:1', '--tunnel', '310:2')).toMatchObject({
      tunnel: { 300: [1], 310: [2] },
    });
    expect(await set('--tunnel', '300:1-5 310:7')).toMatchObject({ tunnel: { 300: ['1-5'], 310: [7] } });
    expect(await set('--tunnel', '100', '--native', 'none')).toEqual({ tunnel: 100 });
    await set('--trunk', '110,120', '--translate', '10:110');
    expect(await set('--translate', '20:120')).toEqual({ trunk: [110, 120], translate: { 20: 120 } });
    expect(await set('--unset', 'vlan.translate')).toEqual({ trunk: [110, 120] });
    for (const bad of ['10,200:3', '1:2:3', 'x'])
      expect(await taploom('port', 'set', 'br0', 'vm1', '--tunnel', bad)).toMatchObject({ code: 2 });
  });

  test('those that are disabled are enabled by name, also in the word of `ip link`', async () => {
    cli.api.disabled.add('vm1').add('up0');
    expect(await taploom('port', 'enable', 'vm1')).toEqual(quiet);
    expect((await taploom('port', 'up', 'vm1', 'up0')).out).toBe('vm1 was not disabled\n');
    expect([...cli.api.disabled]).toEqual([]);
    expect(JSON.parse((await taploom('port', 'enable', 'vm1', '--json')).out)).toEqual([
      { port: 'vm1', enabled: false },
    ]);
    expect((await taploom('port', 'enable', 'nope')).error).toBe('taploom: There is no port nope\n');
  });

  test('what the switch cannot do is an error with its reason', async () => {
    cli.api.failures.set('bridges.br0.ports.vm9', {
      error: 'Cannot attach port vm9: another process has the TAP open',
      code: 'port_busy',
    });
    expect(await taploom('port', 'add', 'br0', 'vm9')).toEqual({
      code: 1,
      out: '',
      error: 'taploom: Cannot attach port vm9: another process has the TAP open\n',
    });
    const { error } = await taploom('port', 'add', 'br0', 'vm9', '--json');
    expect(JSON.parse(error)).toMatchObject({ error: { code: 'port_busy', results: [{ ok: false }] } });
  });
});

describe('what is shown', () => {
  test('of private VLANs what each port is, and of a bridge its VLANs with settings', async () => {
    cli.api.config = parseConfig({
      version: 1,
      bridges: {
        br0: {
          vlan_filtering: true,
          vlans: {
            20: { learning: false },
            100: { private: { isolated: 101, communities: [102] }, flood: false },
          },
          ports: {
            vm1: { type: 'tap', vlan: { access: 100 } },
            vm2: { type: 'tap', vlan: { access: 101 } },
            vm3: { type: 'tap', vlan: { access: 102 } },
          },
        },
      },
    });
    const { out } = await taploom('show');
    expect(out).toMatch(/ vm1 .* access 100 \(promiscuous\)\n/);
    expect(out).toMatch(/ vm2 .* access 101 \(isolated, primary 100\)\n/);
    expect(out).toMatch(/ vm3 .* access 102 \(community, primary 100\)\n/);
    const shown = await taploom('bridge', 'show', 'br0');
    expect(shown.out).toMatch(/ VLAN 20 +no learning\n/);
    expect(shown.out).toMatch(/ VLAN 100 +private: isolated 101, communities 102; no flood\n/);
  });

  test('the switch at a glance, on 80 columns', async () => {
    const { out, code } = await taploom('show');
    expect(code).toBe(0);
    expect(out.split('\n').slice(1).join('\n')).toBe(
      [
        '',
        'br0  02:00:00:00:00:01, VLAN filtering, ageing 300 s, 0 learned',
        '  PORT  TYPE   STATE   MTU  LEARNED  DETAILS',
        '  vm1   tap    up     1500        0  access 10',
        '  up0   tap    up     1500        0  trunk 10,20,100-199 native 1',
        '  vx42  vxlan  up     1500        0  access 10, vni 42, 192.0.2.1 -> 192.0.2.2',
        '  br0   local  up     1500        0  access 1',
        '',
      ].join('\n'),
    );
    expect(out).toMatch(/^taploomd 1\.2\.3, process \d+, up \d+ s\n/);
  });

  test('no line of any table is wider than the terminal', async () => {
    cli.api.counters.set('vm1', {
      receivedFrames: 123_456_789,
      receivedBytes: 98_765_432_100,
      transmittedBytes: 5e15,
      receiveDropped: { bad_offload: 12 },
    });
    for (const command of [
      ['show'],
      ['bridge', 'show'],
      ['port', 'show'],
      ['stats'],
      ['drops'],
      ['fdb', 'show'],
    ]) {
      const { out, code } = await taploom(...command);
      expect(code).toBe(0);
      for (const line of out.split('\n')) expect(line.length, `${command}: ${line}`).toBeLessThanOrEqual(80);
    }
  });

  test('--json answers what the API answers', async () => {
    expect(JSON.parse((await taploom('show', '--json')).out)).toMatchObject({
      version: '1.2.3',
      bridges: [{ name: 'br0' }],
    });
    expect(JSON.parse((await taploom('--json', 'port', 'show', 'br0', 'vm1')).out)).toMatchObject({
      config: { type: 'tap' },
    });
    expect(JSON.parse((await taploom('port', 'show', '--json')).out)).toHaveLength(4);
    expect(JSON.parse((await taploom('bridge', 'show', '--json')).out)).toHaveLength(1);
    expect(JSON.parse((await taploom('stats', '--json')).out)).toMatchObject({ pollGap: { polls: 2 } });
    expect(JSON.parse((await taploom('drops', '--json')).out)).toEqual([]);
    expect(JSON.parse((await taploom('export', '--json')).out)).toMatchObject({ version: 1 });
  });

  test('a bridge and a port with all their settings', async () => {
    expect((await taploom('bridge', 'show', 'br0')).out).toContain('  vlan_filtering     true\n');
    expect((await taploom('port', 'show', 'br0', 'vx42')).out).toContain(
      '  remotes           ["192.0.2.2"]\n',
    );
    const text = portText({ ...cli.api.ports()[0], offloads: 0x0f }, undefined);
    expect(text).toMatch(/^ {2}offloads +checksum, TSO IPv4, TSO IPv6, TSO with ECN$/m);
    expect(await taploom('port', 'show', 'br0', 'nope')).toMatchObject({ code: 1 });
    expect(await taploom('port', 'show', 'nope')).toMatchObject({
      code: 1,
      error: 'taploom: There is no bridge nope\n',
    });
    expect(await taploom('stats', 'nope')).toMatchObject({ code: 1 });
    expect(await taploom('drops', 'nope')).toMatchObject({ code: 1 });
  });

  test('what a tunnel of protocols carried is told by protocol', () => {
    const tunnelled = { stp: { received: 3, transmitted: 5 } };
    const text = portText({ ...cli.api.ports()[0], tunnelled }, undefined);
    expect(text).toMatch(/\n {2}tunnelled stp +3 received, 5 transmitted\n/);
  });

  test('drops with their meaning', async () => {
    cli.api.counters.set('vm1', { receiveDropped: { vlan_untagged: 3 } });
    expect((await taploom('drops')).out).toBe(
      'BRIDGE  PORT  SIDE     REASON         FRAMES  MEANING\n' +
        'br0     vm1   receive  vlan_untagged       3  untagged on a trunk without a\n' +
        '                                              native VLAN\n',
    );
    cli.api.counters.clear();
    expect((await taploom('drops')).out).toBe('nothing was dropped\n');
  });

  test('rates, when watching', async () => {
    const watching = taploom('stats', '--watch', '--rounds', '2', '--interval', '0.1');
    setTimeout(() => cli.api.counters.set('vm1', { receivedFrames: 1000, receivedBytes: 64_000 }), 50);
    const { out } = await watching;
    const row = out.split('\n').findLast((line) => line.includes('vm1'));
    expect(row).toMatch(/br0 +vm1 +up +\d+(\.\d+)?k +\d+(\.\d+)?[kM] +0 +0 +0 +0/);
  });

  test('into a pipe there are no escape codes, and `top` is a table', async () => {
    for (const command of ['stats --watch --rounds 2', 'top --rounds 2']) {
      const { code, out } = await taploom(...command.split(' '), '--interval', '0.1');
      expect(code).toBe(0);
      expect(out).not.toContain('\x1b');
      expect(out.match(/^BRIDGE +PORT|^PORT +BRIDGE/gm)).toHaveLength(2);
      expect(out).toContain('\n\n');
    }
    const watching = taploom(
      'top',
      'br0',
      '--rounds',
      '1',
      '--interval',
      '0.1',
      '--sort',
      'rx',
      '--top',
      '1',
    );
    setTimeout(() => cli.api.counters.set('up0', { receivedFrames: 1000 }), 50);
    expect((await watching).out).toMatch(/^PORT .*\nup0 [^\n]*\n$/);
    const { out } = await taploom('top', '--json', '--rounds', '1', '--filter', 'port=v*', '--sort', 'port');
    expect(JSON.parse(out).ports).toMatchObject([{ port: 'vm1', state: 'up', rx: 0 }, { port: 'vx42' }]);
    for (const filter of ['colour=red', 'rx>many']) {
      const { code, error } = await taploom('top', '--filter', filter);
      expect({ code, error }).toEqual({ code: 2, error: expect.stringMatching(/^taploom: --filter: /) });
    }
    expect(await taploom('top', 'nope')).toMatchObject({ code: 1 });
  });

  test('watching with --json is one object a line', async () => {
    const { out } = await taploom('stats', '--watch', '--rounds', '3', '--interval', '0.1', '--json');
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).ports.length),
    ).toEqual([4, 4, 4]);
  });
});

describe('the forwarding database', () => {
  test('is printed page by page under one head', async () => {
    cli.api.entries = Array.from({ length: 2500 }, (_, i) => ({
      bridge: 'br0',
      mac: `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
      vlan: 10,
      port: 'vm1',
      type: 'learned' as const,
      age: i / 10,
    }));
    const { out } = await taploom('fdb', 'show', 'br0', '--vlan', '10');
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(2501);
    expect(lines[0]).toBe('BRIDGE    VLAN  MAC                PORT             TYPE         AGE  REMOTE');
    expect(lines[2500]).toBe('br0         10  02:00:00:00:09:c3  vm1              learned    249.9');
    expect(JSON.parse((await taploom('fdb', 'show', '--json')).out)).toEqual(cli.api.entries);
    expect((await taploom('fdb', 'show', '--vlan', '99')).out).toBe('no entries\n');
    expect(JSON.parse((await taploom('fdb', 'show', '--vlan', '99', '--json')).out)).toEqual([]);
  });

  test('static entries come and go, learned ones are flushed', async () => {
    expect(await taploom('fdb', 'add', 'br0', '02:00:5e:10:00:01', 'vm1', '--vlan', '10')).toEqual(quiet);
    expect(cli.api.config.bridges.br0.static).toEqual([{ mac: '02:00:5e:10:00:01', vlan: 10, port: 'vm1' }]);
    expect(await taploom('fdb', 'del', 'br0', '02:00:5e:10:00:01', '--vlan', '10')).toEqual(quiet);
    expect(cli.api.config.bridges.br0.static).toEqual([]);
    expect((await taploom('fdb', 'flush', 'br0', '--port', 'vm1')).out).toBe('3 entries forgotten\n');
    expect(cli.api.flushes).toEqual([{ bridge: 'br0', port: 'vm1' }]);
  });
});

describe('files', () => {
  const write = (text: string) => {
    const file = join(cli.directory, 'switch.yaml');
    writeFileSync(file, text);
    return file;
  };

  test('a dry run prints the plan, apply carries it out, and then there is nothing to do', async () => {
    const file = write(
      'version: 1\nbridges:\n  br0:\n    ageing_time: 60\n    vlan_filtering: true\n    ports: { vm9: { type: tap } }\n',
    );
    const plan = [
      '- bridges.br0.ports.vm1',
      '- bridges.br0.ports.up0',
      '- bridges.br0.ports.vx42',
      '+ bridges.br0.ports.vm9',
      '~ bridges.br0 ageing_time: 300 -> 60',
      '',
    ].join('\n');
    expect(await taploom('apply', file, '--dry-run')).toEqual({ code: 0, out: plan, error: '' });
    expect(Object.keys(cli.api.config.bridges.br0.ports)).toEqual(['vm1', 'up0', 'vx42']);
    expect(await taploom('apply', file)).toEqual({ code: 0, out: plan, error: '' });
    expect(await taploom('apply', file)).toEqual({ code: 0, out: 'nothing to do\n', error: '' });
  });

  test('what export prints is what apply takes', async () => {
    const { out } = await taploom('export');
    expect(out).toContain('vm1: { type: tap, vlan: { access: 10 } }');
    expect((await taploom('apply', write(out))).out).toBe('nothing to do\n');
  });

  test('problems of a file have their lines', async () => {
    const file = write('version: 1\nbridges:\n  br0:\n    ageing_time: soon\n');
    const { code, error } = await taploom('apply', file);
    expect(code).toBe(1);
    expect(error).toContain(`${file}:4: bridges.br0.ageing_time: "soon" is not an ageing time`);
    expect((await taploom('apply', `${file}.missing`)).error).toContain(
      `Cannot read ${file}.missing: ENOENT`,
    );
  });

  test('of a change that fails half-way every action is listed', async () => {
    cli.api.failures.set('bridges.br0.ports.vm8', { error: 'no such namespace' });
    const ports = '{ vm8: { type: tap }, vm9: { type: tap } }';
    const { code, error } = await taploom(
      'apply',
      write(`version: 1\nbridges: { br0: { vlan_filtering: true, ports: ${ports} } }\n`),
    );
    expect(code).toBe(1);
    expect(error).toContain(
      '+ bridges.br0.ports.vm8\n  failed: no such namespace\n+ bridges.br0.ports.vm9\n',
    );
  });
});

describe('the command line', () => {
  test.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['port', 'dle'], '(Did you mean del?)'],
    [['port', 'add', 'br0'], "missing required argument 'port'"],
    [['port', 'add', 'br0', 'x', '--hairpin', 'maybe'], 'Expected on or off.'],
    [['port', 'set', 'br0', 'x', '--mtu', 'big'], 'Expected a number.'],
    [['show', 'br0', 'br1'], 'too many arguments'],
    [['show', '--colour'], "unknown option '--colour'"],
    [[], 'Usage: taploom'],
  ])('%j is a usage error', async (args, text) => {
    const { code, out, error } = await taploom(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toContain(text);
  });

  test('every command has help with its global options, and all but the groups have examples', async () => {
    const commands = ['show', 'stats', 'drops', 'apply', 'export'].map((name) => [name]);
    for (const verb of ['add', 'del', 'set', 'show']) commands.push(['bridge', verb], ['port', verb]);
    for (const verb of ['show', 'add', 'del', 'flush']) commands.push(['fdb', verb]);
    for (const command of commands) {
      const { code, out } = await taploom(...command, '--help');
      expect(code).toBe(0);
      expect(out).toContain('--json');
      expect(out).toContain(`  $ taploom ${command.join(' ')}`);
      const text = out.slice(0, out.indexOf('\nExamples:'));
      for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  test('the version is one line', async () => {
    expect((await taploom('--version')).out).toMatch(/^taploom \d+\.\d+\.\d+\n$/);
  });
});

describe('help', () => {
  test('is the same by command and by option, at every depth', async () => {
    for (const words of [[], ['port'], ['port', 'add'], ['bench', 'loss'], ['help']]) {
      const byOption = await taploom(...words, '--help');
      expect(byOption).toMatchObject({ code: 0, error: '' });
      expect(await taploom('help', ...words)).toEqual(byOption);
    }
    expect(await taploom('help', 'ports', 'create')).toEqual(await taploom('port', 'add', '--help'));
  });

  test('of a command that is not there is an error', async () => {
    const { code, out, error } = await taploom('help', 'port', 'ad');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toContain("taploom: unknown command 'port ad'");
  });
});

describe('events', () => {
  const happen = () => {
    cli.api.events.add({ type: 'port', change: 'up', bridge: 'br0', port: 'vm1' });
    cli.api.events.add({
      type: 'drop',
      bridge: 'br0',
      port: 'up0',
      side: 'receive',
      reason: 'runt',
      frames: 3,
    });
  };

  test('are lines for people, with the place in a column', async () => {
    expect((await taploom('events')).out).toBe('nothing has happened\n');
    happen();
    const { out } = await taploom('events');
    expect(out.replaceAll(/^[\d-]{10} [\d:]{8}\.\d{3}/gm, 'TIME')).toBe(
      'TIME  port           vm1              port vm1 is up\n' +
        'TIME  drop           up0              port up0 dropped 3 frames on receive: runt (shorter than its Ethernet header and tag)\n',
    );
  });

  test('are chosen by type, bridge, port and number, and are one JSON object a line', async () => {
    happen();
    const { out } = await taploom('events', '--type', 'drop', '--bridge', 'br0', '--port', 'up0', '--json');
    expect(JSON.parse(out)).toMatchObject({ seq: 2, type: 'drop', frames: 3 });
    expect(out).toMatch(/^[^\n]+\n$/);
    expect((await taploom('events', '--since', '1', '--json')).out).toBe(out);
    expect(await taploom('events', '--type', 'weather')).toMatchObject({ code: 1, out: '' });
  });

  test('are followed until the daemon ends', async () => {
    happen();
    const following = taploom('events', '--follow', '--type', 'port');
    setTimeout(happen, 50);
    setTimeout(() => cli.api.events.close(), 200);
    const { code, out, error } = await following;
    expect(out.match(/port vm1 is up\n/g)).toHaveLength(2);
    expect({ code, error }).toMatchObject({
      code: 1,
      error: expect.stringContaining('closed the connection'),
    });
  });
});
