// The reference of the library: a page of Markdown for each entry, from the docstrings.

/** `{ page, broken }`: the page, and the links in docstrings that lead nowhere. */
export function reference(entry, { exported, reached }) {
  const names = new Set([...exported, ...reached].map(({ name }) => name));
  const broken = [];
  const link = (from, target, label) => {
    const [name] = target.split(/[.#]/);
    if (names.has(name)) return `[${label || target}](#${anchor(name)})`;
    broken.push(`${from}: {@link ${target}}`);
    return label || target;
  };
  const linked = (from, text) =>
    text.replaceAll(/\{@link\s+([\w.#]+)\s*\|?\s*([^}]*)\}/g, (_, target, label) =>
      link(from, target, label),
    );
  const section = ({ name, doc, text, uses }) => {
    const parts = [`## ${name}`];
    if (doc !== '') parts.push(linked(name, doc));
    parts.push(`\`\`\`ts\n${linked(name, inner(text))}\n\`\`\``);
    if (uses.length > 0) parts.push(`Uses ${uses.map((one) => linkTo(entry, one)).join(', ')}.`);
    return parts.join('\n\n');
  };
  const list = exported.map(({ name }) => `[${name}](#${anchor(name)})`).join(', ');
  const page = [
    `# ${entry}`,
    `Exports ${list}.`,
    ...exported.map(section),
    '# Types that are part of these',
    ...reached.map(section),
    '',
  ].join('\n\n');
  return { page, broken };
}

/** To the page of another entry, if it is explained there. */
function linkTo(entry, { name, entry: other }) {
  const page = other === entry ? '' : `${other.replaceAll('/', '-')}.md`;
  return `[${name}](${page}#${anchor(name)})`;
}

/** As GitHub makes them. */
function anchor(name) {
  return name.toLowerCase();
}

function inner(text) {
  return text.replaceAll(/^\n+|\n+$/g, '').replaceAll(/\n{3,}/g, '\n\n');
}
