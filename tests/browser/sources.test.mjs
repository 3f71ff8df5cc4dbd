// Where directions come from and go to, on the page, in Chromium: files, heads, a
// feature of a dictionary that another host has, and activations as files.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before, beforeEach, test } from 'node:test';
import { Content, serveCdn } from '../cdn.mjs';
import { openChromium, serveDist } from './harness.mjs';
import { largestDifference, oracle, safetensors } from './oracle.mjs';
import { computed, link, openPage, PATIENCE, settled } from './page.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const VALUES = here('../oracles/values');
const DICTIONARY = 'course/dictionary';
const FOLDER = 'blocks.2.hook_resid_pre';
const WEIGHTS = `${FOLDER}/sae_weights.safetensors`;

let cdn;
let server;
let browser;
before(async () => {
  const files = ['cfg.json', 'sae_weights.safetensors'].map((name) => [
    `${FOLDER}/${name}`,
    Content.file(here(`../oracles/dictionary/${FOLDER}/${name}`)),
  ]);
  cdn = await serveCdn({ models: { [DICTIONARY]: { files: new Map(files) } } });
  server = await serveDist({ hub: cdn.url });
  browser = await openChromium({ webgpu: false });
});
beforeEach(() => cdn.clear());
after(async () => {
  await browser?.close();
  await Promise.all([server?.close(), cdn?.close()]);
});

const PAIR = {
  version: 2,
  clean: 'When John and Mary went to the store, John gave a bottle to',
  corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
  metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
};

const onPage = (what, experiment, body, { tolerate } = {}) =>
  test(what, { timeout: 4 * PATIENCE }, async () => {
    const hash = `#v1=${Buffer.from(JSON.stringify({ ...PAIR, ...experiment })).toString('base64url')}`;
    const it = await openPage(browser, server, hash);
    try {
      await body(it.page);
      assert.deepEqual(await it.page.evaluate(() => globalThis.violations), []);
      assert.deepEqual(
        it.errors.filter((error) => !tolerate?.test(error)),
        [],
      );
    } finally {
      await it.close();
    }
  });

/** Waits until what is on the page has been written. */
const written = async (page) => {
  await page.getByTestId('summary').locator('p').first().waitFor();
  await page.locator('[data-testid=steer-status][data-state=done]').waitFor({ state: 'attached' });
};
const open = (page) => page.locator('[data-testid=direction-0] details > summary').first().click();
const facts = (page) => page.getByTestId('direction-0').locator('p.hint');
const text = async (page, name) => (await page.getByTestId(name).locator('button').allTextContents()).join('');
const problem = (page) => page.getByTestId('problems-steer.directions.0');

/** The file that a click offers. */
async function downloaded(page, testid) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(testid).click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

onPage('a control vector of repeng is read, steers, and is written again', { room: 'steering' }, async (page) => {
  await written(page);
  const before = await text(page, 'steered-0');
  await open(page);
  await page.getByTestId('source-0').selectOption('vectors');
  await problem(page).getByText('No file is chosen yet').waitFor();
  await page.getByTestId('file-0').setInputFiles(`${VALUES}/control_vector_mini.gguf`);
  await facts(page).getByText('The file control_vector_mini.gguf').waitFor();
  await written(page);
  await page.getByTestId('coefficient-number-0').fill('1.5');
  await page.waitForFunction(
    (before) => document.querySelector('[data-testid=steered-0]').textContent !== before,
    before,
  );
  await written(page);
  const { experiment } = await link(page);
  const { source, site, layers } = experiment.steer.directions[0];
  const expected = JSON.parse(readFileSync(`${VALUES}/control_vector_mini.json`));
  assert.deepEqual([site, layers, source.vectors.map((v) => v.layer)], ['resid_post', [1], [0, 1, 2]]);
  for (const { layer, values } of source.vectors) {
    assert.ok(largestDifference(values, expected[layer]) < 1e-7);
  }

  const json = await downloaded(page, 'save-0-json');
  assert.match(json.name, /\.json$/);
  const again = JSON.parse(json.bytes);
  assert.deepEqual(Object.keys(again), ['0', '1', '2']);
  for (const layer of [0, 1, 2]) assert.ok(largestDifference(again[layer], expected[layer]) < 1e-7);
  const arrays = safetensors((await downloaded(page, 'save-0-safetensors')).bytes);
  assert.ok(largestDifference(arrays('direction.1').values, expected[1]) < 1e-7);
  // repeng's own file, number for number.
  const gguf = (await downloaded(page, 'save-0-gguf')).bytes;
  assert.equal(gguf.subarray(0, 4).toString(), 'GGUF');
  assert.ok(gguf.includes('direction.1') && !gguf.includes('direction.0'), 'llama.cpp refuses layer 0');
  const numbers = Buffer.from(new Float32Array(expected[1]).buffer);
  assert.ok(gguf.includes(numbers) && readFileSync(`${VALUES}/control_vector_mini.gguf`).includes(numbers));
});

