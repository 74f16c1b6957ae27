// The report of the public surface: signatures alone, so that its diff is what changed for an embedder.

/** As a page for api/. */
export function report(entry, { exported, reached }) {
  return [
    `# What \`${entry}\` exports`,
    'Written by `npm run api`, compared by a test. A change of this page is a change for embedders: [versions](../docs/versioning.md).',
    ...exported.map(section),
    '# Reached from there, and not exported by name',
    ...reached.map(section),
    '',
  ].join('\n\n');
}

function section({ name, text }) {
  return `## ${name}\n\n\`\`\`ts\n${bare(text)}\n\`\`\``;
}

function bare(text) {
  return text
    .replaceAll(/\/\*\*[\s\S]*?\*\//g, '')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n');
}
