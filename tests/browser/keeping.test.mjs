// What a browser keeps of a model: it is not fetched again, a download goes on
// where it was, and where nothing can be kept the model is loaded all the same.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Content } from '../cdn.mjs';
import { writeModel } from '../cdn/model.mjs';
import { openChromium } from './harness.mjs';
import {
  EXPERIMENT,
  IN_FLIGHT,
  LARGE,
  loadIn,
  loadInPage,
  OTHER,
  PART,
  reference,
  serveModels,
  SMALL,
  starts,
} from './loading.mjs';

let models;
let cdn;
let browser;
const right = {};
before(async () => {
  models = await serveModels();
  cdn = models.cdn;
  browser = await openChromium({ webgpu: false });
  const page = await browser.newPage();
  await page.goto(models.page);
  for (const model of [SMALL, LARGE, OTHER]) right[model] = await reference(page, models, model);
  await page.close();
});
afterEach(() => {
  assert.deepEqual(cdn.preflights, []);
  models.reset();
});
after(async () => {
  await browser?.close();
  await models?.close();
});

/** A browser profile of its own: `open` gives a page in it. */
const inProfile = (what, body) =>
  test(what, { timeout: 180_000 }, async (context) => {
    const profile = await browser.newContext();
    const open = async () => {
      const page = await profile.newPage();
      page.setDefaultTimeout(120_000);
      await page.goto(models.page);
      return page;
    };
    try {
      await body(open, context);
    } finally {
      await profile.close();
    }
  });

const load = (page, model = LARGE, more) => loadIn(page, models, { hub: cdn.url, model }, more);

function loaded({ numbers, refused }, model = LARGE) {
  assert.equal(refused, undefined, JSON.stringify(refused));
  assert.equal(numbers, right[model], 'it is another model');
}

/** The caches of models, and how many files are in each. */
const caches = (page) =>
  page.evaluate(async () => {
    const names = (await globalThis.caches.keys()).filter((name) => name.startsWith('patchbay-model'));
    const counts = names.map(async (name) => [name, (await (await globalThis.caches.open(name)).keys()).length]);
    return Object.fromEntries(await Promise.all(counts));
  });

describe('a model that is kept', () => {
  inProfile('is loaded again without a request', async (open) => {
    const first = await open();
    const before = await load(first);
    loaded(before);
    assert.deepEqual([before.source.kept, before.source.revision], ['kept', cdn.head(LARGE)]);
    await first.close();
    cdn.clear();
    const again = await load(await open());
    loaded(again);
    assert.equal(again.source.kept, 'kept');
    assert.equal(again.source.published, before.source.published);
    assert.equal(again.model.sha256, before.model.sha256);
    assert.deepEqual(cdn.requests, []);
  });

  inProfile('is fetched again once the browser has cleared it', async (open) => {
    const page = await open();
    loaded(await load(page));
    await page.evaluate(async () => {
      for (const name of await globalThis.caches.keys()) await globalThis.caches.delete(name);
    });
    cdn.clear();
    loaded(await load(page));
    assert.deepEqual(starts(cdn), [0]);
  });

  inProfile('of which a part is gone, is fetched from there on', async (open) => {
    const page = await open();
    loaded(await load(page));
    const gone = await page.evaluate(async () => {
      const [name] = (await globalThis.caches.keys()).filter((name) => name.startsWith('patchbay-model'));
      const cache = await globalThis.caches.open(name);
      const part = (await cache.keys()).find(({ url }) => url.endsWith('part=1'));
      return cache.delete(part);
    });
    assert.ok(gone, 'there was a part 1');
    cdn.clear();
    loaded(await load(page));
    assert.deepEqual(starts(cdn), [PART]);
  });

  inProfile('of which a part is damaged, is found out and fetched again', async (open, context) => {
    const page = await open();
    loaded(await load(page));
    await page.evaluate(async () => {
      const [name] = (await globalThis.caches.keys()).filter((name) => name.startsWith('patchbay-model'));
      const cache = await globalThis.caches.open(name);
      const part = (await cache.keys()).find(({ url }) => url.endsWith('part=1'));
      const bytes = new Uint8Array(await (await cache.match(part)).arrayBuffer());
      bytes[1000] ^= 16;
      await cache.put(part, new Response(new Blob([bytes])));
    });
    cdn.clear();
    const again = await load(page);
    loaded(again);
    assert.deepEqual(starts(cdn), [0]);
    context.diagnostic(again.source.remarks.join(' '));
    assert.match(again.source.remarks.join(' '), /fetched from the start once more/);
    // And is sound again.
    cdn.clear();
    loaded(await load(page));
    assert.deepEqual(cdn.asked(), []);
  });

  inProfile('is kept beside another', async (open) => {
    const page = await open();
    for (const model of [SMALL, OTHER]) loaded(await load(page, model), model);
    assert.equal(Object.keys(await caches(page)).length, 2);
    cdn.clear();
    for (const model of [SMALL, OTHER]) loaded(await load(page, model), model);
    assert.deepEqual(cdn.requests, []);
  });
});

