// The scripts of an embed that need no browser: they open links as the engine does, and
// colour as the page does.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { allGolden, dictionary as bytes, packedText } from '../link.mjs';
import { fill, SCALES } from '../../www/embed/colours.mjs';
import { LARGEST, LinkFault, LONGEST, NEWEST, unpack } from '../../www/embed/link.mjs';
import { LEVELS, MOST_PICTURED, placeOf, readPicture } from '../../www/embed/picture.mjs';
import { originsOf, readAsked, readTold } from '../../www/embed/talk.mjs';

const root = new URL('../../', import.meta.url);
const source = (path) => readFile(new URL(path, root), 'utf8');
const dictionary = bytes.toString();
const plain = (text) => `v1=${Buffer.from(text).toString('base64url')}`;

/** A number that the engine's source sets a constant to. */
const constant = (text, name) =>
  Number(new RegExp(`const ${name}: \\w+ = ([\\d_]+);`).exec(text)[1].replaceAll('_', ''));

const golden = await allGolden();

describe('links', () => {
  for (const { name, link, experiment, digest = {}, show = {}, workshop = null } of golden) {
    test(`the golden link ${name}`, async () => {
      for (const form of [link, `#${link}`, `${link}>.`]) {
        assert.deepEqual(await unpack(form, dictionary), { experiment, digest, show, workshop });
      }
    });
  }

  const EXPERIMENT = { version: 3, clean: 'a', corrupted: 'b', metrics: [] };
  const whole = (change) => JSON.stringify({ experiment: { ...EXPERIMENT, ...change } });
  for (const [what, link, sentence] of [
    ['cut short', packedText(whole()).slice(0, -4), /cut short/],
    ['no base64url', 'v2=a!b', /cut short/],
    ['nothing', 'v2=', /cut short/],
    ['no DEFLATE', 'v2=____', /cut short/],
    ['no JSON', packedText('{"experiment":'), /cut short/],
    ['no UTF-8', packedText(Buffer.from([0x22, 0xff, 0x22])), /cut short/],
    ['no object', packedText('[]'), /holds no experiment/],
    ['no experiment', packedText('{"digest":{}}'), /holds no experiment/],
    ['no prompts', plain('{"version":1}'), /holds no experiment/],
    ['a field too many', packedText(`{"future":1,${whole().slice(1)}`), /“future”.*newer/],
    ['a newer experiment', packedText(whole({ version: 99 })), /version 99.*1 to 4.*newer/],
    ['a newer form', 'v3=abc', /form “v3”.*newer/],
    ['too long', `v2=${'A'.repeat(LONGEST + 1)}`, /1000001 characters/],
    ['a bomb', packedText(' '.repeat(200_000_000)), /more than 4000000 bytes/],
    ['one byte too many', packedText(whole({ clean: 'a'.repeat(LARGEST) })), /more than 4000000 bytes/],
  ]) {
    test(`${what}: a sentence`, async () => {
      await assert.rejects(unpack(link, dictionary), (error) => {
        assert.ok(error instanceof LinkFault, error.stack);
        assert.match(error.message, sentence);
        return true;
      });
    });
  }

  test('what claims to be no experiment is none', async () => {
    for (const none of ['', '#', '#main', 'v=1', 'from=https://a.example']) assert.equal(await unpack(none, ''), null);
  });

  test('the limits are the engine’s', async () => {
    const [link, experiment] = await Promise.all([
      source('engine/src/experiment/link/mod.rs'),
      source('engine/src/experiment/mod.rs'),
    ]);
    assert.equal(LONGEST, constant(link, 'LONGEST'));
    assert.equal(LARGEST, constant(link, 'LARGEST'));
    assert.equal(NEWEST, constant(experiment, 'VERSION'));
  });
});

