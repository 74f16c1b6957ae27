// Raw Ethernet frames in hexadecimal, for `sendFrames`. The EtherType is one for local experiments (IEEE 802, 9.2.3),
// so that no protocol stack answers.

export const EXPERIMENT = 0x88b5;

export interface FrameFields {
  to: string;
  from: string;
  /** In bytes, without FCS. */
  size?: number;
  /** 802.1Q tag: TCI. */
  tag?: number;
  etherType?: number;
}

const hex = (mac: string) => mac.replaceAll(':', '');
const word = (value: number) => value.toString(16).padStart(4, '0');

export function frame({ to, from, size = 60, tag, etherType = EXPERIMENT }: FrameFields): string {
  const tagged = tag === undefined ? '' : `8100${word(tag)}`;
  return `${hex(to)}${hex(from)}${tagged}${word(etherType)}`.padEnd(size * 2, '0');
}

export const BROADCAST = 'ff:ff:ff:ff:ff:ff';
