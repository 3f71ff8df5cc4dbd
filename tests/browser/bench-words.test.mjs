// The words of the field where they stand, the glossary, the tour of the first minutes,
// and the strongest cell.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { clean } from './axe.mjs';
import { openChromium, openFirefox, serveDist, watchErrors } from './harness.mjs';
import { link, openPage, PATIENCE, settled } from './page.mjs';

const words = JSON.parse(await readFile(new URL('../../www/words/en.json', import.meta.url), 'utf8'));

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

/** A test on a fresh page; nothing may go wrong on it unnoticed. */
const onPage = (what, body, { hash, tolerate, ...options } = {}) =>
  test(what, { timeout: 3 * PATIENCE }, async (context) => {
    const it = await openPage(browser, server, hash, options);
    try {
      await body(it.page, context, it);
      assert.deepEqual(await it.page.evaluate(() => globalThis.violations), []);
      assert.deepEqual(
        it.errors.filter((error) => !tolerate?.test(error)),
        [],
      );
    } finally {
      await it.close();
    }
  });

const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true };

const explanation = (page) => page.getByTestId('explanation');
const says = (page) => page.locator('#explanation-says');
const word = (page, name) => page.getByRole('button', { name: `What is ${name}?`, exact: true });

/** The one explanation is that of a word, and is wholly seen. */
async function explains(page, name) {
  await says(page).getByText(words[name].says).waitFor();
  assert.equal(await page.locator('#explanation-name').textContent(), name);
  await page.locator('.explanation.placed').waitFor();
  const { x, y, width, height } = await explanation(page).boundingBox();
  const seen = await page.evaluate(() => [document.documentElement.clientWidth, innerHeight]);
  assert.ok(x >= 0 && y >= 0 && x + width <= seen[0] && y + height <= seen[1], `cut off at ${x}, ${y}`);
}

describe('a word explains itself', () => {
  onPage('to the pointer, which may go into it, until it goes elsewhere', async (page) => {
    await settled(page);
    assert.equal(await explanation(page).isVisible(), false);
    await word(page, 'answer and wrong answer').hover();
    await explains(page, 'answer and wrong answer');
    // What is longer ago than the pause stays while the pointer is in it.
    await says(page).hover();
    await page.waitForTimeout(600);
    assert.ok(await explanation(page).isVisible());
    await page.locator('h1').hover();
    await explanation(page).waitFor({ state: 'hidden' });
  });

  onPage('to the pointer until Escape', async (page) => {
    await settled(page);
    await word(page, 'clean run').first().hover();
    await explains(page, 'clean run');
    await page.keyboard.press('Escape');
    assert.equal(await explanation(page).isVisible(), false);
  });

  onPage('to the focus, with a description that is read out, and the arrow keys go on', async (page) => {
    await settled(page);
    const first = page.locator('section:has(#prompts-title) .what[tabindex="0"]');
    await first.focus();
    await explains(page, 'symmetric token replacement');
    assert.equal(await first.getAttribute('aria-describedby'), 'explanation-says');
    await page.keyboard.press('ArrowRight');
    await explains(page, 'clean run');
    assert.equal(await first.getAttribute('aria-describedby'), null);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    // From the first one back is the last one.
    const last = await page.evaluate(() => document.activeElement.getAttribute('aria-label'));
    assert.match(last, /^What is .*\?$/);
    assert.notEqual(last, 'What is clean run?');
    await page.keyboard.press('Tab');
    assert.equal(await explanation(page).isVisible(), false);
  });

  onPage('to Enter, which leads into it and on from there', async (page) => {
    await settled(page);
    const first = page.locator('section:has(#sweep-title) .what[tabindex="0"]');
    await first.focus();
    const inside = page.locator('#explanation-all:focus');
    await page.keyboard.press('Enter');
    await inside.waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await explanation(page).isVisible(), false);
    assert.ok(await first.evaluate((e) => e === document.activeElement), 'the focus is not back');
    await page.keyboard.press('Enter');
    await inside.waitFor();
    await page.keyboard.press('Tab');
    const after = await page.evaluate(() => document.activeElement.dataset.testid);
    assert.equal(after, 'run');
  });

  onPage(
    'to a finger, on a narrow screen',
    async (page) => {
      await settled(page);
      for (const name of ['metric', 'logit difference', 'position', 'BOS (<|endoftext|>)', 'cell']) {
        await word(page, name).first().tap();
        await explains(page, name);
        await page.locator('h1').tap();
        await explanation(page).waitFor({ state: 'hidden' });
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 360, `${wide} pixels wide`);
    },
    PHONE,
  );

  onPage('whatever is chosen, and what stands in the picture', async (page) => {
    await settled(page);
    await page.getByTestId('site').selectOption('attn_out');
    await word(page, 'attn_out').hover();
    await explains(page, 'attn_out');
    await page.getByTestId('picture-mlp_post').hover();
    await explains(page, 'mlp_post');
    await page.getByTestId('metric-kind').selectOption('kl');
    await word(page, 'KL divergence').first().hover();
    await explains(page, 'KL divergence');
  });

  onPage('and is out of the way of the Tab key: one stop a part of the page', async (page) => {
    await settled(page);
    for (const room of ['patching', 'steering']) {
      await page.getByTestId(`room-${room}`).locator('..').click();
      await page.locator(room === 'patching' ? '#sweep-title' : '#texts-title').waitFor();
      const counts = await page.evaluate(() =>
        [...document.querySelectorAll('main section')].map((section) => ({
          title: section.getAttribute('aria-labelledby'),
          words: section.querySelectorAll('.what').length,
          stops: section.querySelectorAll('.what[tabindex="0"]').length,
        })),
      );
      assert.ok(counts.some(({ words }) => words > 3));
      for (const { title, words, stops } of counts) assert.equal(stops, Math.min(1, words), title);
      assert.equal(await page.locator('label .what, summary .what, button .what').count(), 0);
      const strays = await page.locator('main .what:not(section .what)').count();
      assert.equal(strays, 0, 'words outside of all sections');
    }
  });

  onPage(
    'or says that its file cannot be had, and tries again',
    async (page) => {
      await settled(page);
      await page.route('**/words/en.json', (route) => route.fulfill({ status: 404, body: '' }));
      await word(page, 'metric').hover();
      await says(page)
        .getByText(/could not be read/)
        .waitFor();
      await page.unroute('**/words/en.json');
      await page.locator('h1').hover();
      await explanation(page).waitFor({ state: 'hidden' });
      await word(page, 'metric').hover();
      await explains(page, 'metric');
    },
    { tolerate: /Failed to load resource/ },
  );
});

