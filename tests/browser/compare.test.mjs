// Maps beside each other, intervals in their cells, wide maps, attention with its tokens.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clean } from './axe.mjs';
import { openChromium, serveDist } from './harness.mjs';
import { example as take, openPage, PATIENCE, parse, settled } from './page.mjs';

let server;
let browser;
before(async () => {
  server = await serveDist();
  browser = await openChromium({ webgpu: false });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const onPage = (what, body) =>
  test(what, { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server, '', { viewport: { width: 1300, height: 900 }, first: true });
    try {
      await settled(it.page);
      await body(it.page);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

/** Takes an example and waits for its map. */
async function example(page, file) {
  await take(page, file);
  await settled(page);
}

describe('two maps', () => {
  onPage('denoising and noising beside each other: one cell marked in both, one scale', async (page) => {
    await example(page, 'patching-heads.json');
    await page.getByTestId('beside').waitFor();
    await page.setViewportSize({ width: 360, height: 900 });
    assert.equal(
      await page.evaluate(() => document.documentElement.scrollWidth),
      360,
      'the choice is as wide as a phone',
    );
    await page.setViewportSize({ width: 1300, height: 900 });
    await page.getByTestId('beside').selectOption('sweep-1');
    const other = page.getByTestId('beside-map');
    await other.waitFor();
    assert.match(await other.textContent(), /z, noising, 8 pairs · Logit difference · mini/);
    await page.getByTestId('cell-1-0').hover();
    assert.equal(await other.locator('.marked').getAttribute('data-cell'), '1-0');
    const beside = parse(await other.locator('.marked text').textContent());
    assert.ok(beside < 0.5, `without that head ${beside} is left`);
    assert.match(await page.getByTestId('beside-detail').textContent(), /^layer 1, head 0: 0\.\d\d$/);
    // Pointing at the other map marks the cell in this one.
    await other.locator('[data-cell="3-0"]').hover();
    assert.match(await page.getByTestId('detail').textContent(), /^layer 3, head 0: /);
    await clean(page, 'two maps beside each other');
    // A map alone has a scale of its own: its strongest colour is not its neighbour's.
    await example(page, 'patching-bottle.json');
    await other.waitFor({ state: 'hidden' });
  });

  onPage('a weak map beside a strong one is pale, and alone is not', async (page) => {
    await page.getByTestId('settings').locator('> summary').click();
    await page.getByTestId('pin').click();
    await page.getByTestId('site').selectOption('mlp_out');
    await settled(page);
    const scale = () => page.getByTestId('legend').textContent();
    const alone = await scale();
    await page.getByTestId('beside').selectOption('pinned');
    await page.getByTestId('beside-map').waitFor();
    assert.match(await page.getByTestId('beside-map').textContent(), /^resid_pre, denoising/);
    assert.match(alone, /^−0\.\d/);
    assert.match(await scale(), /^−1\.00/);
  });

  onPage('two metrics', async (page) => {
    await page.getByText('Measure others too').click();
    await page.getByTestId('also-probability').check();
    await settled(page);
    await page.getByTestId('beside').selectOption('metric-1');
    await page.getByTestId('beside-map').getByText('resid_pre, denoising · Probability · mini').waitFor();
  });
});

describe('one map', () => {
  onPage('intervals are drawn in the cells that have them', async (page) => {
    assert.equal(await page.locator('.map td.interval').count(), 0);
    await example(page, 'patching-heads.json');
    assert.equal(await page.locator('.map td.interval').count(), 16);
    const [low, high] = await page
      .getByTestId('cell-1-0')
      .evaluate((cell) => ['--low', '--high'].map((name) => Number.parseFloat(cell.style.getPropertyValue(name))));
    const shown = parse(await page.getByTestId('cell-1-0').textContent());
    assert.ok(low < 100 * shown && 100 * shown < high, `${low} ${shown} ${high}`);
  });

  onPage('a wide one begins at its strongest cell, and its overview leads elsewhere', async (page) => {
    assert.equal(await page.getByTestId('overview').isVisible(), false);
    await example(page, 'patching-docstring.json');
    const seen = (testid) =>
      page.getByTestId(testid).evaluate((cell) => {
        const [cellBox, mapBox] = [cell, cell.closest('.map-scroll')].map((e) => e.getBoundingClientRect());
        return cellBox.left >= mapBox.left && cellBox.right <= mapBox.right;
      });
    await page.waitForFunction(() => document.querySelector('.map-scroll').scrollLeft > 0);
    assert.equal(await seen('cell-2-44'), true);
    assert.equal(await seen('cell-0-10'), false);
    const strip = page.getByTestId('overview');
    const { width } = await strip.boundingBox();
    await strip.click({ position: { x: (10.5 / 45) * width, y: 8 } });
    await page.waitForFunction(() => document.querySelector('.map-scroll').scrollLeft < 400);
    assert.equal(await seen('cell-0-10'), true);
  });

  onPage('attention has its tokens, and its weights where it is pointed at', async (page) => {
    await example(page, 'patching-heads.json');
    await page.getByTestId('cell-1-0').click();
    await page.getByTestId('look').locator('summary').click();
    const runs = page.locator('.attention svg');
    assert.equal(await runs.count(), 3);
    assert.equal(await runs.first().locator('text').count(), 2 * 15);
    assert.match(await runs.first().locator('rect title').first().textContent(), /endoftext.* 1\.000/);
  });
});
