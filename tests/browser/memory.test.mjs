// Two hundred sweeps in a row take no more memory than three: WebAssembly's, the
// GPU's, and JavaScript's in the page and in the worker.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openChromium, serveDist, watchErrors } from './harness.mjs';

const SWEEPS = 200;
/** Garbage of JavaScript's that is not collected yet, and jitter of the browser's own. */
const SLACK_BYTES = 1 << 20;

let server;
before(async () => {
  // Only a page that is isolated may measure what its worker takes.
  const headers = {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
  };
  server = await serveDist({ headers });
});
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
async function start({ api, backend }) {
  const { load } = await import(api);
  window.engine = await load({ model: 'mini', backend, engines: 1 });
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

for (const backend of ['cpu', 'webgpu']) {
  test(`${SWEEPS} sweeps on ${backend} take no more memory than three`, { timeout: 900_000 }, async (context) => {
    // Otherwise Chromium measures at the next garbage collection, minutes later.
    const browser = await openChromium({ args: ['--enable-blink-features=ForceEagerMeasureMemory'] });
    try {
      const page = await browser.newPage();
      await page.route('**/engine.js', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, body: `(${keepMemories})();\n${await response.text()}` });
      });
      const errors = watchErrors(page);
      await page.goto(`${server.url}pages/blank.html`);
      await page.evaluate(start, { api: `${server.url}patchbay.js`, backend });
      const seen = async (from, to) => {
        const told = await page.evaluate(sweep, { from, to });
        const [worker] = page.workers();
        const wasm = await worker.evaluate(() => self.memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
        return { ...told, wasm };
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
