// What routers do with a frame, in sentences: which route matched, by which next hop it leaves, or why it does not.

import { isDeepStrictEqual } from 'node:util';
import type { TraceStep } from '../api.ts';
import { formatPath, type Path } from '../config/path.ts';
import { parseAddress } from '../config/router_address.ts';
import type { RouterConfig } from '../config/router_shape.ts';
import { COLUMN } from '../frame/frame_batch.ts';
import { DEST_CONSUMED, DEST_DROP, PORT_MASK } from '../frame/hop.ts';
import type { DropName } from '../table/drops.ts';
import { HEADER_LEN, TYPE_ARP, TYPE_IPV4, TYPE_IPV6 } from '../wire/ethernet.ts';
import { PROTOCOL_ICMP } from '../wire/icmp.ts';
import { formatIp, type IpBytes } from '../wire/ip_address.ts';
import { type IpPrefix, parsePrefix, prefixContains } from '../wire/ip_prefix.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { formatMac } from '../wire/mac.ts';
import type { Cause } from './cause.ts';
import { type Scene, step } from './scene.ts';
import type { SeenRow } from './sighting.ts';
import { dropOf, helpOf } from './tell_classify.ts';

interface Packet {
  src: IpBytes;
  dst: IpBytes;
  hops: number;
  length: number;
}

/** A route of the configuration, or what an interface's address makes. */
interface Match {
  prefix: string;
  bits: number;
  cause: Cause;
}

/** Of a row whose destination is an interface of a router. */
export function isInterface({ topology }: Pick<Scene, 'topology'>, dest: number): boolean {
  return dest < DEST_DROP && (topology.routers?.interfaceOf[dest & PORT_MASK] ?? 0) > 0;
}

/** Nothing, unless a router got the frame of a row. */
export function tellRoute(scene: Scene, seen: SeenRow): TraceStep[] {
  const { names, sighting } = scene;
  if (!isInterface(scene, seen.decided)) return [];
  const port = names.port(seen.decided & PORT_MASK) ?? '';
  const [router, name] = port.split('.');
  const config = scene.config.routers?.[router];
  if (config === undefined) return [];
  const next = sighting.rows.find(({ row }) => row > seen.row);
  const dest = seen.columns[COLUMN.dest];
  const reason = dropOf(dest);
  const packet = packetOf(seen.head);
  if (packet === undefined) return [tellOther(port, seen.head, reason)];
  const dst = formatIp(packet.dst);
  const isOnItsWay = dest === DEST_CONSUMED && next !== undefined && !next.isAnswer;
  const translated = isOnItsWay ? translationOf(seen.head, next.head) : undefined;
  const routed =
    translated === undefined ? packet.dst : (packetOf(next?.head ?? seen.head)?.dst ?? packet.dst);
  const to = formatIp(routed);
  const match = matchOf(config, router, name, routed);
  const how = match === undefined ? to : `${to} matches ${match.prefix} (${match.cause.text})`;
  if (reason !== undefined) return [tellDrop(scene, router, name, packet, reason, match, how)];
  if (dest !== DEST_CONSUMED || next === undefined)
    return [step('route', 'neighbour', `Of a neighbour of ${port}: the control plane takes it`)];
  const out = names.port(next.columns[COLUMN.ingress] & PORT_MASK) ?? '';
  const own = packetOf(next.head);
  if (own !== undefined && formatIp(own.src) === dst && formatIp(own.dst) === formatIp(packet.src))
    return [step('route', 'answer', `${dst} is an address of ${router}, which answers by ${out}`)];
  const view = new DataView(next.head.buffer);
  const [hi, lo] = [view.getUint16(0), view.getInt32(2)];
  const hop = hopOf(match, to);
  if ((hi | lo) === 0) return [tellUnknown(out, hop, how, match, next)];
  const left = own === undefined ? '' : `; ${own.hops} hops are left`;
  const text = `${how}: it leaves by ${out} to ${hop}, ${formatMac(hi, lo)}${left}`;
  const forwarded = step('route', 'forwarded', text, match?.cause);
  if (translated === undefined) return [forwarded];
  const cause = causeOf(['routers', router, 'nat'], `${config.nat.length} rules`);
  return [step('route', 'translated', `NAT: ${translated}`, cause), forwarded];
}

