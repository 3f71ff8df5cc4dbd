// The examples in the documentation of patchbay.js, run as they stand.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { examples } from '../types/examples.mjs';
import { openChromium, serveDist, watchErrors } from './harness.mjs';

let server;
let browser;
before(async () => {
  server = await serveDist();
  browser = await openChromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const all = await examples();

describe('the documentation’s examples run', () => {
  test('there are some', () => assert.ok(all.length >= 7));

  for (const { name, text } of all) {
    test(name, async () => {
      const page = await browser.newPage();
      const errors = watchErrors(page);
      const said = [];
      page.on('console', (message) => said.push(message.text()));
      await page.goto(new URL('pages/blank.html', server.url).href);
      const here = text.replace('./patchbay.js', new URL('patchbay.js', server.url).href);
      await page.addScriptTag({ type: 'module', content: `${here}\nglobalThis.finished = true;` });
      await page.waitForFunction(() => globalThis.finished);
      assert.deepEqual(errors, []);
      assert.ok(said.length > 0, 'it shows nothing');
      await page.close();
    });
  }
});
