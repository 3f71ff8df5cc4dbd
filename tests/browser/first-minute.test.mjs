// The first minute of somebody who was never here: the result is seen at once, on a
// phone soon; examples, the drawn model, the keyboard.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { clean } from './axe.mjs';
import { openChromium, openFirefox, serveDist } from './harness.mjs';
import { example, choose, openPage, PATIENCE, settled, values } from './page.mjs';

const list = JSON.parse(await readFile(new URL('../../www/experiments/index.json', import.meta.url), 'utf8'));
const shown = (room) =>
  list.experiments.filter((entry) => (entry.room ?? 'steering') === room && entry.kind !== 'start');

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

/** A test on a fresh page of that size, of somebody who was never here. */
const onPage = (what, [width, height], body, { hash, ...options } = {}) =>
  test(what, { timeout: 3 * PATIENCE }, async (context) => {
    const it = await openPage(browser, server, hash, { viewport: { width, height }, first: true, ...options });
    try {
      await settled(it.page);
      await body(it.page, context);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

/** Where something is on the page, in pixels from its top. */
const place = (page, testid) =>
  page.getByTestId(testid).evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return { top: top + globalThis.scrollY, bottom: bottom + globalThis.scrollY };
  });

describe('what is seen first', () => {
  onPage('the map, on a screen of 1300 by 900, and the settings in a line', [1300, 900], async (page, context) => {
    const map = await place(page, 'heatmap');
    context.diagnostic(`the map ends at ${map.bottom.toFixed(0)} of 900 pixels`);
    assert.ok(map.bottom <= 900, `the map ends at ${map.bottom}`);
    assert.equal(
      await page.getByTestId('settings-said').textContent(),
      'resid_pre · denoising · layer × position · replaced with the other run’s activation',
    );
    assert.equal(await page.getByTestId('site').isVisible(), false);
    await page.getByTestId('settings').locator('> summary').click();
    await page.getByTestId('site').selectOption('z');
    await settled(page);
    assert.match(await page.getByTestId('settings-said').textContent(), /^z · denoising · layer × head · /);
    // How it was left is how it is found.
    await page.reload();
    await settled(page);
    assert.equal(await page.getByTestId('site').isVisible(), true);
  });

  onPage(
    'on a phone the three runs and the map within 1,200 pixels, and nothing wider than it',
    [360, 800],
    async (page, context) => {
      const [runs, map] = [await place(page, 'stage-patched'), await place(page, 'heatmap')];
      context.diagnostic(`runs from ${runs.top.toFixed(0)}, map from ${map.top.toFixed(0)}`);
      assert.ok(runs.bottom < 1200 && map.top < 1200, JSON.stringify({ runs, map }));
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
      // A tap on a cell shows its run, which is not where the finger is.
      await page.getByTestId('cell-1-3').click();
      await page.getByTestId('clear-cell').waitFor();
      const top = await page.getByTestId('stage-patched').evaluate((run) => run.getBoundingClientRect().top);
      assert.ok(top >= 0 && top < 400, `the patched run is at ${top}`);
    },
  );

  onPage('the first map within 3 seconds', [1300, 900], async (page, context) => {
    const seconds = (await page.evaluate(() => performance.now())) / 1000;
    context.diagnostic(`navigation to first map: ${seconds.toFixed(2)} s`);
  });
});

describe('examples', () => {
  for (const { file, title, about } of shown('patching')) {
    onPage(`${title}: one click, and what to look at`, [1300, 900], async (page) => {
      await example(page, file);
      const said = page.getByTestId('example-about');
      assert.equal(await said.textContent(), `${title}: ${about}`);
      await settled(page);
      assert.ok((await values(page)).flat().some((value) => value !== null));
      assert.equal(await page.getByTestId(`example-${file}`).getAttribute('aria-pressed'), 'true');
      // It is not said any more of what is not it.
      await page.getByTestId('clean-prompt').fill('When Tom and Mary went to the store, Tom gave a bottle to');
      await said.waitFor({ state: 'detached' });
    });
  }

  onPage('the steering room has its own', [1300, 900], async (page) => {
    await choose(page, 'room-steering');
    for (const { file } of shown('steering')) await page.getByTestId(`example-${file}`).waitFor();
    await example(page, 'weddings.json');
    await page.locator('[data-testid=steer-status][data-state=done]').waitFor({ state: 'attached' });
  });
});

describe('the model drawn', () => {
  onPage('marks what is pointed at and what it reaches, and a click chooses a site', [1300, 900], async (page) => {
    const told = page.getByTestId('picture-told');
    assert.match(await told.textContent(), /^Marked: resid_pre, once in each layer\./);
    await page.getByTestId('cell-2-3').hover();
    await page
      .getByText('resid_pre, layer 2, position 3. A patch here can change positions 3 and later, from layer 2 on.')
      .waitFor();
    assert.equal(await page.locator('.picture .here').count(), 1);
    assert.ok((await page.locator('.picture .reach').count()) > 0);
    assert.equal(await page.getByTestId('picture-resid_pre').getAttribute('aria-pressed'), 'true');
    await page.getByTestId('picture-mlp_out').click();
    await settled(page);
    assert.match(await page.getByTestId('settings-said').textContent(), /^mlp_out/);
    await page.getByTestId('cell-3-2').hover();
    await page
      .getByText('mlp_out, layer 3, position 2. A patch here can change the logits of position 2 alone.')
      .waitFor();
  });

  onPage('heads, and sites of no layer', [1300, 900], async (page) => {
    await page.getByTestId('picture-z').click();
    await settled(page);
    await page.getByTestId('cell-1-2').hover();
    await page.getByText('z of head 1.2, all positions. A patch here can change everything from layer 2 on.').waitFor();
    await page.getByTestId('picture-ln_final').click();
    await settled(page);
    await page.getByTestId('cell-0-4').hover();
    await page.getByText('ln_final, position 4. A patch here can change the logits of position 4 alone.').waitFor();
  });
});

describe('for everyone', () => {
  onPage('with the keyboard: the map in two steps, a cell chosen and let go', [1300, 900], async (page, context) => {
    let stops = 0;
    do {
      await page.keyboard.press('Tab');
      stops += 1;
    } while (stops < 10 && (await page.evaluate(() => document.activeElement.dataset.testid)) !== 'skip-to-map');
    await page.keyboard.press('Enter');
    context.diagnostic(`Tab stops to the map: ${stops}`);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('role')), 'gridcell');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByTestId('clear-cell').waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('clear-cell').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement.id), 'cell-1-0');
  });

  for (const colorScheme of ['light', 'dark']) {
    onPage(
      `axe finds nothing, ${colorScheme}`,
      [1300, 900],
      async (page) => {
        await clean(page, 'patching, as it opens');
        await page.getByTestId('settings').locator('> summary').click();
        await page.getByTestId('cell-1-3').click();
        await page.getByTestId('clear-cell').waitFor();
        await clean(page, 'patching, with a cell and the settings');
        await choose(page, 'room-steering');
        await page.locator('[data-testid=steer-status][data-state=done]').waitFor({ state: 'attached' });
        await clean(page, 'steering');
      },
      { colorScheme },
    );
  }
});

describe('in Firefox', () => {
  test('the map is seen first, an example is one click', { timeout: 3 * PATIENCE }, async () => {
    const firefox = await openFirefox();
    try {
      const page = await firefox.newPage();
      await page.setViewport({ width: 1300, height: 900 });
      await page.goto(server.url);
      const done = '[data-testid=status][data-state=done]';
      await page.waitForSelector(done, { timeout: PATIENCE });
      const bottom = await page.$eval('[data-testid=heatmap]', (map) => map.getBoundingClientRect().bottom);
      assert.ok(bottom <= 900, `the map ends at ${bottom}`);
      await page.waitForSelector('[data-testid="example-patching-noise.json"]');
      await page.click('[data-testid="example-patching-noise.json"]');
      await page.waitForSelector(`[data-testid="example-patching-noise.json"][aria-pressed=true]`);
      await page.waitForSelector(done, { timeout: PATIENCE });
      await page.hover('[data-testid=cell-1-5]');
      await page.waitForSelector('.picture .here');
    } finally {
      await firefox.close();
    }
  });
});
