// What a device has room for is told before a download, and a model that can never
// fit is refused before its weights: devices are played by what a browser tells.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Content } from '../cdn.mjs';
import { openChromium } from './harness.mjs';
import { loadIn, serveModels, SMALL } from './loading.mjs';

let models;
let cdn;
let browser;
before(async () => {
  models = await serveModels();
  cdn = models.cdn;
  browser = await openChromium({ webgpu: false });
});
afterEach(() => models.reset());
after(async () => {
  await browser?.close();
  await models?.close();
});

/** The small model's files with another size in config.json. */
const sized = async (size) => {
  const config = JSON.parse(await Content.file(`${models.folders[SMALL]}/config.json`).bytes());
  cdn.put(SMALL, 'config.json', Content.bytes(JSON.stringify({ ...config, ...size })));
};
const GPT2 = { n_layer: 12, n_embd: 768, n_head: 12, n_inner: null, vocab_size: 50257, n_positions: 1024, n_ctx: 1024 };

const onPage = (what, device, body) =>
  test(what, { timeout: 120_000 }, async () => {
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(models.page);
      await body(page, `${models.server.url}pages/device-${device}/`);
    } finally {
      await context.close();
    }
  });

const offer = (page, base) =>
  page.evaluate(
    async ({ api, base, model, hub }) => {
      const { describe } = await import(api);
      return describe({ model, base, hub });
    },
    { api: `${models.server.url}patchbay.js`, base, model: SMALL, hub: cdn.url },
  );

describe('before the download', () => {
  for (const [what, device, size, sentence] of [
    ['a device with enough says nothing', '8', GPT2, /^$/],
    [
      'a browser that does not tell, and a large model',
      'untold',
      GPT2,
      /about 602 MB of memory, and this browser does not say.*phones/,
    ],
    ['a browser that does not tell, and a small model', 'untold', {}, /^$/],
    ['a device with little', 'half', GPT2, /about 602 MB of memory, and this device says that it has 0\.5 GB in all/],
    [
      'a model that no page can hold',
      '8',
      { ...GPT2, n_layer: 48, n_embd: 1600, n_head: 25 },
      /more than the 4 GB that a page may use on the CPU/,
    ],
  ]) {
    onPage(what, device, async (page, base) => {
      await sized(size);
      const { remarks, memory, parameters } = await offer(page, base);
      assert.ok(memory > 4 * parameters);
      assert.match(remarks.join(' '), sentence);
      assert.deepEqual(cdn.asked(), [], 'no byte of the weights');
    });
  }
});

describe('a model that the page can never hold', () => {
  for (const [what, size] of [
    ['GPT-2 XL', { ...GPT2, n_layer: 48, n_embd: 1600, n_head: 25 }],
    ['the largest sizes that are read', { n_layer: 1024, n_embd: 4_000_000, n_head: 2, n_inner: null }],
  ]) {
    onPage(`${what}: is refused at once, before its weights`, '8', async (page, base) => {
      await sized(size);
      const started = performance.now();
      const { refused } = await loadIn(page, models, { hub: cdn.url, base, model: SMALL });
      const seconds = (performance.now() - started) / 1000;
      assert.equal(refused?.code, 'out_of_memory', JSON.stringify(refused));
      assert.match(refused.message, /its weights take \d+ MB of memory, and the CPU can address 4294 MB here/);
      assert.deepEqual(cdn.asked(), []);
      assert.ok(seconds < 8, `after ${seconds} s, the start of the engine included`);
    });
  }
});
