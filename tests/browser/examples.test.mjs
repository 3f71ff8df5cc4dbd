// The examples in the documentation of patchbay.js, run as they stand.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { examples } from '../types/examples.mjs';
import { openChromium, serveDist, watchErrors } from './harness.mjs';

const all = await examples();

let folder;
let server;
let browser;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-examples-'));
  for (const [i, { text }] of all.entries()) {
    // They lie a folder below.
    await writeFile(join(folder, `${i}.js`), text.replace('"./patchbay.js"', '"../patchbay.js"'));
  }
  server = await serveDist({ mounts: { 'examples/': folder } });
  browser = await openChromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the documentation’s examples run', () => {
  test('there are some', () => assert.ok(all.length >= 7));

  for (const [i, { name }] of all.entries()) {
    test(name, async () => {
      const page = await browser.newPage();
      const errors = watchErrors(page);
      const said = [];
      page.on('console', (message) => said.push(message.text()));
      await page.goto(new URL('pages/blank.html', server.url).href);
      await page.evaluate((example) => import(example), new URL(`examples/${i}.js`, server.url).href);
      assert.deepEqual(errors, []);
      assert.ok(said.length > 0, 'it shows nothing');
      await page.close();
    });
  }
});
