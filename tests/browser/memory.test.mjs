// Two hundred sweeps in a row take no more memory than three: WebAssembly's, the
// GPU's, and JavaScript's in the page and in the worker. And what WebAssembly's takes
// while a model of GPT-2 small's size is loaded, of which it never gives back any.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { randomGpt2 } from '../random-gpt2.mjs';
import { openChromium, serveDist, watchErrors } from './harness.mjs';

const SWEEPS = 200;
/** Garbage of JavaScript's that is not collected yet, and jitter of the browser's own. */
const SLACK_BYTES = 1 << 20;

let server;
before(
  async () => {
    // Only a page that is isolated may measure what its worker takes.
    const headers = {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    };
    server = await serveDist({ headers, mounts: { 'random-gpt2/': await randomGpt2() } });
  },
  { timeout: 600_000 },
);
after(() => server?.close());

/** Runs in the worker, before the engine: keeps WebAssembly's memories at hand. */
function keepMemories() {
  self.memories = [];
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original.call(WebAssembly, ...given);
      const { memory } = (made.instance ?? made).exports;
      if (memory) self.memories.push(memory);
      return made;
    };
  }
}

/** In the page: starts an engine. */
async function start({ api, backend, model }) {
  const { load } = await import(api);
  window.engine = await load({ model, backend, engines: 1 });
  return window.engine.model.parameters;
}

/** In the page: sweeps, and the bytes of JavaScript in page and worker after them. */
async function sweep({ from, to }) {
  let report;
  for (let i = from; i < to; i++) {
    report = await window.engine.run({
      clean: 'When John and Mary went to the shops, John gave the bag to',
      corrupted: 'When John and Mary went to the shops, Mary gave the bag to',
      // Another experiment each time: the engine remembers the last one.
      metrics: [{ kind: i % 2 ? 'probability' : 'log_probability', answer: ' Mary' }],
      sweeps: [{ site: 'resid_pre', mode: i % 4 < 2 ? 'denoising' : 'noising' }],
    });
  }
  const { bytes } = await performance.measureUserAgentSpecificMemory();
  return { javascript: bytes, buffers: report.device?.buffers_made ?? 0 };
}

const watchMemories = (page) =>
  page.route('**/engine.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `(${keepMemories})();\n${await response.text()}` });
  });

/** Bytes of WebAssembly's memory in the page's worker. */
const taken = (page) =>
  page.workers()[0].evaluate(() => self.memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));

for (const backend of ['cpu', 'webgpu']) {
  test(`at full size, ${backend} takes the model's memory and little more`, { timeout: 900_000 }, async (context) => {
    const browser = await openChromium();
    try {
      const page = await browser.newPage();
      await watchMemories(page);
      await page.goto(`${server.url}pages/blank.html`);
      const model = `${server.url}random-gpt2/`;
      const parameters = await page.evaluate(start, { api: `${server.url}patchbay.js`, backend, model });
      const wasm = await taken(page);
      const weights = backend === 'cpu' ? 4 * parameters : 0;
      context.diagnostic(`${(wasm / 2 ** 20).toFixed(1)} MiB, of which weights ${(weights / 2 ** 20).toFixed(1)} MiB`);
      assert.ok(wasm > 1 << 20, "the engine's memory was found");
      assert.ok(wasm - weights <= 64 << 20, `${wasm - weights} bytes beside the weights`);
    } finally {
      await browser.close();
    }
  });

  test(`${SWEEPS} sweeps on ${backend} take no more memory than three`, { timeout: 900_000 }, async (context) => {
    // Otherwise Chromium measures at the next garbage collection, minutes later.
    const browser = await openChromium({ args: ['--enable-blink-features=ForceEagerMeasureMemory'] });
    try {
      const page = await browser.newPage();
      await watchMemories(page);
      const errors = watchErrors(page);
      await page.goto(`${server.url}pages/blank.html`);
      await page.evaluate(start, { api: `${server.url}patchbay.js`, backend, model: 'mini' });
      const seen = async (from, to) => {
        const told = await page.evaluate(sweep, { from, to });
        return { ...told, wasm: await taken(page) };
      };
      const third = await seen(0, 3);
      const last = await seen(3, SWEEPS);
      context.diagnostic(`after three: ${JSON.stringify(third)}; after ${SWEEPS}: ${JSON.stringify(last)}`);
      assert.ok(third.wasm > 1 << 20, "the engine's memory was found");
      assert.equal(last.wasm, third.wasm, "WebAssembly's memory grew");
      assert.ok(last.javascript <= third.javascript + SLACK_BYTES, "JavaScript's memory grew");
      assert.equal(last.buffers, 0, 'the last sweep made buffers on the GPU');
      assert.deepEqual(errors, []);
    } finally {
      await browser.close();
    }
  });
}
