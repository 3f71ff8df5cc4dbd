// What can go wrong with a download: the loader goes on where that is right and
// says what is wrong where it is not, and never gives a model that is not the one
// that was asked for.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Content } from '../cdn.mjs';
import { HOSTILE } from '../cdn/hostile.mjs';
import { BROWSERS, openChromium } from './harness.mjs';
import { IN_FLIGHT, LARGE, loadIn, OTHER, reference, serveModels, SMALL, starts } from './loading.mjs';

let models;
let cdn;
let browser;
/** What each model computes when it is loaded plainly. */
const right = {};
let size;
before(async () => {
  models = await serveModels();
  cdn = models.cdn;
  size = Content.file(`${models.folders[LARGE]}/model.safetensors`).size;
  browser = await openChromium({ webgpu: false });
  const page = await browser.newPage();
  await page.goto(models.page);
  for (const model of [SMALL, LARGE, OTHER]) right[model] = await reference(page, models, model);
  assert.notEqual(right[LARGE], right[OTHER]);
  await page.close();
});
afterEach(() => {
  // Nothing that a browser would have to ask leave for.
  assert.deepEqual(cdn.preflights, []);
  models.reset();
});
after(async () => {
  await browser?.close();
  await models?.close();
});

/** Loads as a reader does who has never been here. */
async function load(options, more) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(models.page);
    return await loadIn(page, models, { hub: cdn.url, ...options }, more);
  } finally {
    await context.close();
  }
}

const other = () => Content.file(`${models.folders[OTHER]}/model.safetensors`);

/** It loads, and is the model that was asked for. `check` looks at how. */
const loads = (what, { model = LARGE, as = model, options, faults, check = () => {} }) =>
  test(what, { timeout: 180_000 }, async (context) => {
    faults();
    const { numbers, refused, source, progress } = await load({ model, ...options?.() });
    assert.equal(refused, undefined, JSON.stringify(refused));
    assert.equal(numbers, right[as], 'it is another model');
    const waits = [...new Set(progress.map(({ waiting }) => waiting).filter(Boolean))];
    for (const line of [...waits, ...source.remarks]) context.diagnostic(line);
    check({ source, waits, progress });
  });

/** So many requests for the weights, and no byte of them much more than once. */
const resumed = (requests) => () => {
  assert.equal(cdn.asked().length, requests, JSON.stringify(cdn.asked()));
  const [first, ...rest] = starts(cdn);
  assert.equal(first, 0);
  for (const [i, from] of rest.entries()) assert.ok(from >= starts(cdn)[i], `${starts(cdn)}`);
  const again = cdn.sent() - size;
  assert.ok(again <= (requests - 1) * IN_FLIGHT, `${again} bytes were sent twice`);
};

