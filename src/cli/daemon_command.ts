// The command line of taploomd: its options and their checks.

import { Command, InvalidArgumentError, Option } from 'commander';
import { LOG_LEVELS, type LogLevel } from '../control/log.ts';
import { daemonSocket } from '../control/socket_path.ts';
import type { TcpAddress } from '../control/tcp_listener.ts';
import { taploomVersion } from '../control/version.ts';

export interface DaemonOptions {
  config?: string;
  state?: string;
  socket: string;
  socketGroup?: string;
  metricsAddress: TcpAddress | 'off';
  webAddress: TcpAddress | 'off';
  webTokenFile?: string;
  logLevel: LogLevel;
  logFormat: 'text' | 'json';
  workers: number;
  hooks?: string;
  cleanup?: boolean;
  undo?: boolean;
}

export function daemonCommand(): Command {
  return new Command('taploomd')
    .description(
      'A userspace Ethernet switch. Runs in the foreground until SIGTERM; SIGHUP reads --config again.',
    )
    .version(`taploomd ${taploomVersion()}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--config <file>', 'configuration to start from (YAML)')
    .option('--state <file>', 'keep changes made by clients here, for the next start')
    .option('--socket <path>', 'control socket', daemonSocket())
    .option('--socket-group <group>', 'let members of this group use the socket (mode 0660 in place of 0600)')
    .addOption(
      new Option('--metrics-address <host:port>', 'where to serve /metrics, or off')
        .argParser(parseAddress)
        .default({ address: '127.0.0.1', port: 9477 } satisfies TcpAddress, '127.0.0.1:9477'),
    )
    .addOption(
      new Option('--web-address <host:port>', 'where to serve the web page beside the socket, or off')
        .argParser(parseAddress)
        .default('off'),
    )
    .option('--web-token-file <file>', 'what the web page asks for; without it the log shows one')
    .option('--workers <count>', 'threads that forward (1-16)', parseWorkers, 1)
    .option('--hooks <directory>', 'where modules of hooks lie; without it none are taken')
    .option(
      '--cleanup',
      'remove interfaces of bridges and veth ports that were kept for the next start, and end',
    )
    .option('--undo', 'set back what a killed taploomd changed of the host for networks, and end')
    .addOption(new Option('--log-level <level>', 'what to log').choices(LOG_LEVELS).default('info'))
    .addOption(new Option('--log-format <format>', 'how to log').choices(['text', 'json']).default('text'))
    .allowExcessArguments(false)
    .showHelpAfterError('(--help tells more)')
    .configureHelp({ helpWidth: 80 })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'taploomd: ')) })
    .addHelpText(
      'after',
      '\nExamples:\n  # taploomd --config /etc/taploom/switch.yaml --state /var/lib/taploom/state.json\n' +
        '  # taploomd --socket /tmp/t.sock --metrics-address off',
    )
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
}

function parseWorkers(text: string): number {
  const count = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > 16) throw new InvalidArgumentError('Expected a number from 1 to 16.');
  return count;
}

function parseAddress(text: string): TcpAddress | 'off' {
  if (text === 'off') return 'off';
  const match = /^(?:(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([^:[\]]+)):)?(\d{1,5})$/i.exec(text);
  if (match === null || Number(match[3]) > 65_535) {
    throw new InvalidArgumentError('Expected HOST:PORT, [IPV6]:PORT, PORT (of 127.0.0.1) or off.');
  }
  return { address: match[1] ?? match[2] ?? '127.0.0.1', port: Number(match[3]) };
}
