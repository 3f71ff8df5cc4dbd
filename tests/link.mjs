// Links as they are told apart from what the page makes of them: with Node's own zlib.

import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

const root = new URL('../engine/', import.meta.url);
const LINKS = new URL('tests/links/', root);

/** What both sides of a link begin with. */
export const dictionary = readFileSync(new URL('src/experiment/link/dictionary.txt', root));

/** What a link holds: `{ experiment, digest, show }`; undefined where it is none.
 *  @param {string} text an address, or its end */
export function opened(text) {
  const [, form, body] = /(?:^|#)(v[12])=([\w-]+)$/.exec(text) ?? [];
  if (!form) return undefined;
  const bytes = Buffer.from(body, 'base64url');
  return form === 'v1' ? { experiment: JSON.parse(bytes) } : JSON.parse(inflateRawSync(bytes, { dictionary }));
}

/** The end of a link that packs a text, whatever it is, without `#`.
 *  @param {string | Buffer} content */
export const packedText = (content) => `v2=${deflateRawSync(content, { dictionary, level: 9 }).toString('base64url')}`;

/** The end of a link, with `#`.
 *  @param {object} held `{ experiment, digest, show }` */
export const packed = (held) => `#${packedText(JSON.stringify(held))}`;

/** A link as it was made when its form was new, without `#`, and what it holds.
 *  @param {string} name such as `packed-seed` */
export async function golden(name) {
  const at = (ending) => readFile(new URL(`${name}.${ending}`, LINKS), 'utf8');
  const [link, json] = [(await at('link')).trim().replace(/^#/, ''), JSON.parse(await at('json'))];
  return { name, link, ...(name.startsWith('packed') ? json : { experiment: json }) };
}

/** All of them. */
export async function allGolden() {
  const names = (await readdir(LINKS)).filter((name) => name.endsWith('.link'));
  return Promise.all(names.map((name) => golden(name.replace('.link', ''))));
}

/** What a person handed in, from its text.
 *  @param {string} text `handed1=...` */
export const unpackedHanded = (text) =>
  JSON.parse(inflateRawSync(Buffer.from(text.replace('handed1=', ''), 'base64url'), { dictionary }));
