// A browser that asks a server for leave before it asks it for a part of a file, and
// a server that does not give it: the hub's storage answers so. Chromium needs no
// leave for a plain range; a header with two ranges makes it ask.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { after, afterEach, before, describe, test } from 'node:test';
import { Content } from '../cdn.mjs';
import { openChromium } from './harness.mjs';
import { LARGE, loadIn, PART, reference, serveModels } from './loading.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const DICTIONARY = 'course/dictionary';
const FOLDER = 'blocks.2.hook_resid_pre';
const WEIGHTS = `${FOLDER}/sae_weights.safetensors`;

let models;
let cdn;
let browser;
let right;
before(async () => {
  models = await serveModels();
  cdn = models.cdn;
  browser = await openChromium({ webgpu: false });
  const page = await browser.newPage();
  await page.goto(models.page);
  right = await reference(page, models, LARGE);
  await page.close();
  const files = ['cfg.json', 'sae_weights.safetensors'].map((name) => [
    `${FOLDER}/${name}`,
    Content.file(here(`../oracles/dictionary/${FOLDER}/${name}`)),
  ]);
  cdn.add(DICTIONARY, { files: new Map(files) });
});
afterEach(() => models.reset());
after(async () => {
  await browser?.close();
  await models?.close();
});

/** `body` in a page whose worker asks for leave, as a reader who has never been here. */
const asking = (what, body) =>
  test(what, { timeout: 180_000 }, async (context) => {
    const profile = await browser.newContext();
    const open = async () => {
      const page = await profile.newPage();
      await page.goto(models.page);
      return page;
    };
    try {
      await body(open, context);
    } finally {
      await profile.close();
    }
  });

// Not by changing answers on their way: a browser that is driven so grants all leave itself.
const base = () => `${models.server.url}pages/asking/`;
const load = (page, model = LARGE, more) => loadIn(page, models, { hub: cdn.url, base: base(), model }, more);
function loaded({ numbers, refused }) {
  assert.equal(refused, undefined, JSON.stringify(refused));
  assert.ok(numbers === right, 'it is another model');
}
const waitsOf = ({ progress }) => [...new Set(progress.map(({ waiting }) => waiting).filter(Boolean))].join(' ');
const ranges = () => cdn.asked().map(({ range, status }) => [range, status]);
const refused = () => cdn.preflights.filter(({ granted }) => !granted);

describe('where the server gives no leave', () => {
  asking('a lost connection: all is sent again, and what had come is passed over', async (open, context) => {
    cdn.fault('lost', { after: 10_000_000, times: 1 });
    const it = await load(await open());
    loaded(it);
    // Requests with a range never reach the storage.
    assert.deepEqual(ranges(), [
      [undefined, 200],
      [undefined, 200],
    ]);
    assert.ok(refused().length >= 2, JSON.stringify(cdn.preflights));
    context.diagnostic(waitsOf(it));
    assert.match(
      waitsOf(it),
      /The whole file is sent again; of the \d+ MB that are here already, \d+ MB are passed over/,
    );
    assert.equal(it.source.kept, 'kept');
    assert.ok(it.source.published, 'and its hash was compared');
  });

  asking('again and again: not asked for leave any more', async (open) => {
    cdn.fault('lost', { after: 10_000_000, times: 1 });
    cdn.fault('lost', { after: 14_000_000, skip: 1, times: 1 });
    const it = await load(await open());
    loaded(it);
    assert.deepEqual(ranges(), [
      [undefined, 200],
      [undefined, 200],
      [undefined, 200],
    ]);
    const asked = refused().length;
    assert.ok(asked <= 2, `${asked} times`);
  });

  asking('a download that was paused goes on, and ends whole', async (open) => {
    const page = await open();
    cdn.slow = 6_000_000;
    await load(page, LARGE, { stopAt: PART + 1_000_000 });
    cdn.clear();
    cdn.slow = Infinity;
    const it = await load(page);
    loaded(it);
    assert.deepEqual(ranges(), [[undefined, 200]]);
    // And is not fetched again.
    cdn.clear();
    loaded(await load(page));
    assert.deepEqual(cdn.requests, []);
  });

  asking('no network at all: that is said, and no leave is blamed', async (open) => {
    const page = await open();
    cdn.slow = 6_000_000;
    await load(page, LARGE, { stopAt: PART + 1_000_000 });
    cdn.clear();
    cdn.slow = Infinity;
    cdn.fault('lost', { after: -1, at: 'resolve' });
    const { refused } = await load(page);
    assert.equal(refused?.code, 'network', JSON.stringify(refused));
    assert.match(refused.message, /could not be reached/);
  });

  asking('a dictionary: a sentence, and its file is not fetched whole', async (open) => {
    const page = await open();
    const model = `${models.server.url}oracles/deep/`;
    const found = await page.evaluate(
      async ({ api, base, experiment, model, hub, host }) => {
        const { load } = await import(api);
        const engine = await load({ model, base, backend: 'cpu', hub });
        const run = engine.run(experiment, { agreed: { hosts: [host] } });
        const refused = await run.catch(({ code, field, message }) => ({ code, field, message }));
        engine.dispose();
        return refused;
      },
      {
        api: `${models.server.url}patchbay.js`,
        base: base(),
        model,
        hub: cdn.url,
        host: new URL(cdn.url).host,
        experiment: {
          version: 2,
          clean: 'When John and Mary went to the store, John gave a bottle to',
          corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
          metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
          bos: false,
          room: 'steering',
          steer: {
            prompt: 'I hate you because',
            directions: [
              {
                name: 'f',
                source: { kind: 'feature', dictionary: DICTIONARY, layer: 2, feature: 7 },
                layers: [2],
                coefficient: 2,
              },
            ],
            sampling: { tokens: 3, temperature: 0 },
          },
        },
      },
    );
    assert.deepEqual([found.code, found.field], ['network', 'steer.directions.0'], JSON.stringify(found));
    assert.match(
      found.message,
      /does not let this browser ask for a small part.*not fetched unasked.*another browser.*Access-Control-Allow-Headers/,
    );
    assert.equal(cdn.asked(WEIGHTS).filter(({ range }) => range).length, 0);
    assert.equal(cdn.asked(WEIGHTS).length, 1, 'once, to see whether it answers');
  });
});

describe('where the server gives leave', () => {
  asking('it goes on where it was', async (open) => {
    cdn.fault('lost', { after: 10_000_000, times: 1 });
    const it = await load(await open(), cdn.mirror(LARGE));
    loaded(it);
    const [first, second] = ranges();
    assert.deepEqual([first, second[1]], [[undefined, 200], 206]);
    assert.deepEqual(refused(), []);
    assert.ok(cdn.preflights.length >= 1);
  });
});

test('Chromium asks for no leave by itself', { timeout: 180_000 }, async () => {
  const page = await browser.newPage();
  await page.goto(models.page);
  cdn.fault('lost', { after: 10_000_000, times: 1 });
  loaded(await loadIn(page, models, { hub: cdn.url, model: LARGE }));
  assert.deepEqual(
    ranges().map(([, status]) => status),
    [200, 206],
  );
  assert.deepEqual(cdn.preflights, []);
  await page.close();
});
