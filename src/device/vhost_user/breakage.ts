// Why a guest's ring is broken: enum vhost_breakage of native/vhost.h, in words.

import { constants } from 'node:os';
import { errnoName } from '../../sys/sys_error.ts';

const REASONS = [
  '',
  'it is not where the front end says',
  'its available index ran ahead of the ring',
  'it names a descriptor that the ring does not have',
  'a descriptor names an address outside of the memory that the front end shared',
  'a chain of descriptors is too long, or goes round in circles',
  'a buffer is writable where it must not be, or the other way round',
  'an indirect descriptor is malformed',
  'the memory under it has vanished: the front end cut off its file',
];

/** Why memory that the front end shares is not taken. */
export function memoryTrouble(errno: number): string {
  const why: Record<number, string> = {
    [constants.errno.EOPNOTSUPP]: 'it must be a memfd, or a file of tmpfs or hugetlbfs',
    [constants.errno.ERANGE]: 'a region is not within its file',
    [constants.errno.E2BIG]: 'it has too many regions',
  };
  return `the memory of the guest cannot be had: ${why[errno] ?? errnoName(errno)}`;
}

export function breakageText(queue: number, broken: number): string {
  const way = queue % 2 === 0 ? 'to the guest' : 'from the guest';
  const reason = REASONS[broken] ?? `reason ${broken}`;
  return `ring ${queue} (${way}) is broken: ${reason}; a reset of the guest's driver mends it`;
}
