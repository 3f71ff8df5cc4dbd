// What patchbay.js hands out is what its types and experiment.schema.json say.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import { FIELDS } from '../types/fields.mjs';
import { DIST, openChromium, serveDist, watchErrors } from './harness.mjs';

const PAIR = {
  clean: 'When John and Mary went to the store, John gave a bottle to',
  corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
  metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
};
const sweep = (site, axes) => ({ site, mode: 'denoising', ...(axes && { axes }) });

/** Axes of all kinds, and everything else that a report may have in the patching room. */
const PATCHING = {
  'every kind of axes': {
    ...PAIR,
    metrics: [...PAIR.metrics, { kind: 'kl', answer: [' Mary'] }],
    sweeps: [
      sweep('embed'),
      sweep('resid_pre', { layer_position: { window: 2 } }),
      sweep('z', { layer_head: { positions: [3] } }),
      sweep('z', 'head_position'),
      sweep('pattern', 'head_position'),
      sweep('pattern', { destination_source: { layer: 1, head: 0 } }),
      sweep('mlp_post', { neurons: { layer: 1 } }),
      sweep('z', { parts: { parts: [{ site: 'z', layer: 1, head: 0 }] } }),
      sweep('z', { paths: { receiver: 'logits' } }),
    ],
    cell: { sweep: 2, row: 0, column: 0 },
    generate: { tokens: 2 },
    captures: [{ run: 'clean', site: 'resid_post', layer: 0 }],
  },
  'a set of pairs by their roles': {
    ...PAIR,
    roles: ['s1', 'io', 's2', 'end'],
    pairs: [
      {
        clean: 'When Tom and Ann went home, Tom gave a cake to',
        corrupted: 'When Bob and Ann went home, Tom gave a cake to',
      },
    ],
    sweeps: [sweep('resid_pre')],
  },
  noise: {
    ...PAIR,
    corruption: { noise: { positions: [2], draws: 2 } },
    sweeps: [sweep('resid_pre')],
  },
  'what cannot be run': { ...PAIR, corrupted: 'When Bob went', sweeps: [sweep('resid_pre')] },
};

const side = (...lines) => lines.map((line) => `${line} because`);
const LIKING = {
  positive: side('I love you', 'I like it', 'You are kind', 'This is good'),
  negative: side('I hate you', 'I loathe it', 'You are mean', 'This is bad'),
};
const direction = (source, more) => ({ name: 'one', source, layers: [1, 2], coefficient: 1, ...more });
const steering = (steer) => ({ ...PAIR, room: 'steering', steer: { prompt: 'I hate you because', ...steer } });
const STEERING = {
  'directions of several kinds': steering({
    directions: [
      direction({ kind: 'contrast', ...LIKING, method: 'pca_diff' }),
      direction({ kind: 'heads', ...LIKING, top: 2 }, { site: 'z' }),
      direction({ kind: 'token', token: ' good', minus: ' bad' }),
      direction({ kind: 'random', seed: 1 }),
    ],
    sampling: { tokens: 3 },
    words: ['good'],
  }),
  'a map and a detector': steering({
    directions: [direction({ kind: 'contrast', ...LIKING })],
    sampling: { tokens: 3 },
    map: { coefficients: [0, 1], targets: [' good'], reading: {}, effect: 'target', controls: { random: 2 } },
    detector: { positive: ['I love you'], negative: ['I hate you'] },
  }),
};

let server;
let browser;
let page;
let errors;
let schema;
before(async () => {
  server = await serveDist();
  browser = await openChromium();
  page = await browser.newPage();
  errors = watchErrors(page);
  await page.goto(new URL('pages/blank.html', server.url).href);
  await page.evaluate(async (api) => {
    const { load } = await import(api);
    globalThis.engine = await load({ backend: 'cpu' });
  }, new URL('patchbay.js', server.url).href);
  schema = JSON.parse(await readFile(join(DIST, 'experiment.schema.json'), 'utf8'));
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Holds values to one of the schema's types, in which nothing but what it names may stand. */
function checker(name) {
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
  const validate = ajv.compile({ ...schema, properties: undefined, required: undefined, ...schema.properties[name] });
  return (value) => {
    validate(value);
    assert.deepEqual(validate.errors ?? [], []);
  };
}

describe('the types are what is handed out', () => {
  for (const [name, experiment] of Object.entries({ ...PATCHING, ...STEERING })) {
    test(name, async () => {
      const [report, updates] = await page.evaluate(async (experiment) => {
        const updates = [];
        const report = await globalThis.engine.run(experiment, { onUpdate: (update) => updates.push(update) });
        return [report, updates];
      }, experiment);
      checker('report')(report);
      assert.ok(updates.length > 1);
      for (const update of updates) checker('update')(update);
      checker('experiment')(report.experiment);
      assert.deepEqual(errors, []);
    });
  }

  test('and the schema refuses what is wrong', () => {
    assert.throws(() =>
      checker('update')({ kind: 'frames', frames: [{ sweep: sweep('embed'), rows: { name: 'x', labels: [] } }] }),
    );
    assert.throws(() => checker('report')({ engine: '0.3.0' }));
  });
});

test('an offer and a source have the fields that are declared', async () => {
  const [offer, source] = await page.evaluate(async (api) => {
    const { describe } = await import(api);
    return [await describe(), globalThis.engine.source];
  }, new URL('patchbay.js', server.url).href);
  assert.deepEqual(Object.keys(offer).sort(), Object.keys(FIELDS.offer).sort());
  assert.deepEqual(Object.keys(source).sort(), Object.keys(FIELDS.source).sort());
});
