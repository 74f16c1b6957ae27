// A process with a HostUplink, in the namespace in which it is started. Argument: the state directory. Each line of input
// is a list of networks, with addresses as text; each line of output is a status.

import { createInterface } from 'node:readline';
import { HostUplink } from '../../dist/src/uplink/host_uplink.js';
import { parseIp } from '../../dist/src/wire/ip_address.js';
import { parsePrefix } from '../../dist/src/wire/ip_prefix.js';

const say = (status) => process.stdout.write(`${JSON.stringify(status)}\n`);
const uplink = new HostUplink(process.argv[2], (status) => say({ ...status, isNews: true }));

const parse = (network) => ({
  ...network,
  subnets: network.subnets.map(parsePrefix),
  publish: (network.publish ?? []).map((port) => ({ ...port, to: parseIp(port.to) })),
});

const input = createInterface({ input: process.stdin });
input.on('line', (line) => say(uplink.set(JSON.parse(line).map(parse))));
input.on('close', () => uplink.close());
