// The command `port qemu-args`, and what it takes.

import { type Command, Option } from 'commander';
import { list, number } from './setting_values.ts';

export function addQemuArgs(command: Command): Command {
  return command
    .addOption(
      new Option('--firecracker', 'the network interface for Firecracker, as JSON').conflicts(
        'cloudHypervisor',
      ),
    )
    .option('--cloud-hypervisor', 'options for cloud-hypervisor')
    .option('--mac <address>', "of the guest's card; unless told, one that is always the same for this port")
    .option('--queues <number>', 'of a TAP that can have several (2)', number)
    .option(
      '--fd <numbers>',
      'the hypervisor inherits the TAP as these descriptors: 3, or 3,4',
      (text, before) => list(text, before).map(number as (text: string | number) => number),
    )
    .option('--memory <size>', 'of a guest with vhost-user, which shares it (512M)')
    .option('--tcg', 'QEMU runs without KVM');
}
