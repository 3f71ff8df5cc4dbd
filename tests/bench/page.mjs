// What a reader of the page waits for, in Chromium: from opening it on localhost to
// the end of the first sweep, and a sweep of the mini on both backends.

import { median } from './numbers.mjs';

/** Milliseconds from the start of navigation to the end of the first sweep; nothing is cached. */
async function firstScreen(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForSelector('[data-testid=status][data-state=done]');
  const done = await page.evaluate(() => performance.now());
  await context.close();
  return done;
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
          metrics: [{ kind: i % 2 ? 'probability' : 'log_probability', answer: ' Mary' }],
          sweeps: [{ site: 'resid_pre', mode: i % 4 < 2 ? 'denoising' : 'noising' }],
        });
        seconds.push(report.sweeps[0].seconds);
        plan = report.sweeps[0].plan;
      }
      engine.dispose();
      return { seconds, plan, device: engine.backend.device };
    },
    { backend, runs: 8 },
  );
  await page.close();
  return report;
}

/** Measures and prints. */
export async function measurePage(browser, server, { rounds }) {
  const done = [];
  for (let i = 0; i < rounds; i++) done.push(await firstScreen(browser, server.url));
  console.log(
    `first sweep done, from navigation (${rounds} new profiles): median ${Math.round(median(done))} ms, ` +
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
}
