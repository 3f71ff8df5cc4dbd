// An experiment handed on, and taken in: links, what came with them, files.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { golden, opened, packed } from '../link.mjs';
import { clean as axe } from './axe.mjs';
import { openChromium, openFirefox, serveDist } from './harness.mjs';
import { choose, computed, link, openPage, PATIENCE, settled, values } from './page.mjs';

const { experiment } = await golden('packed-seed');

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

const COPIES = { permissions: ['clipboard-read', 'clipboard-write'] };

const onPage = (what, body, { hash = '', ...options } = {}) =>
  test(what, { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server, hash, { ...COPIES, ...options });
    try {
      await settled(it.page);
      await body(it.page, it);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

const share = async (page, form) => {
  await page.getByTestId('share').click();
  if (form) await choose(page, `share-${form}`);
};
const text = (page) => page.getByTestId('share-text').inputValue();
const state = (page, is) => page.locator(`[data-testid=reproduced][data-state=${is}]`);

/** What the page says of the example's results, to be changed by a test. */
async function digest(page) {
  await share(page);
  await page.getByTestId('share-results').waitFor();
  const { digest } = opened(await text(page));
  await page.getByTestId('share-close').click();
  return digest;
}

describe('links', () => {
  onPage('the seed’s experiment is short; with a chosen cell and three metrics, too', async (page) => {
    await page.getByTestId('copy-link').click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^http:\/\/localhost:\d+\/some\/sub\/#v2=/);
    assert.ok(copied.split('#')[1].length <= 120, copied);
    await page.getByTestId('cell-2-14').click();
    await page.getByTestId('also').click();
    for (const kind of ['probability', 'rank']) await page.getByTestId(`also-${kind}`).check();
    const { url, experiment } = await link(page);
    assert.equal(experiment.metrics.length, 3);
    assert.ok(url.split('#')[1].length <= 300, url);
  });

  onPage(
    'links of the form before open as they did',
    async (page) => {
      assert.equal(await page.getByTestId('clean-prompt').inputValue(), 'The old form');
    },
    {
      hash: `#v1=${Buffer.from(
        JSON.stringify({
          version: 1,
          clean: 'The old form',
          corrupted: 'The new form',
          metric: { kind: 'probability', answer: ' is' },
          sweep: { site: 'resid_pre', mode: 'denoising' },
        }),
      ).toString('base64url')}`,
    },
  );

  for (const [what, hash, sentence] of [
    ['cut short', packed({ experiment: {} }).slice(0, -4), /cut short or changed/],
    [
      'with a field that nobody knows',
      packed({ experiment: { version: 3, clean: 'a', corrupted: 'b', metrics: [] }, prize: 1 }),
      /prize/,
    ],
    [
      'that unpacks to more than is read',
      packed({ experiment: { clean: ' '.repeat(5_000_000) } }),
      /more than 4000000 bytes/,
    ],
    ['of a later form', '#v7=AAAA', /"v7".*newer Patchbay/],
  ]) {
    onPage(
      `a link ${what} says so while the page goes on`,
      async (page) => {
        assert.match(await page.getByTestId('broken-link').textContent(), sentence);
        assert.equal((await values(page)).length, 4);
      },
      { hash },
    );
  }

  onPage('the dialog says what is in it, how long it is, and draws its code', async (page) => {
    await share(page);
    const dialog = page.getByTestId('share-dialog');
    await page.getByTestId('share-text').waitFor();
    assert.match(await dialog.textContent(), /In it: the model’s name \(mini\), the two prompts, the answers/);
    assert.match(await page.getByTestId('share-length').textContent(), /^\d+ characters: short enough/);
    await page.getByTestId('share-text-copy').click();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await text(page));
    await page.getByTestId('share-qr').locator('summary').click();
    await dialog.getByRole('img', { name: 'A QR code of the link' }).waitFor();
    await axe(page, 'sharing');
    await choose(page, 'share-markdown');
    assert.match(await text(page), /^\[Patchbay: When John and Mary went to the store.*\]\(http:.*#v2=[\w-]+\)$/);
    await page.keyboard.press('Escape');
    assert.equal(await dialog.isVisible(), false);
  });

  onPage('a long one says where that is too long', async (page) => {
    const words = Array.from({ length: 2_000 }, (_, i) => `w${(i * 7919 * (i + 3)) % 10_007}`).join(' ');
    await page.getByTestId('clean-prompt').fill(words);
    await share(page);
    await page.getByTestId('share-qr').locator('summary').click();
    assert.match(await page.getByTestId('share-length').textContent(), /cut at about 2000/);
    await page.getByText('too long for a QR code').waitFor();
  });
});

describe('a part of the page that is loaded later', () => {
  test('says that it did not come, and comes when it is asked for again', { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server);
    const { page } = it;
    try {
      await settled(page);
      let lost = 0;
      await page.route(/-(split|chunk)_\w+\.wasm$/, (route) => {
        lost += 1;
        return route.abort();
      });
      await page.getByTestId('clean-prompt').fill('When Tom and Mary went to the store, Tom gave a bottle to');
      await share(page);
      await page.getByTestId('part-failed').waitFor();
      assert.ok(lost > 0);
      await axe(page, 'a part that did not come');
      await page.unroute(/-(split|chunk)_\w+\.wasm$/);
      await page.getByTestId('part-again').click();
      await page.getByTestId('share-text').waitFor();
      // The page went on meanwhile, and lost nothing.
      await page.getByTestId('share-close').click();
      assert.match(await page.getByTestId('clean-prompt').inputValue(), /Tom gave/);
      await settled(page);
    } finally {
      await it.close();
    }
  });

  test('is not asked for before it is wanted', { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server, '', { first: true });
    try {
      await settled(it.page);
      const parts = () => it.requests.filter((url) => /-(split|chunk)_\w+\.wasm$/.test(url));
      assert.deepEqual(parts(), []);
      await choose(it.page, 'room-steering');
      await it.page.getByTestId('steer-prompt').waitFor();
      assert.ok(parts().some((url) => url.includes('split_steering')));
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });
});

describe('results that come with a link', () => {
  let came;
  onPage('are put in where the author wants it, and are those of the engine', async (page) => {
    came = await digest(page);
    const report = await computed(page, server, experiment);
    const [{ clean, corrupted }] = report.metrics;
    assert.ok(Math.abs(came.runs[0] - clean) < 1e-4 && Math.abs(came.runs[1] - corrupted) < 1e-4);
    assert.ok(came.cells.length >= 3);
    for (const { row, column, value } of came.cells) {
      assert.ok(Math.abs(report.sweeps[0].values[0][row][column] - value) < 1e-4, `${row} ${column}`);
    }
    assert.match(came.model, /^[0-9a-f]{16}$/);
  });

  test('are shown as the author’s before there are any here, and then compared', {
    timeout: 3 * PATIENCE,
  }, async () => {
    const it = await openPage(browser, server, packed({ experiment, digest: came }), {
      ...COPIES,
      // The engine's code is held back until the page was looked at.
      before: async (page) => {
        let go;
        page.held = new Promise((resolve) => {
          go = resolve;
        });
        page.go = () => go();
        await page.route('**/engine.js', async (route) => {
          await page.held;
          await route.continue();
        });
      },
    });
    try {
      const { page } = it;
      await state(page, 'awaited').waitFor();
      const told = page.getByTestId('reproduced');
      assert.match(
        await told.textContent(),
        /what whoever made the link got, on the CPU. It was not computed here yet/,
      );
      assert.equal(await told.locator('rect').count(), 4 * 15);
      page.go();
      await settled(page);
      await state(page, 'same').waitFor();
      assert.match(
        await told.textContent(),
        /^Reproduced: both runs and the 6 strongest cells, largest difference \S+ \(computed on the CPU here, on the CPU there\)\.$/,
      );
      await axe(page, 'sharing');
      // They are not told of another experiment, and are again when it is gone back to.
      await choose(page, 'mode-noising');
      await told.waitFor({ state: 'hidden' });
      await page.getByTestId('undo').click();
      await state(page, 'same').waitFor();
      await page.getByTestId('cell-0-2').click();
      await state(page, 'same').waitFor();
      await page.reload();
      await settled(page);
      await state(page, 'same').waitFor();
    } finally {
      await it.close();
    }
  });

  test('that do not come out are told by how much they are off', { timeout: 3 * PATIENCE }, async () => {
    const off = structuredClone(came);
    off.cells[0].value += 0.5;
    const foreign = { ...came, model: '0000000000000000' };
    for (const [digest, sentence] of [
      [off, /^Not reproduced: both runs and the 6 strongest cells, largest difference 0\.0\d+ \(computed/],
      [foreign, /^Not the same model/],
      [{ ...came, of: '0000000000000000' }, undefined],
    ]) {
      const it = await openPage(browser, server, packed({ experiment, digest }));
      try {
        await settled(it.page);
        const told = it.page.getByTestId('reproduced');
        if (sentence) {
          await state(it.page, 'other').waitFor();
          assert.match(await told.textContent(), sentence);
        } else {
          assert.equal(await told.isVisible(), false, 'results of another experiment');
        }
      } finally {
        await it.close();
      }
    }
  });

  test('in the steering room are the texts', { timeout: 3 * PATIENCE }, async () => {
    const experiment = { ...(await golden('packed-steering')).experiment, room: 'steering' };
    const it = await openPage(browser, server, packed({ experiment }), COPIES);
    try {
      const { page } = it;
      await page.getByTestId('summary').locator('strong').waitFor();
      const texts = await digest(page);
      assert.equal(texts.texts.length, 2);
      assert.ok(
        texts.texts.every((written) => written.length > 10),
        String(texts.texts),
      );
      await page.goto('about:blank');
      await page.goto(server.url + packed({ experiment, digest: texts }));
      await state(page, 'same').waitFor();
      assert.match(await page.getByTestId('reproduced').textContent(), /^Reproduced: the same texts/);
    } finally {
      await it.close();
    }
  });
});

describe('files', () => {
  onPage('what is saved opens again, also in the command line’s form', async (page) => {
    await page.getByTestId('clean-prompt').fill('When Tom and Mary went to the store, Tom gave a bottle to');
    await settled(page);
    await share(page, 'file');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('share-save').click()]);
    assert.equal(download.suggestedFilename(), 'patchbay-experiment.json');
    const saved = await readFile(await download.path());
    const held = JSON.parse(saved);
    assert.ok(held.experiment && held.digest);
    await page.getByTestId('share-close').click();
    await page.getByTestId('reset').click();
    for (const buffer of [saved, Buffer.from(JSON.stringify(held.experiment)), Buffer.from(`\ufeff${saved}`)]) {
      await share(page, 'file');
      await page.getByTestId('share-open').setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer });
      await page.getByTestId('share-dialog').waitFor({ state: 'hidden' });
      assert.match(await page.getByTestId('clean-prompt').inputValue(), /^When Tom/);
      // One step of the history, like any other change.
      await page.getByTestId('undo').click();
      await page.waitForFunction(() => document.querySelector('#clean-prompt').value.startsWith('When John'));
    }
  });

  onPage('what is no experiment says so', async (page) => {
    await share(page, 'file');
    for (const [content, sentence] of [
      ['{"version": 99}', /format version 99/],
      ['nonsense', /not an experiment/],
      ['{"experiment": {"version": 3}, "digest": 3}', /digest|clean/],
      ['x'.repeat(4_100_000), /larger than 4000000 bytes/],
    ]) {
      const file = { name: 'x.json', mimeType: 'application/json', buffer: Buffer.from(content) };
      await page.getByTestId('share-open').setInputFiles(file);
      const fault = page.getByTestId('share-fault');
      await page.waitForFunction(
        (source) => new RegExp(source).test(document.querySelector('[data-testid=share-fault]').textContent),
        sentence.source,
      );
      assert.match(await fault.textContent(), sentence);
    }
    await page.getByTestId('share-paste').fill('https://example.com/#main');
    await page.getByTestId('share-paste-open').click();
    assert.match(await page.getByTestId('share-fault').textContent(), /no link to an experiment/);
  });

  onPage('one is dropped on the page, a link is pasted', async (page) => {
    const held = { experiment: { ...experiment, clean: 'When Dan and Mary went to the store, Dan gave a bottle to' } };
    const drop = (content) =>
      page.evaluate((content) => {
        const data = new DataTransfer();
        data.items.add(new File([content], 'x.json', { type: 'application/json' }));
        const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
        document.querySelector('main').dispatchEvent(event);
        return event.defaultPrevented;
      }, content);
    assert.ok(await drop(JSON.stringify(held)));
    await page.waitForFunction(() => document.querySelector('#clean-prompt').value.startsWith('When Dan'));
    assert.ok(await drop('nonsense'));
    assert.match(await page.getByTestId('notice').textContent(), /not an experiment/);
    await share(page, 'file');
    await page.getByTestId('share-paste').fill(server.url + packed({ experiment }));
    await page.getByTestId('share-paste-open').click();
    await page.waitForFunction(() => document.querySelector('#clean-prompt').value.startsWith('When John'));
  });
});

test('in Firefox a link with results opens, and the dialog works', { timeout: 3 * PATIENCE }, async () => {
  const firefox = await openFirefox();
  try {
    const page = await firefox.newPage();
    await page.goto(server.url);
    await page.waitForSelector('[data-testid=status][data-state=done]', { timeout: PATIENCE });
    await page.click('[data-testid=share]');
    const address = await page.$eval('[data-testid=share-text]', (field) => field.value);
    assert.ok(opened(address).digest, address);
    await page.goto('about:blank');
    await page.goto(address);
    await page.waitForSelector('[data-testid=reproduced][data-state=same]', { timeout: PATIENCE });
  } finally {
    await firefox.close();
  }
});
