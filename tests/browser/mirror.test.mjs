// www/check-mirror.mjs finds a sound mirror sound, and names what is wrong with any
// other, against the stand-in CDN.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Content, FAULTS, serveCdn } from '../cdn.mjs';
import { HOSTILE } from '../cdn/hostile.mjs';
import { writeModel } from '../cdn/model.mjs';

const SCRIPT = fileURLToPath(new URL('../../www/check-mirror.mjs', import.meta.url));
const MODEL = 'course/model';

let cdn;
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-mirror-'));
  await writeModel(folder, { n_layer: 2, n_head: 2, n_embd: 32 });
  cdn = await serveCdn({ models: { [MODEL]: folder } });
});
afterEach(() => {
  cdn.clear();
  cdn.add(MODEL, folder);
});
after(async () => {
  await cdn?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the script; resolves with its exit code and its lines, by their mark. */
const check = (...args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SCRIPT, ...args]);
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const lines = (mark) => text.split('\n').filter((line) => line.startsWith(mark)).map((line) => line.slice(6));
      resolve({ code, text, failed: lines('FAIL'), notes: lines('note'), passed: lines('ok') });
    });
  });

describe('a sound mirror', () => {
  test('passes every point, and is hashed whole', async () => {
    const weights = await readFile(join(folder, 'model.safetensors'));
    const sha256 = createHash('sha256').update(weights).digest('hex');
    const { code, text, passed, notes } = await check(cdn.mirror(MODEL), '--full', '--sha256', sha256);
    assert.equal(code, 0, text);
    assert.equal(passed.length, 11, text);
    assert.deepEqual(notes, []);
    assert.match(text, new RegExp(`SHA-256 ${sha256}, as it should be`));
    assert.deepEqual(cdn.preflights, []);
  });

  test('the hub itself is one, redirects included', async () => {
    const { code, text } = await check(`${cdn.url}/${MODEL}/resolve/main/`, '--origin', 'https://course.example');
    assert.equal(code, 0, text);
    assert.ok(cdn.requests.some(({ via }) => via === 'storage'), 'it followed the redirect');
  });

  test('one wrong bit is found by the hash', async () => {
    const { lfs } = (await (await fetch(`${cdn.url}/api/models/${MODEL}/revision/main`)).json()).siblings.find(({ lfs }) => lfs);
    cdn.fault('flipped', { byte: lfs.size - 5 });
    const { code, failed } = await check(cdn.mirror(MODEL), '--full', '--sha256', lfs.sha256);
    assert.equal(code, 1);
    assert.match(failed.join('\n'), /^model\.safetensors: SHA-256 [0-9a-f]{64} instead of [0-9a-f]{64}: upload/);
  });
});

const WEIGHTS = /^model\.safetensors: /;

/** What the script says of each fault of delivery. Several may apply at once. */
const SAID = {
  status: [{ status: 403 }, /status 403 instead of 200/],
  html: [{}, /is a web page, perhaps one that asks for a login/],
  gzip: [{}, /Content-Encoding gzip: switch compression off/],
  no_ranges: [{}, /bytes=0-1023 is answered with the whole file \(200 instead of 206\)/],
  shifted: [{}, /Content-Range bytes 1-1024\/\d+ instead of bytes 0-1023/],
  mislabelled: [{ skip: 1 }, /other bytes than those the whole file begins with/],
  no_cors: [{}, /has no Access-Control-Allow-Origin, so a page of https:\/\/page\.invalid may not read it/],
  unannounced: [{}, /no Content-Length/],
  flipped: [{ byte: 9 }, /a header that is not JSON/],
  cut: [{ bytes: 20_000 }, /20000 bytes, but its tensors end at/],
  changed: [{ skip: 2, content: Content.filling(0, 111_003), etag: '"new"' }, /Content-Range|ETag "new"/],
  short: [{ after: 500 }, /broke off/],
  lost: [{ after: -1 }, /does not answer/],
};

describe('what is wrong with the delivery is named', () => {
  for (const [kind, [options, message]] of Object.entries(SAID)) {
    test(kind, async () => {
      cdn.fault(kind, options);
      const { code, text, failed } = await check(cdn.mirror(MODEL));
      assert.equal(code, 1, text);
      assert.match(failed.join('\n'), message);
      assert.doesNotMatch(text, /\bat .*check-mirror\.mjs:\d+/, 'it is no crash');
    });
  }

  test('no ETag is a note', async () => {
    cdn.fault('no_etag');
    const { code, notes } = await check(cdn.mirror(MODEL));
    assert.equal(code, 0);
    assert.match(notes.join('\n'), /has no ETag/);
  });

  test('a redirect to a host that other pages may not read', async () => {
    cdn.fault('no_cors');
    const { code, failed } = await check(`${cdn.url}/${MODEL}/resolve/main/`);
    assert.equal(code, 1);
    assert.match(failed.join('\n'), new RegExp(`is redirected to ${new URL(cdn.storage).host}, whose answer has no Access-Control`));
  });

  test('a missing file, a login page and another model’s config.json', async () => {
    cdn.put(MODEL, 'tokenizer.json', null);
    cdn.put(MODEL, 'config.json', Content.bytes('{"model_type": "llama", "vocab_size": 1}'));
    const { failed } = await check(cdn.mirror(MODEL));
    assert.match(failed.join('\n'), /config\.json: model_type is llama/);
    assert.match(failed.join('\n'), /tokenizer\.json: status 404 instead of 200/);
    cdn.fault('html', { file: 'config.json' });
    const page = await check(cdn.mirror(MODEL));
    assert.match(page.failed.join('\n'), /config\.json: is a web page, perhaps one that asks for a login/);
  });

  test('an address that is none, one that nobody answers, and one without HTTPS', async () => {
    for (const [address, message] of [
      ['my folder', /is not an address/],
      ['http://localhost:9/', /does not answer/],
      ['http://course.example/gpt2/', /is not HTTPS/],
    ]) {
      const { code, failed } = await check(address);
      assert.equal(code, 1);
      assert.match(failed.join('\n'), message);
    }
    assert.match((await check()).failed.join('\n'), /^usage/);
  });

  test('every fault is tried, but for silence and expiry, which a mirror has no use for', () =>
    assert.deepEqual([...Object.keys(SAID), 'expired', 'no_etag', 'stall'].sort(), Object.keys(FAULTS).sort()));
});

/** What only a look at every number can find; the page takes one as it loads. */
const NUMBERS = ['a value that is not a number', 'a value that is infinite'];

describe('a hostile file is found', () => {
  for (const [what, make] of Object.entries(HOSTILE)) {
    test(what, async () => {
      cdn.put(MODEL, 'model.safetensors', await make(Content.file(join(folder, 'model.safetensors'))));
      const { code, text, failed } = await check(cdn.mirror(MODEL));
      assert.doesNotMatch(text, /\bat .*check-mirror\.mjs:\d+/, 'it is no crash');
      if (NUMBERS.includes(what)) return assert.equal(code, 0, text);
      assert.equal(code, 1, text);
      for (const line of failed) assert.match(line, WEIGHTS);
    });
  }
});
