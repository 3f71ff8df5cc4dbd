// Sweeps that a gradient estimates, in Chromium: chosen, shown in the place of what was
// patched, compared with it, saved, and opened again from a link.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { clean } from './axe.mjs';
import { openChromium, serveDist } from './harness.mjs';
import { choose, computed, example, link, openPage, PATIENCE, settled, values } from './page.mjs';

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

/** As the engine has them: the page writes no more digits than 32 bits need. */
const float = (value) => (value === null ? null : Math.fround(value));
const floats = (map) => map.map((row) => row.map(float));

/** How many cells of the map there are a number of. */
const known = (map) => map.flat().filter((value) => value !== null).length;

test('attribution patching of all heads, ten of them patched', { timeout: PATIENCE }, async () => {
  const it = await openPage(browser, server);
  const { page } = it;
  const settings = page.getByTestId('settings-said');
  try {
    await settled(page);
    await page.getByTestId('site').selectOption('z');
    await page.getByTestId('estimate').selectOption({ label: 'attribution patching (AtP)' });
    assert.equal(await page.getByTestId('estimate-most').inputValue(), '10');
    assert.match(await settings.textContent(), /estimated by attribution patching, the strongest 10 patched$/);
    await page.getByTestId('show-estimated').waitFor({ state: 'attached' });
    await settled(page);

    const { url, experiment } = await link(page);
    assert.deepEqual(experiment.sweeps[0].estimate, { method: 'atp', most: 10 });
    const [sweep] = (await computed(page, server, experiment)).sweeps;
    assert.match(await page.getByTestId('status').textContent(), /^10 patched runs/);

    // What was patched; the others say what was estimated of them, and look unlike no cell.
    assert.deepEqual(floats(await values(page)), floats(sweep.values[0]));
    assert.equal(known(await values(page)), 10);
    const left = page.locator('[data-known=estimate]');
    assert.equal(await left.count(), known(sweep.estimate.values[0]) - 10);
    assert.match(await left.first().getAttribute('aria-label'), /: not patched; estimated −?\d+\.\d\d$/);
    await left.first().hover();
    assert.match(await page.getByTestId('detail').textContent(), /: not patched; estimated −?\d+\.\d\d/);
    assert.equal(await page.getByText('Estimate', { exact: true }).and(page.locator('.badge')).isVisible(), false);

    // By keyboard to the estimate, which is said to be one.
    const colour = (at) => page.getByTestId(at).evaluate((cell) => getComputedStyle(cell).backgroundColor);
    await page.getByTestId('show-patched').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('.badge', { hasText: 'Estimate' }).waitFor();
    assert.match(await page.getByTestId('estimate-said').textContent(), /by attribution patching/);
    assert.match(await page.getByTestId('heatmap').getAttribute('aria-label'), /, estimate$/);
    assert.deepEqual(floats(await values(page)), floats(sweep.estimate.values[0]));
    const both = page.locator('[data-known=both]');
    assert.equal(await both.count(), 10);
    assert.match(await both.first().getAttribute('aria-label'), /: patched −?\d+\.\d\d, estimated −?\d+\.\d\d$/);
    assert.notEqual(await colour('cell-1-0'), 'rgba(0, 0, 0, 0)');

    // Both against each other: what the report says of them.
    const agreement = sweep.estimate.agreement[0];
    const said = await page.getByTestId('estimate-agreement').textContent();
    const number = (value) => value.toFixed(2).replace('-', '−');
    assert.ok(said.includes(`Over the ${agreement.cells} cells`), said);
    assert.ok(said.includes(`${number(agreement.pearson)} (Pearson)`), said);
    assert.ok(said.includes(`${number(agreement.spearman)} by rank (Spearman)`), said);
    const { row, column } = agreement.largest_miss;
    assert.ok(said.includes(`They differ the most at layer ${row}, head ${column}:`), said);
    assert.match(said, /Jafari et al\., 2025/);
    const scatter = page.getByTestId('scatter').getByRole('img');
    assert.equal(await scatter.locator('circle').count(), 10);
    assert.match(await scatter.locator('.marked title').textContent(), new RegExp(`^layer ${row}, head ${column}: `));
    await clean(page, 'an estimate is shown');

    // The table and the file have both, whichever is shown.
    await page.getByText('All values as a table').click();
    const table = page.getByTestId('table');
    await table.getByRole('columnheader', { name: 'Estimate' }).waitFor();
    assert.equal(await table.locator('tbody tr').count(), known(sweep.estimate.values[0]));
    const download = page.waitForEvent('download');
    await page.getByTestId('download-csv').click();
    const lines = (await readFile(await (await download).path(), 'utf8')).trim().split('\n');
    const columns = lines[0].split(',');
    const rows = lines.slice(1).map((line) => Object.fromEntries(line.split(',').map((text, i) => [columns[i], text])));
    assert.equal(rows.length, known(sweep.estimate.values[0]));
    const read = (text) => (text === '' ? null : float(Number(text)));
    for (const { layer, head, value, estimate } of rows) {
      assert.equal(read(value), float(sweep.values[0][layer][head]));
      assert.equal(read(estimate), float(sweep.estimate.values[0][layer][head]));
    }

    // What was patched beside what was estimated.
    await page.getByTestId('beside').selectOption('estimate');
    await page.getByTestId('beside-map').locator('svg').waitFor();
    assert.equal(await page.getByTestId('beside-map').locator('[data-cell]').count(), 10);

    // The link opens the same.
    const again = await openPage(browser, server, new URL(url).hash);
    await settled(again.page);
    assert.deepEqual(floats(await values(again.page)), floats(sweep.values[0]));
    await choose(again.page, 'show-estimated');
    await again.page.locator('.badge', { hasText: 'Estimate' }).waitFor();
    assert.deepEqual(floats(await values(again.page)), floats(sweep.estimate.values[0]));
    assert.deepEqual(again.errors, []);
    await again.close();
    assert.deepEqual(it.errors, []);
  } finally {
    await it.close();
  }
});

