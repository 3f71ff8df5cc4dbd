// Nothing that a person did is lost: undo, the browser's Back, the runs of the visit,
// and a page that stays where it is while somebody types.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox, serveDist } from './harness.mjs';
import { choose, link, openInFirefox, openPage, PATIENCE, settled, values } from './page.mjs';

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

const onPage = (what, body, options) =>
  test(what, { timeout: 3 * PATIENCE }, async (context) => {
    const it = await openPage(browser, server, '', options);
    try {
      await settled(it.page);
      await body(it.page, context);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

/** The settings, which are folded at first. */
const unfold = async (page) => {
  const settings = page.getByTestId('settings');
  if ((await settings.getAttribute('open')) === null) await settings.locator('summary').first().click();
};

/** Waits until a field has a value, and says the other one where it never does. */
async function has(page, testid, value) {
  const field = page.getByTestId(testid);
  const is = () => field.inputValue();
  for (let i = 0; i < 100 && (await is()) !== value; i += 1) await page.waitForTimeout(100);
  assert.equal(await is(), value);
}

/** Leaves whatever field the focus is in: text fields undo their own letters. */
const leave = (page) => page.evaluate(() => document.activeElement?.blur());

describe('undo', () => {
  onPage('every kind of change is undone and done again, by buttons and by keys', async (page) => {
    const example = await page.getByTestId('clean-prompt').inputValue();
    const [undo, redo] = [page.getByTestId('undo'), page.getByTestId('redo')];
    assert.ok((await undo.isDisabled()) && (await redo.isDisabled()), 'nothing was done yet');
    await unfold(page);
    await page.getByTestId('site').selectOption('z');
    await choose(page, 'mode-noising');
    await page.getByTestId('cell-0-0').click();
    await page.getByTestId('clean-prompt').fill('Another prompt');
    await page.getByTestId('reset').click();
    await has(page, 'clean-prompt', example);
    await choose(page, 'room-steering');
    await page.getByTestId('steer-prompt').waitFor();

    await page.keyboard.press('Control+z');
    await has(page, 'clean-prompt', example);
    await undo.click();
    await has(page, 'clean-prompt', 'Another prompt');
    assert.match(await undo.getAttribute('title'), /^clean prompt/);
    await page.keyboard.press('Control+z');
    await has(page, 'clean-prompt', example);
    await page.locator('[data-testid=cell-0-0][aria-selected=true]').waitFor();
    await page.keyboard.press('Control+z');
    await page.locator('[data-testid=cell-0-0][aria-selected=false]').waitFor();
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await has(page, 'site', 'resid_pre');
    assert.ok(await undo.isDisabled(), 'all is undone');
    await settled(page);

    await page.keyboard.press('Control+Shift+Z');
    await has(page, 'site', 'z');
    await page.keyboard.press('Control+y');
    await redo.click();
    await page.locator('[data-testid=cell-0-0][aria-selected=true]').waitFor();
    const { experiment } = await link(page);
    assert.deepEqual([experiment.sweeps[0].site, experiment.sweeps[0].mode], ['z', 'noising']);
    await page.getByTestId('clean-prompt').fill('A new way');
    await leave(page);
    assert.ok(await redo.isDisabled(), 'what was undone is given up');
  });

  onPage('typing without a pause is one step, and a text field undoes its own letters', async (page) => {
    const prompt = page.getByTestId('clean-prompt');
    const example = await prompt.inputValue();
    await prompt.press('End');
    await prompt.pressSequentially(' one', { delay: 30 });
    await page.waitForTimeout(1_200);
    await prompt.pressSequentially(' two', { delay: 30 });
    await page.getByTestId('answer').fill(' Ann');
    await leave(page);
    for (const [clean, answer] of [
      [`${example} one two`, ' Mary'],
      [`${example} one`, ' Mary'],
      [example, ' Mary'],
    ]) {
      await page.keyboard.press('Control+z');
      await has(page, 'clean-prompt', clean);
      await has(page, 'answer', answer);
    }
    assert.ok(await page.getByTestId('undo').isDisabled());
    // Within the field the browser undoes, and that is a change like any other.
    await prompt.press('End');
    await prompt.pressSequentially('!');
    await page.keyboard.press('Control+z');
    await has(page, 'clean-prompt', example);
  });

  onPage(
    'it works where the browser refuses entries of its history',
    async (page) => {
      await unfold(page);
      for (const site of ['z', 'mlp_out']) await page.getByTestId('site').selectOption(site);
      await page.keyboard.press('Control+z');
      await has(page, 'site', 'z');
      await page.getByTestId('undo').click();
      await has(page, 'site', 'resid_pre');
      assert.equal(new URL(page.url()).hash, '');
      await page.getByTestId('redo').click();
      await has(page, 'site', 'z');
      await settled(page);
    },
    {
      before: (page) =>
        page.addInitScript(() => {
          const refuse = () => {
            throw new DOMException('refused', 'SecurityError');
          };
          history.pushState = refuse;
          history.replaceState = refuse;
        }),
    },
  );

  onPage('it goes on for a long time, and never leaves the page', async (page) => {
    // The browser itself keeps fifty entries.
    await unfold(page);
    for (let i = 0; i < 70; i += 1) {
      await page.getByTestId('site').selectOption(['z', 'mlp_out'][i % 2]);
    }
    await leave(page);
    for (let i = 0; i < 70; i += 1) await page.keyboard.press('Control+z');
    await has(page, 'site', 'resid_pre');
    assert.ok(await page.getByTestId('undo').isDisabled());
    for (let i = 0; i < 5; i += 1) await page.keyboard.press('Control+z');
    await page.waitForTimeout(2_000);
    assert.ok(page.url().startsWith(server.url));
    await has(page, 'site', 'resid_pre');
    await settled(page);
  });
});

describe('the browser’s Back and Forward', () => {
  onPage('one entry for each change; after a reload, too', async (page) => {
    const prompt = page.getByTestId('clean-prompt');
    const example = await prompt.inputValue();
    const entries = () => page.evaluate(() => history.length);
    const first = await entries();
    await unfold(page);
    await page.getByTestId('site').selectOption('z');
    await prompt.press('End');
    await prompt.pressSequentially(' once', { delay: 30 });
    await link(page);
    assert.equal((await entries()) - first, 2, 'a word is one entry, however many letters it has');
    await page.goBack();
    await has(page, 'clean-prompt', example);
    await has(page, 'site', 'z');
    await page.goBack();
    await has(page, 'site', 'resid_pre');
    await page.goForward();
    await has(page, 'site', 'z');
    // The button and the browser are at the same place.
    await page.getByTestId('redo').click();
    await has(page, 'clean-prompt', `${example} once`);
    const there = await link(page);
    assert.equal(there.experiment.clean, `${example} once`);
    await page.reload();
    await has(page, 'clean-prompt', `${example} once`);
    await page.goBack();
    await has(page, 'clean-prompt', example);
    await unfold(page);
    await has(page, 'site', 'z');
    await page.getByTestId('undo').click();
    await has(page, 'site', 'resid_pre');
    await page.getByTestId('redo').click();
    await page.goForward();
    await has(page, 'clean-prompt', `${example} once`);
    await settled(page, 'barred');
  });

  onPage('a reload that forgot goes by the addresses', async (page) => {
    const prompt = page.getByTestId('corrupted-prompt');
    const example = await prompt.inputValue();
    await prompt.fill(example.replace('Bob', 'Tom'));
    await link(page);
    await page.addInitScript(() => sessionStorage.clear());
    await page.reload();
    await has(page, 'corrupted-prompt', example.replace('Bob', 'Tom'));
    assert.ok(await page.getByTestId('undo').isDisabled());
    await page.goBack();
    await has(page, 'corrupted-prompt', example);
    // What was learned on the way can be done again.
    await page.getByTestId('redo').click();
    await has(page, 'corrupted-prompt', example.replace('Bob', 'Tom'));
  });

  onPage('a link typed into the address is a change, too; a broken one loses nothing', async (page) => {
    const prompt = page.getByTestId('corrupted-prompt');
    const example = await prompt.inputValue();
    await prompt.fill(example.replace('Bob', 'Tom'));
    const { url } = await link(page);
    await page.goBack();
    await has(page, 'corrupted-prompt', example);
    await page.evaluate((url) => location.assign(url), url);
    await has(page, 'corrupted-prompt', example.replace('Bob', 'Tom'));
    await leave(page);
    await page.keyboard.press('Control+z');
    await has(page, 'corrupted-prompt', example);
    await page.evaluate(() => location.assign('#v1=broken'));
    await page.getByTestId('broken-link').waitFor();
    await page.goBack();
    await page.getByTestId('broken-link').waitFor({ state: 'detached' });
    await has(page, 'corrupted-prompt', example);
  });

  test('in Firefox as well', { timeout: 3 * PATIENCE }, async () => {
    const firefox = await openFirefox();
    try {
      const { page, errors } = await openInFirefox(firefox, server);
      const answer = (value) =>
        page.waitForFunction(
          (value) => document.querySelector('[data-testid=answer]')?.value === value,
          { timeout: 20_000 },
          value,
        );
      const leaveField = () => page.evaluate(() => document.activeElement?.blur());
      await page.type('[data-testid=answer]', 's');
      await answer(' Marys');
      await leaveField();
      await page.keyboard.down('Control');
      await page.keyboard.press('z');
      await page.keyboard.up('Control');
      await answer(' Mary');
      await page.click('[data-testid=redo]');
      await answer(' Marys');
      // The address follows a moment later.
      await page.waitForFunction(() => location.hash.length > 10, { timeout: 20_000 });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await page.goBack();
      await answer(' Mary');
      await page.goForward();
      await answer(' Marys');
      await page.reload();
      await answer(' Marys');
      await page.goBack();
      await answer(' Mary');
      assert.deepEqual(errors, []);
    } finally {
      await firefox.close();
    }
  });
});

describe('the runs of this visit', () => {
  const card = (page, at) => page.getByTestId(`run-${at}`);

  onPage('each is listed once, with what changed, and opened again', async (page) => {
    await card(page, 0).getByText('the first in this list').waitFor();
    await card(page, 0).getByText('on the page now').waitFor();
    const before = await values(page);
    const prompt = page.getByTestId('corrupted-prompt');
    await prompt.fill((await prompt.inputValue()).replace('Bob', 'Tom'));
    await card(page, 1).waitFor();
    await card(page, 0).getByText('corrupted prompt', { exact: true }).waitFor();
    await unfold(page);
    await page.getByTestId('site').selectOption('z');
    await card(page, 2).waitFor();
    await card(page, 0)
      .getByText(/^site: z/)
      .waitFor();
    assert.equal(await card(page, 0).getAttribute('aria-current'), 'true');
    assert.equal(await card(page, 2).getAttribute('aria-current'), null, 'an old one is not current');
    await card(page, 2).getByText('its rows and columns are not those of the map on the page').waitFor();
    assert.equal(await card(page, 0).getByText('Not to be compared').count(), 0);
    assert.ok((await card(page, 2).locator('rect').count()) > 10, 'it has its map');

    await card(page, 2).locator('.open').click();
    await has(page, 'site', 'resid_pre');
    await settled(page);
    assert.deepEqual(await values(page), before);
    // It is the same run: the list has it once, in its new place.
    await page.locator('[data-testid=run-0][aria-current=true]').waitFor();
    assert.equal(await page.locator('.run-card').count(), 3);
    await leave(page);
    await page.keyboard.press('Control+z');
    await has(page, 'site', 'z');
  });

  onPage('they are named, compared, deleted, brought back and kept across a reload', async (page) => {
    await card(page, 0).locator('input').fill('the example');
    await page.keyboard.press('Enter');
    const prompt = page.getByTestId('corrupted-prompt');
    await prompt.fill((await prompt.inputValue()).replace('Bob', 'Tom'));
    await card(page, 1).waitFor();
    await settled(page);
    const own = await values(page);
    await page.reload();
    await settled(page);
    assert.equal(await page.locator('.run-card').count(), 2);
    assert.equal(await card(page, 1).locator('input').inputValue(), 'the example');
    // A map from before the reload is as good as one of now.
    await card(page, 1).getByRole('button', { name: 'Compare' }).click();
    await page.waitForFunction(
      (own) => Number(document.querySelector('[data-testid=cell-0-2]').dataset.value) !== own,
      own[0][2],
    );
    const difference = await values(page);
    assert.ok(difference.flat().every((value) => Math.abs(value) < 2));
    await card(page, 1).getByRole('button', { name: 'Compare' }).click();
    assert.deepEqual(await values(page), own);

    await card(page, 1).getByRole('button', { name: 'Delete' }).click();
    await card(page, 1).waitFor({ state: 'detached' });
    await page.getByTestId('runs-back').click();
    await card(page, 1).waitFor();
    await page.getByTestId('runs-clear').click();
    await card(page, 0).waitFor({ state: 'detached' });
    await page.reload();
    await settled(page);
    assert.equal(await page.locator('.run-card').count(), 1, 'only what runs now');
  });

  onPage('two maps of one experiment stand beside each other', async (page) => {
    await unfold(page);
    await page.getByTestId('both-ways').click();
    await card(page, 1).waitFor();
    await settled(page);
    const names = () => page.locator('.run-card .open > span:last-child').allTextContents();
    assert.deepEqual(await names(), ['resid_pre, noising', 'resid_pre, denoising']);
    await page.getByTestId('grid-0').click();
    await page.getByTestId('run').click();
    await card(page, 2).waitFor();
    assert.deepEqual(await names(), ['resid_pre, denoising', 'resid_pre, noising', 'resid_pre, denoising']);
    await page.locator('[data-testid=run-0][aria-current=true]').waitFor();
    await page.getByTestId('grid-1').click();
    await page.locator('[data-testid=run-1][aria-current=true]').waitFor();
    await card(page, 0).getByRole('button', { name: 'Open again' }).click();
    await page.locator('[data-testid=run-0][aria-current=true]').waitFor();
  });

  onPage('its link leads back to it', async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await unfold(page);
    await page.getByTestId('site').selectOption('mlp_out');
    await card(page, 1).waitFor();
    await card(page, 0).getByRole('button', { name: 'Copy link' }).click();
    let copied = '';
    for (let i = 0; i < 50 && !copied; i += 1) {
      copied = await page.evaluate(() => navigator.clipboard.readText());
      await page.waitForTimeout(100);
    }
    const there = await openPage(browser, server, new URL(copied).hash);
    await settled(there.page);
    const { experiment } = await (async () => {
      await unfold(there.page);
      await choose(there.page, 'mode-noising');
      return link(there.page);
    })();
    assert.equal(experiment.sweeps[0].site, 'mlp_out');
    await there.close();
  });

  onPage('a steered text is listed in both rooms', async (page) => {
    await choose(page, 'room-steering');
    await page.locator('[data-testid=run-0] .first-text').waitFor();
    const words = await page.locator('[data-testid=run-0] .first-text').textContent();
    const text = await page.getByTestId('steered-0').textContent();
    assert.ok(text.includes(words.trim().slice(0, 20)), `${text} begins with ${words}`);
    await choose(page, 'room-patching');
    await card(page, 1).waitFor();
    await card(page, 0).locator('.open').click();
    await page.getByTestId('steer-prompt').waitFor();
  });

  onPage(
    'without storage it lasts as long as the page, and that is said',
    async (page) => {
      await unfold(page);
      await page.getByTestId('site').selectOption('z');
      await card(page, 1).waitFor();
      assert.match(await page.getByTestId('runs-remark').textContent(), /keeps nothing/);
    },
    {
      before: (page) =>
        page.addInitScript(() => {
          Storage.prototype.setItem = () => {
            throw new DOMException('full', 'QuotaExceededError');
          };
        }),
    },
  );

  onPage('prompts that cannot be patched leave the last map, greyed, and no run', async (page) => {
    const before = await values(page);
    const prompt = page.getByTestId('clean-prompt');
    await prompt.fill(`${await prompt.inputValue()} the`);
    await settled(page, 'barred');
    await page.locator('.map-scroll.stale').waitFor();
    assert.deepEqual(await values(page), before);
    assert.equal(await page.locator('.run-card').count(), 1);
    assert.equal(await card(page, 0).getAttribute('aria-current'), null);
    await link(page);
    await page.reload();
    await settled(page, 'barred');
    await page.locator('.map-scroll.stale').waitFor();
    assert.deepEqual(await values(page), before, 'it is there after a reload, too');
    assert.equal(await page.locator('.run-card').count(), 1);
    // The way to the settings, where they are folded.
    await page.getByTestId('settings').locator('summary').first().click();
    await page.getByTestId('match').click();
    await page.getByTestId('align').click();
    await settled(page);
    await card(page, 1).waitFor();
  });
});

describe('nothing jumps', () => {
  /** Moves of what is on the screen, as Chromium counts them; since it was asked last. */
  const moves = async (page) => {
    await page.waitForTimeout(700);
    return page.evaluate(() => globalThis.moves.splice(0));
  };
  const watch = {
    viewport: { width: 1280, height: 720 },
    // As somebody who has had the tour; all else is as it is found at first.
    first: true,
    before: (page) =>
      page.addInitScript(() => {
        localStorage['patchbay.preferences'] ??= JSON.stringify({ toured: true });
        globalThis.moves = [];
        // Those after a key, too: a person types, and looks.
        new PerformanceObserver((list) => {
          for (const { value, sources } of list.getEntries()) {
            const name = ({ node }) => node?.className || node?.dataset?.testid || node?.nodeName;
            globalThis.moves.push({ value, of: sources.map(name) });
          }
        }).observe({ type: 'layout-shift', buffered: true });
      }),
  };

  onPage(
    'while the page opens, and while somebody types',
    async (page, context) => {
      await page.locator('[data-testid=examples] button').first().waitFor();
      const most = async (what) => {
        const all = await moves(page);
        const sum = all.reduce((sum, { value }) => sum + value, 0);
        context.diagnostic(`${what}: ${sum.toFixed(4)}`);
        assert.ok(sum <= 0.02, `${what} moved the page by ${sum}: ${JSON.stringify(all)}`);
      };
      await most('opening');
      const type = async (testid, keys) => {
        const field = page.getByTestId(testid);
        await field.press('End');
        for (const key of keys) {
          await field.press(key);
          await page.waitForTimeout(60);
        }
        await page.waitForTimeout(1_500);
      };
      await type('clean-prompt', ['x']);
      await settled(page, 'barred');
      await most('a token more than the other prompt has');
      await type('clean-prompt', ['Backspace']);
      await settled(page);
      await most('back');
      await type('clean-prompt', [...' the']);
      await most('a word and a space');
      await type('clean-prompt', Array(4).fill('Backspace'));
      await settled(page);
      await most('back');
      await type('answer', ['x', 'y']);
      await most('an answer of several tokens');
      await type('answer', ['Backspace', 'Backspace']);
      await settled(page);
      await most('back');
    },
    watch,
  );
});
