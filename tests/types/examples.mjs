// The examples in the documentation of patchbay.js, as modules that stand by themselves.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const read = (path) => readFile(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');

/** Lines of a `//` comment that are set in by three spaces. */
const setIn = (text) =>
  [...text.matchAll(/(?:^\/\/(?: {3}.*)?\n)+/gm)].map(([block]) => block.replaceAll(/^\/\/ {0,3}/gm, ''));

/** What follows `@example` in a documentation comment. */
const afterTag = (text) =>
  [...text.matchAll(/^ *\* @example\n((?: *\*(?!\/)(?! @).*\n)+)/gm)].map(([, block]) =>
    block.replaceAll(/^ *\* ?/gm, ''),
  );

/** Fenced JavaScript of a Markdown file. */
const fenced = (text) => [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, block]) => block);

/**
 * @returns {Promise<{ name: string, text: string }[]>} each imports "./patchbay.js"
 */
export async function examples() {
  const found = [
    ['www/patchbay.js', setIn],
    ['www/patchbay.d.ts', afterTag],
    ['README.md', fenced],
  ].map(async ([path, extract]) => {
    const all = extract(await read(path)).map((text) => text.trim());
    return all
      .filter((text) => text.includes('from "./patchbay.js"'))
      .map((text, i) => ({ name: `${path}, example ${i + 1}`, text }));
  });
  return (await Promise.all(found)).flat();
}