describe('a download that was interrupted', () => {
  inProfile('by closing the page, goes on where it was', async (open) => {
    const first = await open();
    cdn.slow = 6_000_000;
    const ended = load(first).catch(() => 'closed');
    await first.waitForFunction((bytes) => globalThis.loadedBytes >= bytes, PART + 3_000_000);
    await first.close();
    assert.equal(await ended, 'closed');
    cdn.clear();
    cdn.slow = Infinity;
    const second = await load(await open());
    loaded(second);
    assert.deepEqual(starts(cdn), [PART]);
    assert.equal(second.source.kept, 'kept');
    const [{ done }] = second.progress;
    assert.ok(done >= PART, `it begins at ${done}`);
  });

  inProfile('by the reader, pauses and goes on', async (open) => {
    const page = await open();
    cdn.slow = 6_000_000;
    const stopped = await load(page, LARGE, { stopAt: PART + 1_000_000 });
    assert.equal(stopped.refused.name, 'AbortError', JSON.stringify(stopped.refused));
    const sent = cdn.sent();
    await page.waitForTimeout(1000);
    assert.ok(cdn.sent() - sent < IN_FLIGHT, 'nothing is fetched meanwhile');
    cdn.clear();
    cdn.slow = Infinity;
    loaded(await load(page));
    assert.deepEqual(starts(cdn), [PART]);
  });

  inProfile('goes on with the commit that it began with', async (open) => {
    const page = await open();
    const commit = cdn.head(LARGE);
    cdn.slow = 6_000_000;
    await load(page, LARGE, { stopAt: PART + 1_000_000 });
    cdn.clear();
    cdn.slow = Infinity;
    cdn.put(LARGE, 'model.safetensors', Content.file(`${models.folders[OTHER]}/model.safetensors`));
    const second = await load(page);
    loaded(second);
    assert.equal(second.source.revision, commit);
    assert.deepEqual(starts(cdn), [PART]);
  });
});

