// Memory of a topology.

type Kind =
  | Uint8ArrayConstructor
  | Uint16ArrayConstructor
  | Int32ArrayConstructor
  | Uint32ArrayConstructor
  | Float64ArrayConstructor;

/** For each array its kind and length. */
type Plan = Readonly<Record<string, readonly [Kind, number]>>;

/**
 * Zeroed arrays that the control plane and every worker see: nothing is copied, and the control plane keeps them. They lie
 * in one piece of memory, since a piece for each took most of the time of a small compilation. `take`: where so many zero
 * bytes are had.
 */
export function shared<P extends Plan>(
  plan: P,
  take: (bytes: number) => ArrayBufferLike = (bytes) => new SharedArrayBuffer(bytes),
): { [Name in keyof P]: InstanceType<P[Name][0]> } {
  let size = 0;
  const places = Object.entries(plan).map(([name, [Kind, length]]) => {
    const at = size;
    // Each begins where the largest elements may.
    size += Math.ceil((length * Kind.BYTES_PER_ELEMENT) / 8) * 8;
    return { name, Kind, at, length };
  });
  const memory = take(size) as ArrayBuffer;
  const arrays = places.map(({ name, Kind, at, length }) => [name, new Kind(memory, at, length)]);
  return Object.fromEntries(arrays) as { [Name in keyof P]: InstanceType<P[Name][0]> };
}
