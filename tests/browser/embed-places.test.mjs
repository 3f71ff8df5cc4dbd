// An experiment in somebody else's page where a browser gives less than usual: a page
// without HTTPS, a private window; and on paper.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { golden, packed } from '../link.mjs';
import { serveHosts } from './embed-host.mjs';
import { openChromium, openFirefox, serveDist, watchErrors } from './harness.mjs';
import { openPage, PATIENCE, settled, values } from './page.mjs';

const { experiment } = await golden('packed-seed');
const TIMEOUT = { timeout: 3 * PATIENCE };

let server;
let hosts;
before(async () => {
  server = await serveDist();
  hosts = await serveHosts();
});
after(async () => {
  await hosts?.close();
  await server?.close();
});

const iframe = (base, held = { experiment }) =>
  `<iframe src="${base}embed.html${packed(held)}" title="One" width="700" height="450"></iframe>`;
/** The same address by another name: no browser trusts that one as it trusts localhost. */
const by = (name, url) => url.replace('//localhost:', `//${name}.example:`);
const run = (frame) => frame.getByRole('button', { name: 'Run', exact: true }).click();
/** What a frame may use. */
const has = () => ({
  secure: isSecureContext,
  crypto: Boolean(crypto.subtle),
  locks: Boolean(navigator.locks),
  caches: Boolean(globalThis.caches),
  clipboard: Boolean(navigator.clipboard),
});

