// The DNS server of a network at a loopback address, with clients and resolvers beside it: sockets, nothing simulated.

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { encode, type Packet } from 'dns-packet';
import { expect, onTestFinished, test } from 'vitest';
import { parseAddress } from '../../src/config/subnet.ts';
import { DnsStream, framed } from '../../src/protocol/dns/framing.ts';
import { dnsRoom } from '../../src/protocol/dns/limits.ts';
import { DnsService } from '../../src/switch/dns_service.ts';
import { FLAG } from '../../src/wire/dns.ts';
import {
  type Asking,
  a,
  namesOf,
  question,
  type Read,
  read,
  reply,
  subnet,
} from '../protocol/dns/messages.ts';

const GATEWAY = '127.0.7.1';
const RESOLVER = '127.0.8.1';
const SECOND = '127.0.8.2';
/** In the subnet, as guests are. */
const GUEST = '127.0.7.9';
const OUTSIDE = '127.0.9.9';
const NAMES = namesOf([['web', '127.0.7.5']]);
let ports = 20_000 + (process.pid % 12_000);

interface World {
  port: number;
  dns: DnsService;
  /** Times that the service said it has another problem. */
  noted: () => number;
}

async function open(forward: 'nobody' | string[] = [RESOLVER], isFree = true): Promise<World> {
  const port = ++ports;
  let noted = 0;
  const plan = {
    domain: 'lab.example',
    forward,
    gateway: parseAddress(GATEWAY) as number,
    subnet: subnet('127.0.7.0/24'),
  };
  const facts = {
    room: dnsRoom(),
    names: () => NAMES,
    portOf: (address: number) => ((address & 0xff) < 200 ? 'vm1' : undefined),
    portOf6: () => undefined,
    resolvers: () => [],
    now: () => performance.now(),
    noted: () => void noted++,
  };
  const dns = new DnsService(plan, facts, port);
  onTestFinished(() => dns.close());
  if (isFree) {
    dns.listen();
    await expect.poll(() => askTcp(port, 'web').catch(() => undefined)).toBeDefined();
  }
  return { port, dns, noted: () => noted };
}

function udp(address: string, port = 0): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  onTestFinished(() => void socket.close());
  return new Promise((resolve) => {
    socket.bind(port, address, () => resolve(socket));
  });
}

/** Says `answer`, by UDP and TCP; nothing where that is undefined. What it was asked from is in `from`. */
async function resolver(port: number, address: string, answer: (sent: Buffer, isUdp: boolean) => Buffer[]) {
  const from: string[] = [];
  const socket = await udp(address, port);
  socket.on('message', (sent, { port }) => {
    from.push(`${port} ${sent.readUInt16BE(0)}`);
    for (const one of answer(sent, true)) socket.send(one, port, GATEWAY_OF_HOST);
  });
  const server = createServer((connection) => {
    const stream = new DnsStream(65_535);
    connection.on('data', (chunk) => {
      for (const sent of stream.push(chunk) ?? [])
        for (const one of answer(sent, false)) connection.write(framed(one));
    });
    connection.on('error', () => {});
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => {
    server.listen(port, address, resolve);
  });
  return { from };
}
/** From where the kernel sends to an address of the loopback. */
const GATEWAY_OF_HOST = '127.0.0.1';

async function ask(
  port: number,
  name: string,
  asking: Asking = {},
  address = GUEST,
  ms = 4000,
): Promise<Read | undefined> {
  const socket = await udp(address);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    socket.once('message', (bytes) => {
      clearTimeout(timer);
      resolve(read(bytes));
    });
    socket.send(question(name, asking), port, GATEWAY);
  });
}

/** Rejects if the connection ends without an answer. */
function askTcp(port: number, name: string, asking: Asking = {}, address = GUEST): Promise<Read> {
  return sendTcp(port, framed(question(name, asking)), address);
}

