// What axe finds on a page: https://github.com/dequelabs/axe-core.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Asserts that axe finds nothing in the state that the page is in.
 * @param {import('playwright-core').Page} page
 * @param {string} state what it is called where something is found
 * @param {string} [part] a selector of what is looked at, instead of all of the page
 */
export async function clean(page, state, part) {
  // The page's own policy allows no script that it did not bring: the browser's debugger may.
  const found = await page.evaluate(
    `(() => { ${source}; return axe.run(${part ? JSON.stringify(part) : 'document'}, { resultTypes: ['violations'] }); })()`,
  );
  const said = found.violations.map(
    ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.target.join(' ')).join('\n  ')}`,
  );
  assert.deepEqual(said, [], `axe, ${state}`);
}
