// Guests behind guards for steady_state.mjs: station n has 10.0.0.0 + n and fd00:n:: behind port n % 8, every other one in VLAN 10 alone.
// One in eight says what is not so.

const NET = 0x0a00_0000;

export function bindStations(bindings, ports, stations) {
  for (let n = 0; n < stations; n++) {
    const port = ports[n % ports.length];
    const vlan = (n >>> 3) % 2 === 0 ? 0 : 10;
    const mac = { hi: 0x0200, lo: n };
    bindings.addMac(port, vlan, mac);
    bindings.add(port, vlan, Uint8Array.of(10, 0, n >>> 8, n), mac);
    const address = new Uint8Array(16);
    address.set([0xfd, 0, n >>> 8, n]);
    bindings.add(port, vlan, address, mac);
  }
}

/** Instead of the IPv4 packet at `l3`, now and then something else. @returns its length */
export function writeGuest(view, at, l3, turn, station, most) {
  view.setInt32(l3 + 12, NET | station);
  switch (turn % 32) {
    case 3:
      view.setInt32(l3 + 12, NET | (station + 1));
      return most;
    case 5:
      return writeArp(view, at, l3, station, station);
    case 9:
      return writeArp(view, at, l3, station, station + 1);
    case 13:
      return writeAdvertisement(view, l3, station, station);
    case 17:
      return writeAdvertisement(view, l3, station, station + 1);
    case 21:
      writeIpv6(view, l3, 17, 20, station);
      return 60;
    case 25: {
      writeIpv6(view, l3, 58, 16, station);
      view.setInt32(l3 + 40, 0x8600_0000 | 0); // a router advertises itself
      return 56;
    }
    default:
      return most;
  }
}

function writeArp(view, at, l3, station, sender) {
  view.setUint16(l3 - 2, 0x0806);
  view.setInt32(l3, 0x0001_0800);
  view.setInt32(l3 + 4, 0x0604_0001);
  view.setInt32(l3 + 8, view.getInt32(at + 6));
  view.setUint16(l3 + 12, view.getUint16(at + 10));
  view.setInt32(l3 + 14, NET | sender);
  view.setInt32(l3 + 18, 0);
  view.setUint16(l3 + 22, 0);
  view.setInt32(l3 + 24, NET | (station ^ 1));
  return 46;
}

function writeIpv6(view, l3, protocol, length, station) {
  view.setUint16(l3 - 2, 0x86dd);
  view.setInt32(l3, 0x6000_0000);
  view.setInt32(l3 + 4, (length << 16) | (protocol << 8) | 255);
  view.setInt32(l3 + 8, 0xfd00_0000 | station);
  for (let k = 12; k < 40; k += 4) view.setInt32(l3 + k, 0);
}

function writeAdvertisement(view, l3, station, target) {
  writeIpv6(view, l3, 58, 32, station);
  view.setInt32(l3 + 40, 0x8800_0000 | 0);
  view.setInt32(l3 + 44, 0);
  view.setInt32(l3 + 48, 0xfd00_0000 | target);
  for (let k = 52; k < 64; k += 4) view.setInt32(l3 + k, 0);
  view.setUint16(l3 + 64, 0x0201); // the sender's MAC
  view.setUint16(l3 + 66, 0x0200);
  view.setInt32(l3 + 68, station);
  return 72;
}
