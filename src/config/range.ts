// Ranges of numbers as a configuration writes them: `100-199`, for VLAN ids and UDP ports.

export interface Range {
  from: number;
  to: number;
}

/** Undefined if `text` is not two decimal numbers with a hyphen. Says nothing about their order or limits. */
export function parseRange(text: string): Range | undefined {
  const match = /^(\d{1,5}) ?- ?(\d{1,5})$/.exec(text);
  return match ? { from: Number(match[1]), to: Number(match[2]) } : undefined;
}