describe('without HTTPS', () => {
  let browser;
  before(async () => {
    // Names of no server are this machine's.
    browser = await openChromium({ args: ['--host-resolver-rules=MAP *.example localhost'] });
  });
  after(() => browser?.close());

  for (const [what, base] of [
    ['a page with a frame of a site that has it', () => server.url],
    ['a page and its frame', () => by('patchbay', server.url)],
  ]) {
    test(`${what}: it runs on the CPU, with an engine of its own`, TIMEOUT, async () => {
      const context = await browser.newContext();
      const page = await context.newPage();
      page.setDefaultTimeout(PATIENCE);
      const errors = watchErrors(page);
      try {
        await page.goto(by('course', hosts.add(iframe(base()) + iframe(base()))));
        const nothing = { secure: false, crypto: false, locks: false, caches: false, clipboard: false };
        const found = [];
        for (const n of [0, 1]) {
          const frame = page.frameLocator(`iframe >> nth=${n}`);
          assert.deepEqual(await frame.locator('html').evaluate(has), nothing);
          await run(frame);
          await settled(frame);
          found.push(await values(frame));
          assert.match(await frame.getByTestId('backend').textContent(), /cpu/i);
          assert.equal(await frame.locator('html').getAttribute('data-engine'), 'own');
          await frame.getByText('an engine of its own').waitFor();
        }
        assert.equal(found[0].length, 4);
        assert.deepEqual(found[0], found[1]);
        assert.deepEqual(errors, []);
      } finally {
        await context.close();
      }
    });
  }

  test('a model says that it is not kept, and a link is shown to take by hand', TIMEOUT, async () => {
    const base = by('patchbay', server.url);
    const model = `${base}oracles/deep/`;
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const errors = watchErrors(page);
    try {
      await page.goto(by('course', hosts.add(iframe(base, { experiment: { ...experiment, model } }))));
      const frame = page.frameLocator('iframe');
      await run(frame);
      await frame.getByText(/This browser keeps nothing for the page/).waitFor();
      await frame.getByTestId('download').click();
      await frame
        .locator('footer')
        .getByText(/oracles\/deep\/ on CPU/)
        .waitFor();
      assert.deepEqual(errors, []);
    } finally {
      await context.close();
    }
    const whole = await openPage(browser, { url: base }, packed({ experiment }));
    try {
      await settled(whole.page);
      const shown = whole.page.getByTestId('link-field');
      await shown.waitFor();
      assert.match(await shown.inputValue(), /^http:\/\/patchbay\.example:\d+\/some\/sub\/#v2=/);
      assert.deepEqual(whole.errors, []);
    } finally {
      await whole.close();
    }
  });
});

describe('in a private window', () => {
  test('of Chromium it runs, and keeps nothing beyond the window', TIMEOUT, async () => {
    // Each context of Playwright's is one.
    const browser = await openChromium();
    try {
      const held = { experiment: { ...experiment, model: `${server.url}oracles/deep/` } };
      for (let round = 0; round < 2; round += 1) {
        const context = await browser.newContext();
        const page = await context.newPage();
        page.setDefaultTimeout(PATIENCE);
        const errors = watchErrors(page);
        const weights = [];
        context.on('request', (request) => /safetensors/.test(request.url()) && weights.push(request.url()));
        await page.goto(hosts.add(iframe(server.url, held)));
        const frame = page.frameLocator('iframe');
        await run(frame);
        // In the second window nobody knows that it was downloaded in the first.
        await frame.getByTestId('download').click();
        await frame
          .locator('footer')
          .getByText(/oracles\/deep\/ on CPU/)
          .waitFor();
        assert.ok(weights.length > 0);
        assert.deepEqual(errors, []);
        await context.close();
      }
    } finally {
      await browser.close();
    }
  });

  test('of Firefox it runs', TIMEOUT, async () => {
    const firefox = await openFirefox({ 'browser.privatebrowsing.autostart': true });
    try {
      const page = await firefox.newPage();
      const errors = watchErrors(page);
      await page.goto(hosts.add(iframe(server.url)));
      const frame = await (await page.waitForSelector('iframe')).contentFrame();
      await (await frame.waitForSelector('.poster-run:not([hidden])', { timeout: PATIENCE })).click();
      await frame.waitForSelector('[data-testid=status][data-state=done]', { timeout: PATIENCE });
      assert.deepEqual(errors, []);
    } finally {
      await firefox.close();
    }
  });
});

describe('on paper', () => {
  let browser;
  before(async () => {
    browser = await openChromium();
  });
  after(() => browser?.close());

  /** What is seen of a page or a frame: what can be pressed, and the map's cells. */
  const seen = () => {
    const is = (it) => it.checkVisibility({ visibilityProperty: true });
    const box = (it) => it.getBoundingClientRect();
    const map = document.querySelector('[data-testid=heatmap]');
    const scrolled = map.closest('.map-scroll');
    const end = getComputedStyle(scrolled).overflowX === 'visible' ? innerWidth : box(scrolled).right;
    const within = (it) => box(it).left >= 0 && box(it).right <= end;
    const cells = [...document.querySelectorAll('[data-testid=heatmap] td')];
    // Rows of tokens and pictures of runs can be pressed, too, and say something on paper.
    const pressed = [...document.querySelectorAll('button:not(.row, .menu-button, :has(svg)), .segments')].filter(is);
    const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    const controls = [...document.querySelectorAll('button, summary, .segments, input, select, textarea')].filter(is);
    return {
      cells: cells.filter((cell) => is(cell) && within(cell) && cell.textContent.trim()).length,
      columns: new Set(cells.filter((cell) => cell.textContent).map((cell) => cell.cellIndex)).size,
      coloured: cells.every((cell) => getComputedStyle(cell).printColorAdjust === 'exact'),
      runs: [...document.querySelectorAll('.metric strong')].filter(is).map((it) => it.textContent),
      pressed: pressed.map((it) => it.dataset.testid ?? it.textContent),
      over: controls.filter((it) => over(box(it), box(map))).map((it) => it.dataset.testid ?? it.textContent),
      scheme: getComputedStyle(document.documentElement).colorScheme,
    };
  };
  const A4 = { width: 794, height: 1123 };
  const check = (found) => {
    assert.deepEqual([found.cells, found.columns], [4 * 15, 15]);
    assert.ok(found.coloured);
    assert.deepEqual(found.runs, ['11.85', '−0.52']);
    assert.deepEqual(found.pressed, []);
    assert.deepEqual(found.over, []);
    assert.equal(found.scheme, 'light');
  };

  test('an embed is its runs and its whole map, with nothing to press', TIMEOUT, async () => {
    const context = await browser.newContext({ viewport: A4, colorScheme: 'dark' });
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    try {
      await page.goto(hosts.add(iframe(server.url)));
      const frame = page.frameLocator('iframe');
      await run(frame);
      await settled(frame);
      const narrow = await frame.locator('html').evaluate(seen);
      assert.ok(narrow.cells < narrow.columns * 4, 'the map is scrolled on a screen');
      await page.emulateMedia({ media: 'print' });
      check(await frame.locator('html').evaluate(seen));
    } finally {
      await context.close();
    }
  });

  test('so is the whole page, with the model’s name', TIMEOUT, async () => {
    const whole = await openPage(browser, server, packed({ experiment }), { viewport: A4, colorScheme: 'dark' });
    try {
      await settled(whole.page);
      await whole.page.emulateMedia({ media: 'print' });
      check(await whole.page.evaluate(seen));
      const pdf = await whole.page.pdf({ format: 'A4' });
      const pages = pdf.toString('latin1').match(/\/Type \/Page\b/g).length;
      assert.ok(pages >= 1 && pages <= 3, `${pages} pages`);
    } finally {
      await whole.close();
    }
  });
});
