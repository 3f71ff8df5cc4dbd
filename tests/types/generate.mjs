// node tests/types/generate.mjs: writes www/patchbay.d.ts, the types of
// patchbay.js: the functions of functions.d.ts, written by hand, and what goes in and
// comes out, from www/experiment.schema.json, which `patchbay schema` prints from the
// engine's own types.

import { compile } from 'json-schema-to-typescript';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
export const DECLARATIONS = at('../../www/patchbay.d.ts');
const SCHEMA = at('../../www/experiment.schema.json');
const FUNCTIONS = at('functions.d.ts');

const INDENT = '  ';
const STYLE = { printWidth: 120, tabWidth: INDENT.length, objectWrap: 'collapse', bracketSpacing: true };

/** The definition that a schema refers to, by its name. */
const referred = (schema) => schema.$ref?.replace('#/$defs/', '');

/** Names of the definitions in the order in which a reader meets them. */
function order(schema, roots) {
  const names = new Set();
  const visit = (node) => {
    if (node === null || typeof node !== 'object') return;
    const name = referred(node);
    if (name && !names.has(name)) {
      names.add(name);
      visit(arranged(schema.$defs[name]));
    }
    for (const inner of Object.values(node)) visit(inner);
  };
  for (const root of roots) visit(schema.properties[root]);
  return [...names];
}

/** A description as it stands in a comment: without the links of Rust's. */
const plain = (text) => text.replaceAll(/\[(`[^`]+`)\](\([^)]*\))?/g, '$1');

/** What a member of a union is called by: its constant, its tag or its one field. */
function called({ const: constant, properties = {}, required = [] }) {
  const tag = ['kind', 'part'].map((name) => properties[name]?.const).find(Boolean);
  return constant ?? tag ?? (required.length === 1 ? required[0] : undefined);
}

/** What the members of a union say of themselves, which the generator would leave out. */
function explained(schema) {
  const members = (schema.oneOf ?? []).filter(({ description }) => description);
  const lines = members.map(
    (member) => `- \`${called(member)}\`: ${member.description.replaceAll('\n', `\n${INDENT}`)}`,
  );
  return [...(schema.description ? [schema.description] : []), ...lines].join('\n');
}

/** The fields of an object: its tag first, then those that must be there. */
function arrangedFields({ properties, required = [] }) {
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  const rank = (name) => (properties[name].const ? 0 : 1);
  const names = [...required.toSorted((a, b) => rank(a) - rank(b)), ...optional];
  return Object.fromEntries(names.map((name) => [name, arranged(properties[name])]));
}

/** All values of a union that has nothing but constants. */
function constants(members) {
  const values = members.map((member) => member.enum ?? (member.const === undefined ? undefined : [member.const]));
  return members.length > 0 && values.every(Boolean) ? values.flat() : undefined;
}

/** The same schema, said as json-schema-to-typescript wants it. */
function arranged(schema) {
  if (Array.isArray(schema)) return schema.map(arranged);
  if (schema === null || typeof schema !== 'object') return schema;
  // It knows tuples of older drafts.
  const { $ref, prefixItems, default: usual, ...rest } = schema;
  const it = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, arranged(value)]));
  if (schema.properties) it.properties = arrangedFields(schema);
  if (prefixItems) it.items = arranged(prefixItems);
  // A reference with more beside it would become a type of its own.
  if ($ref) Object.assign(it, Object.keys(schema).length > 1 ? { allOf: [{ $ref }] } : { $ref });
  const names = constants(schema.oneOf ?? []);
  if (names) {
    delete it.oneOf;
    it.enum = names;
  }
  const said = explained(schema);
  const usually = usual === null || typeof usual === 'object' ? undefined : usual;
  const left = usually === undefined ? '' : `\`${JSON.stringify(usually)}\` when left out.`;
  if (said || left) it.description = plain([said, left].filter(Boolean).join('\n'));
  return it;
}

/** An answer's field that may be left out is left out where there is nothing, not null. */
function answered(schema) {
  if (Array.isArray(schema)) return schema.map(answered);
  if (schema === null || typeof schema !== 'object') return schema;
  const it = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, answered(value)]));
  for (const [name, field] of Object.entries(it.properties ?? {})) {
    if (it.required?.includes(name)) continue;
    if (Array.isArray(field.type)) field.type = field.type.filter((type) => type !== 'null');
    if (field.anyOf) field.anyOf = field.anyOf.filter(({ type }) => type !== 'null');
  }
  return it;
}

async function declaration(name, definitions) {
  const text = await compile({ ...definitions[name], $defs: definitions }, name, {
    additionalProperties: false,
    bannerComment: '',
    declareExternallyReferenced: false,
    style: STYLE,
  });
  // Where an alias names another, that one is printed, too.
  const its = [...text.matchAll(STATEMENT)].find(([, found]) => found === name);
  if (!its) throw new Error(`${name} has become ${text}`);
  return its[0].trim().replaceAll(ONE_LINE, '$1/** $2 */');
}

/** An exported type with its comment; its name is the first group. */
const STATEMENT = /^(?:\/\*\*\n(?: \*.*\n)+)?export (?:type|interface) (\w+)[\s\S]*?(?=^\/\*\*|^export|$(?![\s\S]))/gm;

/** A comment of one line that takes three. */
const ONE_LINE = /^( *)\/\*\*\n *\* (.{1,110})\n *\*\/$/gm;

/** What www/patchbay.d.ts has to be. */
export async function declarations() {
  const [functions, text] = await Promise.all([readFile(FUNCTIONS, 'utf8'), readFile(SCHEMA, 'utf8')]);
  const schema = JSON.parse(text);
  const written = order(schema, ['experiment', 'export']);
  const all = order(schema, ['experiment', 'export', 'report', 'update']);
  const definitions = Object.fromEntries(
    Object.entries(schema.$defs).map(([name, definition]) => [
      name,
      written.includes(name) ? arranged(definition) : answered(arranged(definition)),
    ]),
  );
  const parts = async (names) => (await Promise.all(names.map((name) => declaration(name, definitions)))).join('\n\n');
  return `${[
    functions.trim(),
    '// What goes in.',
    await parts(written),
    '// What comes out.',
    await parts(all.slice(written.length)),
  ].join('\n\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(DECLARATIONS, await declarations());
