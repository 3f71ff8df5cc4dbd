// The steering room's map of layers and coefficients, in Chromium: run, opened,
// walked with the keyboard, and what it says is what the engine finds for the address.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openChromium, serveDist } from './harness.mjs';
import { choose, computed, link, openPage, PATIENCE, settled } from './page.mjs';

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

test('a map of two layers and three coefficients', { timeout: PATIENCE }, async () => {
  const it = await openPage(browser, server);
  const { page } = it;
  try {
    await settled(page);
    await choose(page, 'room-steering');
    await page.getByTestId('map-add').click();
    const set = async (id, text) => {
      await page.getByTestId(id).fill(text);
      await page.getByTestId(id).blur();
    };
    await set('map-layers', '2, 3');
    await set('map-coefficients', '0, 0.4, 0.8');
    await set('map-samples', '4');
    await set('map-random', '3');
    const { experiment } = await link(page);
    assert.equal(await page.getByTestId('map-verdicts').count(), 0, 'nothing runs before it is wanted');
    await page.getByTestId('map-run').click();
    await page.getByTestId('map-verdicts').locator('li').first().waitFor();
    const report = await computed(page, server, experiment);
    const { map } = report.steer;
    const cells = page.getByTestId('map-grid').locator('[data-testid^=map-][role=gridcell]');
    assert.ok((await cells.count()) >= 6);
    // Coefficient 0 is the unsteered run, whatever the layer.
    assert.equal(await page.getByTestId('map-0-0').textContent(), await page.getByTestId('map-1-0').textContent());
    assert.ok(JSON.stringify(map).length > 100);
    await page.getByTestId('map-0-0').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page
      .getByTestId('map-opened')
      .getByText(/perplexity/i)
      .first()
      .waitFor();
    assert.deepEqual(it.errors, []);
  } finally {
    await it.close();
  }
});