describe('goes on where it was', () => {
  loads('a lost connection', {
    faults: () => cdn.fault('lost', { after: 10_000_000, times: 1 }),
    check: (it) => {
      resumed(2)();
      assert.ok(starts(cdn)[1] >= 10_000_000 - IN_FLIGHT, `${starts(cdn)}`);
      assert.match(it.waits.join(' '), /connection broke off.*tried again in 1 s, from where it was/);
    },
  });
  loads('a connection that is lost again and again', {
    faults: () => cdn.fault('lost', { after: 5_000_000, times: 3 }),
    check: resumed(4),
  });
  loads('a connection that is closed too early', {
    faults: () => cdn.fault('short', { after: 7_000_000, times: 1 }),
    check: resumed(2),
  });
  loads('silence', {
    faults: () => cdn.fault('stall', { after: 9_000_000, times: 1 }),
    check: (it) => {
      resumed(2)();
      assert.match(it.waits.join(' '), /no byte for 20 seconds/);
      // Meanwhile it is said that nothing comes, and no end is promised.
      const silent = it.progress.filter(({ waiting }) => waiting?.startsWith('Nothing has arrived for'));
      assert.ok(silent.length >= 10, `said ${silent.length} times`);
      assert.ok(
        silent.every(({ seconds_left }) => seconds_left == null),
        JSON.stringify(silent),
      );
      assert.match(silent.at(-1).waiting, /for (18|19|20) s; it is waited for/);
    },
  });
  loads('a signed address that expires meanwhile', {
    faults: () => {
      cdn.fault('lost', { after: 6_000_000, times: 1 });
      cdn.fault('expired', { requests: 1 });
    },
    check: () => {
      resumed(2)();
      const resolved = cdn.requests.filter(({ at, file }) => at === 'resolve' && file === 'model.safetensors');
      assert.equal(resolved.length, 2, 'a new address was asked for');
      assert.ok(cdn.asked().every(({ status }) => status < 400));
    },
  });
  loads('a signed address that is refused once', {
    faults: () => cdn.fault('status', { status: 403, times: 1 }),
    check: () =>
      assert.deepEqual(
        cdn.asked().map(({ status }) => status),
        [403, 200],
      ),
  });
  for (const [status, options] of [
    [500, {}],
    [503, {}],
    [429, { retryAfter: 1 }],
  ]) {
    loads(`status ${status}, twice`, {
      faults: () => cdn.fault('status', { status, times: 2, at: 'resolve', ...options }),
      check: (it) => {
        assert.equal(cdn.asked().length, 1);
        assert.match(it.waits.join(' '), new RegExp(`server is busy \\(status ${status}\\)`));
      },
    });
  }
  loads('status 503 in the middle', {
    faults: () => {
      cdn.fault('lost', { after: 6_000_000, times: 1 });
      cdn.fault('status', { status: 503, skip: 1, times: 2 });
    },
    check: () =>
      assert.deepEqual(
        cdn.asked().map(({ status }) => status),
        [200, 503, 503, 206],
      ),
  });
  loads('a refused connection', {
    faults: () => cdn.fault('lost', { after: -1, times: 1 }),
    check: (it) => assert.match(it.waits.join(' '), /server does not answer/),
  });
  loads('small files that need several attempts', {
    model: SMALL,
    faults: () => {
      cdn.fault('status', { status: 503, times: 1, file: 'config.json' });
      cdn.fault('lost', { after: 100, times: 1, file: 'tokenizer.json' });
    },
  });
});

describe('does with what a server can', () => {
  loads('one without ranges, which sends all of it again', {
    faults: () => {
      cdn.fault('no_ranges');
      cdn.fault('lost', { after: 10_000_000, times: 1 });
    },
    check: () => {
      assert.deepEqual(
        cdn.asked().map(({ status }) => status),
        [200, 200],
      );
      assert.ok(starts(cdn)[1] > 0, 'it asked for the rest');
    },
  });
  loads('one that does not say how much there is', { faults: () => cdn.fault('unannounced') });
  loads('one that has no ETag', {
    faults: () => {
      cdn.fault('no_etag');
      cdn.fault('lost', { after: 10_000_000, times: 1 });
    },
    check: resumed(2),
  });
  loads('one that packs small files', {
    model: SMALL,
    faults: () => ['config.json', 'tokenizer.json'].forEach((file) => cdn.fault('gzip', { file })),
  });
  loads('one that packs the weights', { model: SMALL, faults: () => cdn.fault('gzip') });
  loads('a hub without its list of files: unchecked, and said so', {
    model: SMALL,
    faults: () => cdn.fault('status', { status: 500, at: 'listing' }),
    check: ({ source }) => {
      assert.equal(source.published, null);
      assert.match(source.remarks.join(' '), /list of files could not be read, so the weights cannot be checked/);
    },
  });
  loads('a folder, whose hash nobody has published', {
    options: () => ({ model: cdn.mirror(LARGE) }),
    faults: () => cdn.fault('lost', { after: 10_000_000, times: 1 }),
    check: ({ source }) => {
      resumed(2)();
      assert.deepEqual([source.published, source.kept, source.folder], [null, 'kept', cdn.mirror(LARGE)]);
    },
  });
});

