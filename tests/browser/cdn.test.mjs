// The stand-in CDN itself: that it answers as the hub does, and that each of its
// faults is the one it is said to be.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { request } from 'node:http';
import { Content, FAULTS, serveCdn } from '../cdn.mjs';

const FOLDER = fileURLToPath(new URL('../oracles/models/deep', import.meta.url));
const MODEL = 'course/deep';
const COMMIT = '607a30d783dfa663caf39e06633721c8d4cfcd7e';

let cdn;
let weights;
before(async () => {
  cdn = await serveCdn({ models: { [MODEL]: { folder: FOLDER, commit: COMMIT } } });
  weights = await readFile(`${FOLDER}/model.safetensors`);
});
afterEach(() => cdn.clear());
after(() => cdn?.close());

/** A GET without a client's own help: no redirects followed, nothing decompressed. */
const get = (url, headers = {}, { method = 'GET', patience = 5000 } = {}) =>
  new Promise((resolve) => {
    const chunks = [];
    const asked = request(url, { headers, method, agent: false, timeout: patience }, (response) => {
      const answer = (how) =>
        resolve({ how, status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => answer('ended'));
      response.on('error', () => answer('broken off'));
      asked.on('timeout', () => answer('silent'));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve({ how: 'refused', body: Buffer.concat(chunks) }));
    asked.end();
  });

const resolved = (file = 'model.safetensors', revision = 'main') => `${cdn.url}/${MODEL}/resolve/${revision}/${file}`;
const mirror = (file = 'model.safetensors') => cdn.mirror(MODEL) + file;

describe('as the hub answers', () => {
  test('the listing names the commit, the files, their sizes and the hash of the weights', async () => {
    const { status, headers, body } = await get(`${cdn.url}/api/models/${MODEL}/revision/main?blobs=true`);
    assert.equal(status, 200);
    assert.equal(headers['access-control-allow-origin'], '*');
    const { sha, siblings, cardData } = JSON.parse(body);
    assert.equal(sha, COMMIT);
    assert.equal(cardData.license, 'mit');
    const sizes = Object.fromEntries(siblings.map(({ rfilename, size }) => [rfilename, size]));
    assert.equal(sizes['model.safetensors'], weights.length);
    assert.ok(sizes['config.json'] > 0 && sizes['tokenizer.json'] > 0);
    const { lfs } = siblings.find(({ rfilename }) => rfilename === 'model.safetensors');
    assert.deepEqual([lfs.size, lfs.sha256], [weights.length, createHash('sha256').update(weights).digest('hex')]);
    assert.equal(siblings.find(({ rfilename }) => rfilename === 'config.json').lfs, undefined);
  });

  test('weights are a redirect to a signed address on another origin, small files stay', async () => {
    const away = await get(resolved());
    assert.equal(away.status, 302);
    assert.equal(away.headers['x-linked-size'], String(weights.length));
    assert.equal(away.headers['x-repo-commit'], COMMIT);
    assert.equal(new URL(away.headers.location).origin, cdn.storage);
    assert.notEqual(cdn.storage, cdn.url);
    const { status, headers, body } = await get(away.headers.location);
    assert.equal(status, 200);
    assert.ok(body.equals(weights));
    assert.equal(headers['content-length'], String(weights.length));
    for (const name of ['ETag', 'Content-Range', 'Accept-Ranges']) {
      assert.ok(headers['access-control-expose-headers'].split(', ').includes(name), name);
    }
    const config = await get(resolved('config.json', COMMIT));
    assert.equal(config.status, 307);
    assert.equal(
      (await get(cdn.url + config.headers.location)).body.toString(),
      await readFile(`${FOLDER}/config.json`, 'utf8'),
    );
    assert.equal((await get(`${cdn.storage}/${'0'.repeat(64)}?X-Amz-Signature=forged`)).status, 403);
  });

  test('ranges are answered in part, and one beyond the end with 416', async () => {
    for (const [range, from, to] of [
      ['bytes=0-7', 0, 8],
      ['bytes=100-', 100, weights.length],
      ['bytes=-10', weights.length - 10, weights.length],
      [`bytes=1000-${weights.length + 5}`, 1000, weights.length],
    ]) {
      const { status, headers, body } = await get(mirror(), { range });
      assert.equal(status, 206, range);
      assert.equal(headers['content-range'], `bytes ${from}-${to - 1}/${weights.length}`);
      assert.ok(body.equals(weights.subarray(from, to)), range);
    }
    const beyond = await get(mirror(), { range: `bytes=${weights.length}-` });
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers['content-range'], `bytes */${weights.length}`);
    const head = await get(mirror(), {}, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, String(weights.length), 0]);
  });

  test('what is not there is refused in the words of the hub', async () => {
    for (const [path, status, code] of [
      ['/api/models/no/body/revision/main', 401, 'RepoNotFound'],
      [`/${MODEL}/resolve/main/pytorch_model.bin`, 404, 'EntryNotFound'],
      [`/${MODEL}/resolve/v9/config.json`, 404, 'RevisionNotFound'],
    ]) {
      const answer = await get(cdn.url + path);
      assert.deepEqual([answer.status, answer.headers['x-error-code']], [status, code], path);
    }
  });

  test('a preflight is granted for Range alone, and counted', async () => {
    const ask = (headers) =>
      get(
        mirror(),
        { 'access-control-request-method': 'GET', 'access-control-request-headers': headers },
        { method: 'OPTIONS' },
      );
    assert.equal((await ask('range')).status, 204);
    assert.equal((await ask('if-range,range')).status, 403);
    assert.deepEqual(
      cdn.preflights.map(({ granted }) => granted),
      [true, false],
    );
  });

  test('the storage answers a preflight, but does not name Range', async () => {
    const { location } = (await get(resolved())).headers;
    const ask = (headers) =>
      get(
        location,
        { 'access-control-request-method': 'GET', 'access-control-request-headers': headers },
        { method: 'OPTIONS' },
      );
    const { status, headers } = await ask('range');
    assert.equal(status, 204);
    assert.equal(headers['access-control-allow-headers'], 'Content-Range, Content-Type, Content-Disposition, ETag');
    await ask('content-type');
    assert.deepEqual(
      cdn.preflights.map(({ granted }) => granted),
      [false, true],
    );
    // A plain range is served all the same: whether it may be sent is the browser's to ask.
    const part = await get(location, { range: 'bytes=5-9' });
    assert.deepEqual([part.status, part.body.length], [206, 5]);
  });

  test('a new commit leaves the old one as it was, and /_control does what the handle does', async () => {
    const other = await serveCdn({ models: { [MODEL]: FOLDER } });
    const before = other.head(MODEL);
    other.put(MODEL, 'config.json', Content.bytes('{}'));
    assert.notEqual(other.head(MODEL), before);
    const text = async (revision) => (await fetch(`${other.url}/${MODEL}/resolve/${revision}/config.json`)).text();
    assert.equal(await text('main'), '{}');
    assert.equal(await text(before), await readFile(`${FOLDER}/config.json`, 'utf8'));
    const control = (body) => fetch(`${other.url}/_control`, { method: 'POST', body: JSON.stringify(body) });
    await control({ fault: 'status', status: 503, times: 1, file: 'config.json' });
    const statuses = [];
    for (let i = 0; i < 2; i += 1) statuses.push((await get(`${other.mirror(MODEL)}config.json`)).status);
    assert.deepEqual(statuses, [503, 200]);
    const { requests } = await (await fetch(`${other.url}/_control`)).json();
    assert.deepEqual(requests.at(-2).faults, ['status']);
    await other.close();
  });
});