describe('pictures', () => {
  test('their form is the engine’s', async () => {
    const digest = await source('engine/src/experiment/digest.rs');
    assert.equal(LEVELS, /LEVELS: &\[u8; 63\] = b"([^"]+)"/.exec(digest)[1]);
    assert.equal(MOST_PICTURED, constant(digest, 'MOST_PICTURED'));
    assert.deepEqual(['A', 'f', '-'].map(placeOf), [-1, 0, 1]);
  });

  test('what is none is none', () => {
    assert.deepEqual(readPicture({ columns: 3, levels: 'Af.-v.' }), { rows: 2, columns: 3, levels: 'Af.-v.' });
    for (const none of [
      undefined,
      null,
      7,
      {},
      { columns: 0, levels: 'AA' },
      { columns: 3, levels: 'AAAA' },
      { columns: 2, levels: 'A!' },
      { columns: 1, levels: '' },
      { columns: 1.5, levels: 'AAA' },
      { columns: 1, levels: 'A'.repeat(MOST_PICTURED + 1) },
      { columns: 1, levels: ['A'] },
    ]) {
      assert.equal(readPicture(none), null, JSON.stringify(none));
    }
  });

  test('the colours are the page’s', async () => {
    const text = await source('app/src/colour.rs');
    for (const [name, scale] of Object.entries(SCALES)) {
      const [, body] = new RegExp(`const ${name.toUpperCase()}: Scale = Scale \\{([^}]+)\\}`).exec(text);
      const found = [...body.matchAll(/Rgb\((0x..), (0x..), (0x..)\)/g)].map(([, ...rgb]) => rgb.map(Number));
      assert.deepEqual(found, [scale.neutral, ...scale.clean, ...scale.corrupted], name);
    }
    // The three colours of each side, and one in between.
    assert.equal(fill(-1), 'light-dark(#a84200,#ffbd7d)');
    assert.equal(fill(0), 'light-dark(#f4f3ef,#25282e)');
    assert.equal(fill(0.5), 'light-dark(#93bde3,#2b629e)');
    assert.equal(fill(0.25), 'light-dark(#c4d8e9,#284566)');
  });
});

describe('messages', () => {
  test('what can be asked', () => {
    const link = 'v2=Gw0_ysIPAA';
    for (const asked of [
      { patchbay: 1, type: 'run' },
      { patchbay: 1, type: 'cancel' },
      { patchbay: 1, type: 'set', link },
      { patchbay: 1, type: 'theme', theme: 'dark' },
    ]) {
      assert.deepEqual(readAsked({ ...asked, more: 'is not passed on' }), asked);
    }
    assert.equal(readAsked({ patchbay: 1, type: 'set', link: `#${link}` }).link, link);
  });

  test('junk is not', () => {
    for (const junk of [
      null,
      undefined,
      7,
      'run',
      [],
      { type: 'run' },
      { patchbay: '1', type: 'run' },
      { patchbay: 2, type: 'run' },
      { patchbay: 1 },
      { patchbay: 1, type: 'constructor' },
      { patchbay: 1, type: 'set' },
      { patchbay: 1, type: 'set', link: 7 },
      { patchbay: 1, type: 'set', link: 'javascript:alert(1)' },
      { patchbay: 1, type: 'set', link: `v2=${'A'.repeat(1_100_000)}` },
      { patchbay: 1, type: 'theme', theme: 'pink' },
    ]) {
      assert.equal(readAsked(junk), null, JSON.stringify(junk)?.slice(0, 80));
    }
  });

  test('what the app tells', () => {
    assert.deepEqual(readTold('{"type":"state","link":"v2=a"}'), { patchbay: 1, type: 'state', link: 'v2=a' });
    for (const junk of [undefined, {}, '', '{', 'null', '{"type":"height","height":1}', '{"type":"no"}']) {
      assert.equal(readTold(junk), null);
    }
  });

  test('origins', () => {
    assert.equal(originsOf(null), null);
    assert.deepEqual(originsOf('https://a.example,http://b.example:81'), ['https://a.example', 'http://b.example:81']);
    // One that is none is nobody's.
    assert.deepEqual(originsOf('*,null,https://a.example/path,javascript:1,,ftp://a.example'), []);
  });
});
