// bench.html measures both backends and hands its table over as text.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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

test('measures a pass, a sweep and tokens on both backends', { timeout: 600_000 }, async (context) => {
  const page = await (await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] })).newPage();
  const errors = watchErrors(page);
  await page.goto(`${server.url}bench.html`);
  // By keyboard alone.
  await page.getByLabel('times each').fill('1');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#status[data-state=done], #status[data-state=failed]', { timeout: 500_000 });
  assert.equal(await page.getByRole('status').textContent(), 'Done.');
  const rows = await page
    .locator('#results tbody tr')
    .evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  const titles = await page.locator('#results thead th').allTextContents();
  const at = (row, title) => row[titles.indexOf(title)];
  assert.equal(rows.length, 6);
  for (const row of rows) {
    context.diagnostic(row.join(' | '));
    for (const title of ['best, ms', 'multiplications, M', 'GFLOP/s']) {
      assert.ok(Number(at(row, title)) > 0, `${row[0]}: ${title} is ${at(row, title)}`);
    }
    const gpu = at(row, 'where').startsWith('webgpu');
    for (const title of ['dispatches', 'submissions', 'KB read']) {
      assert.equal(Number(at(row, title)) > 0, gpu, `${row[0]}: ${title} is ${at(row, title)}`);
    }
    assert.equal(at(row, 'discrete, ms') !== '', gpu);
  }
  await page.getByRole('button', { name: 'Copy' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('#status').textContent === 'Copied.');
  const text = await page.evaluate(() => navigator.clipboard.readText());
  for (const row of rows) assert.ok(text.includes(row.join('\t')));
  assert.deepEqual(errors, []);
});
