// The leaf that is the MAC address of a station.

import { formatMac, isGroupMac, isZeroMac, parseMac } from '../wire/mac.ts';
import { text } from './leaves.ts';

const MAC_TEXT = 'the MAC address of a single station (aa:bb:cc:dd:ee:ff)';

export const mac = text(MAC_TEXT, (value) => {
  const address = parseMac(value);
  return address !== undefined && !isGroupMac(address.hi) && !isZeroMac(address.hi, address.lo);
}).overwrite((value) => {
  const address = parseMac(value);
  return address ? formatMac(address.hi, address.lo) : value;
});
