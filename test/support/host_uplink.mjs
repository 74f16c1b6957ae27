// A process with a HostUplink, in the namespace in which it is started. Arguments: the state directory, and `occupied` if
// the table that it will make is to be somebody else's. Each line of input is a list of networks, with addresses as text;
// each line of output is a status. How often routes are listed is the length of the file `DIRECTORY.listed`.

import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { LinkSocket } from '../../dist/src/sys/link.js';
import { NfTablesSocket } from '../../dist/src/sys/nftables.js';
import { HostUplink } from '../../dist/src/uplink/host_uplink.js';
import { parseIp } from '../../dist/src/wire/ip_address.js';
import { parsePrefix } from '../../dist/src/wire/ip_prefix.js';
import { tableBatch } from '../../dist/src/wire/nf_tables.js';

const { list } = LinkSocket.prototype;
LinkSocket.prototype.list = function (request) {
  appendFileSync(`${process.argv[2]}.listed`, '.');
  return list.call(this, request);
};

const say = (status) => process.stdout.write(`${JSON.stringify(status)}\n`);
const uplink = new HostUplink(process.argv[2], (status) => say({ ...status, isNews: true }));

if (process.argv[3] === 'occupied') {
  NfTablesSocket.open().carryOut(tableBatch({ name: `taploom-${process.pid}-1`, chains: [] }, false));
}

const parse = (network) => ({
  ...network,
  subnets: network.subnets.map(parsePrefix),
  publish: (network.publish ?? []).map((port) => ({ ...port, to: parseIp(port.to) })),
});

const input = createInterface({ input: process.stdin });
input.on('line', (line) => say(uplink.set(JSON.parse(line).map(parse))));
input.on('close', () => uplink.close());
