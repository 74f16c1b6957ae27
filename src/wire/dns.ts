// DNS messages, RFC 1035 section 4.1: the header, and where records are. Whoever passes a message on as it came changes
// what is at a known place, and leaves alone what records say.
//
//   id 2 | flags 2 | questions 2 | answers 2 | authorities 2 | additionals 2 | question | records ...
//   question: name | type 2 | class 2      record: name | type 2 | class 2 | TTL 4 | length 2 | data

export const PORT = 53; // IANA
export const HEADER_LEN = 12;
/** Of one that is preceded by its length in TCP. */
export const MAX_LEN = 65_535;

export const FLAG = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authentic: 0x0020,
  checkingDisabled: 0x0010,
} as const;
export const OPCODE_BITS = 0x7800;
/** Of what a client says, the server says the same: RFC 1035 section 4.1.1, RFC 4035 section 3.1.6. */
export const ECHOED = FLAG.recursionDesired | FLAG.checkingDisabled;

export const RCODE = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const;
export const TYPE = {
  a: 1,
  ns: 2,
  soa: 6,
  ptr: 12,
  aaaa: 28,
  opt: 41,
  ixfr: 251,
  axfr: 252,
  any: 255,
} as const;

const POINTER = 0xc0;
/** RFC 1035 section 2.3.4. */
const MAX_NAME = 255;

export interface DnsRecord {
  readonly section: 'answer' | 'authority' | 'additional';
  readonly type: number;
  readonly start: number;
  readonly ttlAt: number;
  /** s; more than 31 bits are none: RFC 2181 section 8. */
  readonly ttl: number;
  readonly end: number;
}

/** The header's fields; the caller has checked that HEADER_LEN bytes are there. */
export const id = (view: DataView) => view.getUint16(0);
export const flags = (view: DataView) => view.getUint16(2);
export const opcode = (view: DataView) => (view.getUint16(2) >> 11) & 0xf;
export const rcode = (view: DataView) => view.getUint16(2) & 0xf;
export const questions = (view: DataView) => view.getUint16(4);
export const answers = (view: DataView) => view.getUint16(6);
export const authorities = (view: DataView) => view.getUint16(8);
export const additionals = (view: DataView) => view.getUint16(10);

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The records behind a question that ends at `at`; undefined if they are not whole. */
export function readRecords(bytes: Uint8Array, at: number): DnsRecord[] | undefined {
  const view = viewOf(bytes);
  const [first, second, third] = [answers(view), authorities(view), additionals(view)];
  const records: DnsRecord[] = [];
  for (let n = 0, start = at; n < first + second + third; n++) {
    const section = n < first ? 'answer' : n < first + second ? 'authority' : 'additional';
    const record = readRecord(view, start, section);
    if (record === undefined) return undefined;
    records.push(record);
    start = record.end;
  }
  return records;
}

function readRecord(view: DataView, start: number, section: DnsRecord['section']): DnsRecord | undefined {
  const at = skipName(view, start);
  if (at < 0 || at + 10 > view.byteLength) return undefined;
  const end = at + 10 + view.getUint16(at + 8);
  if (end > view.byteLength) return undefined;
  const ttl = view.getUint32(at + 4);
  const type = view.getUint16(at);
  return { section, type, start, ttlAt: at + 4, ttl: ttl > 0x7fff_ffff ? 0 : ttl, end };
}

/** Behind the name at `at`, which is not read: a pointer ends it, wherever it leads. -1: it is not whole. */
function skipName(view: DataView, at: number): number {
  for (const end = Math.min(view.byteLength, at + MAX_NAME); at < end; ) {
    const length = view.getUint8(at);
    if (length === 0) return at + 1;
    if (length >= POINTER) return at + 2;
    if (length > 63) return -1;
    at += 1 + length;
  }
  return -1;
}
