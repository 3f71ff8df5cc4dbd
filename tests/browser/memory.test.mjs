// Two hundred sweeps in a row take no more memory than three, in the page and in
// the engine's worker, WebAssembly's memory included, on both backends.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openChromium, serveDist, watchErrors } from './harness.mjs';

const SWEEPS = 200;
/** Once the engine is warm: garbage that is not collected yet, and jitter of the browser's own. */
const SLACK_BYTES = 3 << 20;

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

/** In the page: bytes after the third sweep and after the last. */
async function measure({ api, backend, sweeps }) {
  const { load } = await import(api);
  const engine = await load({ model: 'mini', backend });
  const bytes = async () => {
    const { bytes, breakdown } = await performance.measureUserAgentSpecificMemory();
    const worker = breakdown.filter((part) => part.attribution.some((by) => by.scope === 'DedicatedWorkerGlobalScope'));
    return { all: bytes, worker: worker.reduce((sum, part) => sum + part.bytes, 0) };
  };
  const sweep = (i) =>
    engine.run({
      clean: 'When John and Mary went to the shops, John gave the bag to',
      corrupted: 'When John and Mary went to the shops, Mary gave the bag to',
      // Another experiment each time: the engine remembers the last one.
      metric: { kind: i % 2 ? 'probability' : 'log_probability', answer: ' Mary' },
      sweep: { site: 'resid_pre', mode: i % 4 < 2 ? 'denoising' : 'noising' },
    });
  const seen = [];
  for (let i = 0; i < sweeps; i++) {
    await sweep(i);
    if (i === 2 || i === sweeps - 1) seen.push(await bytes());
  }
  engine.dispose();
  return seen;
}

for (const backend of ['cpu', 'webgpu']) {
  test(`${SWEEPS} sweeps on ${backend} take no more memory than three`, { timeout: 900_000 }, async (context) => {
    // Otherwise Chromium measures at the next garbage collection, minutes later.
    const browser = await openChromium({ args: ['--enable-blink-features=ForceEagerMeasureMemory'] });
    try {
      const page = await browser.newPage();
      const errors = watchErrors(page);
      await page.goto(`${server.url}pages/blank.html`);
      const [warm, last] = await page.evaluate(measure, { api: `${server.url}patchbay.js`, backend, sweeps: SWEEPS });
      context.diagnostic(`after three: ${JSON.stringify(warm)}; after ${SWEEPS}: ${JSON.stringify(last)}`);
      assert.ok(warm.worker > 4 << 20, 'the worker, with its weights, was measured');
      assert.ok(last.worker <= warm.worker + SLACK_BYTES, `the worker grew by ${last.worker - warm.worker} bytes`);
      assert.ok(last.all <= warm.all + SLACK_BYTES, `all grew by ${last.all - warm.all} bytes`);
      assert.deepEqual(errors, []);
    } finally {
      await browser.close();
    }
  });
}
