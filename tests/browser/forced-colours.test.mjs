// Colours that the system forces on every page: what a colour says here is still seen.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { golden, packed } from '../link.mjs';
import { openChromium, serveDist } from './harness.mjs';
import { choose, openPage, PATIENCE, settled } from './page.mjs';

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

const onPage = (what, body, hash = async () => '') =>
  test(what, { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server, await hash(), { forcedColors: 'active' });
    try {
      await body(it.page);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

/** What is drawn of an element: a forced colour is what its style then says. */
const drawn = (element) =>
  element.evaluate((node) => {
    const { backgroundColor, color, outlineStyle, outlineWidth } = getComputedStyle(node);
    return { backgroundColor, color, outline: `${outlineStyle} ${outlineWidth}` };
  });

const colours = (elements) =>
  elements.evaluateAll((all) => all.map((element) => getComputedStyle(element).backgroundColor));

describe('with colours forced by the system', () => {
  onPage('maps keep theirs; what is chosen, and where the focus is, is seen', async (page) => {
    await settled(page);
    const cells = await colours(page.locator('[role=gridcell]'));
    assert.ok(new Set(cells).size > 5, `the map has ${new Set(cells).size} colours`);
    // Plain buttons are alike, one that is chosen is not.
    const [on, off] = [
      await drawn(page.getByTestId('picture-resid_pre')),
      await drawn(page.getByTestId('picture-mlp_out')),
    ];
    assert.notEqual(on.backgroundColor, off.backgroundColor);
    assert.notEqual(on.color, on.backgroundColor);
    const segments = page.getByTestId('values-normalised').locator('xpath=../../label/span');
    const [chosen, other] = [await drawn(segments.nth(0)), await drawn(segments.nth(1))];
    assert.notEqual(chosen.backgroundColor, other.backgroundColor);
    await page.getByTestId('cell-0-2').focus();
    await page.keyboard.press('ArrowRight');
    assert.equal((await drawn(page.locator('[role=gridcell]:focus'))).outline, 'solid 3px');
    await page.locator('.run-card.current').waitFor();
    assert.equal((await drawn(page.locator('.run-card.current'))).outline, 'solid 2px');
  });

  onPage('how far a direction changed each token is seen', async (page) => {
    await choose(page, 'room-steering');
    await page.locator('[data-testid=steer-status][data-state=done]').waitFor({ state: 'attached' });
    // The last text is there when their summary is.
    await page.getByTestId('summary').locator('p').first().waitFor();
    const tints = await colours(page.locator('.sample .steered button'));
    assert.ok(new Set(tints).size > 3, `the texts have ${new Set(tints).size} colours`);
  });

  onPage(
    'a mark on a cell is seen, with the focus beside it',
    async (page) => {
      await page.getByTestId('cell-0-2').click();
      const cell = page.locator('[data-mark]');
      await cell.waitFor();
      await page.mouse.move(0, 0);
      assert.equal((await drawn(cell)).outline, 'solid 3px');
      const sign = await cell.evaluate((node) => {
        const { content, color, backgroundColor } = getComputedStyle(node, '::after');
        return { content, differs: color !== backgroundColor };
      });
      assert.deepEqual(sign, { content: '"●"', differs: true });
    },
    async () => {
      const { experiment } = await golden('packed-seed');
      const steps = [{ says: 'Which cell?', ask: { kind: 'cells', most: 1 } }];
      return packed({ experiment, workshop: { title: 'W', steps } });
    },
  );
});