describe('the glossary', () => {
  onPage('has every word with what it means, by the alphabet, and finds them by a part', async (page) => {
    await settled(page);
    await page.getByTestId('all-words').click();
    const entries = page.getByTestId('glossary').locator('dt');
    await entries.nth(Object.keys(words).length - 1).waitFor();
    const names = await entries.allTextContents();
    assert.deepEqual([...names].sort(), Object.keys(words).sort());
    const lower = names.map((name) => name.toLowerCase());
    assert.ok(lower.every((name, i) => i === 0 || lower[i - 1] <= name));
    const told = await page.getByTestId('glossary').locator('dd').allTextContents();
    for (const [i, name] of names.entries()) {
      assert.ok(told[i].startsWith(words[name].says), name);
      assert.ok(told[i].endsWith(words[name].source ?? words[name].says), name);
    }
    await page.getByTestId('glossary-filter').fill('Resid_');
    assert.deepEqual(await entries.allTextContents(), ['resid_mid', 'resid_post', 'resid_pre']);
    assert.match(await page.getByTestId('glossary-found').textContent(), /^3 /);
    await page.keyboard.press('Escape');
    await page.getByTestId('glossary').waitFor({ state: 'hidden' });
    assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'all-words');
  });

  onPage('opens from an explanation, at its word', async (page) => {
    await settled(page);
    await word(page, 'corrupted run').first().click();
    await explains(page, 'corrupted run');
    await page.getByTestId('explanation-all').click();
    const entry = page.locator('dt:focus');
    await entry.waitFor();
    assert.equal(await entry.textContent(), 'corrupted run');
    assert.equal(await explanation(page).isVisible(), false);
  });
});

describe('axe finds nothing wrong', () => {
  for (const colorScheme of ['light', 'dark']) {
    onPage(
      `in ${colorScheme} colours`,
      async (page) => {
        await settled(page);
        await clean(page, '#tour', '#tour');
        await page.getByTestId('tour-skip').click();
        await word(page, 'metric').click();
        await explains(page, 'metric');
        await clean(page, '#explanation', '#explanation');
        await clean(page, '.answers', '.answers');
        await page.getByTestId('explanation-all').click();
        await page.locator('dt:focus').waitFor();
        await clean(page, '#glossary', '#glossary');
      },
      { colorScheme, first: true },
    );
  }
});

