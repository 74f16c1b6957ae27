// Where things are in a DHCP message, RFC 2131 section 2, for the data plane, which reads no options.

const OP = 0;
const BOOTREQUEST = 1;
const GIADDR = 24;
const CHADDR = 28;
const MAC_LEN = 6;

/** Whether the message from `at` to before `end` is a client's own: of that hardware address, and without a relay agent. */
export function isFrom(view: DataView, at: number, end: number, hi: number, lo: number): boolean {
  if (at + CHADDR + MAC_LEN > end || view.getUint8(at + OP) !== BOOTREQUEST) return false;
  if (view.getInt32(at + GIADDR) !== 0) return false;
  return view.getUint16(at + CHADDR) === hi && view.getInt32(at + CHADDR + 2) === lo;
}