/** What each fault makes of a request, by its name. */
const STRUCK = {
  status: [
    { status: 429, retryAfter: 2 },
    {},
    ({ status, headers }) => assert.deepEqual([status, headers['retry-after']], [429, '2']),
  ],
  html: [
    {},
    {},
    ({ status, headers }) => assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8']),
  ],
  gzip: [
    {},
    {},
    ({ headers, body }) => {
      assert.equal(headers['content-encoding'], 'gzip');
      assert.ok(gunzipSync(body).equals(weights));
    },
  ],
  no_ranges: [
    {},
    { range: 'bytes=5-9' },
    ({ status, headers, body }) => {
      assert.deepEqual([status, headers['accept-ranges'], headers['content-range']], [200, undefined, undefined]);
      assert.ok(body.equals(weights));
    },
  ],
  shifted: [
    { by: 3 },
    { range: 'bytes=5-9' },
    ({ headers }) => assert.match(headers['content-range'], /^bytes 8-12\//),
  ],
  mislabelled: [
    { by: 3 },
    { range: 'bytes=5-9' },
    ({ headers, body }) => {
      assert.equal(headers['content-range'], `bytes 5-9/${weights.length}`);
      assert.ok(body.equals(weights.subarray(8, 13)));
    },
  ],
  no_cors: [{}, {}, ({ headers }) => assert.equal(headers['access-control-allow-origin'], undefined)],
  unannounced: [
    {},
    {},
    ({ headers, body }) => assert.deepEqual([headers['content-length'], body.length], [undefined, weights.length]),
  ],
  no_etag: [{}, {}, ({ headers }) => assert.equal(headers.etag, undefined)],
  flipped: [
    { byte: 5000 },
    { range: 'bytes=4990-5010' },
    ({ body }) => {
      const expected = Buffer.from(weights.subarray(4990, 5011));
      expected[10] ^= 0x10;
      assert.ok(body.equals(expected));
    },
  ],
  cut: [
    { bytes: 700 },
    {},
    ({ headers, body }) => assert.deepEqual([headers['content-length'], body.length], ['700', 700]),
  ],
  changed: [
    { content: Content.bytes('something else'), etag: '"new"' },
    {},
    ({ headers, body }) => assert.deepEqual([headers.etag, body.toString()], ['"new"', 'something else']),
  ],
  short: [
    { after: 900 },
    {},
    ({ how, headers, body }) =>
      assert.deepEqual([how, headers['content-length'], body.length], ['broken off', String(weights.length), 900]),
  ],
  lost: [{ after: 900 }, {}, ({ how, body }) => assert.deepEqual([how, body.length], ['broken off', 900])],
  stall: [{ after: 900 }, {}, ({ how, body }) => assert.deepEqual([how, body.length], ['silent', 900])],
};

describe('faults', () => {
  for (const [kind, [options, headers, check]] of Object.entries(STRUCK)) {
    test(kind, async () => {
      const fault = cdn.fault(kind, { ...options, skip: 1, times: 1 });
      const asked = [];
      for (let i = 0; i < 3; i += 1) asked.push(await get(mirror(), headers, { patience: 1500 }));
      const [before, struck, after] = asked;
      check(struck);
      assert.equal(fault.hits, 1);
      const range = /bytes=(\d+)-(\d+)/.exec(headers.range);
      const right = range ? weights.subarray(Number(range[1]), Number(range[2]) + 1) : weights;
      for (const { body } of [before, after]) assert.ok(body.equals(right), 'the others are as they should be');
    });
  }

  test('expired: a signed address holds no longer, and a new one does', async () => {
    cdn.fault('expired', { bytes: 1000 });
    const address = async () => (await get(resolved())).headers.location;
    const first = await address();
    assert.equal((await get(first, { range: 'bytes=0-1999' })).status, 206);
    assert.equal((await get(first, { range: 'bytes=2000-2999' })).status, 403);
    assert.equal((await get(await address(), { range: 'bytes=2000-2999' })).status, 206);
  });

  test('a connection that is refused, and faults of the redirect and the listing', async () => {
    cdn.fault('lost', { after: -1, times: 1 });
    assert.equal((await get(mirror())).how, 'refused');
    cdn.fault('status', { status: 500, at: 'resolve', times: 1 });
    cdn.fault('status', { status: 503, at: 'listing', times: 1 });
    assert.equal((await get(resolved())).status, 500);
    assert.equal((await get(`${cdn.url}/api/models/${MODEL}/revision/main`)).status, 503);
  });

  test('every fault of the table is tried here', () =>
    assert.deepEqual([...Object.keys(STRUCK), 'expired'].sort(), Object.keys(FAULTS).sort()));

  test('slow: so many bytes a second', async () => {
    cdn.slow = 400_000;
    const started = performance.now();
    const { body } = await get(mirror());
    const rate = body.length / ((performance.now() - started) / 1000);
    assert.ok(body.equals(weights) && rate < 500_000, `${rate} bytes a second`);
  });

  test('what was sent is counted, request by request', async () => {
    await get(mirror(), { range: 'bytes=0-999' });
    await get(mirror(), { range: 'bytes=1000-1499' });
    assert.deepEqual(
      cdn.asked().map(({ range, status, sent }) => [range, status, sent]),
      [
        ['bytes=0-999', 206, 1000],
        ['bytes=1000-1499', 206, 500],
      ],
    );
    assert.equal(cdn.sent(), 1500);
  });
});
