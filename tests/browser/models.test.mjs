// Models on the page: the menu, what is offered before a byte is fetched, the
// download and its pause, what is kept. The hub is the stand-in of tests/cdn.mjs.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, beforeEach, describe, test } from 'node:test';
import { serveCdn } from '../cdn.mjs';
import { writeModel } from '../cdn/model.mjs';
import { openChromium, serveDist } from './harness.mjs';
import { link, openPage, PATIENCE, settled } from './page.mjs';
import { changeWorker } from './worker.mjs';

/** Large enough for several parts of 8 MiB. */
const LARGE = 'course/large';
const SMALL = 'course/small';
const MB = 1e6;
const OUT = fileURLToPath(new URL('../out/models', import.meta.url));

let folder;
let cdn;
let server;
/** The page as it is published, which knows the one hub only. */
let published;
let browser;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-models-'));
  await writeModel(join(folder, 'large'), { n_layer: 9, n_head: 4, n_embd: 256, n_positions: 128 });
  await writeModel(join(folder, 'small'), { n_layer: 2, n_head: 2, n_embd: 32, n_positions: 128 });
  cdn = await serveCdn({ models: { [LARGE]: join(folder, 'large'), [SMALL]: join(folder, 'small') } });
  server = await serveDist({ hub: cdn.url });
  published = await serveDist();
  browser = await openChromium({ webgpu: false });
  await mkdir(OUT, { recursive: true });
});
beforeEach(() => cdn.clear());
after(async () => {
  await browser?.close();
  await Promise.all([server?.close(), published?.close(), cdn?.close()]);
  await rm(folder, { recursive: true, force: true });
});

const EXAMPLE = {
  version: 1,
  clean: 'When John and Mary went to the store, John gave a bottle to',
  corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
  metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
  sweeps: [{ site: 'resid_pre', mode: 'denoising' }],
};

/** A link to the example on another model. */
const linkTo = (model, more = {}) =>
  `#v1=${Buffer.from(JSON.stringify({ ...EXAMPLE, model, ...more })).toString('base64url')}`;

/** A test on a fresh page of a fresh browser profile. */
const onPage = (what, model, body, { at = () => server, options, tolerate } = {}) =>
  test(what, { timeout: 4 * PATIENCE }, async (context) => {
    const it = await openPage(browser, at(), model && linkTo(model), options);
    it.elsewhere = () => it.requests.filter((url) => !url.startsWith(at().url) && !/^(data|blob):/.test(url));
    try {
      await body(it.page, it, context);
      assert.deepEqual(await it.page.evaluate(() => globalThis.violations), []);
      assert.deepEqual(
        it.errors.filter((error) => !tolerate?.test(error)),
        [],
      );
    } finally {
      await it.close();
    }
  });

const host = () => new URL(cdn.url).host;
const text = (page, testid) => page.getByTestId(testid).textContent();
const press = (page, testid) => page.getByTestId(testid).click();
/** Waits until the model is there and both prompts ran on it. */
const opened = async (page) => {
  await page
    .getByTestId('source')
    .getByText(/SHA-256/)
    .waitFor({ state: 'attached' });
  await page.getByTestId('top-clean').locator('li').nth(9).waitFor();
};
/** As in a private frame, the worker may keep nothing. */
const withoutCaches = (page) =>
  changeWorker(
    page,
    'Object.defineProperty(self, "caches", { get() { throw new DOMException("no", "SecurityError"); } });',
  );
/** Agrees to all that is asked. */
const fetched = async (page) => {
  await press(page, 'ask-host');
  await press(page, 'download');
  await opened(page);
};

