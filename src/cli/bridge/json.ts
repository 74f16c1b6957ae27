// JSON in the two layouts of iproute2: all on a line, or with `-p` as lib/json_writer.c indents it.

export function jsonText(rows: readonly object[], pretty: boolean): string {
  return `${pretty ? indented(rows, 0) : JSON.stringify(rows)}\n`;
}

function indented(value: unknown, depth: number): string {
  if (Array.isArray(value)) {
    const items = value.map((item) => indented(item, depth + 1));
    return `[ ${items.join(',')}${items.length > 0 ? ' ' : ''}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const line = (level: number) => `\n${' '.repeat(4 * level)}`;
  const fields = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => `${line(depth + 1)}"${key}": ${indented(item, depth + 1)}`);
  return `{${fields.join(',')}${line(depth)}}`;
}
