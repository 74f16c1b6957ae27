// The state of a connection, and how long it may stay silent in it: RFC 4787 (UDP), 5382 and 7857 (TCP), 5508 (ICMP). Of TCP as
// much as flags tell; windows are not looked at, so a RST ends nothing at once: whoever goes on is as he was.
//
//   syn_sent -> syn_received -> established -> fin (of the originator, or of the other) -> time_wait
//                                   any -> reset -> as it was, with the next segment that is no RST
//   fin, time_wait, reset -> syn_sent, with another SYN of the originator

import { ACK, FIN, RST, SYN } from '../wire/tcp.ts';

export const STATE = {
  none: 0,
  udp: 1,
  icmp: 2,
  other: 3,
  syn_sent: 4,
  syn_received: 5,
  established: 6,
  fin_originator: 7,
  fin_responder: 8,
  time_wait: 9,
  reset: 10,
} as const;

/** What users see. */
export const STATE_NAMES = [
  '',
  '',
  '',
  '',
  'syn_sent',
  'syn_received',
  'established',
  'fin',
  'fin',
  'time_wait',
  'reset',
] as const;

/** In seconds. */
export interface Timeouts {
  readonly udp: number;
  readonly icmp: number;
  readonly tcp_established: number;
  /** Before a TCP connection is established, and when it is closed. */
  readonly tcp_transitory: number;
}

/** RFC 4787 REQ-5, RFC 5508 REQ-2, RFC 5382 REQ-5. */
export const TIMEOUTS: Timeouts = { udp: 300, icmp: 60, tcp_established: 7440, tcp_transitory: 240 };

/** How many there are. */
export const STATES = STATE_NAMES.length;

/** In seconds, by state. */
export function timeoutsByState(of: Timeouts): Int32Array {
  const seconds = new Int32Array(STATE_NAMES.length).fill(of.tcp_transitory);
  seconds[STATE.udp] = of.udp;
  seconds[STATE.icmp] = of.icmp;
  seconds[STATE.other] = of.udp;
  seconds[STATE.established] = of.tcp_established;
  return seconds;
}

/** The state that the first segment of a TCP connection begins: `none` if no connection begins with such a one. */
export function firstState(flags: number): number {
  if ((flags & RST) !== 0) return STATE.none;
  if ((flags & SYN) !== 0) return (flags & (ACK | FIN)) === 0 ? STATE.syn_sent : STATE.none;
  // One that was there before us (a restart, another way before): as Linux with nf_conntrack_tcp_loose.
  return (flags & (ACK | FIN)) === ACK ? STATE.established : STATE.none;
}

/** The state after a segment of one side. */
export function nextState(state: number, flags: number, isResponder: boolean): number {
  if ((flags & RST) !== 0) return STATE.reset;
  if ((flags & SYN) !== 0) return afterSyn(state, flags, isResponder);
  if ((flags & FIN) !== 0) return afterFin(state, isResponder);
  if (state === STATE.syn_received && !isResponder) return STATE.established;
  return state === STATE.reset ? STATE.established : state;
}

function afterSyn(state: number, flags: number, isResponder: boolean): number {
  if (isResponder) return state === STATE.syn_sent ? STATE.syn_received : state;
  if ((flags & ACK) === 0 && state >= STATE.fin_originator) return STATE.syn_sent;
  return state;
}

function afterFin(state: number, isResponder: boolean): number {
  const own = isResponder ? STATE.fin_responder : STATE.fin_originator;
  const other = isResponder ? STATE.fin_originator : STATE.fin_responder;
  if (state === other || state === STATE.time_wait) return STATE.time_wait;
  return own;
}
