// `taploom trace`: its options. What it does is in run.ts.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { number } from '../setting_values.ts';

/** Decimal or 0x, whole and not negative. */
const whole = (text: string): number => {
  const value = number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('Expected a whole number.');
  return value;
};

export function addTrace(program: Command, run: (...given: unknown[]) => Promise<void>): void {
  program
    .command('trace <bridge>')
    .description('what would become of a frame, each decision with its cause; or of real ones')
    .requiredOption('--in <port>', "the port that receives it; the bridge's name is its own interface")
    .option('--frame <hex>', 'the frame, without FCS')
    .option('--pcap <file>', 'the frame is in this capture (pcap or pcapng; - reads standard input)')
    .option('-n, --number <n>', 'with --pcap the n-th frame; with --live so many frames', whole)
    .option('--src <mac>', 'make a frame: source address (with --live: only such frames)')
    .option('--dst <mac>', 'destination address')
    .option('--vlan <vid>', '802.1Q tag; 0 is a priority tag', whole)
    .option('--pcp <priority>', 'priority of the tag', whole)
    .option('--type <number>', 'EtherType (0x88b5)', whole)
    .option('--ip-src <address>', 'IPv4 or IPv6 packet: from')
    .option('--ip-dst <address>', 'to')
    .addOption(new Option('--proto <name>', 'what is in it').choices(['tcp', 'udp', 'icmp']))
    .option('--sport <port>', 'source port', whole)
    .option('--dport <port>', 'destination port', whole)
    .option('--size <bytes>', 'length of the frame without FCS and tag (60)', whole)
    .option('--remote <address>', 'of a VXLAN port: the remote that it comes from')
    .option('--live', 'follow the next real frames that --src, --dst, --vlan and --type match')
    .option('--timeout <seconds>', 'with --live: how long to wait (10)', number)
    .addHelpText('after', `\n${EXAMPLES}`)
    .action(run);
}

const EXAMPLES = `Examples:
  $ taploom trace br0 --in vm1 --src 02:00:5e:10:00:01 --dst ff:ff:ff:ff:ff:ff --vlan 20
  $ taploom trace br0 --in vm1 --pcap lost.pcap -n 3
  $ taploom trace br0 --in vm1 --src 02:00:5e:10:00:01 --dst 02:00:5e:10:00:02 \\
      --ip-src 192.0.2.1 --ip-dst 192.0.2.2 --proto tcp --dport 80
  $ taploom trace br0 --in vm1 --live -n 5 --vlan 20`;