onPage('a file that does not fit, or is none, says why', { room: 'steering' }, async (page) => {
  await written(page);
  await open(page);
  await page.getByTestId('source-0').selectOption('vectors');
  await page.getByTestId('file-0').setInputFiles(`${VALUES}/control_vector.gguf`);
  await problem(page).getByText('vectors have 24 numbers, but this model is 128 wide').waitFor();
  await page
    .getByTestId('file-0')
    .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('\ufeff{"9": [1, 2]}') });
  await problem(page).getByText('The file has a vector for layer 9, but this model has layers 0 to 3').waitFor();
  await page.getByTestId('file-0').setInputFiles(`${VALUES}/other_tensor.gguf`);
  await problem(page).getByText('tensor “mean.1” is not named as a direction is').waitFor();
  await page
    .getByTestId('file-0')
    .setInputFiles({ name: 'n.gguf', mimeType: 'x/y', buffer: Buffer.from('GGUF, but no more') });
  await problem(page)
    .getByText(/n\.gguf: the file is not GGUF/)
    .waitFor();
});

onPage('heads are chosen, pushed and told', { room: 'steering' }, async (page) => {
  await written(page);
  await open(page);
  await page.getByTestId('source-0').selectOption('heads');
  await page.getByTestId('top-of-0').fill('3');
  await facts(page).getByText('A shift of the 3 heads').waitFor();
  await written(page);
  await page.getByTestId('coefficient-number-0').fill('6');
  await page.waitForFunction(() => {
    const of = (name) => document.querySelector(`[data-testid=${name}]`).textContent;
    return of('unsteered-0') !== of('steered-0');
  });
  await written(page);
  const { experiment } = await link(page);
  const [direction] = experiment.steer.directions;
  assert.deepEqual([direction.site, direction.layers, direction.source.top], ['z', [0, 1, 2, 3], 3]);
  const { steer } = await computed(page, server, experiment);
  assert.equal(steer.directions[0].probes.length, 3);
  const said = (await facts(page).allTextContents()).join(' ');
  for (const { layer, head } of steer.directions[0].probes) assert.match(said, new RegExp(`${layer}\\.${head} `));
  // And back to the stream.
  await page.getByTestId('source-0').selectOption('contrast');
  await facts(page).getByText('Difference of the means').waitFor();
});

onPage(
  'raw activations are files, with the numbers of captures',
  { sweeps: [{ site: 'resid_pre', mode: 'denoising' }] },
  async (page) => {
    await settled(page);
    await page.locator('[data-testid=raw] > summary').click();
    await page.getByTestId('raw-z').check();
    const { name, bytes } = await downloaded(page, 'raw-safetensors');
    assert.equal(name, 'activations.safetensors');
    const array = safetensors(bytes);
    const { experiment } = await link(page);
    const captures = ['clean', 'corrupted'].map((run) => ({ run, site: 'resid_pre', layer: 2 }));
    const report = await computed(page, server, { ...experiment, sweeps: [], captures });
    for (const { run, shape, values } of report.captures) {
      const found = array(`${run}.blocks.2.hook_resid_pre`);
      assert.deepEqual(found.shape, shape);
      assert.ok(largestDifference(found.values, values) < 1e-6);
    }
    assert.equal(array('clean.blocks.3.attn.hook_z').shape.length, 3);
    await page.getByTestId('raw-z').uncheck();
    const npy = await downloaded(page, 'raw-npy');
    assert.equal(npy.name, 'clean.resid_pre.npy');
    assert.match(
      npy.bytes.subarray(10, 128).toString(),
      /'descr': '<f4', 'fortran_order': False, 'shape': \(4, \d+, 128\)/,
    );
    const start = 10 + npy.bytes.readUInt16LE(8);
    const [layers, tokens, width] = [4, report.captures[0].shape[0], 128];
    assert.equal(npy.bytes.length, start + 4 * layers * tokens * width);
    const at = start + 4 * 2 * tokens * width;
    const values = Array.from({ length: tokens * width }, (_, i) => npy.bytes.readFloatLE(at + 4 * i));
    assert.ok(largestDifference(values, report.captures[0].values) < 1e-6);
  },
);

