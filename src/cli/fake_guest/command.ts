// `taploom fake-guest`: its options. What it does is in run.ts.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { number } from '../setting_values.ts';

const within =
  (min: number, max: number) =>
  (text: string): number => {
    const value = number(text);
    if (value < min || value > max) throw new InvalidArgumentError(`Expected ${min} to ${max}.`);
    return value;
  };

const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = within(min, max)(text);
    if (!Number.isInteger(value)) throw new InvalidArgumentError('Expected a whole number.');
    return value;
  };

const ringSize = (text: string): number => {
  const value = whole(2, 32_768)(text);
  if ((value & (value - 1)) !== 0) throw new InvalidArgumentError('Expected a power of two.');
  return value;
};

const seconds = within(0.001, 86_400);

export function addFakeGuest(program: Command, run: (...given: unknown[]) => Promise<void>): void {
  program
    .command('fake-guest')
    .description('a guest without a hypervisor, for a vhost-user socket: it answers, pings, sends, counts')
    .requiredOption('--path <socket>', 'Unix socket of the vhost-user port, or of any other back end')
    .addOption(
      new Option('--mode <mode>', 'connect to the socket, or listen on it')
        .choices(['client', 'server'])
        .default('client'),
    )
    .option('--address <address>', 'IPv4 address, for ARP and ping')
    .option('--mac <address>', 'address of the guest (a random one)')
    .option('--ping <address>', 'ask this address; needs --address')
    .option('--count <number>', 'how many pings', whole(1, 1e9), 5)
    .option('--interval <seconds>', 'between two of them', seconds, 1)
    .option('--send <number>', 'test frames to send', whole(1, 1e12))
    .option('--size <bytes>', 'their length, without FCS', whole(14, 65_549), 60)
    .option('--to <mac>', 'their destination (everybody)')
    .option('--rate <number>', 'of them a second', within(1, 1e7), 1000)
    .option('--seconds <number>', 'end after that time (when all is sent, or never)', seconds)
    .option('--packed', 'packed rings')
    .option('--queues <pairs>', 'pairs of queues', whole(1, 128), 1)
    .option('--ring-size <number>', 'descriptors of a ring', ringSize, 256)
    .option('--timeout <seconds>', 'how long to wait for the back end', seconds, 5)
    .addHelpText('after', `\n${EXAMPLES}`)
    .action(run);
}

const EXAMPLES = `Examples:
  $ taploom fake-guest --path /run/vm1.sock --address 10.0.0.9
  $ taploom fake-guest --path /run/vm1.sock --address 10.0.0.9 --ping 10.0.0.1
  $ taploom fake-guest --path /run/vm1.sock --mode server --send 1000 --size 1500 --packed --json`;
