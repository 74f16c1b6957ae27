/** A declaration: what is said of it, its text, and which others it names. */
export interface Named {
  name: string;
  doc: string;
  text: string;
  uses: { name: string; entry: string }[];
}

export interface Surface {
  exported: Named[];
  reached: Named[];
}

export function surface(): Map<string, Surface>;
