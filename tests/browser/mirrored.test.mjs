// A folder as `patchbay mirror` writes it: its hashes are checked in the browser, and that
// its weights were rounded is said.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Content, serveCdn } from '../cdn.mjs';
import { BROWSERS, serveDist } from './harness.mjs';
import { PATIENCE } from './page.mjs';

const MINI = fileURLToPath(new URL('../../www/models/mini/', import.meta.url));
const MODEL = 'course/mini';
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

let cdn;
let server;
before(async () => {
  cdn = await serveCdn({ models: { [MODEL]: MINI } });
  server = await serveDist();
});
after(() => Promise.all([server?.close(), cdn?.close()]));

/** Loads the folder with these notes in its config.json; the model's source, or the error. */
async function load(page, noted) {
  const config = JSON.parse(await readFile(`${MINI}config.json`));
  cdn.put(MODEL, 'config.json', Content.bytes(JSON.stringify({ ...config, ...noted })));
  return page.evaluate(
    async ({ api, model }) => {
      const { load } = await import(api);
      try {
        const engine = await load({ model, backend: 'cpu' });
        engine.dispose();
        return engine.source;
      } catch (error) {
        return { code: error.says.code, message: error.message };
      }
    },
    { api: `${server.url}patchbay.js`, model: cdn.mirror(MODEL) },
  );
}

for (const [name, open] of Object.entries(BROWSERS)) {
  describe(name, { timeout: 3 * PATIENCE }, () => {
    let browser;
    let page;
    before(async () => {
      browser = await open();
    });
    after(() => browser?.close());
    // What a browser has kept of the folder is not asked for again.
    beforeEach(async () => {
      cdn.clear();
      cdn.add(MODEL, MINI);
      const context = await (browser.newContext?.() ?? browser.createBrowserContext());
      page = await context.newPage();
      await page.goto(`${server.url}example.html`);
    });

    test('its files are those of its hashes, and how far off it is is said', async () => {
      const names = ['tokenizer.json', 'model.safetensors'];
      const noted = {};
      for (const name of names) noted[name] = sha256(await readFile(MINI + name));
      const source = await load(page, { patchbay_sha256: noted, patchbay_half: 0.0023 });
      assert.match(source.remarks.join(' '), /rounded to half precision.*off by more than 2\.3e-3/);
    });

    for (const file of ['tokenizer.json', 'model.safetensors']) {
      test(`another ${file} is refused`, async () => {
        const expected = sha256('another');
        const { code, message } = await load(page, { patchbay_sha256: { [file]: expected } });
        assert.equal(code, 'config.hash', message);
        assert.match(message, new RegExp(`^${file.replace('.', '\\.')} has the SHA-256 [0-9a-f]{64}.*${expected}`));
      });
    }
  });
}