describe('a file that changes between two requests is never mixed', () => {
  /** The second request finds another file. */
  const changes = (options) => {
    cdn.fault('lost', { after: 10_000_000, times: 1 });
    cdn.fault('changed', { skip: 1, content: other(), ...options });
  };
  const startedAgain = ({ source }) =>
    assert.match(source.remarks.join(' '), /fetched from the start once more, because: .*changed/);

  loads('in a folder, with another ETag: the new one is loaded, from the start', {
    as: OTHER,
    options: () => ({ model: cdn.mirror(LARGE) }),
    faults: () => changes({ etag: '"new"' }),
    check: startedAgain,
  });
  loads('in a folder, with another length: the same', {
    options: () => ({ model: cdn.mirror(LARGE) }),
    faults: () => {
      const weights = Content.file(`${models.folders[LARGE]}/model.safetensors`);
      cdn.fault('lost', { after: 10_000_000, times: 1 });
      // For the second request only.
      cdn.fault('changed', { skip: 1, times: 1, content: Content.join(weights, Content.filling(0, 1000)) });
    },
    check: startedAgain,
  });
  loads('of the hub, for a moment: the right one is loaded, from the start', {
    faults: () => changes({ etag: '"new"', times: 1 }),
    check: startedAgain,
  });
  loads('a part that says itself that it is another one', {
    faults: () => {
      cdn.fault('lost', { after: 10_000_000, times: 1 });
      cdn.fault('shifted', { skip: 1, times: 1, by: 4096 });
    },
    check: startedAgain,
  });

  refuses('of the hub, for good: its hash is not the published one', {
    faults: () => changes({ etag: '"new"' }),
    code: 'model',
    message: /SHA-256 [0-9a-f]{64}, but [0-9a-f]{64} is published/,
  });
  refuses('of the hub, without a sign of it: the same', {
    faults: () => changes({}),
    code: 'model',
    message: /SHA-256/,
  });
  refuses('a part that is not the one it is said to be', {
    faults: () => {
      cdn.fault('lost', { after: 10_000_000, times: 1 });
      cdn.fault('mislabelled', { skip: 1, by: 4096 });
    },
    code: 'model',
    message: /SHA-256/,
  });
});

/** It is refused, in a sentence that says of which file, what, and what to do. */
function refuses(what, { model = LARGE, options, faults, code, message }) {
  test(what, { timeout: 180_000 }, async (context) => {
    await faults();
    const { refused } = await load({ model, ...options?.() });
    assert.ok(refused, 'it was loaded');
    context.diagnostic(`${refused.code}: ${refused.message}`);
    assert.ok(refused.typed, `${refused.name}: ${refused.message}`);
    assert.equal(refused.code, code, refused.message);
    assert.match(refused.message, message);
  });
}

