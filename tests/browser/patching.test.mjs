// The patching room beyond its first map: other grids, several sweeps and metrics,
// noise, pairs, prompts of different lengths, a look inside, files. In Chromium;
// what the page shows is what patchbay.js finds for the experiment in its address.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { openChromium, serveDist } from './harness.mjs';
import { largestDifference } from './oracle.mjs';
import { choose, computed, link, openPage, PATIENCE, settled, values } from './page.mjs';

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

const onPage = (what, body) =>
  test(what, { timeout: 3 * PATIENCE }, async (context) => {
    const it = await openPage(browser, server);
    try {
      await settled(it.page);
      await body(it.page, context);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

/** The map on the page is the report's, for a metric. */
async function same(page, { sweep = 0, metric = 0 } = {}) {
  const { experiment } = await link(page);
  await settled(page);
  const report = await computed(page, server, experiment);
  const expected = report.sweeps[sweep].values[metric];
  const found = await values(page);
  assert.deepEqual(
    found.map((row) => row.length),
    expected.map((row) => row.length),
  );
  const both = found.flat().map((value, i) => [value, expected.flat()[i]]);
  assert.ok(
    both.every(([a, b]) => (a === null) === (b === null)),
    'the same cells are there',
  );
  const there = both.filter(([a]) => a !== null);
  assert.ok(
    largestDifference(
      there.map(([a]) => a),
      there.map(([, b]) => b),
    ) < 1e-6,
  );
  return { experiment, report };
}

/** A file that a button offers. */
async function file(page, testid) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(testid).click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

describe('other grids', () => {
  onPage('heads by position', async (page) => {
    await page.getByTestId('site').selectOption('z');
    await page.getByTestId('axes').selectOption('head_position');
    const { report } = await same(page);
    const { n_layer, n_head } = report.model;
    assert.equal(report.sweeps[0].rows.labels.length, n_layer * n_head);
    assert.match(await page.getByTestId(`row-${n_head + 1}`).textContent(), /1\.1/);
  });

  onPage('one head, from and to: nothing above the diagonal', async (page) => {
    await page.getByTestId('site').selectOption('pattern');
    await page.getByTestId('axes').selectOption('destination_source');
    await page.getByTestId('axes-layer').fill('1');
    const { report } = await same(page);
    const [rows] = report.sweeps[0].values;
    rows.forEach((row, i) => row.forEach((value, j) => assert.equal(value === null, j > i)));
  });

  onPage('windows of layers', async (page) => {
    await page.getByTestId('window').fill('3');
    const { experiment } = await same(page);
    assert.deepEqual(experiment.sweeps[0].axes, { layer_position: { window: 3 } });
  });

  onPage('parts are read as they are written, and what is none is named', async (page) => {
    await page.getByTestId('axes').selectOption('parts');
    const field = page.getByTestId('parts');
    await field.fill('1.1, nose');
    await field.blur();
    await page.getByText('“nose” is no part').waitFor();
    await field.fill('1.1, mlp 0');
    await field.blur();
    const { report } = await same(page);
    assert.deepEqual(report.sweeps[0].columns.labels, ['1.1', 'mlp_out 0', 'together']);
    await page.getByTestId('axes').selectOption('others');
    await field.fill('1.1, mlp 0');
    await field.blur();
    assert.equal((await same(page)).report.sweeps[0].values[0][0].length, 1);
  });

  onPage('paths to a head’s queries', async (page) => {
    await page.getByTestId('axes').selectOption('paths');
    await page.getByTestId('receiver').selectOption('1');
    const { report } = await same(page);
    const { layer } = report.experiment.sweeps[0].axes.paths.receiver.q;
    const [rows] = report.sweeps[0].values;
    rows.forEach((row, l) => assert.ok(row.every((value) => (value === null) === l >= layer)));
    await page.getByTestId('through-mlps').check();
    assert.equal((await same(page)).experiment.sweeps[0].axes.paths.through_mlps, true);
  });

  onPage('neurons are listed, strongest first', async (page) => {
    await page.getByTestId('site').selectOption('mlp_post');
    await page.getByTestId('axes').selectOption('neurons');
    await settled(page);
    await page.getByTestId('strongest-cells').locator('li').first().waitFor({ state: 'attached' });
    const { experiment } = await link(page);
    const report = await computed(page, server, experiment);
    const [[row]] = report.sweeps[0].values;
    const { corrupted } = report.metrics[0];
    const best = row.map((value, i) => [Math.abs(value - corrupted), i]).sort((a, b) => b[0] - a[0])[0][1];
    assert.match(
      await page.getByTestId('strongest-cells').locator('li').first().textContent(),
      new RegExp(`neuron ${best}`),
    );
  });
});

describe('several at once', () => {
  onPage('every site by one button, side by side', async (page) => {
    await page.getByTestId('all-sweeps').click();
    await page.getByTestId('grid-7').waitFor();
    await settled(page);
    await page.getByTestId('grid-3').click();
    await same(page, { sweep: 3 });
    assert.ok((await page.locator('[data-testid=grid-5] svg rect').count()) > 4);
    await page.getByTestId('cell-1-1').click();
    await page.getByTestId('look').waitFor();
    assert.deepEqual((await link(page)).experiment.cell, { sweep: 3, row: 1, column: 1 });
  });

  onPage('both directions beside each other, and their difference', async (page) => {
    await page.getByTestId('pin').click();
    const denoising = await values(page);
    await page.getByTestId('both-ways').click();
    await page.getByTestId('grid-1').waitFor();
    await settled(page);
    const { report } = await same(page, { sweep: 1 });
    await page.getByTestId('compare').check();
    const { clean, corrupted } = report.metrics[0];
    const share = (value) => (value - corrupted) / (clean - corrupted);
    const expected = report.sweeps[1].values[0].map((row, i) =>
      row.map((value, j) => share(value) - share(denoising[i][j])),
    );
    assert.ok(largestDifference((await values(page)).flat(), expected.flat()) < 1e-4);
  });

  onPage('metrics from the same runs', async (page) => {
    await page.getByTestId('also').click();
    await page.getByTestId('also-kl').check();
    await page.getByTestId('also-rank').check();
    await settled(page);
    await page.getByTestId('shown-metric').selectOption('1');
    await same(page, { metric: 1 });
    await page.getByTestId('shown-metric').selectOption('2');
    await same(page, { metric: 2 });
    assert.notEqual(await page.getByTestId('agreement').textContent(), '');
  });

  onPage('a set of answers', async (page) => {
    await page.getByTestId('answer').fill(' Mary| John');
    await page.getByTestId('metric-kind').selectOption('probability_difference');
    const { experiment } = await same(page);
    assert.deepEqual(experiment.metrics[0].answer, [' Mary', ' John']);
  });
});

describe('other corruptions and pairs', () => {
  onPage('noise on a token, with intervals over its draws', async (page) => {
    await page.getByTestId('noise').check();
    await page.getByTestId('noise-draws').fill('4');
    const { report } = await same(page);
    assert.deepEqual(report.experiment.corruption.noise.positions, [2]);
    assert.equal(report.sweeps[0].pairs.length, 4);
    await page.getByTestId('cell-0-2').hover();
    assert.match(await page.getByTestId('detail').textContent(), /95 %/);
  });

  onPage('eight more pairs by one button, and a file of one’s own', async (page) => {
    await page.locator('[data-testid=pairs-box] > summary').click();
    await page.getByTestId('fill-ioi').click();
    await page
      .getByTestId('pairs-box')
      .getByText(/8 beside/)
      .waitFor();
    const { report } = await same(page);
    assert.equal(report.sweeps[0].pairs.length, 9);
    const mean = report.sweeps[0].pairs.reduce((sum, pair) => sum + pair[0][1][3], 0) / 9;
    assert.ok(Math.abs(mean - report.sweeps[0].values[0][1][3]) < 1e-4);
    const file = (text) => ({ name: 'pairs.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await page.getByTestId('pairs-file').setInputFiles(file('one column'));
    await page.getByText('Line 1 has 1 column').waitFor();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByTestId('save-pairs').click()]);
    const text = await readFile(await saved.path(), 'utf8');
    await page.getByTestId('pairs-file').setInputFiles(file(text.split('\n').slice(0, 3).join('\n')));
    await page
      .getByTestId('pairs-box')
      .getByText(/2 beside/)
      .waitFor();
    assert.equal((await link(page)).experiment.clean, report.experiment.clean);
  });

  onPage('prompts of different lengths are aligned by an offer', async (page) => {
    const prompt = page.getByTestId('corrupted-prompt');
    await prompt.fill((await prompt.inputValue()).replace('Bob', 'Bob James'));
    await page.getByTestId('align').click();
    const { report } = await same(page);
    assert.equal(report.reading.clean.length + 1, report.reading.corrupted.length);
    assert.equal(report.sweeps[0].values[0][0].length, report.reading.clean.length);
    await page.getByTestId('alignment-box').locator('summary').click();
    const field = page.getByTestId('alignment');
    await field.fill('4=5, 2');
    await field.blur();
    await page
      .getByTestId('problems-alignment')
      .getByText(/ascending/)
      .waitFor();
    await field.fill('2, 4=5');
    await field.blur();
    const { experiment } = await same(page);
    assert.deepEqual(experiment.alignment, [
      [2, 2],
      [4, 5],
    ]);
    await page.getByTestId('alignment-way').selectOption('same');
    await page
      .getByTestId('problems-sweep')
      .getByText(/same number/)
      .waitFor();
  });

  onPage('pairs of different lengths are patched at their roles', async (page) => {
    await page.getByTestId('alignment-box').locator('summary').click();
    await page.getByTestId('alignment-way').selectOption('role');
    await page.getByTestId('pairs-box').locator('summary').first().click();
    await page.getByTestId('add-pair').click();
    await page.getByTestId('pair-1-clean').fill('Then, when Tom and Anna went to the park, Tom gave a book to');
    await page.getByTestId('pair-1-corrupted').fill('When Bob and Anna went to the park, Tom gave a book to');
    await page.getByTestId('pair-1-answer').fill(' Anna');
    await page.getByTestId('pair-1-wrong').fill(' Bob');
    const { report } = await same(page);
    assert.deepEqual(report.sweeps[0].columns.labels, ['S1', 'IO', 'S2', 'END']);
    assert.match(await page.getByTestId('column-0').textContent(), /Bob.*S1/);
    await page.getByTestId('clean-prompt').fill('Then Mary went to');
    await page
      .getByTestId('problems-alignment')
      .getByText(/twice in the clean prompt/)
      .waitFor();
  });

  onPage('embeddings and the last LayerNorm have one row', async (page) => {
    for (const site of ['embed', 'pos_embed', 'ln_final']) {
      await page.getByTestId('site').selectOption(site);
      const { report } = await same(page);
      assert.deepEqual(report.sweeps[0].rows, { name: 'site', labels: [site] });
    }
  });

  onPage('pairs are made from lines with gaps, which stay after a reload', async (page) => {
    const box = page.getByTestId('pairs-box');
    await box.locator('summary').first().click();
    await box.locator('details summary').click();
    const lists = page.getByTestId('template-lists');
    await lists.fill('name: Mary, John\nplaces: park');
    await page.getByTestId('template-fill').click();
    await page.getByText('There is no list “place”').waitFor();
    await lists.fill('name: Mary, John, Alice\nplace: park, store');
    await page.getByTestId('template-count').fill('5');
    await page.getByTestId('template-fill').click();
    const { experiment, report } = await same(page);
    assert.equal(experiment.pairs.length, 4);
    assert.equal(report.sweeps[0].pairs.length, 5);
    await page.reload();
    await box.locator('summary').first().click();
    await box.locator('details summary').click();
    assert.match(await lists.inputValue(), /Alice/);
  });

  onPage('zeros, a mean, another prompt', async (page) => {
    for (const bring of ['1', '3']) {
      await page.getByTestId('bring').selectOption(bring);
      await same(page);
    }
    await page.getByTestId('bring').selectOption('5');
    await page.getByTestId('bring-prompt').fill('Too short');
    await page.getByTestId('bring-prompt').blur();
    await page
      .getByTestId('problems-sweep')
      .getByText(/give it as many/)
      .waitFor();
  });
});

describe('a closer look, and files', () => {
  onPage('attention, lens and attribution of a head', async (page) => {
    await page.getByTestId('site').selectOption('z');
    await settled(page);
    await page.getByTestId('cell-2-1').click();
    await page.locator('[data-testid=look] > summary').click();
    const { experiment } = await link(page);
    const { cell, model } = await computed(page, server, experiment);
    assert.equal(await page.getByTestId('lens').locator('tbody tr').count(), model.n_layer);
    assert.ok((await page.getByTestId('look').locator('.pattern svg rect').count()) > cell.look.patterns.clean.length);
    for (const row of cell.look.patterns.patched) assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-4);
    assert.equal(await page.getByTestId('attribution').locator('li').count(), 10);
  });

  onPage('CSV, JSON, SVG and PNG', async (page) => {
    const csv = await file(page, 'download-csv');
    const [head, ...rows] = csv.bytes.toString().trim().split('\n');
    assert.equal(
      head,
      'site,mode,metric,layer,position,token,value,normalised,normalised_low,normalised_high,clean,corrupted',
    );
    assert.equal(rows.length, (await values(page)).flat().length);
    const json = JSON.parse((await file(page, 'download-json')).bytes);
    assert.equal(json.experiment.version, 4);
    assert.deepEqual(json.sweeps[0].values[0], await values(page));
    const svg = (await file(page, 'download-svg')).bytes.toString();
    assert.match(svg, /^<svg [\s\S]*<\/svg>$/);
    assert.equal(svg.match(/<rect x=/g).length, rows.length);
    const png = await file(page, 'download-png');
    assert.match(png.name, /\.png$/);
    assert.equal(png.bytes.subarray(1, 4).toString(), 'PNG');
    assert.ok(png.bytes.length > 5000);
  });

  onPage('scripts that compute both rooms again elsewhere', async (page) => {
    // The experiment as Python reads it, from the one line that the page fills in.
    const held = async (testid) => {
      const { name, bytes } = await file(page, testid);
      // Of the library's own name Python would take the file for the library.
      assert.match(name, /^patchbay-[a-z-]+\.py$/);
      const line = bytes
        .toString()
        .split('\n')
        .filter((line) => line.startsWith('REPORT = '));
      assert.equal(line.length, 1);
      return JSON.parse(line[0].slice('REPORT = '.length));
    };
    for (const testid of ['download-python', 'download-nnsight']) {
      const { experiment, sweeps } = await held(testid);
      assert.equal(experiment.room ?? 'patching', 'patching');
      assert.deepEqual(sweeps[0].values[0], await values(page));
    }
    await choose(page, 'room-steering');
    for (const testid of ['download-python', 'download-nnsight']) {
      const button = page.getByTestId(testid);
      await button.waitFor();
      await page.waitForFunction((id) => document.querySelector(`[data-testid=${id}]`)?.disabled === false, testid);
      assert.ok(await button.isVisible());
      const { experiment, steer } = await held(testid);
      assert.equal(experiment.room, 'steering');
      assert.ok(steer.samples[0].steered.length > 5);
    }
  });
});

test('links of the first version still open', { timeout: 2 * PATIENCE }, async () => {
  const hash = `#${(await readFile(new URL('../../engine/tests/links/v1.link', import.meta.url), 'utf8')).trim()}`;
  const it = await openPage(browser, server, hash);
  try {
    await settled(it.page);
    assert.equal(await it.page.getByTestId('broken-link').count(), 0);
    await choose(it.page, 'mode-noising');
    assert.equal((await link(it.page)).experiment.version, 4);
  } finally {
    await it.close();
  }
});