test('methods, their fields, and where there is no estimate', { timeout: PATIENCE }, async () => {
  const it = await openPage(browser, server);
  const { page } = it;
  try {
    await settled(page);
    const estimate = page.getByTestId('estimate');
    await estimate.selectOption({ label: 'integrated gradients' });
    await page.getByTestId('estimate-points').fill('101');
    await page.locator('#estimate-points-refused').waitFor();
    await page.getByTestId('estimate-points').fill('3');
    await page.getByTestId('estimate-most').fill('');
    let { experiment } = await link(page);
    assert.deepEqual(experiment.sweeps[0].estimate, { method: { integrated_gradients: { points: 3 } } });
    await settled(page);
    // All cells are patched: none is left to the estimate.
    assert.equal(await page.locator('[data-known=estimate]').count(), 0);
    assert.match(await page.getByTestId('settings-said').textContent(), /also estimated by integrated gradients$/);

    // A rank has no derivative, beside a metric that has one: that is said.
    await page.getByTestId('also').click();
    await page.getByTestId('also-rank').check();
    await settled(page);
    await page.locator('#shown-metric').selectOption({ index: 1 });
    await page.getByText('has no derivative').waitFor();
    await page.getByText('nothing to compare').waitFor();

    // What would be undone is named; paths have no estimate.
    await estimate.selectOption({ index: 0 });
    await page.getByTestId('show-estimated').waitFor({ state: 'detached' });
    await page.locator('[data-testid=undo][title^="no estimate"]').waitFor();
    await estimate.selectOption({ label: 'RelP' });
    await page.getByTestId('axes').selectOption('paths');
    assert.equal(await estimate.count(), 0);
    ({ experiment } = await link(page));
    assert.equal(experiment.sweeps[0].estimate, undefined);
    assert.deepEqual(it.errors, []);
  } finally {
    await it.close();
  }
});

test('the example shows where an estimate is wrong', { timeout: PATIENCE }, async () => {
  const it = await openPage(browser, server);
  const { page } = it;
  try {
    await settled(page);
    await example(page, 'patching-estimate.json');
    await page.getByTestId('estimate-agreement').waitFor();
    await page.getByTestId('grid-1').click();
    await page.getByText('They differ the most at layer 1, head 0').waitFor();
    assert.deepEqual(it.errors, []);
  } finally {
    await it.close();
  }
});