describe('where nothing can be kept', () => {
  inProfile('a full storage: it loads, is not kept, and says so', async (open, context) => {
    const page = await open();
    const session = await page.context().newCDPSession(page);
    const origin = new URL(models.server.url).origin;
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 10_000_000 });
    const it = await load(page);
    loaded(it);
    assert.equal(it.source.kept, 'not_kept');
    context.diagnostic(it.source.remarks.join(' '));
    assert.match(it.source.remarks.join(' '), /does not keep the model \(.*\), so the next visit fetches it again/);
    assert.deepEqual(await caches(page), {}, 'no parts are left behind');
    assert.deepEqual(starts(cdn), [0]);
  });

  inProfile('a full storage, and the load is stopped: nothing is left behind', async (open) => {
    const page = await open();
    const session = await page.context().newCDPSession(page);
    const origin = new URL(models.server.url).origin;
    const used = () => page.evaluate(async () => (await navigator.storage.estimate()).usage);
    const before = await used();
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: before + 10_000_000 });
    cdn.slow = 12_000_000;
    // The second part was refused, the third is on its way.
    const { refused } = await load(page, LARGE, { stopAt: 2 * PART + 1_500_000 });
    assert.equal(refused?.name, 'AbortError', JSON.stringify(refused));
    assert.deepEqual(await caches(page), {});
    assert.ok((await used()) - before < 1_000_000, `${await used()} bytes, ${before} before`);
  });

  /** What the engine lists as kept. */
  const listed = (page) =>
    page.evaluate(
      (script) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(script, { type: 'module' });
          worker.onerror = reject;
          worker.onmessage = ({ data }) => {
            if (data.type === 'ready') worker.postMessage({ type: 'kept', id: 1 });
            if (data.type !== 'kept') return;
            worker.terminate();
            resolve(data.store.models);
          };
        }),
      `${models.server.url}engine.js`,
    );

  inProfile('what a failed keeping has left is swept up when it is looked at', async (open) => {
    const page = await open();
    loaded(await load(page));
    loaded(await load(page, SMALL), SMALL);
    assert.equal((await listed(page)).length, 2);
    // As where its description could not be written any more.
    await page.evaluate(async (name) => {
      const [large] = (await globalThis.caches.keys()).filter((key) => key.includes(name));
      const cache = await globalThis.caches.open(large);
      const description = (await cache.keys()).find(({ url }) => url.endsWith('patchbay.json'));
      if (!(await cache.delete(description))) throw new Error('it was not there');
    }, LARGE);
    assert.deepEqual(
      (await listed(page)).map(({ model }) => model),
      [SMALL],
    );
    const left = await caches(page);
    assert.equal(Object.keys(left).length, 1, JSON.stringify(left));
    cdn.clear();
    loaded(await load(page, SMALL), SMALL);
    assert.deepEqual(cdn.requests, [], 'the other one is as it was');
  });

  inProfile('a frame that belongs to no site: the same', async (open, context) => {
    const page = await open();
    await page.evaluate((address) => {
      const frame = document.createElement('iframe');
      frame.sandbox = 'allow-scripts';
      frame.src = address;
      document.body.append(frame);
    }, models.page);
    await page.waitForFunction(() => document.querySelector('iframe'));
    let frame;
    for (let i = 0; i < 50 && !frame; i += 1) {
      await page.waitForTimeout(100);
      frame = page.frames().find((one) => one !== page.mainFrame() && one.url() === models.page);
    }
    const it = await frame.evaluate(loadInPage, {
      api: `${models.server.url}patchbay.js`,
      experiment: EXPERIMENT,
      options: { hub: cdn.url, model: LARGE },
    });
    loaded(it);
    assert.equal(it.source.kept, 'not_kept');
    context.diagnostic(it.source.remarks.join(' '));
    assert.match(it.source.remarks.join(' '), /does not keep the model/);
  });
});

describe('memory', () => {
  /** MiB of the worker's memory beside the weights, at most. */
  const BESIDE = 64;

  inProfile('is the model’s and little more', async (open, context) => {
    const folder = await mkdtemp(join(tmpdir(), 'patchbay-memory-'));
    try {
      await writeModel(folder, { n_layer: 6, n_head: 8, n_embd: 512 });
      cdn.add('course/heavy', folder);
      const page = await open();
      const parameters = await page.evaluate(
        async ({ api, base, hub }) => {
          const { load } = await import(api);
          const engine = await load({ model: 'course/heavy', hub, base, backend: 'cpu' });
          // Not disposed: the worker is looked at.
          return engine.model.parameters;
        },
        { api: `${models.server.url}patchbay.js`, base: `${models.server.url}pages/measured/`, hub: cdn.url },
      );
      const [worker] = page.workers();
      // It only ever grows: what it has now is the most that it had.
      const memory = await worker.evaluate(() => self.memory.buffer.byteLength);
      const mib = (n) => n / (1 << 20);
      context.diagnostic(`weights ${mib(4 * parameters).toFixed(1)} MiB, memory ${mib(memory).toFixed(1)} MiB`);
      assert.ok(mib(memory) <= mib(4 * parameters) + BESIDE, `${mib(memory)} MiB`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
