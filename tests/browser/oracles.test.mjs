// The engine, as a browser runs it, finds what transformers and TransformerLens
// find: logits, whole sweeps and greedy text, in two browsers on both backends.
// The native tests compare all cases of all models; here a few of each suffice to
// show that WebAssembly and the browsers' WebGPU compute the same.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BROWSERS, serveDist, watchErrors } from './harness.mjs';
import { largestDifference, oracle, TOLERANCES } from './oracle.mjs';

const MODELS = { deep: '../oracles/deep', untied: '../oracles/untied', half: '../oracles/half', mini: 'mini' };

let server;
before(async () => (server = await serveDist()));
after(() => server?.close());

/** The experiments of a model, in the terms of `patchbay.js`. */
function experiments(cases) {
  const set = ({ clean, corrupted, answer, wrong }) => ({
    clean: clean.tokens,
    corrupted: corrupted.tokens,
    metrics: [{ kind: 'logit_difference', answer, wrong }],
  });
  const [first, second] = cases;
  const captures = ['clean', 'corrupted'].map((run) => ({
    run,
    site: 'logits',
    positions: first.logits_positions,
  }));
  return {
    denoising: { ...set(first), captures, sweeps: [{ site: 'resid_pre', mode: 'denoising' }] },
    noising: { ...set(second), sweeps: [{ site: 'resid_pre', mode: 'noising' }] },
    greedy: { ...set(first), generate: { tokens: Math.max(1, first.greedy.length) } },
  };
}

/** In the page: runs them all, and sends numbers only. */
async function compute({ api, model, backend, experiments }) {
  const { load } = await import(api);
  const started = performance.now();
  const engine = await load({ model, backend });
  const loaded = performance.now();
  const found = {};
  try {
    for (const [name, experiment] of Object.entries(experiments)) {
      const { captures, clean, corrupted, sweeps, metrics } = await engine.run(experiment);
      found[name] = { captures, clean, corrupted, sweeps, metrics };
    }
    const seconds = { load: (loaded - started) / 1000, run: (performance.now() - loaded) / 1000 };
    // As text: a browser's protocol is slow with long lists.
    return JSON.stringify({ found, backend: engine.backend, seconds });
  } finally {
    engine.dispose();
  }
}

for (const [name, open] of Object.entries(BROWSERS)) {
  test(`${name} finds what the oracles found`, { timeout: 7_200_000 }, async (context) => {
    const browser = await open();
    try {
      const page = await browser.newPage();
      const errors = watchErrors(page);
      await page.goto(`${server.url}pages/blank.html`);
      for (const backend of ['cpu', 'webgpu']) {
        for (const [model, address] of Object.entries(MODELS)) {
          await context.test(`${model} on ${backend}`, { timeout: 900_000 }, async (context) => {
            const { cases, array } = oracle(model);
            const request = { api: `${server.url}patchbay.js`, model: address, backend, experiments: experiments(cases) };
            const answer = JSON.parse(await page.evaluate(compute, request));
            check(context, answer, { cases, array, backend });
          });
        }
      }
      assert.deepEqual(errors, []);
    } finally {
      await browser.close();
    }
  });
}

function check(context, { found, backend: info, seconds }, { cases, array, backend }) {
  const tolerance = TOLERANCES[backend];
  const [first, second] = cases;
  assert.equal(info.name, backend);
  const differences = {};
  for (const capture of found.denoising.captures) {
    const expected = array(first.arrays[`${capture.run}.logits`]);
    assert.deepEqual(capture.shape, expected.shape);
    differences[`${capture.run} logits`] = [largestDifference(capture.values, expected.values), tolerance.logits];
  }
  for (const [mode, it] of [['denoising', first], ['noising', second]]) {
    const { sweeps: [{ values: [values] }], metrics: [metric] } = found[mode];
    const expected = array(it.arrays[`${mode}.resid_pre`]);
    assert.deepEqual([values.length, values[0].length], expected.shape);
    differences[mode] = [largestDifference(values.flat(), expected.values), tolerance.sweep];
    for (const run of ['clean', 'corrupted']) {
      const difference = largestDifference([metric[run]], [it[run].logit_difference]);
      differences[`${mode}, ${run} metric`] = [difference, tolerance.sweep];
      const ids = found[mode][run].top.slice(0, it[run].top_clear).map((token) => token.id);
      assert.deepEqual(ids, it[run].top.slice(0, it[run].top_clear).map((token) => token.id).slice(0, ids.length));
    }
  }
  const told = Object.entries(differences).map(([what, [found]]) => `${what} ${found.toExponential(1)}`);
  context.diagnostic(`${info.device}: load ${seconds.load.toFixed(2)} s, runs ${seconds.run.toFixed(2)} s`);
  context.diagnostic(`largest differences: ${told.join(', ')}`);
  for (const [what, [found, allowed]] of Object.entries(differences)) {
    assert.ok(found <= allowed, `${what}: ${found} is more than ${allowed}`);
  }
  const greedy = found.greedy.clean.continuation.map((token) => token.id);
  assert.deepEqual(greedy.slice(0, first.greedy.length), first.greedy);
}