/** Of the model `deep`, whose dictionary is at the stand-in hub. */
const feature = (feature, more = {}) => ({
  bos: false,
  room: 'steering',
  model: `${server.url}oracles/deep/`,
  steer: {
    prompt: 'I hate you because',
    directions: [
      {
        name: 'feature',
        source: { kind: 'feature', dictionary: DICTIONARY, layer: 2, feature, ...more },
        layers: [2],
        coefficient: 2,
      },
    ],
    sampling: { tokens: 3, temperature: 0 },
  },
});

/** A page with a feature that nobody agreed to yet. */
const onFeature = (what, number, body, options = {}) =>
  test(what, { timeout: 4 * PATIENCE }, async () => {
    const hash = `#v1=${Buffer.from(JSON.stringify({ ...PAIR, ...feature(number, options.more) })).toString('base64url')}`;
    const it = await openPage(browser, server, hash);
    try {
      await it.page.getByTestId('download').click();
      await it.page.getByTestId('ask-dictionary-0').waitFor();
      await body(it.page);
      assert.deepEqual(await it.page.evaluate(() => globalThis.violations), []);
      assert.deepEqual(
        it.errors.filter((error) => !/Failed to load resource|blocked by CORS/.test(error)),
        [],
      );
    } finally {
      await it.close();
    }
  });

onFeature('a feature is one small request that a person agreed to, its activation another', 7, async (page) => {
  const host = new URL(cdn.url).host;
  assert.match(await page.getByTestId('ask-dictionary-0').textContent(), new RegExp(host));
  await problem(page).getByText(`is at ${host}, which was not asked yet`).waitFor();
  assert.deepEqual(cdn.requests, [], 'nobody is asked before');
  await page.getByTestId('ask-dictionary-0').click();
  await facts(page).getByText('Feature 7 of the dictionary course/dictionary').waitFor();
  await written(page);
  const { array, tokens } = oracle('dictionary');
  const width = array('W_dec').shape[1];
  const [header, row] = cdn.asked(WEIGHTS);
  assert.equal(header.range, 'bytes=0-1023');
  const [from, to] = row.range.match(/\d+/g).map(Number);
  assert.deepEqual([cdn.asked(WEIGHTS).length, to - from + 1, row.sent], [2, 4 * width, 4 * width]);
  assert.deepEqual(cdn.preflights, []);
  assert.equal(await page.getByTestId('active-0').count(), 0);
  await page.getByTestId('fetch-encoder-0').click();
  await page.getByTestId('active-0').waitFor();
  const shown = (await page.getByTestId('active-0').locator('.chip').allTextContents()).map((t) =>
    Number(t.split(' ').at(-1)),
  );
  const expected = [...array('activations').values].slice(7 * tokens.length, 8 * tokens.length).filter((x) => x > 0);
  assert.ok(shown.length > 0);
  assert.ok(largestDifference(shown, expected) < 0.006, `${shown} and ${expected}`);
  assert.equal(cdn.asked(`${FOLDER}/cfg.json`).length, 1);

  // Another feature is one more row, and its encoder has to be asked for again.
  await open(page);
  const asked = cdn.asked(WEIGHTS).length;
  await page.getByTestId('feature-0').fill('8');
  await facts(page).getByText('Feature 8 of').waitFor();
  assert.equal(cdn.asked(WEIGHTS).length, asked + 1);
  await page.getByTestId('fetch-encoder-0').waitFor();
  await page.getByTestId('feature-0').fill('50');
  await problem(page).getByText('There is no feature 50').waitFor();
  await page.getByTestId('dictionary-0').fill('gpt2-small-res-jb');
  await problem(page).getByText('which is 768 wide, but this model is 21 wide').waitFor();
  assert.match(await page.getByTestId('neuronpedia-0').getAttribute('href'), /gpt2-small\/2-res-jb\/50$/);
  await page.getByTestId('dictionary-0').fill('no/body');
  await problem(page)
    .getByText(/status 40[14]/)
    .waitFor();
});

