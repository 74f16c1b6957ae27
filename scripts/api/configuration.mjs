// The report of the configuration's keys: a line for each, so that its diff is what changed for whoever wrote a file.
//
//   bridges.*.ports.*(tap).mtu?: integer 68 to 65535          * is a name that the user chose, (tap) the type of a port

import { z } from 'zod';

/** As a page for api/. @param shape the schema of the input */
export function configurationReport(shape) {
  const schema = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' });
  return [
    '# Keys of the configuration',
    'Written by `npm run api`, compared by a test. A line that goes or changes is a change for whoever has it in a file: [versions](../docs/versioning.md). What the keys mean: [configuration](../docs/configuration.md).',
    'A key behind `?` may be left out. `*` is a name, `[]` each of a list, `(tap)` the `type` of what it belongs to.',
    `\`\`\`\n${[...new Set(linesOf('', schema))].join('\n')}\n\`\`\``,
    '',
  ].join('\n\n');
}

function* linesOf(path, schema) {
  const { properties = {}, required = [], additionalProperties, items } = schema;
  for (const [key, value] of Object.entries(properties)) {
    const own = `${path}${path === '' ? '' : '.'}${key}`;
    const isThere = required.includes(key) && value.default === undefined;
    yield `${own}${isThere ? '' : '?'}: ${typeOf(value)}`;
    yield* linesOf(own, value);
  }
  if (typeof additionalProperties === 'object') yield* linesOf(`${path}.*`, additionalProperties);
  if (typeof items === 'object') yield* linesOf(`${path}[]`, items);
  for (const one of alternatives(schema)) yield* linesOf(`${path}${kindOf(one)}`, one);
}

/** Of a mapping that has a `type` of its own. */
function kindOf({ properties }) {
  const type = properties?.type?.const;
  return type === undefined ? '' : `(${type})`;
}

function alternatives({ anyOf = [], oneOf = [] }) {
  return [...anyOf, ...oneOf];
}

function typeOf(schema) {
  const many = alternatives(schema);
  const type = many.length > 0 ? [...new Set(many.map(typeOf))].join(' | ') : ownType(schema);
  return schema.default === undefined ? type : `${type} = ${JSON.stringify(schema.default)}`;
}

function ownType({ type = 'any', const: only, enum: values, minimum, maximum, items }) {
  if (only !== undefined) return JSON.stringify(only);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (type === 'array') return `list of ${items === undefined ? 'any' : typeOf(items)}`;
  if (type === 'object') return 'mapping';
  // What is no number of our own choice is that of JSON.
  const isChosen = (limit) => limit !== undefined && Math.abs(limit) < Number.MAX_SAFE_INTEGER;
  return `${type}${isChosen(minimum) ? ` ${minimum}` : ''}${isChosen(maximum) ? ` to ${maximum}` : ''}`;
}
