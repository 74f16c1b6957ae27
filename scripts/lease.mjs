// A DHCP client for a guest without one (RFC 2131): asks on an interface of its network namespace until it has a lease,
// and prints it. Nothing is configured. Without an address there is a route to 255.255.255.255, or nothing leaves.
//
//   node lease.mjs MAC HOSTNAME

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { OPTION } from '../dist/src/wire/dhcp4/codes.js';
import { CLIENT_PORT, SERVER_PORT } from '../dist/src/wire/dhcp4/frame.js';
import { buildMessage, DEFAULT_MAX_LEN, parseMessage } from '../dist/src/wire/dhcp4/message.js';
import { readUint32, text, uint32 } from '../dist/src/wire/dhcp4/values.js';
import { formatIp, ipv4Bytes } from '../dist/src/wire/ip_address.js';
import { parseMac } from '../dist/src/wire/mac.js';

const TRIES = 4;
const WAIT_MS = 1000;
const [, , mac, hostName] = process.argv;

const EMPTY = { isReply: false, hops: 0, secs: 0, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0 };
const xid = randomInt(2 ** 32);
const socket = createSocket('udp4');
const answers = [];
socket.on('message', (bytes) => {
  const message = parseMessage(bytes);
  if (typeof message !== 'string' && message.isReply && message.xid === xid) answers.push(message);
});
socket.bind(CLIENT_PORT);
await once(socket, 'listening');
socket.setBroadcast(true);

async function ask(type, more, answer) {
  const options = new Map([
    [OPTION.parameters, Uint8Array.of(OPTION.subnetMask, OPTION.routers, OPTION.dns)],
    [OPTION.hostName, text(hostName)],
    ...more,
  ]);
  const fields = { ...EMPTY, type, xid, mac: parseMac(mac), broadcast: true, serverName: '', bootFile: '' };
  const { bytes } = buildMessage({ ...fields, options }, DEFAULT_MAX_LEN);
  for (let tries = 0; tries < TRIES; tries++) {
    socket.send(bytes, SERVER_PORT, '255.255.255.255');
    for (let waited = 0; waited < WAIT_MS; waited += 10) {
      const found = answers.find((one) => one.type === answer);
      if (found !== undefined) return found;
      await sleep(10);
    }
  }
  throw new Error(`no answer to DHCP ${type}`);
}

const offer = await ask('discover', [], 'offer');
const wanted = [
  [OPTION.requestedAddress, uint32(offer.yiaddr)],
  [OPTION.serverId, offer.options.get(OPTION.serverId)],
];
const { yiaddr, options } = await ask('request', wanted, 'ack');
socket.close();
const address = (code) => formatIp((options.get(code) ?? new Uint8Array(4)).subarray(0, 4));
const prefix = 32 - Math.log2(2 ** 32 - readUint32(options.get(OPTION.subnetMask)));
console.log(
  `lease ${formatIp(ipv4Bytes(yiaddr))} ${prefix} ${address(OPTION.routers)} ${address(OPTION.dns)}`,
);