onFeature(
  'a link that wishes an activation fetches no encoder by itself',
  9,
  async (page) => {
    await page.getByTestId('ask-dictionary-0').click();
    await facts(page).getByText('Feature 9 of').waitFor();
    await written(page);
    assert.equal(cdn.asked(`${FOLDER}/cfg.json`).length, 0);
    await page.getByTestId('fetch-encoder-0').click();
    await page.getByTestId('active-0').waitFor();
  },
  { more: { activation: true } },
);

for (const [what, fault, reason] of [
  ['no network', ['lost', { after: -1 }], /could not be reached/],
  ['a file that is not there', ['status', { status: 404 }], /is not there \(status 404\)/],
  ['a file that is cut short', ['cut', { bytes: 900 }], /cut short|has no byte/],
  ['a server that sends whole files only', ['no_ranges', {}], /sends only the whole file/],
  ['a page to log in on', ['html', {}], /is a web page/],
]) {
  onFeature(`${what}: a sentence`, 30, async (page) => {
    cdn.fault(fault[0], { file: WEIGHTS, ...fault[1] });
    await page.getByTestId('ask-dictionary-0').click();
    await problem(page).getByText(reason).waitFor();
  });
}

onFeature('a connection that breaks off goes on where it was', 31, async (page) => {
  cdn.fault('lost', { file: WEIGHTS, after: 40, times: 2 });
  await page.getByTestId('ask-dictionary-0').click();
  await facts(page).getByText('Feature 31 of').waitFor();
  const ranges = cdn.asked(WEIGHTS).map(({ range }) => range);
  assert.ok(ranges.length >= 3, ranges.join());
});

test('patchbay.js writes and reads files, and fetches only what is agreed', { timeout: 2 * PATIENCE }, async () => {
  const it = await openPage(browser, server);
  try {
    const found = await it.page.evaluate(
      async ({ api, experiment, hub, host }) => {
        const { load } = await import(api);
        const engine = await load({ model: experiment.model, backend: 'cpu', hub });
        const refused = await engine.run(experiment).catch(({ code, field, message }) => ({ code, field, message }));
        const report = await engine.run(experiment, { agreed: { hosts: [host], encoders: true } });
        const options = { agreed: { hosts: [host] } };
        const { name, bytes } = await engine.export(
          experiment,
          { kind: 'direction', direction: 0, format: 'gguf' },
          options,
        );
        const direction = await engine.readDirection(bytes, { name });
        const bad = await engine.readDirection(new Uint8Array(9)).catch(({ code, message }) => ({ code, message }));
        engine.dispose();
        return { refused, activations: report.steer.directions[0].feature.activations, name, direction, bad };
      },
      {
        api: `${server.url}patchbay.js`,
        experiment: { ...PAIR, ...feature(11, { activation: true }) },
        hub: cdn.url,
        host: new URL(cdn.url).host,
      },
    );
    assert.deepEqual([found.refused.code, found.refused.field], ['network', 'steer.directions.0']);
    const { array, tokens } = oracle('dictionary');
    const expected = [...array('activations').values].slice(11 * tokens.length, 12 * tokens.length);
    assert.ok(largestDifference(found.activations, expected) < 2e-4);
    assert.equal(found.name, 'feature.gguf');
    const width = array('W_dec').shape[1];
    const [{ layer, values }] = found.direction.source.vectors;
    assert.equal(layer, 1, 'before layer 2 is after layer 1');
    assert.ok(largestDifference(values, [...array('W_dec').values].slice(11 * width, 12 * width)) < 1e-7);
    assert.equal(found.bad.code, 'experiment');
  } finally {
    await it.close();
  }
});