describe('before a byte is fetched', () => {
  onPage(
    'gpt2 is offered with what it takes, and nobody is asked',
    'gpt2',
    async (page, { elsewhere }) => {
      const facts = await text(page, 'offer-facts');
      for (const fact of [/548 MB/, /from huggingface\.co/, /MIT licence/, /124 M parameters/, /\d{3} MB of memory/]) {
        assert.match(facts, fact);
      }
      const offer = await text(page, 'offer');
      assert.match(offer, /GPT-2 small/);
      assert.match(offer, /never leave this computer/);
      assert.match(offer, /607a30d783dfa663caf39e06633721c8d4cfcd7e/);
      assert.match(offer, /248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707/);
      assert.match(await text(page, 'download'), /^Download 548 MB$/);
      assert.equal(await page.getByTestId('heatmap').count(), 0);
      assert.equal(await text(page, 'model'), 'gpt2');

      await press(page, 'use-mini');
      await settled(page);
      assert.equal((await link(page)).experiment.model, 'mini');
      assert.deepEqual(elsewhere(), []);
    },
    { at: () => published },
  );

  onPage(
    'a repository’s host is asked for its list only once that was agreed to',
    'distilbert/distilgpt2',
    async (page, { elsewhere }) => {
      assert.match(await text(page, 'ask-host'), /^Ask huggingface\.co$/);
      assert.match(await text(page, 'offer'), /never your prompts/);
      await page.waitForTimeout(500);
      assert.deepEqual(elsewhere(), []);
    },
    { at: () => published },
  );

  onPage('a host is agreed to once, and asked again when that is taken back', SMALL, async (page) => {
    await page.getByTestId('ask-host').waitFor();
    assert.deepEqual(cdn.requests, []);
    await press(page, 'ask-host');
    const facts = await text(page, 'offer-facts');
    assert.ok(facts.includes(host()), facts);
    assert.match(facts, /KB/);
    assert.match(facts, /mit licence/i);
    assert.deepEqual(cdn.asked(), []);
    await page.reload();
    await page.getByTestId('download').waitFor();
    await press(page, 'model-menu');
    assert.ok((await text(page, 'hosts')).includes(host()));
    await press(page, 'forget-hosts');
    await page.reload();
    await page.getByTestId('ask-host').waitFor();
    assert.deepEqual(cdn.asked(), []);
  });
});

describe('the menu', () => {
  onPage(
    'is worked with the keyboard, and gives the focus back',
    undefined,
    async (page) => {
      await settled(page);
      const at = () => page.evaluate(() => document.activeElement.dataset.testid);
      await page.getByTestId('model-menu').focus();
      await page.keyboard.press('Enter');
      assert.equal(await page.getByTestId('models').evaluate((menu) => menu.matches(':modal')), true);
      assert.ok(await page.evaluate(() => document.activeElement.closest('dialog') !== null));
      await page.keyboard.press('Escape');
      assert.equal(await page.getByTestId('models').isVisible(), false);
      assert.equal(await at(), 'model-menu');
      await page.keyboard.press('Enter');
      for (let i = 0; (await at()) !== 'choose-gpt2'; i += 1) {
        assert.ok(i < 10, 'gpt2 is not reached with the Tab key');
        await page.keyboard.press('Tab');
      }
      await page.keyboard.press('Enter');
      await page.getByTestId('download').waitFor();
      assert.equal((await link(page)).experiment.model, 'gpt2');
      assert.equal(await page.getByTestId('models').isVisible(), false);
    },
    { at: () => published },
  );

  onPage('takes another model, and says what is not a name', undefined, async (page) => {
    await settled(page);
    await press(page, 'model-menu');
    assert.match(await text(page, 'storage'), /None yet/);
    for (const [name, sentence] of [
      ['what is this', /not the name of a model.*owner\/name/],
      ['ftp://x.example/y', /not the address of a folder.*https/],
    ]) {
      await page.getByTestId('other-model').fill(name);
      await press(page, 'open-other');
      assert.match(await text(page, 'other-problem'), sentence);
    }
    await page.getByTestId('other-model').fill(` ${SMALL} `);
    await page.keyboard.press('Enter');
    await fetched(page);
    assert.equal((await link(page)).experiment.model, SMALL);
    const source = await text(page, 'source');
    assert.ok(source.includes(cdn.head(SMALL)), source);
    assert.match(source, /checked, it is the published one/);
  });

  onPage('lists what is kept, and deletes it', SMALL, async (page) => {
    await fetched(page);
    await press(page, 'model-menu');
    const kept = page.getByTestId('kept').locator('li');
    await kept.first().waitFor();
    assert.equal(await kept.count(), 1);
    assert.match(await kept.textContent(), /course\/small\d+ KB/);
    assert.match(await text(page, 'storage'), /Patchbay takes/);
    await press(page, 'delete');
    assert.match(await text(page, 'delete'), /Really/);
    await press(page, 'delete');
    await kept.waitFor({ state: 'detached' });
    await page.reload();
    await page.getByTestId('download').waitFor();
  });
});