function tellOther(port: string, head: Uint8Array, reason: DropName | undefined): TraceStep {
  if (reason !== undefined) return step('route', reason, `${helpOf(reason)}: dropped, ${reason}`);
  const type = new DataView(head.buffer).getUint16(HEADER_LEN - 2);
  const what = type === TYPE_ARP ? 'ARP' : 'Not IP';
  return step(
    'route',
    'neighbour',
    `${what} for ${port}: it answers what it is asked for, and the control plane hears it`,
  );
}

/** Somebody has to be asked first. */
function tellUnknown(
  out: string,
  hop: string,
  how: string,
  match: Match | undefined,
  { columns }: SeenRow,
): TraceStep {
  const reason = dropOf(columns[COLUMN.dest]);
  const after =
    reason === undefined ? 'it waits, and goes on with the answer' : `too many wait: dropped, ${reason}`;
  const text = `${how}: who is ${hop} behind ${out} is not known. The control plane asks; ${after}`;
  return step('route', reason ?? 'no_neighbour', text, match?.cause);
}

function tellDrop(
  { topology, names, config, sighting }: Scene,
  router: string,
  name: string,
  packet: Packet,
  reason: DropName,
  match: Match | undefined,
  how: string,
): TraceStep {
  const told = sighting.rows.some(({ isAnswer }) => isAnswer) ? ' Its sender is told.' : '';
  const tell = (text: string, cause?: Cause) =>
    step('route', reason, `${text}: dropped, ${reason}.${told}`, cause);
  const settings = config.routers?.[router]?.interfaces[name];
  const table = settings?.table;
  switch (reason) {
    case 'no_route': {
      const where = table === undefined ? router : `table ${table} of ${router}`;
      const any = packet.dst.length === 4 ? '0.0.0.0/0' : '::/0';
      return tell(`No route of ${where} matches ${formatIp(packet.dst)}; one to ${any} would`);
    }
    case 'reverse_path': {
      const path: Path = ['routers', router, 'interfaces', name, 'reverse_path'];
      const value = settings?.reverse_path;
      const cause = causeOf(path, value);
      return tell(`${formatIp(packet.src)} is not routed back by ${router}.${name} (${cause.text})`, cause);
    }
    case 'ttl_exceeded':
      return tell(
        `It has ${packet.hops === 0 ? 'no hop' : 'one hop'} left, and this router is one`,
        match?.cause,
      );
    case 'mtu_exceeded': {
      const { routers } = topology;
      const mtus = routers === null ? [] : [...routers.port.keys()].slice(1);
      const ways = mtus.map((n) => `${names.port(routers?.port[n] ?? 0)}: ${routers?.mtu[n]}`);
      const text = `${how}, and its ${packet.length} bytes are more than the way out takes (MTUs: ${ways.join(', ')})`;
      return tell(text, match?.cause);
    }
    case 'blackhole':
    case 'route_unreachable':
    case 'prohibited':
      return tell(how, match?.cause);
    case 'martian':
      return tell(`No router forwards from ${formatIp(packet.src)} to ${formatIp(packet.dst)}`);
    case 'no_service':
      return tell(
        `${formatIp(packet.dst)} is an address of ${router}, which answers nothing there but ping`,
        match?.cause,
      );
    default:
      return tell(helpOf(reason), match?.cause);
  }
}

/** What NAT changes, of IPv4; undefined: nothing, or it is an answer. */
function translationOf(before: Uint8Array, after: Uint8Array): string | undefined {
  const [from, to] = [endsOf(before), endsOf(after)];
  if (from === undefined || to === undefined || isDeepStrictEqual(from, to)) return undefined;
  if (from.dst === to.src && from.src === to.dst) return undefined;
  return `${from.src} > ${from.dst} becomes ${to.src} > ${to.dst}`;
}

