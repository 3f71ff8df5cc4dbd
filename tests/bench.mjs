// node tests/bench.mjs [RUNS]: how long a reader waits, in Chromium, from opening
// the page on localhost to the end of the first sweep, and what a sweep costs.
// Each run is a new browser profile (nothing cached). Prints medians; no verdict.

import { openChromium, serveDist } from './browser/harness.mjs';

const RUNS = Number(process.argv[2] ?? 5);

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Milliseconds from the start of navigation to two moments of the page. */
async function firstScreen(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForSelector('[data-testid=status][data-state=done]');
  const done = await page.evaluate(() => performance.now());
  const wasm = await page.evaluate(() =>
    performance.getEntriesByType('resource').reduce((sum, entry) => sum + entry.encodedBodySize, 0),
  );
  await context.close();
  return { done, bytes: wasm };
}

/** Seconds of the same sweep again and again in one page, on one backend. */
async function sweeps(browser, url, backend) {
  const page = await browser.newPage();
  await page.goto(`${url}example.html`);
  const report = await page.evaluate(
    async ({ backend, runs }) => {
      const { load } = await import('./patchbay.js');
      const engine = await load({ model: 'mini', backend });
      const seconds = [];
      let plan;
      for (let i = 0; i < runs; i++) {
        const report = await engine.run({
          clean: 'When John and Mary went to the store, John gave a bottle to',
          corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
          // Another metric each time, so that no sweep is one that was done before.
          metric: { kind: i % 2 ? 'probability' : 'log_probability', answer: ' Mary' },
          sweep: { site: 'resid_pre', mode: i % 4 < 2 ? 'denoising' : 'noising' },
        });
        seconds.push(report.sweep.seconds);
        plan = report.sweep.plan;
      }
      engine.dispose();
      return { seconds, plan, device: engine.backend.device };
    },
    { backend, runs: 8 },
  );
  await page.close();
  return report;
}

const server = await serveDist();
const browser = await openChromium();
try {
  const runs = [];
  for (let i = 0; i < RUNS; i++) runs.push(await firstScreen(browser, server.url));
  const done = runs.map((run) => run.done);
  console.log(
    `first sweep done, from navigation (${RUNS} new profiles): median ${Math.round(median(done))} ms, ` +
      `${Math.round(Math.min(...done))} to ${Math.round(Math.max(...done))} ms`,
  );
  for (const backend of ['cpu', 'webgpu']) {
    const { seconds, plan, device } = await sweeps(browser, server.url, backend);
    const ms = median(seconds.slice(1)) * 1000;
    console.log(
      `resid_pre sweep of the mini on ${backend} (${device}): median ${ms.toFixed(1)} ms; ` +
        `${plan.runs} runs, ${plan.layer_rows} rows of ${plan.full_layer_rows}, ` +
        `${(plan.multiplications / 1e6).toFixed(1)} M multiplications of ${(plan.full_multiplications / 1e6).toFixed(1)} M, ` +
        `${((2 * plan.multiplications) / 1e6 / ms).toFixed(2)} GFLOP/s`,
    );
  }
} finally {
  await browser.close();
  await server.close();
}
