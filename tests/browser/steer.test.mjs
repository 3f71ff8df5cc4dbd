// The steering room, used as a person uses it, in Chromium.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openChromium, serveDist } from './harness.mjs';
import { choose, computed, link, openPage, PATIENCE } from './page.mjs';

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

const inRoom = (what, body) =>
  test(what, { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server);
    try {
      await choose(it.page, 'room-steering');
      await written(it.page);
      await body(it.page);
      assert.deepEqual(await it.page.evaluate(() => globalThis.violations), []);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

/** Waits until what is on the page has been written. */
const written = async (page) => {
  await page.getByTestId('summary').locator('p').first().waitFor();
  // It says nothing when all is done, so it is not to be seen.
  await page.locator('[data-testid=steer-status][data-state=done]').waitFor({ state: 'attached' });
};

const text = (page, name) => page.getByTestId(name).locator('button').allTextContents();

inRoom('the example turns hate into love, and the numbers are those of patchbay.js', async (page) => {
  const before = (await text(page, 'unsteered-0')).join('');
  const after = (await text(page, 'steered-0')).join('');
  assert.notEqual(before, after);
  const { experiment } = await link(page);
  assert.equal(experiment.room, 'steering');
  const { steer } = await computed(page, server, experiment);
  assert.ok(steer.summary.steered.words > steer.summary.unsteered.words, JSON.stringify(steer.summary));
  const shown = (side) => side.map((w) => (w.text === '<|endoftext|>' ? ' ∎' : w.text)).join('');
  assert.equal(after, shown(steer.samples[0].steered));
  assert.equal(before, shown(steer.samples[0].unsteered));
});

inRoom('at 0 both texts are one, and a token opens', async (page) => {
  await page.getByTestId('coefficient-0').focus();
  await page.getByTestId('coefficient-number-0').fill('0');
  await page.waitForFunction(() => {
    const of = (name) => document.querySelector(`[data-testid=${name}]`).textContent;
    return of('unsteered-0') === of('steered-0') && of('unsteered-2') === of('steered-2');
  });
  await page.getByTestId('steered-0').locator('button').first().click();
  assert.match(await page.getByTestId('inspect').textContent(), /KL between the two: 0\.000/);
  assert.equal(await page.getByTestId('inspect').locator('li').count(), 20);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('[data-testid=steered-0] button.opened').getAttribute('data-index'), '1');
});

inRoom('a link opens in the room, with its directions', async (page) => {
  await page.getByTestId('coefficient-number-0').fill('1.25');
  await page.getByTestId('steer-prompt').fill('The food was');
  const { url, experiment } = await link(page);
  assert.equal(experiment.steer.directions[0].coefficient, 1.25);
  const other = await openPage(browser, server, new URL(url).hash);
  try {
    await written(other.page);
    assert.equal(await other.page.getByTestId('steer-prompt').inputValue(), 'The food was');
    assert.equal(await other.page.getByTestId('coefficient-number-0').inputValue(), '1.25');
  } finally {
    await other.close();
  }
});

inRoom(
  'a number that 32 bits do not hold stays as it was typed; the texts are marked as old, the link opens',
  async (page) => {
    const strength = page.getByTestId('coefficient-number-0');
    const old = page.getByTestId('old').first();
    // Digit by digit: what is on the way to a number is not to be written anew.
    await strength.fill('');
    await strength.pressSequentially('1e39');
    assert.equal(await strength.inputValue(), '1e39');
    const { experiment } = await link(page);
    for (const typed of ['1e39', '']) {
      await strength.fill(typed);
      await page.getByText('a number that 32 bits hold').waitFor();
      assert.equal(await strength.inputValue(), typed);
      assert.ok(await old.isVisible());
      assert.deepEqual((await link(page)).experiment, experiment);
    }
    await page.locator('details:has([data-testid=seed]) > summary').click();
    await page.getByTestId('seed').fill('18446744073709551615');
    await page.getByText('a whole number from 0 to 9007199254740991').waitFor();
    await page.getByTestId('seed').fill('7');
    await strength.fill('0.5');
    await page.getByText('a number that 32 bits hold').waitFor({ state: 'detached' });
    await written(page);
    assert.equal(await old.isVisible(), false);
  },
);

inRoom('what makes no sense is said beside its field', async (page) => {
  await page.locator('[data-testid=direction-0] details > summary').click();
  await page.getByTestId('negative-0').fill('');
  const problem = page.getByTestId('problems-steer.directions.0');
  await problem.getByText('no negative prompts').waitFor();
  await page.getByTestId('negative-0').fill('I hate');
  await problem.getByText('no negative prompts').waitFor({ state: 'detached' });
  // And the other room is as it was.
  await choose(page, 'room-patching');
  await page.locator('[data-testid=status][data-state=done]').waitFor();
  assert.match(await page.getByTestId('clean-prompt').inputValue(), /John and Mary/);
});
