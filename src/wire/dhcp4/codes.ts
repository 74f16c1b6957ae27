// Numbers of DHCP, from IANA's registry "BOOTP vendor extensions and DHCP options" unless a line says otherwise.

/** DHCP message types, RFC 2132 section 9.6. */
export const MESSAGE_TYPES = [
  'discover',
  'offer',
  'request',
  'decline',
  'ack',
  'nak',
  'release',
  'inform',
] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

export const OPTION = {
  pad: 0,
  subnetMask: 1,
  routers: 3,
  dns: 6,
  hostName: 12,
  domain: 15,
  mtu: 26,
  broadcast: 28,
  ntp: 42,
  vendor: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverId: 54,
  parameters: 55,
  message: 56,
  maxSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientId: 61,
  serverName: 66,
  bootFile: 67,
  /** RFC 3004. */
  userClass: 77,
  /** RFC 4039. */
  rapidCommit: 80,
  /** RFC 4702. */
  clientFqdn: 81,
  /** RFC 3046. */
  relayAgent: 82,
  /** RFC 4578 section 2.1. */
  architecture: 93,
  /** RFC 3397. */
  search: 119,
  /** RFC 3442. */
  routes: 121,
  /** Microsoft's older number of 121, with the same content. */
  microsoftRoutes: 249,
  end: 255,
} as const;

/** Options that are part of the protocol itself: no configuration may say what they are. */
export const PROTOCOL_OPTIONS: readonly number[] = [0, 50, 51, 52, 53, 54, 55, 57, 61, 80, 82, 255];

/** Sub-options of `relayAgent`, of which only the link matters, RFC 3527. */
export const RELAY = { linkSelection: 5 } as const;
