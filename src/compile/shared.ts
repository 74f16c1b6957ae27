// Memory of a topology.

/** Zeroed memory that the control plane and every worker see: nothing is copied, and the control plane keeps it. */
export function shared<T>(type: new (memory: ArrayBuffer) => T, length: number): T {
  const { BYTES_PER_ELEMENT } = type as unknown as { BYTES_PER_ELEMENT: number };
  return new type(new SharedArrayBuffer(length * BYTES_PER_ELEMENT) as unknown as ArrayBuffer);
}