const tour = (page) => page.getByTestId('tour-says');
const at = (page, sentence) => tour(page).getByText(sentence).waitFor();
const over = (page) => page.locator('.tour.idle').waitFor({ state: 'attached' });
const FIRST = /one clue changed/;
const MAP = /Show the strongest cell/;
const OWN = /a patch of your own/;
const LAST = /your own patched run/;

/** Presses the Tab key until the focus is at what a test id names. */
async function tabTo(page, testid) {
  for (let i = 0; i < 80; i += 1) {
    if ((await page.evaluate(() => document.activeElement?.dataset.testid)) === testid) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`the Tab key does not reach ${testid}`);
}

/** That the card hides nothing of the map, wherever the page is scrolled to. */
async function hidesNothing(page) {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  for (let y = 0; y < height; y += 90) {
    const meets = await page.evaluate(async (y) => {
      scrollTo(0, y);
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      await frame();
      await frame();
      const [card, map] = ['#tour', '.map-area .map-scroll'].map((s) => document.querySelector(s));
      if (getComputedStyle(card).visibility === 'hidden') return null;
      const [a, b] = [card, map].map((e) => e.getBoundingClientRect());
      return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    }, y);
    assert.notEqual(meets, true, `at ${y}`);
  }
}

describe('the tour', () => {
  onPage(
    'can be done by a stranger with the keyboard alone, and is gone then',
    async (page) => {
      await at(page, FIRST);
      assert.match(await tour(page).textContent(), /“·Mary”.*“·Bob”/);
      assert.equal(await page.evaluate(() => document.activeElement === document.body), true);
      await settled(page);
      await tabTo(page, 'tour-next');
      await page.keyboard.press('Enter');
      await at(page, MAP);
      await tabTo(page, 'strongest');
      await page.keyboard.press('Enter');
      await at(page, OWN);
      const chosen = page.locator('[data-testid=heatmap] td.chosen');
      await chosen.waitFor();
      assert.ok(await chosen.evaluate((cell) => cell === document.activeElement), 'the focus is lost');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      await at(page, LAST);
      await page.getByTestId('metric-patched').waitFor();
      await tabTo(page, 'tour-skip');
      await page.keyboard.press('Enter');
      await over(page);
      await page.goto(server.url);
      await settled(page);
      await over(page);
    },
    { first: true },
  );

  for (const [what, options] of [
    ['a wide screen', { viewport: { width: 1280, height: 800 } }],
    ['a narrow screen', PHONE],
  ]) {
    onPage(
      `moves nothing and hides nothing of the map, on ${what}`,
      async (page) => {
        await settled(page);
        await at(page, FIRST);
        await hidesNothing(page);
        const places = () =>
          page.evaluate(() => {
            scrollTo(0, 0);
            return ['h1', '.editors', '.stages', '.map-area'].map(
              (s) => document.querySelector(s).getBoundingClientRect().top,
            );
          });
        const before = await places();
        await page.getByTestId('tour-next').click();
        await at(page, MAP);
        await hidesNothing(page);
        assert.deepEqual(await places(), before);
        await page.getByTestId('tour-skip').click();
        await over(page);
        assert.deepEqual(await places(), before);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${wide} pixels too wide`);
      },
      { ...options, first: true },
    );
  }

  onPage(
    'can be skipped for good, and begun again',
    async (page) => {
      await settled(page);
      await page.getByTestId('tour-skip').click();
      await over(page);
      await page.reload();
      await settled(page);
      await over(page);
      await page.getByTestId('strongest').click();
      await page.locator('td.chosen').waitFor();
      await page.getByTestId('tour-again').click();
      await at(page, FIRST);
      await page.getByTestId('tour-next').click();
      await at(page, MAP);
      await page.getByTestId('tour-there').click();
      assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'strongest');
      await page.getByTestId('strongest').click();
      await at(page, OWN);
    },
    { first: true },
  );

  onPage(
    'goes on after a reload, in the same tab and for the same address alone',
    async (page) => {
      await settled(page);
      await page.getByTestId('tour-next').click();
      await page.getByTestId('strongest').click();
      await at(page, OWN);
      const { url } = await link(page);
      await page.reload();
      await at(page, OWN);
      await settled(page);
      await page.locator('td.chosen').waitFor();
      await page.getByTestId('tour-there').click();
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('Enter');
      await at(page, LAST);
      // Somebody else opens the link.
      const other = await openPage(browser, server, new URL(url).hash, { first: true });
      try {
        await settled(other.page);
        await other.page.locator('td.chosen').waitFor();
        await over(other.page);
      } finally {
        await other.close();
      }
    },
    { first: true },
  );

  onPage(
    'is not for those who come for an experiment',
    async (page) => {
      await settled(page);
      await over(page);
      assert.equal(await page.getByTestId('tour-skip').isVisible(), false);
    },
    {
      first: true,
      hash: `#v1=${Buffer.from(
        JSON.stringify({
          version: 2,
          clean: 'When Tom and Mary went to the store, Tom gave a bottle to',
          corrupted: 'When Bob and Mary went to the store, Tom gave a bottle to',
          metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
          sweeps: [{ site: 'resid_pre', mode: 'denoising' }],
        }),
      ).toString('base64url')}`,
    },
  );
});

/** Waits in a page of either browser; the two libraries differ in where options stand. */
const waitIn = (name, page, what, argument) => {
  const options = { timeout: PATIENCE };
  return name === 'firefox'
    ? page.waitForFunction(what, options, argument)
    : page.waitForFunction(what, argument, options);
};

const mapIsThere = () => document.querySelector('[data-testid=status]')?.dataset.state === 'done';
const canBePressed = () => {
  const button = document.querySelector('[data-testid=strongest]');
  return button?.disabled === false && button.offsetParent !== null;
};
/**
 * Clicks until it is seen to have worked: puppeteer aims first and clicks later, and on a
 * busy machine the page may have scrolled between. In the middle of the screen, where the
 * tour's card is not.
 */
async function press(page, selector, worked) {
  for (let tries = 20; ; tries -= 1) {
    try {
      await page.evaluate((s) => document.querySelector(s).scrollIntoView({ block: 'center' }), selector);
      await page.click(selector);
      for (let i = 0; i < 20; i += 1) {
        if (await page.evaluate(worked)) return;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    } catch (error) {
      if (!/not clickable/.test(error.message)) throw error;
    }
    assert.ok(tries, `${selector} was clicked, and nothing came of it`);
  }
}

const isChosen = () => document.querySelector('[data-testid=heatmap] td.chosen') !== null;

describe('the strongest cell, as soon as there is a map', () => {
  for (const [name, open] of [
    ['chromium', openChromium],
    ['firefox', openFirefox],
  ]) {
    test(`${name}: on a fresh page and after a reload, at once and seen in its map`, {
      timeout: 3 * PATIENCE,
    }, async () => {
      const one = await open();
      try {
        const page = await one.newPage();
        await (name === 'firefox'
          ? page.setViewport({ width: 500, height: 800 })
          : page.setViewportSize({ width: 500, height: 800 }));
        const errors = watchErrors(page);
        await page.goto(server.url);
        for (const when of ['fresh', 'loaded again']) {
          await waitIn(name, page, mapIsThere);
          await waitIn(name, page, canBePressed);
          const strongest = await page.evaluate(() => {
            const number = (text) => Number(text.replace('\u2212', '-'));
            const base = number(document.querySelector('[data-testid=metric-corrupted]').textContent);
            const cells = [...document.querySelectorAll('[data-testid=heatmap] td')];
            const far = (cell) => Math.abs(Number(cell.dataset.value) - base);
            return cells.reduce((a, b) => (far(b) > far(a) ? b : a)).id;
          });
          await press(page, '[data-testid=strongest]', isChosen);
          const found = await page.evaluate(() => {
            const cell = document.querySelector('[data-testid=heatmap] td.chosen');
            const [own, box, head] = [cell, cell.closest('.map-scroll'), cell.parentElement.querySelector('th')].map(
              (e) => e.getBoundingClientRect(),
            );
            return { id: cell.id, seen: own.left >= head.right - 1 && own.right <= box.right + 1 };
          });
          assert.deepEqual(found, { id: strongest, seen: true }, when);
          await press(page, '[data-testid=clear-cell]', canBePressed);
          await page.reload();
        }
        assert.deepEqual(errors, []);
      } finally {
        await one.close();
      }
    });
  }

  test('firefox: a word explains itself to the focus', { timeout: 3 * PATIENCE }, async () => {
    const firefox = await openFirefox();
    try {
      const page = await firefox.newPage();
      await page.goto(server.url);
      await waitIn('firefox', page, mapIsThere);
      await page.evaluate(() => document.querySelector('section:has(#prompts-title) .what[tabindex="0"]').focus());
      await waitIn(
        'firefox',
        page,
        (says) =>
          document.getElementById('explanation-says').textContent === says &&
          document.querySelector('.explanation.placed') !== null,
        words['symmetric token replacement'].says,
      );
      await page.keyboard.press('Escape');
      await waitIn('firefox', page, () => document.getElementById('explanation').hidden);
    } finally {
      await firefox.close();
    }
  });
});