function sendTcp(port: number, bytes: Buffer, address = GUEST): Promise<Read> {
  return new Promise((resolve, reject) => {
    const stream = new DnsStream(65_535);
    const socket = connect({ port, host: GATEWAY, localAddress: address }, () => socket.write(bytes));
    socket.on('data', (chunk) => {
      const [answer] = stream.push(chunk) ?? [];
      if (answer === undefined) return;
      resolve(read(answer));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
}

const says =
  (packet: Packet, flags = 0) =>
  (sent: Buffer) => [reply(sent, packet, flags)];
const WWW = { answers: [a('www.example', '192.0.2.1')] };
const LONG = { answers: Array.from({ length: 200 }, (_, n) => a('www.example', `192.0.2.${n}`)) };

test('names of guests are told by UDP and TCP, and to nobody outside', async () => {
  const { port, dns } = await open('nobody');
  expect(await ask(port, 'web.lab.example')).toMatchObject({ answers: [{ data: '127.0.7.5' }] });
  expect(await askTcp(port, 'web.lab.example')).toMatchObject({ answers: [{ data: '127.0.7.5' }] });
  expect(await ask(port, 'www.example')).toMatchObject({ code: 5 });
  expect(await ask(port, 'web.lab.example', {}, OUTSIDE, 200)).toBeUndefined();
  await expect(askTcp(port, 'web.lab.example', {}, OUTSIDE)).rejects.toThrow();
  expect(dns.status()).toMatchObject({ names: 1, upstreams: [], refused: { outside: 1, off: 1 } });
});

test('other names are asked of a resolver once, each time from another port and with another id', async () => {
  const { port, dns } = await open();
  const { from } = await resolver(port, RESOLVER, says(WWW));
  expect(await ask(port, 'www.example')).toMatchObject({ code: 0, answers: [{ data: '192.0.2.1' }] });
  expect(await ask(port, 'WWW.Example')).toMatchObject({
    questions: [{ name: 'WWW.Example' }],
    answers: [{}],
  });
  expect(from).toHaveLength(1);
  const names = Array.from({ length: 20 }, (_, n) => `host${n}.example`);
  expect((await Promise.all(names.map((name) => ask(port, name)))).map((answer) => answer?.code)).toEqual(
    names.map(() => 0),
  );
  expect(new Set(from.map((one) => one.split(' ')[0])).size).toBeGreaterThan(15);
  expect(new Set(from.map((one) => one.split(' ')[1])).size).toBeGreaterThan(15);
  expect(dns.status().answered).toMatchObject({ cache: 1, upstream: 21 });
});

test('one question that many wait for is asked once', async () => {
  const { port, dns } = await open();
  const { from } = await resolver(port, RESOLVER, says(WWW, 0));
  const many = Array.from({ length: 10 }, () => ask(port, 'www.example'));
  expect((await Promise.all(many)).map((answer) => answer?.answers?.length)).toEqual(many.map(() => 1));
  expect(from).toHaveLength(1);
  expect(dns.status().queries).toBe(11);
});

test('a long answer comes by TCP, and goes whole to who asks by TCP', async () => {
  const { port } = await open();
  await resolver(port, RESOLVER, (sent, isUdp) => [
    isUdp ? reply(sent, {}, FLAG.truncated) : reply(sent, LONG),
  ]);
  expect((await askTcp(port, 'www.example')).answers).toHaveLength(200);
  expect(await ask(port, 'www.example', { edns: { size: 4096 } })).toMatchObject({
    flag_tc: true,
    answers: [],
  });
});

test('the next resolver is asked where the first one refuses, is at a loss, is away, or is somebody else', async () => {
  const { port, dns } = await open([RESOLVER, SECOND]);
  await resolver(port, SECOND, (sent) =>
    read(sent).questions?.[0].name === 'lost.example' ? [] : [reply(sent, WWW)],
  );
  // Nobody is there.
  expect(await ask(port, 'away.example')).toMatchObject({ code: 0 });
  const codes: Record<string, number> = { 'refused.example': 5, 'lost.example': 2 };
  await resolver(port, RESOLVER, (sent) => {
    const name = read(sent).questions?.[0].name ?? '';
    if (name !== 'forged.example') return [reply(sent, {}, codes[name])];
    const forged = reply(sent, { answers: [a(name, '203.0.113.66')] });
    forged.writeUInt16BE((forged.readUInt16BE(0) + 1) & 0xffff);
    return [forged, reply(sent, {}, 2)];
  });
  expect(await ask(port, 'refused.example')).toMatchObject({ code: 0, answers: [{ data: '192.0.2.1' }] });
  expect(await ask(port, 'forged.example')).toMatchObject({ code: 0, answers: [{ data: '192.0.2.1' }] });
  // The second one says nothing: what the first one said is all there is.
  expect(await ask(port, 'lost.example')).toMatchObject({ code: 2, answers: [] });
  expect(dns.status()).toMatchObject({ failed: 0, answered: { upstream: 4 } });
});

test('without any resolver a question fails at once, however many there were', async () => {
  const { port, dns } = await open();
  for (let n = 0; n < 70; n++) expect(await ask(port, `host${n}.example`)).toMatchObject({ code: 2 });
  expect(dns.status()).toMatchObject({ failed: 70, refused: {} });
});

test('a guest has so many questions waiting, and no more', async () => {
  const { port, dns } = await open();
  await resolver(port, RESOLVER, () => []);
  const asked = Array.from({ length: 70 }, (_, n) => ask(port, `host${n}.example`, {}, GUEST, 1000));
  const codes = (await Promise.all(asked)).map((answer) => answer?.code);
  expect(codes.filter((code) => code === 2)).toHaveLength(6);
  expect(dns.status().refused).toEqual({ busy: 6 });
});

test('an address that nobody has by a lease takes nothing from guests', async () => {
  const { port, dns } = await open();
  await resolver(port, RESOLVER, () => []);
  const names = Array.from({ length: 60 }, (_, n) => `host${n}.example`);
  const asked = [201, 202, 203, 9]
    .map((n) => `127.0.7.${n}`)
    .map((address) => Promise.all(names.map((name) => ask(port, `${address}.${name}`, {}, address, 1000))));
  const refused = (await Promise.all(asked)).map(
    (answers) => answers.filter((one) => one?.code === 2).length,
  );
  expect(refused).toEqual([0, 0, 52, 0]);
  expect(dns.status().refused).toEqual({ busy: 52 });
});

test('what is no question is counted, and others are answered', async () => {
  const { port, dns } = await open('nobody');
  const socket = await udp(GUEST);
  for (const bytes of [
    Buffer.alloc(3),
    Buffer.alloc(40, 0xff),
    Buffer.alloc(12),
    encode({ type: 'response' }),
  ])
    socket.send(bytes, port, GATEWAY);
  expect((await sendTcp(port, framed(Buffer.alloc(12)))).code).toBe(1);
  await expect(sendTcp(port, Buffer.from([0xff, 0xff, 0]))).rejects.toThrow('closed');
  expect(await ask(port, 'web')).toMatchObject({ code: 0 });
  expect(dns.status().malformed).toEqual({ short: 1, response: 2, counts: 2 });
});

test('a client has so many connections', async () => {
  const { port } = await open('nobody');
  const held = Array.from({ length: 9 }, () => connect({ port, host: GATEWAY, localAddress: GUEST }));
  for (const socket of held) {
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
  }
  await expect.poll(() => held.filter((socket) => socket.closed)).toHaveLength(1);
  await expect(askTcp(port, 'web')).rejects.toThrow();
  held.find((socket) => !socket.closed)?.destroy();
  await expect.poll(() => askTcp(port, 'web').catch(() => undefined)).toBeDefined();
});

test('who has the address is told of, until it is free', async () => {
  const { port, dns, noted } = await open('nobody', false);
  const other = createSocket('udp4').bind(port, '0.0.0.0');
  await once(other, 'listening');
  dns.listen();
  await expect.poll(noted).toBe(1);
  expect(dns.problem).toBe(
    `no DNS: address in use: another DNS server has ${GATEWAY}:${port}; stop it, or set network.dns to false`,
  );
  dns.listen();
  await expect.poll(noted).toBe(2);
  other.close();
  await once(other, 'close');
  dns.listen();
  await expect.poll(() => dns.problem).toBe('');
  expect(noted()).toBe(3);
  expect(await ask(port, 'web')).toMatchObject({ code: 0 });
});

test('it ends while questions wait', async () => {
  const { port, dns } = await open();
  await resolver(port, RESOLVER, () => []);
  const answer = ask(port, 'www.example', {}, GUEST, 300);
  await expect.poll(() => dns.status().queries).toBe(2);
  dns.close();
  expect(await answer).toBeUndefined();
});
