// The leaf that is the IP address of a host which is reached without naming an interface.

import { z } from 'zod';
import { canonicalIp, isMulticastIp, isUnspecifiedIp, parseIp } from '../wire/ip_address.ts';
import { expecting } from './leaves.ts';
import { show } from './show.ts';

const IP_TEXT = 'an IPv4 or IPv6 address';
export const unicastIp = z
  .string(expecting(IP_TEXT))
  .superRefine((value, context) => {
    const bytes = parseIp(value);
    const problem = !bytes
      ? `${show(value)} is not ${IP_TEXT}`
      : isMulticastIp(bytes)
        ? `${value} is a multicast group: VXLAN over multicast is not supported, list the remotes`
        : isUnspecifiedIp(bytes)
          ? `${value} is no host's address`
          : bytes.length === 16 && bytes[0] === 0xfe && (bytes[1] & 0xc0) === 0x80
            ? `${value} is link-local: it would need an interface, which is not supported`
            : undefined;
    if (problem) context.addIssue({ code: 'custom', message: problem, input: value });
  })
  .overwrite((value) => canonicalIp(value) ?? value);
