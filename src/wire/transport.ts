// Protocols above IP that begin with a source and a destination port, beside TCP and UDP: RFC 4340, RFC 9260, RFC 3828.

export const PROTOCOL_DCCP = 33;
export const PROTOCOL_SCTP = 132;
export const PROTOCOL_UDP_LITE = 136;
