// What connections have in common, each a pair of lines (line_table.ts) that lives as long as some connection needs it:
//
//   mapping   inside: protocol, address, port, rule -> outside address, port      the same for all destinations (RFC 4787, REQ-1)
//             outside: protocol, address, port -> inside address, port            so nobody else gets that port
//   guest     zone, address -> how many connections and ports it has
//   address   zone, protocol, outside address -> how many of its ports are taken
//
// All of it under the lock of the connections.

import { kindOf, OF, zoneOf } from './flow.ts';
import { DST, KIND, type LineTable, otherOf, PORTS, SRC } from './line_table.ts';

/** Words of a line. Of a mapping both lines have the address and port of the other side. */
export const MAPPING = {
  /** Connections of a mapping or a guest; ports of an address. */
  count: 2,
  /** Ports of a guest. */
  ports: 3,
  address: 10,
  port: 11,
  /** The guest that it counts for. */
  guest: 12,
  /** The line of its outside address. */
  outside: 13,
} as const;

export class Mappings {
  readonly table: LineTable;
  private readonly ofZone: Int32Array;

  /** @param ofZone by zone: ports that are taken */
  constructor(table: LineTable, ofZone: Int32Array) {
    this.table = table;
    this.ofZone = ofZone;
  }

  /** The mapping of an inside address and port by a rule, or 0. */
  find(zone: number, protocol: number, address: number, port: number, rule: number): number {
    return this.table.find(kindOf(zone, protocol, OF.inside), port, address, rule);
  }

  /** The outside line of a mapping, or 0. */
  findOutside(zone: number, protocol: number, address: number, port: number): number {
    return this.table.find(kindOf(zone, protocol, OF.outside), port, 0, address);
  }

  /** How many ports of an outside address are taken. */
  portsTaken(zone: number, protocol: number, address: number): number {
    const { table } = this;
    const line = table.find(kindOf(zone, protocol, OF.address), 0, 0, address);
    return line === 0 ? 0 : table.lines[line + MAPPING.count];
  }

  /** The line of a guest, made if it has none; 0 = there is no room. */
  guest(zone: number, address: number): number {
    return this.singleton(kindOf(zone, 0, OF.guest), address);
  }

  connectionsOf(guest: number): number {
    return this.table.lines[guest + MAPPING.count];
  }

  portsOf(guest: number): number {
    return this.table.lines[guest + MAPPING.ports];
  }

  count(guest: number, by: number): void {
    this.table.lines[guest + MAPPING.count] += by;
  }

  /** Forgets a guest that has nothing. */
  forgetIdle(guest: number): void {
    const { lines } = this.table;
    if (lines[guest + MAPPING.count] === 0 && lines[guest + MAPPING.ports] === 0) this.forget(guest);
  }

  /** A mapping that nobody needs yet: `hold` it, or `drop` it. Its outside port is free. 0 = there is no room. */
  add(
    zone: number,
    protocol: number,
    rule: number,
    address: number,
    port: number,
    newAddress: number,
    newPort: number,
  ): number {
    const { table } = this;
    const { lines } = table;
    const guest = this.guest(zone, address);
    const outside = this.singleton(kindOf(zone, protocol, OF.address), newAddress);
    const line = guest === 0 || outside === 0 ? 0 : table.take();
    if (line !== 0) {
      this.write(line, kindOf(zone, protocol, OF.inside), port, address, rule, newAddress, newPort);
      const other = otherOf(line);
      this.write(other, kindOf(zone, protocol, OF.outside), newPort, 0, newAddress, address, port);
      if (table.link(line)) {
        if (table.link(other)) {
          lines[line + MAPPING.guest] = guest;
          lines[line + MAPPING.outside] = outside;
          lines[guest + MAPPING.ports]++;
          lines[outside + MAPPING.count]++;
          this.ofZone[zone]++;
          return line;
        }
        table.unlink(line);
      }
      table.release(line);
    }
    if (guest !== 0) this.forgetIdle(guest);
    if (outside !== 0) this.forgetIdle(outside);
    return 0;
  }

  hold(mapping: number): void {
    this.table.lines[mapping + MAPPING.count]++;
  }

  /** One connection needs a mapping no more. */
  drop(mapping: number): void {
    const { lines } = this.table;
    lines[mapping + MAPPING.count]--;
    this.forgetUnused(mapping);
  }

  /** Forgets a mapping that nobody needs. */
  forgetUnused(mapping: number): void {
    const { lines } = this.table;
    if (lines[mapping + MAPPING.count] > 0) return;
    const guest = lines[mapping + MAPPING.guest];
    const outside = lines[mapping + MAPPING.outside];
    this.ofZone[zoneOf(lines[mapping + KIND])]--;
    this.table.unlink(otherOf(mapping));
    this.forget(mapping);
    lines[guest + MAPPING.ports]--;
    lines[outside + MAPPING.count]--;
    this.forgetIdle(guest);
    this.forgetIdle(outside);
  }

  private write(
    line: number,
    kind: number,
    port: number,
    src: number,
    dst: number,
    address: number,
    newPort: number,
  ): void {
    const { lines } = this.table;
    lines[line + KIND] = kind;
    lines[line + PORTS] = port;
    lines[line + SRC] = src;
    lines[line + DST] = dst;
    lines[line + MAPPING.address] = address;
    lines[line + MAPPING.port] = newPort;
  }

  /** A line that is alone in its pair. */
  private singleton(kind: number, address: number): number {
    const { table } = this;
    const found = table.find(kind, 0, 0, address);
    if (found !== 0) return found;
    const line = table.take();
    if (line === 0) return 0;
    this.write(line, kind, 0, 0, address, 0, 0);
    if (table.link(line)) return line;
    table.release(line);
    return 0;
  }

  private forget(line: number): void {
    this.table.unlink(line);
    this.table.release(line);
  }
}
