// Where security groups are not what others' connection tracking is: numbers of docs/differences.md.

import { ACK, FIN, PSH, RST, SYN } from '../../../src/wire/tcp.ts';
import type { Difference, Differences } from './comparison.ts';
import { ICMP, SCTP, TCP } from './datagrams.ts';

const INFORMATION_REQUEST = 15;

/** Of either. */
export const both: Differences = ({ saying, ours, theirs, history, isStrict }) => {
  const { datagram, isDisordered } = saying;
  if (history.wasFree) return { row: 53, isOver: true };
  if (isDisordered && theirs.to.length === 1 && ours.to.length === 0) return { row: 55 };
  if (datagram.protocol === ICMP && datagram.type === INFORMATION_REQUEST) return { row: 52, isOver: true };
  if (!isOfTcp(saying) || !(ours.wasKnown || history.wasRefused)) return undefined;
  if (theirs.state === 'invalid' && ours.to.length > 0) return { row: 50, isOver: true };
  const isOpening = ours.tcp === 'syn_sent' || ours.tcp === 'syn_received';
  const isOutside = isOutsideOf({ ours, isStrict });
  if (isOutside && isOpening) return { row: 60, isOver: true };
  if (isOutside && isClosing(ours.tcp)) return { row: 61, isOver: true };
  if (isOutside && history.wasRefused) return { row: 62, isOver: true };
  const isOver = (history.flags & RST) !== 0;
  const isHalfOver = (history.flags & FIN) !== 0 && (datagram.flags & SYN) !== 0;
  return isOver || isHalfOver ? { row: 54, isOver: true } : undefined;
};

export const fromKernel: Differences = (what) => {
  const { saying, theirs } = what;
  if (saying.datagram.protocol === SCTP && theirs.state === 'invalid') return { row: 51, isOver: true };
  return both(what);
};

export const fromOpenVSwitch: Differences = (what) => {
  const { saying, ours, theirs, history } = what;
  const { flags } = saying.datagram;
  const isUnasked = ours.told.some((line) => /policy_(invalid|unknown)$/.test(line)) && !ours.wasKnown;
  const isEnd = isOfTcp(saying) && !saying.isError && (flags & (RST | FIN)) !== 0;
  if (isUnasked && isEnd && theirs.state === 'new') return { row: 56, isOver: true };
  const known = both(what);
  if (known !== undefined || saying.isError) return known;
  if (history.hadLateSyn && isOutsideOf(what)) return { row: 63, isOver: true };
  if (saying.frames.length > 1 && ours.state !== 'established' && theirs.state === undefined)
    return { row: 59, isOver: true };
  // Ours knows the connection by the first fragment.
  if (history.wasTorn && ours.wasKnown && theirs.state !== 'established') return { row: 59, isOver: true };
  if (!isOfTcp(saying)) return undefined;
  const isPushedSyn = (flags & (SYN | PSH | ACK)) === (SYN | PSH);
  if (isPushedSyn && !ours.wasKnown && theirs.state === 'invalid') return { row: 57, isOver: true };
  return isAnswered(what) ? { row: 58 } : undefined;
};

function isOutsideOf({ ours, isStrict }: Pick<Difference, 'ours' | 'isStrict'>): boolean {
  return isStrict && ours.told.some((line) => line.endsWith('policy_window'));
}

function isClosing(state: string | undefined): boolean {
  return state === 'fin' || state === 'time_wait' || state === 'reset';
}

/** Both let it pass, and one of them calls its connection new. */
function isAnswered({ ours, theirs }: Difference): boolean {
  const states = [ours.state, theirs.state];
  const isSame = theirs.to.join() === ours.to.join();
  return isSame && states.includes('new') && states.includes('established');
}

function isOfTcp({ datagram, name }: Difference['saying']): boolean {
  return datagram.protocol === TCP || name.startsWith(`${TCP} `);
}