describe('refuses', () => {
  refuses('weights with one wrong bit', {
    faults: () => cdn.fault('flipped', { byte: Math.floor(size / 2) }),
    code: 'model',
    message: /model\.safetensors of .* has the SHA-256 [0-9a-f]{64}, but [0-9a-f]{64} is published for it/,
  });
  for (const [where, options] of [
    ['the hub', () => ({})],
    ['a folder', () => ({ model: cdn.mirror(LARGE) })],
  ]) {
    refuses(`weights that are shorter than their header says, from ${where}`, {
      options,
      faults: () => cdn.fault('cut', { bytes: 12_000_000 }),
      code: 'model',
      message:
        /model\.safetensors: the server has 12000000 bytes of it, but the file's own header needs \d+; .*take another source/,
    });
  }
  for (const [status, message] of [
    [
      401,
      /does not give out model\.safetensors of course\/small \(status 401\): there may be no repository of that name, or it is private or gated.*choose a public one/,
    ],
    [403, /does not give out model\.safetensors of course\/small \(status 403\): .*without an account/],
    [
      404,
      /model\.safetensors of course\/small at localhost:\d+ is not there \(status 404\).*check the name or address/,
    ],
    [400, /status 400/],
  ]) {
    refuses(`status ${status}`, {
      model: SMALL,
      faults: () => cdn.fault('status', { status, at: 'resolve' }),
      code: 'network',
      message,
    });
  }
  refuses('a repository that nobody has', {
    model: 'no/body',
    faults: () => {},
    code: 'network',
    message:
      /does not give out the list of files of no\/body \(status 401\): there may be no repository of that name.*Check the name \(owner\/name/,
  });
  for (const status of [401, 403]) {
    refuses(`a repository’s config.json with status ${status}`, {
      model: SMALL,
      faults: () => cdn.fault('status', { status, at: 'resolve', file: 'config.json' }),
      code: 'network',
      message: new RegExp(
        `does not give out config\\.json of course/small \\(status ${status}\\): there may be no repository`,
      ),
    });
    refuses(`a repository’s list of files with status ${status}`, {
      model: SMALL,
      faults: () => cdn.fault('status', { status, at: 'listing' }),
      code: 'network',
      message: new RegExp(
        `does not give out the list of files of course/small \\(status ${status}\\): there may be no repository`,
      ),
    });
  }
  refuses('a folder that wants an account', {
    options: () => ({ model: cdn.mirror(SMALL) }),
    faults: () => cdn.fault('status', { status: 401 }),
    code: 'network',
    message:
      /mirror\/course\/small\/model\.safetensors may not be fetched without an account \(status 401\); choose a public model/,
  });
  refuses('a revision that there is not', {
    model: `${SMALL}@v9`,
    faults: () => {},
    code: 'network',
    message: /is not there \(status 404\): there is no repository of that name, or it has no revision v9/,
  });
  refuses('a repository without a tokenizer', {
    model: SMALL,
    faults: () => cdn.put(SMALL, 'tokenizer.json', null),
    code: 'model',
    message: /no tokenizer: neither tokenizer\.json nor vocab\.json and merges\.txt/,
  });
  refuses('a server that stays busy', {
    model: SMALL,
    faults: () => cdn.fault('status', { status: 503 }),
    code: 'network',
    message: /model\.safetensors: the server is busy \(status 503\) and stayed so; .*try again later/,
  });
  refuses('a server that does not allow other pages to read', {
    model: SMALL,
    faults: () => cdn.fault('no_cors'),
    code: 'network',
    message: /model\.safetensors could not be reached.*CORS/,
  });
  refuses('a login page in place of the weights', {
    model: SMALL,
    faults: () => cdn.fault('html'),
    code: 'model',
    message: /model\.safetensors is a web page, not the file; the server may want a login/,
  });
  refuses('a login page in place of config.json', {
    options: () => ({ model: cdn.mirror(SMALL) }),
    faults: () => cdn.fault('html', { file: 'config.json' }),
    code: 'model',
    message: /config\.json is a web page, not the file/,
  });
  refuses('another model’s config.json', {
    model: SMALL,
    faults: () => cdn.put(SMALL, 'config.json', Content.file(`${models.folders[LARGE]}/config.json`)),
    code: 'model',
    message: /no tensor transformer\.h\.5\.ln_1\.weight/,
  });
});

describe('a model in other files', () => {
  const FIELDS = fileURLToPath(new URL('../oracles/fields', import.meta.url));
  const SHARDED = 'course/sharded';
  const shard = (i) => `model-0000${i}-of-00003.safetensors`;
  const SHARDS = [1, 2, 3].map(shard);
  const INDEX = 'model.safetensors.index.json';
  const pick = (...names) => ({ files: new Map(names.map((name) => [name, Content.file(`${FIELDS}/${name}`)])) });
  const WHOLE = 'course/whole';

  /** Both are one model: its numbers when it is one file. */
  const whole = async () => {
    cdn.add(WHOLE, pick('config.json', 'tokenizer.json', 'model.safetensors'));
    const { numbers, refused } = await load({ model: WHOLE });
    assert.equal(refused, undefined, JSON.stringify(refused));
    return numbers;
  };
  const sharded = () => cdn.add(SHARDED, pick('config.json', 'vocab.json', 'merges.txt', INDEX, ...SHARDS));
  const combined = async () => {
    const line = async (name) => `${await Content.file(`${FIELDS}/${name}`).sha256()}  ${name}\n`;
    const list = (await Promise.all(SHARDS.map(line))).join('');
    return createHash('sha256').update(list).digest('hex');
  };

  for (const [what, options] of [
    ['a repository in shards, with its vocabulary in two files', () => ({ model: SHARDED })],
    ['the same in a plain folder, which nobody lists', () => ({ model: cdn.mirror(SHARDED) })],
  ]) {
    test(what, { timeout: 180_000 }, async () => {
      const expected = await whole();
      sharded();
      const { numbers, refused, source, model } = await load(options());
      assert.equal(refused, undefined, JSON.stringify(refused));
      assert.equal(numbers, expected);
      assert.equal(model.sha256, await combined());
      assert.equal(source.kept, 'kept');
      if (options().model === SHARDED) assert.equal(source.published, model.sha256);
      for (const name of SHARDS) assert.equal(cdn.asked(name).length, 1);
    });
  }
  test('it is kept, and goes on in the shard that broke off', { timeout: 180_000 }, async () => {
    const expected = await whole();
    sharded();
    cdn.fault('lost', { file: shard(2), after: 1000, times: 1 });
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(models.page);
      const again = () => loadIn(page, models, { hub: cdn.url, model: SHARDED });
      const first = await again();
      assert.equal(first.numbers, expected, JSON.stringify(first.refused));
      assert.deepEqual(
        SHARDS.map((name) => cdn.asked(name).length),
        [1, 2, 1],
      );
      cdn.clear();
      const kept = await again();
      assert.equal(kept.numbers, expected, JSON.stringify(kept.refused));
      assert.deepEqual(cdn.requests, []);
      assert.equal(kept.model.sha256, first.model.sha256);
    } finally {
      await context.close();
    }
  });
  test('a shard that is not the published one is refused by its name', { timeout: 180_000 }, async () => {
    sharded();
    cdn.fault('flipped', { file: shard(2), byte: 1700 });
    const { refused } = await load({ model: SHARDED });
    assert.equal(refused?.code, 'model', JSON.stringify(refused));
    assert.match(refused.message, /model-00002-of-00003\.safetensors of .* has the SHA-256/);
  });
  test('an index that leads elsewhere is refused', { timeout: 180_000 }, async () => {
    sharded();
    cdn.put(SHARDED, INDEX, Content.bytes('{"weight_map": {"wte.weight": "https://evil.example/x.safetensors"}}'));
    const { refused } = await load({ model: SHARDED });
    assert.equal(refused?.code, 'model', JSON.stringify(refused));
    assert.match(refused.message, /index\.json cannot be used: it names the file/);
  });
});

