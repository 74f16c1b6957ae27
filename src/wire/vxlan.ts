// VXLAN header, RFC 7348 section 5. The caller has checked that HEADER_LEN bytes are present at `at`.
//
//   0               8                                     24     31
//   |R|R|R|R|I|R|R|R|            reserved                         |
//   |            VXLAN network identifier          |  reserved    |
//
// Reserved bits are sent as 0 and ignored on receipt, as the RFC asks (Linux drops such frames by default).

export const HEADER_LEN = 8;
export const UDP_PORT = 4789; // IANA
export const VNI_MAX = 0xff_ffff;

/** The I flag: the VNI is valid. */
const FLAGS_VNI_VALID = 0x0800_0000;

export function hasVni(view: DataView, at: number): boolean {
  return (view.getInt32(at) & FLAGS_VNI_VALID) !== 0;
}

export function vni(view: DataView, at: number): number {
  return view.getUint32(at + 4) >>> 8;
}

export function write(view: DataView, at: number, vni: number): void {
  view.setInt32(at, FLAGS_VNI_VALID);
  view.setInt32(at + 4, vni << 8);
}
