// The few requests of man(7) that our pages need. Plain man(7), not mdoc(7): its text lines carry words as they are,
// while mdoc takes an argument such as `Op` or `No` for a macro of its own.

/** Text as text: hyphens that can be copied, no backslash and no first character that roff would read as a request. */
export function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll('`', '\\(ga')
    .replaceAll('"', '\\(dq')
    .replace(/^(?=[.'])/gm, '\\&');
}

export const bold = (text: string) => `\\fB${plain(text)}\\fR`;
export const italic = (text: string) => `\\fI${plain(text)}\\fR`;

/** Prose, where `words` between backticks are what one types. Lines of less than 80 bytes, as roff wants them. */
export function prose(text: string): string {
  const marked = text
    .split('`')
    .map((part, i) => (i % 2 === 1 ? bold(part) : plain(part)))
    .join('');
  const lines = [''];
  for (const word of marked.split(' ')) {
    const line = lines[lines.length - 1];
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + word.length < 78) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(/^[.']/.test(word) ? `\\&${word}` : word);
  }
  return lines.join('\n');
}

/** `--vlan-filtering [on|off]`, `<bridge>`: placeholders in italics, what is typed as it stands in bold. */
export function usage(text: string): string {
  return text
    .split(/([<[][^\s]*[>\]](?=[\s,]|$))/)
    .map((part) => {
      if (part.startsWith('<')) return placeholder(part.slice(1, -1));
      if (part.startsWith('[')) return `[${placeholder(part.slice(1, -1))}]`;
      return part
        .split(/(, | )/)
        .map((word) => (word.trim() === '' || word === ', ' ? word : bold(word)))
        .join('');
    })
    .join('');
}

function placeholder(text: string): string {
  return /^[\w-]+(\|[\w-]+)+$/.test(text) ? text.split('|').map(bold).join('|') : italic(text);
}

export const section = (title: string, body: string) => `.SH ${title}\n${body.replace(/^\.PP\n/, '')}`;
export const subsection = (title: string, body: string) => `.SS ${title}\n${body}`;
export const paragraphs = (texts: readonly string[]) => texts.map(prose).join('\n.PP\n').concat('\n');
/** A term with its explanation, indented. `term` is roff already. */
export const item = (term: string, text: string) => `.TP\n${term}\n${prose(text)}\n`;
export const example = (lines: readonly string[]) => `.RS 4\n.EX\n${lines.map(plain).join('\n')}\n.EE\n.RE\n`;
