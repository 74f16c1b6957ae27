// Why a guest's ring is broken: enum vhost_breakage of native/vhost.h, in words.

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

export function breakageText(queue: number, broken: number): string {
  const way = queue % 2 === 0 ? 'to the guest' : 'from the guest';
  const reason = REASONS[broken] ?? `reason ${broken}`;
  return `ring ${queue} (${way}) is broken: ${reason}; a reset of the guest's driver mends it`;
}