describe('refuses a hostile file', () => {
  for (const [what, make] of Object.entries(HOSTILE)) {
    refuses(what, {
      model: SMALL,
      faults: async () =>
        cdn.put(SMALL, 'model.safetensors', await make(Content.file(`${models.folders[SMALL]}/model.safetensors`))),
      code: 'model',
      message: /model\.safetensors|tensor .*/,
    });
  }
});

describe('in both browsers', () => {
  for (const [name, open] of Object.entries(BROWSERS)) {
    test(name, { timeout: 300_000 }, async () => {
      const another = await open();
      try {
        const page = await another.newPage();
        await page.goto(models.page);
        const load = (model) => loadIn(page, models, { hub: cdn.url, model });

        cdn.fault('lost', { after: 10_000_000, times: 1 });
        const first = await load(LARGE);
        assert.equal(first.refused, undefined, JSON.stringify(first.refused));
        assert.equal(first.numbers, right[LARGE]);
        resumed(2)();

        cdn.clear();
        const kept = await load(LARGE);
        assert.equal(kept.numbers, right[LARGE]);
        assert.deepEqual(cdn.requests, [], 'it was kept');

        cdn.fault('flipped', { byte: 100_000 });
        const { refused } = await load(SMALL);
        assert.equal(refused?.code, 'model', JSON.stringify(refused));
      } finally {
        await another.close();
      }
    });
  }
});
