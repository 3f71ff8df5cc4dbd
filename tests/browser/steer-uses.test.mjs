// What steering is used for, in Chromium: a ready experiment taken from the bar,
// its detector's curve and threshold, and its map with controls, reading and files.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openChromium, serveDist } from './harness.mjs';
import { largestDifference } from './oracle.mjs';
import { example, choose, computed, link, openPage, PATIENCE, settled, values } from './page.mjs';

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

const ready = (what, file, body) =>
  test(what, { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server, '', { viewport: { width: 1280, height: 1000 } });
    const { page } = it;
    try {
      await settled(page);
      await choose(page, 'room-steering');
      await example(page, file);
      await body(page);
      assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

ready(
  'the detector shows what the engine finds, and its threshold moves the rates',
  'hate-to-love.json',
  async (page) => {
    assert.match(await page.getByTestId('example-evidence').textContent(), /Measured: .*share of texts/);
    const { experiment } = await link(page);
    assert.equal(experiment.steer.detector.positive.length, 8);
    await page
      .getByTestId('detector-said')
      .getByText(/area under the curve/)
      .waitFor();
    const { map: _, ...steer } = experiment.steer;
    const { detector } = (await computed(page, server, { ...experiment, steer })).steer;
    assert.ok((await page.getByTestId('detector-said').textContent()).includes(detector.said));
    assert.equal(await page.getByTestId('detected').locator('li').count(), 16);
    const points = await page.locator('.roc polyline').getAttribute('points');
    assert.equal(points.trim().split(' ').length, detector.roc.length);
    assert.match(await page.getByTestId('detector-rates').textContent(), /100 % of those to be detected/);
    // All the way up nothing is detected, at once; then the address has it.
    const slider = page.getByTestId('detector-threshold');
    await slider.focus();
    await page.keyboard.press('End');
    assert.match(await page.getByTestId('detector-rates').textContent(), /: 0\.0 % of those .* 0\.0 % of the others/);
    const moved = (await link(page)).experiment.steer.detector.threshold;
    assert.ok(moved > Math.max(...detector.prompts.map((p) => p.projections.at(-1))));
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('detector-csv').click()]);
    assert.equal(file.suggestedFilename(), 'patchbay-detector.csv');
    // One-sided labels are refused beside the fields.
    await page.getByTestId('detector-negative').fill('');
    await page.getByTestId('detector-negative').blur();
    await page.getByTestId('problems-steer.detector').getByText('no negative held-out prompts').waitFor();
  },
);

ready('controls open as texts, the effect is chosen, the band is marked', 'he-to-she.json', async (page) => {
  const set = async (id, text) => {
    await page.getByTestId(id).fill(text);
    await page.getByTestId(id).blur();
  };
  await set('map-layers', '3');
  await set('map-coefficients', '0.4, 0.8, 3');
  await set('map-samples', '2');
  await set('map-random', '3');
  await page.getByTestId('map-effect').selectOption({ label: 'how the texts are read' });
  const { experiment } = await link(page);
  assert.equal(experiment.steer.map.effect, 'reading');
  await page.getByTestId('map-run').click();
  await page
    .getByTestId('map-verdicts')
    .getByText(/reading of the text/)
    .first()
    .waitFor();
  const { map } = (await computed(page, server, experiment)).steer;
  const controls = map.cells.filter((c) => c.of !== 'direction');
  assert.equal(controls.length, 4);
  for (let i = 0; i < controls.length; i += 1) await page.getByTestId(`map-control-0-${i}`).waitFor();
  await page.getByTestId('map-control-0-1').click();
  const opened = page.getByTestId('map-opened');
  await opened.getByText(/Random direction 0, layer 3/).waitFor();
  assert.equal(await opened.locator('li').count(), 10);
  assert.match(await opened.textContent(), /read as −?\d/);
  assert.match(await page.getByTestId('map-0-2').textContent(), /⊘/);
  assert.doesNotMatch(await page.getByTestId('map-0-0').textContent(), /⊘/);
  assert.match(await page.getByTestId('map-0-0').getAttribute('class'), /band/);
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('map-csv').click()]);
  assert.equal(file.suggestedFilename(), 'patchbay-map.csv');
});

ready('a map that is asked for right after a change is made', 'he-to-she.json', async (page) => {
  await page.getByTestId('map-layers').fill('3');
  await page.getByTestId('map-samples').fill('1');
  await page.getByTestId('map-random').fill('1');
  // The change is told as the field is left, which this click does.
  await page.getByTestId('map-run').click();
  await page.getByTestId('map-verdicts').locator('li').first().waitFor();
});

test('what carries a direction’s effect, from one room to the other', { timeout: 3 * PATIENCE }, async () => {
  const it = await openPage(browser, server);
  const { page } = it;
  try {
    await settled(page);
    await choose(page, 'room-steering');
    await page
      .getByTestId('summary')
      .getByText(/steered/)
      .first()
      .waitFor();
    await page.getByTestId('carriers').click();
    await page.getByTestId('heatmap').waitFor();
    await settled(page);
    const { experiment } = await link(page);
    assert.equal(experiment.steered, 'clean');
    assert.equal(experiment.clean, experiment.corrupted);
    assert.match(experiment.clean, /^I hate you because you /);
    const report = await computed(page, server, experiment);
    const [{ clean, corrupted }] = report.metrics;
    assert.ok(clean > corrupted + 1, `${clean}, ${corrupted}`);
    assert.ok(largestDifference((await values(page)).flat(), report.sweeps[0].values[0].flat()) < 1e-6);
    // Nothing is patched where nothing acts: the two runs are one then.
    await page.getByTestId('steered-runs').selectOption('none');
    await page
      .getByTestId('problems-corrupted')
      .getByText(/the same/)
      .waitFor();
    assert.deepEqual(it.errors, []);
  } finally {
    await it.close();
  }
});
