// Four projects. Side by side: unit tests that share processes, those that have one each, and system tests that neither
// measure time nor wait for it impatiently; then all other system tests, one at a time. `npx vitest run --project 'unit*'`
// needs neither root nor a build of the package.

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SkipReporter } from './test/support/skip_reporter.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// Tests that need the worker thread take the package as its users do: built.
const alias = [
  { find: /^taploom$/, replacement: path('./dist/src/index.js') },
  { find: /^taploom\/(simulation)$/, replacement: path('./dist/src/$1/index.js') },
];
const server = { deps: { external: [/\/dist\/src\//] } };

/** Folders whose tests leave their process as it was: a new one for each file took three quarters of a second of theirs. */
const SHARED = [
  'compile',
  'config',
  'control',
  'device',
  'docs',
  'frame',
  'hypervisor',
  'protocol',
  'scripts',
  'table',
  'tester',
  'trace',
  'uplink',
  'web',
  'wire',
].map((folder) => `test/${folder}/**/*.test.ts`);

/** Long, and none the worse for company. */
const PATIENT = [
  'acl_lines',
  'acls_oracle',
  'acls_workers',
  'af_packet_guest',
  'api',
  'bench_suite',
  'brctl',
  'brctl_scripts',
  'bridge_command',
  'bridge_helper',
  'capture',
  'client_netns',
  'consumer',
  'deb',
  'device_errors',
  'dhcp',
  'dhcp6_hosts',
  'dhcp_boot',
  'dns',
  'examples',
  'fake_guest_dpdk',
  'gateway_address',
  'group_fwd_mask',
  'groups',
  'groups_local',
  'groups_oracle',
  'guest_events',
  'guards_dhcp',
  'guards_workers',
  'guest_links',
  'guest_moves',
  'hooks',
  'hops',
  'host_uplink',
  'hypervisors',
  'import',
  'ipv6_routers',
  'kept_bridge',
  'library_rights',
  'lldp',
  'loop_detection',
  'migrating',
  'mirror',
  'missing_parts',
  'monitoring',
  'multicast',
  'namespace_ports',
  'nat_oracle',
  'oracle',
  'package',
  'passed_tap_guest',
  'pmtu',
  'port_controls',
  'priorities',
  'private_vlans',
  'protocol_tunnels',
  'qinq',
  'reconcile',
  'restart_after_kill',
  'rootless',
  'route_oracle',
  'router',
  'service_unit',
  'socket_links',
  'sockets',
  'stack_traces',
  'stp',
  'stp_peers',
  'switch_devices',
  'syn_flood',
  'taploomd_signals',
  'trace',
  'trunk_ovs',
  'tun',
  'tunnel_mtu',
  'tutorials',
  'vhost_user_guest',
  'vhost_user_queues',
  'veth_ports',
  'vlan_isolation',
  'vxlan_dscp',
  'worker_thread',
].map((name) => `test/system/${name}.test.ts`);

/** Vitest leaves one to itself, which on two is one too many. One more than there are took longer, and tests ran into their limits. */
const maxWorkers = availableParallelism();

const unit = {
  pool: 'forks' as const,
  maxWorkers,
  testTimeout: 60_000,
  server,
  sequence: { groupOrder: 0 },
};

const system = {
  pool: 'forks' as const,
  testTimeout: 150_000,
  hookTimeout: 60_000,
  globalSetup: ['test/support/system_setup.ts'],
  server,
};

export default defineConfig({
  test: {
    reporters: ['default', new SkipReporter()],
    projects: [
      {
        resolve: { alias },
        test: { ...unit, name: 'unit', include: SHARED, isolate: false },
      },
      {
        resolve: { alias },
        test: {
          ...unit,
          name: 'unit-alone',
          include: ['test/**/*.test.ts'],
          exclude: ['test/system/**', ...SHARED],
        },
      },
      {
        resolve: { alias },
        test: {
          ...system,
          name: 'patient',
          include: PATIENT,
          maxWorkers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve: { alias },
        test: {
          ...system,
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: PATIENT,
          fileParallelism: false,
          // Last: the others would disturb the measurements.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