/** Addresses with ports, or ICMP identifiers. */
function endsOf(head: Uint8Array): { src: string; dst: string } | undefined {
  const packet = packetOf(head);
  if (packet?.src.length !== 4) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const l4 = HEADER_LEN + ipv4.headerLength(view, HEADER_LEN);
  const protocol = ipv4.protocol(view, HEADER_LEN);
  const [src, dst] = [formatIp(packet.src), formatIp(packet.dst)];
  if (l4 + 6 > head.length || ipv4.isLaterFragment(view, HEADER_LEN)) return { src, dst };
  if (protocol === PROTOCOL_ICMP) return { src: `${src} (identifier ${view.getUint16(l4 + 4)})`, dst };
  if (protocol !== ipv4.PROTOCOL_TCP && protocol !== ipv4.PROTOCOL_UDP) return { src, dst };
  return { src: `${src}:${view.getUint16(l4)}`, dst: `${dst}:${view.getUint16(l4 + 2)}` };
}

/** The next hop of what matched, in words. */
function hopOf(match: Match | undefined, dst: string): string {
  const route = match?.cause.value as { via?: string | string[] } | undefined;
  if (typeof route !== 'object' || route?.via === undefined) return `${dst} itself`;
  const hops = [route.via].flat();
  return hops.length === 1
    ? `the next hop ${hops[0]}`
    : `one of the next hops ${hops.join(', ')}, by its flow`;
}

/** The longest prefix of the table that an interface asks, as RouteList of the compiler has it. */
function matchOf(config: RouterConfig, router: string, name: string, dst: IpBytes): Match | undefined {
  const { interfaces, routes } = config;
  let best: Match | undefined;
  const offer = (prefix: IpPrefix, text: string, cause: Cause) => {
    if (prefix.address.length !== dst.length || !prefixContains(prefix, dst)) return;
    if (best === undefined || prefix.bits >= best.bits) best = { prefix: text, bits: prefix.bits, cause };
  };
  for (const [own, { address }] of Object.entries(interfaces)) {
    for (const text of address) {
      const parsed = parseAddress(text);
      const cause = causeOf(['routers', router, 'interfaces', own, 'address'], text);
      if (parsed !== undefined) offer(parsed.subnet, subnetText(parsed.subnet), cause);
    }
  }
  const { table } = interfaces[name] ?? {};
  for (const [index, route] of routes.entries()) {
    const prefix = parsePrefix(route.to);
    if (route.table !== table || prefix === undefined) continue;
    const path = formatPath(['routers', router, 'routes', index]);
    offer(prefix, route.to, { path, value: route, text: path });
  }
  return best;
}

function subnetText({ address, bits }: IpPrefix): string {
  return `${formatIp(address)}/${bits}`;
}

function causeOf(path: Path, value: unknown): Cause {
  const text = formatPath(path);
  return { path: text, value, text: `${text}: ${String(value)}` };
}

function packetOf(head: Uint8Array): Packet | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const type = head.length < HEADER_LEN ? 0 : view.getUint16(HEADER_LEN - 2);
  const at = HEADER_LEN;
  if (type === TYPE_IPV4 && head.length >= at + ipv4.HEADER_LEN)
    return {
      src: head.slice(at + 12, at + 16),
      dst: head.slice(at + 16, at + 20),
      hops: ipv4.ttl(view, at),
      length: ipv4.totalLength(view, at),
    };
  if (type === TYPE_IPV6 && head.length >= at + ipv6.HEADER_LEN)
    return {
      src: head.slice(at + ipv6.SRC, at + ipv6.SRC + 16),
      dst: head.slice(at + ipv6.DST, at + ipv6.DST + 16),
      hops: ipv6.hopLimit(view, at),
      length: ipv6.HEADER_LEN + ipv6.payloadLength(view, at),
    };
  return undefined;
}
