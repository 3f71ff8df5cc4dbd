// The page within somebody else's: an experiment runs there, is changed there as far as
// its author allows, and leads to the whole page with what is set up now.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { golden, opened, packed } from '../link.mjs';
import { clean as axe } from './axe.mjs';
import { DIST, openChromium, openFirefox, serveDist, serveFolder } from './harness.mjs';
import { choose, openPage, PATIENCE, settled, values } from './page.mjs';

const { experiment } = await golden('packed-seed');
const steering = { ...(await golden('packed-steering')).experiment, room: 'steering' };

let server;
let browser;
before(async () => {
  server = await serveDist({ headers: { 'access-control-allow-origin': '*' } });
  browser = await openChromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const address = (held) => `${server.url}embed.html${packed(held)}`;

/** A page of another origin with a frame in it, which keeps what it is told. */
async function host(frame, { browser: other = browser, headers = {} } = {}) {
  const site = await serveFolder(DIST, {
    base: '/',
    headers,
    rewrite: () => `<!doctype html><title>A course</title><body>${frame}</body>`,
  });
  const context = await other.newContext();
  await context.addInitScript(() => {
    globalThis.told = [];
    addEventListener('message', ({ data }) => data?.patchbay === 1 && globalThis.told.push(data));
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(site.url);
  const told = (type) => page.evaluate((type) => globalThis.told.filter((m) => m.type === type), type);
  const hears = (type) => page.waitForFunction((type) => globalThis.told.some((m) => m.type === type), type);
  const ask = (message) => page.evaluate((message) => frames[0].postMessage({ patchbay: 1, ...message }, '*'), message);
  return {
    page,
    frame: page.frameLocator('iframe'),
    told,
    hears,
    ask,
    close: async () => {
      await context.close();
      await site.close();
    },
  };
}

const iframe = (held, more = '') => `<iframe src="${address(held)}" width="700" height="450" ${more}></iframe>`;

describe('an embed', () => {
  test('runs on a click, and tells the page around it', { timeout: 3 * PATIENCE }, async () => {
    const it = await host(iframe({ experiment }));
    try {
      await it.frame.getByRole('button', { name: /run/i }).click();
      await settled(it.frame);
      await it.hears('result');
      const [ready] = await it.told('ready');
      assert.deepEqual([ready.model, ready.backend], ['mini', 'cpu']);
      const [{ digest }] = await it.told('result');
      assert.ok(digest.cells.length && digest.runs);
      await it.hears('height');
      assert.ok((await it.told('height')).at(-1).height > 450);
      // Neither the page's header nor its examples, runs and tour.
      for (const testid of ['copy-link', 'reset', 'runs', 'tour']) {
        assert.equal(await it.frame.getByTestId(testid).count(), 0, testid);
      }
    } finally {
      await it.close();
    }
  });

  test('opens in Patchbay as it is now, and keeps its own address', { timeout: 3 * PATIENCE }, async () => {
    const it = await host(iframe({ experiment }));
    try {
      await it.frame.getByRole('button', { name: /run/i }).click();
      await settled(it.frame);
      await it.frame.getByTestId('clean-prompt').fill('When Tom and Mary went to the store, Tom gave a bottle to');
      await it.frame.getByTestId('cell-1-3').click();
      await settled(it.frame);
      const link = it.frame.getByTestId('open-in-patchbay');
      const now = opened(await link.getAttribute('href')).experiment;
      assert.match(now.clean, /^When Tom/);
      assert.deepEqual(now.cell, { row: 1, column: 3 });
      const [whole] = await Promise.all([it.page.context().waitForEvent('page'), link.click()]);
      await settled(whole);
      assert.match(await whole.getByTestId('clean-prompt').inputValue(), /^When Tom/);
      assert.ok(await whole.getByTestId('copy-link').count(), 'it is the whole page');
      // A reload begins with what the author wrote.
      const own = it.page.frames().find((frame) => frame.url().includes('embed.html'));
      assert.equal(own.url(), address({ experiment }));
      const told = (await it.told('state')).at(-1);
      assert.match(opened(told.link).experiment.clean, /^When Tom/);
    } finally {
      await it.close();
    }
  });

  test('shows what its author chose, and lets what is fixed alone', { timeout: 3 * PATIENCE }, async () => {
    const show = { parts: ['prompts', 'map'], fixed: ['prompts'], theme: 'dark', autorun: true };
    const it = await host(iframe({ experiment, show }));
    try {
      await settled(it.frame);
      assert.equal(await it.frame.getByTestId('clean-prompt').isDisabled(), true);
      for (const testid of ['answer', 'site', 'stage-clean', 'run-0']) {
        assert.equal(await it.frame.getByTestId(testid).count(), 0, testid);
      }
      assert.equal(await it.frame.getByTestId('heatmap').count(), 1);
      assert.equal(await it.frame.locator('html').getAttribute('data-theme'), 'dark');
    } finally {
      await it.close();
    }
  });

  test('does what the page around it asks', { timeout: 3 * PATIENCE }, async () => {
    const it = await host(iframe({ experiment, show: { autorun: true } }));
    try {
      await settled(it.frame);
      const other = { ...experiment, clean: 'When Dan and Mary went to the store, Dan gave a bottle to' };
      await it.ask({ type: 'set', link: packed({ experiment: other }).slice(1) });
      await it.page.waitForFunction(() => true);
      await it.frame.getByTestId('clean-prompt').and(it.frame.locator('textarea')).waitFor();
      for (let i = 0; i < 100; i += 1) {
        if ((await it.frame.getByTestId('clean-prompt').inputValue()).startsWith('When Dan')) break;
        await it.page.waitForTimeout(100);
      }
      assert.match(await it.frame.getByTestId('clean-prompt').inputValue(), /^When Dan/);
      await it.ask({ type: 'theme', theme: 'light' });
      await it.frame.locator('html[data-theme=light]').waitFor();
      await it.ask({ type: 'set', link: 'v2=!' });
      await it.hears('error');
      await it.ask({ type: 'resume', handed: 'handed1=zzz' });
      await it.page.waitForFunction(() => globalThis.told.some((m) => m.type === 'error' && /resumed/.test(m.message)));
      for (const junk of [{ type: 'set' }, { type: 'fly' }, { type: 'set', link: 3 }]) await it.ask(junk);
      assert.match(await it.frame.getByTestId('clean-prompt').inputValue(), /^When Dan/);
    } finally {
      await it.close();
    }
  });

  test('of the steering room writes its texts', { timeout: 3 * PATIENCE }, async () => {
    const it = await host(iframe({ experiment: steering, show: { parts: ['texts', 'directions'], autorun: true } }));
    try {
      await it.hears('result');
      const [{ digest }] = await it.told('result');
      assert.equal(digest.texts.length, 2);
      assert.equal(await it.frame.getByTestId('steer-prompt').count(), 0);
    } finally {
      await it.close();
    }
  });

  test('two run at once', { timeout: 3 * PATIENCE }, async () => {
    const show = { autorun: true };
    const both = iframe({ experiment, show }) + iframe({ experiment: { ...experiment, bos: false }, show });
    const it = await host(both);
    try {
      for (const frame of [it.page.frameLocator('iframe >> nth=0'), it.page.frameLocator('iframe >> nth=1')]) {
        await settled(frame);
        assert.equal((await values(frame)).length, 4);
      }
    } finally {
      await it.close();
    }
  });

  test('in a sandbox of no origin runs too, where its host lets it', { timeout: 3 * PATIENCE }, async () => {
    const it = await host(iframe({ experiment }, 'sandbox="allow-scripts allow-popups"'));
    try {
      await it.frame.getByRole('button', { name: /run/i }).click();
      await settled(it.frame);
      assert.equal((await values(it.frame)).length, 4);
    } finally {
      await it.close();
    }
  });

  test('is for everyone: 320 px wide, nothing for axe to find', { timeout: 3 * PATIENCE }, async () => {
    const { page, errors, close } = await openPage(
      browser,
      { url: server.url },
      `embed.html${packed({ experiment, show: { autorun: true } })}`,
      {
        viewport: { width: 320, height: 640 },
      },
    );
    try {
      await settled(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 320, `${wide} px wide`);
      await axe(page, 'an embed');
      assert.deepEqual(errors, []);
    } finally {
      await close();
    }
  });

  test('the author sees it before it is given out', { timeout: 3 * PATIENCE }, async () => {
    const { page, errors, close } = await openPage(browser, server);
    try {
      await settled(page);
      await page.getByTestId('share').click();
      await choose(page, 'share-embed');
      const text = () => page.getByTestId('share-text').inputValue();
      assert.match(
        await text(),
        /^<iframe src="http:\/\/localhost:\d+\/some\/sub\/embed\.html#v2=[\w-]+" title="Patchbay: When John/,
      );
      await page.getByTestId('show-Runs').uncheck();
      await page.getByTestId('open-Prompts').uncheck();
      await choose(page, 'embed-theme-dark');
      const { show, digest } = opened(/#v2=[\w-]+/.exec(await text())[0]);
      assert.ok(digest, 'the results go along');
      assert.deepEqual(show.fixed, ['prompts']);
      assert.ok(!show.parts.includes('runs') && show.parts.includes('map'));
      assert.equal(show.theme, 'dark');
      const preview = page.frameLocator('[data-testid=embed-preview]');
      await preview.locator('html[data-theme=dark]').waitFor();
      await preview.getByRole('button', { name: /run/i }).click();
      await settled(preview);
      assert.equal(await preview.getByTestId('stage-clean').count(), 0);
      await page.getByTestId('embed-scripts').check();
      assert.match(await text(), /<script src="[^"]+\/embed\.js" defer><\/script>\n<patchbay-experiment link="v2=/);
      await axe(page, 'the panel of embeds');
      assert.deepEqual(errors, []);
    } finally {
      await close();
    }
  });
});

test('in Firefox an embed runs in a page of another origin', { timeout: 3 * PATIENCE }, async () => {
  const firefox = await openFirefox();
  const site = await serveFolder(DIST, {
    base: '/',
    rewrite: () => `<!doctype html><title>A course</title><body>${iframe({ experiment })}</body>`,
  });
  try {
    const page = await firefox.newPage();
    await page.goto(site.url);
    const frame = await (await page.waitForSelector('iframe')).contentFrame();
    await (await frame.waitForSelector('button', { timeout: PATIENCE })).click();
    await frame.waitForSelector('[data-testid=status][data-state=done]', { timeout: PATIENCE });
  } finally {
    await firefox.close();
    await site.close();
  }
});
