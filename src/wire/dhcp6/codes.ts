// Numbers of DHCPv6: RFC 8415 section 7.3, 21 and 24, RFC 3646, RFC 4704, RFC 5908, RFC 6939.

/** By number; those that only relay agents and servers between them say are not here. */
export const MESSAGE_TYPES = [
  undefined,
  'solicit',
  'advertise',
  'request',
  'confirm',
  'renew',
  'rebind',
  'reply',
  'release',
  'decline',
  'reconfigure',
  'information_request',
] as const;
export type MessageType6 = NonNullable<(typeof MESSAGE_TYPES)[number]>;

export const OPTION6 = {
  clientId: 1,
  serverId: 2,
  iaNa: 3,
  iaTa: 4,
  address: 5,
  optionRequest: 6,
  preference: 7,
  relayMessage: 9,
  statusCode: 13,
  rapidCommit: 14,
  interfaceId: 18,
  dnsServers: 23,
  domainList: 24,
  iaPd: 25,
  prefix: 26,
  refreshTime: 32,
  clientFqdn: 39,
  clientMac: 79,
} as const;

export const STATUS = {
  success: 0,
  noAddrsAvail: 2,
  noBinding: 3,
  notOnLink: 4,
  noPrefixAvail: 6,
} as const;