describe('a mirror of the hub', () => {
  const field = (page) => page.getByTestId('hub');
  const use = async (page, address) => {
    await field(page).fill(address);
    await press(page, 'use-hub');
  };
  const hint = (page) => page.locator('#hub-hint');

  onPage(
    'is named in the menu, asked for leave, kept in this browser and in no link, and let go again',
    SMALL,
    async (page, { elsewhere }) => {
      assert.match(await text(page, 'ask-host'), /^Ask huggingface\.co$/);
      await press(page, 'model-menu');
      assert.match(await hint(page).textContent(), /looked for at huggingface\.co\./);
      for (const [address, sentence] of [
        ['http://hub.example', /not the address of a hub.*should begin with https/],
        ['https://me:secret@hub.example', /not the address of a hub.*before @/],
        ['hub.example/?x', /without \? and #/],
        ['ftp://hub.example', /should begin with https/],
      ]) {
        await use(page, address);
        assert.match(await text(page, 'hub-problem'), sentence);
      }
      assert.match(await text(page, 'ask-host'), /^Ask huggingface\.co$/);
      assert.deepEqual(elsewhere(), []);

      await use(page, ` ${cdn.url} `);
      await hint(page).getByText(`looked for at ${host()}.`).waitFor();
      assert.equal(await text(page, 'hub-problem'), '');
      assert.ok((await page.locator('#about-gpt2').textContent()).includes(host()));
      await page.getByTestId('ask-host').getByText(`Ask ${host()}`).waitFor();
      assert.deepEqual(cdn.requests, [], 'it is asked for leave, too');
      await press(page, 'models-close');
      await fetched(page);
      assert.match(await text(page, 'source'), new RegExp(`It comes from ${cdn.url}/`));
      const { url, experiment } = await link(page);
      assert.equal(experiment.model, SMALL);
      assert.ok(!JSON.stringify(experiment).includes(host()) && !decodeURIComponent(url).includes(cdn.url));

      cdn.clear();
      await page.reload();
      await opened(page);
      assert.deepEqual(cdn.requests, [], 'it is kept');

      await press(page, 'model-menu');
      assert.equal(await field(page).inputValue(), `${cdn.url}/`);
      await use(page, '');
      // Another hub's is another model, and that hub was not agreed to.
      await page.getByTestId('ask-host').getByText('Ask huggingface.co').waitFor();
      await page.reload();
      await page.getByTestId('ask-host').getByText('Ask huggingface.co').waitFor();
      assert.deepEqual(
        elsewhere().filter((url) => !url.startsWith(cdn.url) && !url.startsWith(cdn.storage)),
        [],
      );
    },
    { at: () => published },
  );
});

describe('a host is shown as the browser that asks it understands it', () => {
  for (const [what, name, shown] of [
    ['a backslash', 'https://evil.example\\.huggingface.co/m/', 'evil.example'],
    ['a letter of another script', 'https://huggingf\u0430ce.co/m/', 'xn--huggingfce-6qi.co'],
    ['percent signs', 'https://%65vil.example/m/', 'evil.example'],
    ['a number', 'https://0x7f000001/m/', '127.0.0.1'],
  ]) {
    onPage(
      `${what}, typed`,
      undefined,
      async (page, { elsewhere }) => {
        await settled(page);
        await press(page, 'model-menu');
        await page.getByTestId('other-model').fill(name);
        await press(page, 'open-other');
        await page.getByTestId('ask-host').waitFor();
        assert.equal(await text(page, 'ask-host'), `Ask ${shown}`);
        assert.equal(new URL((await link(page)).experiment.model).host, shown);
        assert.deepEqual(elsewhere(), []);
      },
      { at: () => published },
    );
    onPage(
      `${what}, in a link`,
      name,
      async (page, { elsewhere }) => {
        await page
          .getByTestId('notice')
          .getByText(/is not the address of a folder/)
          .waitFor();
        assert.equal(await page.getByTestId('ask-host').count(), 0);
        assert.deepEqual(elsewhere(), []);
      },
      { at: () => published },
    );
  }

  onPage(
    'credentials are refused',
    'https://huggingface.co@evil.example/m/',
    async (page, { elsewhere }) => {
      await page
        .getByTestId('notice')
        .getByText(/what stands before @ is a user's name, not the host/)
        .waitFor();
      await press(page, 'model-menu');
      await page.getByTestId('other-model').fill('https://huggingface.co@evil.example/m/');
      await press(page, 'open-other');
      assert.match(await text(page, 'other-problem'), /what stands before @/);
      assert.deepEqual(elsewhere(), []);
    },
    { at: () => published },
  );
});

describe('the download', () => {
  onPage('tells how far it is, and what came is there after a reload without asking anyone', LARGE, async (page) => {
    cdn.slow = 20 * MB;
    await press(page, 'ask-host');
    await press(page, 'download');
    await page
      .getByTestId('arrived')
      .getByText(/\d MB of 2\d MB, \d+ %/)
      .waitFor();
    assert.ok((await page.getByTestId('download-progress').evaluate((bar) => bar.value)) > 0);
    await opened(page);
    assert.equal(await page.getByTestId('offer').count(), 0);
    cdn.clear();
    await page.reload();
    await opened(page);
    assert.deepEqual(cdn.requests, []);
  });

  onPage('is paused, and goes on after a reload where it was', LARGE, async (page) => {
    cdn.slow = 8 * MB;
    await press(page, 'ask-host');
    await press(page, 'download');
    // Past the first part of 8 MiB.
    await page
      .getByTestId('arrived')
      .getByText(/^1\d MB of/)
      .waitFor();
    await press(page, 'pause');
    await page
      .getByTestId('already')
      .getByText(/^8\.4 MB of 2\d MB are here already/)
      .waitFor();
    await press(page, 'model-menu');
    assert.match(await page.getByTestId('kept').locator('li').textContent(), /8\.4 MB of 2\d MB/);
    await page.reload();
    assert.match(await text(page, 'already'), /^8\.4 MB/);
    assert.match(await text(page, 'download'), /^Resume/);
    cdn.clear();
    cdn.slow = Infinity;
    await press(page, 'download');
    await opened(page);
    assert.match(await text(page, 'source'), /checked, it is the published one/);
    assert.ok(
      cdn.asked().every(({ range }) => range && !range.startsWith('bytes=0-')),
      JSON.stringify(cdn.asked()),
    );
  });

  onPage('that stalls says so, and promises no end', LARGE, async (page) => {
    cdn.fault('stall', { after: 12 * MB, times: 1 });
    await press(page, 'ask-host');
    await press(page, 'download');
    await page
      .getByTestId('waiting')
      .getByText(/Nothing has arrived for \d+ s/)
      .waitFor();
    assert.match(await text(page, 'arrived'), /^1\d MB of 2\d MB, \d+ %$/);
    await opened(page);
  });

  onPage('gives way to mini meanwhile', LARGE, async (page) => {
    cdn.slow = 4 * MB;
    await press(page, 'ask-host');
    await press(page, 'download');
    await page.getByTestId('arrived').getByText(/MB of/).waitFor();
    await press(page, 'use-mini');
    await settled(page);
    assert.equal(await text(page, 'model'), 'mini');
  });

  onPage(
    'of a folder: its host is agreed to, and no hash was published',
    undefined,
    async (page) => {
      await settled(page);
      await press(page, 'model-menu');
      await page.getByTestId('other-model').fill(cdn.mirror(SMALL));
      await press(page, 'open-other');
      assert.ok((await text(page, 'ask-host')).includes(new URL(cdn.storage).host));
      assert.deepEqual(cdn.requests, []);
      await fetched(page);
      assert.match(await text(page, 'source'), /No hash was published/);
    },
    { tolerate: /404/ },
  );
});

describe('what goes wrong is said', () => {
  for (const [what, model, sentence] of [
    ['a name that nothing has', 'gpt5', /There is no model “gpt5” beside this page.*not there/],
    ['a name that is none', 'no name/at/all', /not the name of a model.*owner\/name/],
  ]) {
    onPage(
      `${what}, with another model to choose`,
      model,
      async (page) => {
        await page.getByTestId('notice').getByText(sentence).waitFor();
        await press(page, 'other');
        await press(page, 'choose-mini');
        await settled(page);
        assert.equal(await page.getByTestId('notice').count(), 0);
      },
      { tolerate: /404/ },
    );
  }

  onPage(
    'a repository that may not be seen, and it is tried again',
    'course/secret',
    async (page) => {
      await press(page, 'ask-host');
      const notice = page.getByTestId('notice');
      await notice
        .getByText(/list of files of course\/secret \(status 401\): there may be no repository of that name/)
        .waitFor();
      assert.match(await notice.textContent(), /without an account/);
      cdn.add('course/secret', join(folder, 'small'));
      await press(page, 'start-again');
      await press(page, 'download');
      await opened(page);
    },
    { tolerate: /401/ },
  );

  onPage('weights that are not those published, and nothing runs on them', SMALL, async (page) => {
    cdn.fault('flipped', { byte: 100_000 });
    await press(page, 'ask-host');
    await press(page, 'download');
    await page
      .getByTestId('notice')
      .getByText(/SHA-256/)
      .waitFor();
    assert.equal(await page.getByTestId('top-clean').locator('li').count(), 0);
    cdn.clear();
    await press(page, 'start-again');
    await opened(page);
  });

  onPage(
    'that the browser keeps nothing, before the download and after it',
    undefined,
    async (page) => {
      // A folder of the page's own host, which needs no agreement.
      const hash = linkTo(`${server.url}oracles/deep/`);
      await page.evaluate((hash) => location.assign(hash), hash);
      await page
        .getByTestId('offer')
        .getByText(/keeps nothing/)
        .waitFor();
      await press(page, 'download');
      await page
        .getByTestId('source')
        .getByText(/is not kept/)
        .waitFor({ state: 'attached' });
      await press(page, 'model-menu');
      assert.match(await text(page, 'storage'), /does not let the page keep/);
    },
    // A plain folder lacks files that it is asked for.
    { options: { before: withoutCaches }, tolerate: /404/ },
  );
});

describe('on screens of all kinds', () => {
  for (const [name, options] of [
    ['wide', { viewport: { width: 1280, height: 900 } }],
    ['wide-dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 390, height: 844 } }],
    ['narrow-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
  ]) {
    onPage(
      `nothing is cut off: ${name}`,
      'gpt2',
      async (page) => {
        const fits = async (what) => {
          await page.screenshot({ path: join(OUT, `${name}-${what}.png`) });
          const over = await page.evaluate(() => {
            const menu = document.querySelector('dialog[open]');
            return [document.documentElement, ...(menu ? [menu] : [])].map((e) => e.scrollWidth - e.clientWidth);
          });
          assert.ok(
            over.every((pixels) => pixels <= 0),
            `${what}: ${over} pixels too wide`,
          );
        };
        await page.getByTestId('download').waitFor();
        await fits('offer');
        await press(page, 'model-menu');
        await fits('menu');
        await page.getByTestId('other-model').fill('course/large');
        await press(page, 'open-other');
        await page.getByTestId('ask-host').waitFor();
        await fits('host');
        await press(page, 'ask-host');
        cdn.slow = 4 * MB;
        await press(page, 'download');
        await page.getByTestId('arrived').getByText(/MB of/).waitFor();
        await fits('download');
      },
      { options },
    );
  }
});
