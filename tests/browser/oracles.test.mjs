// The engine, as a browser runs it, finds what transformers and TransformerLens
// find: logits, whole sweeps, greedy text and the patching room's experiments, in two
// browsers on both backends.
// The native tests compare all cases of all models; here a few of each suffice to
// show that WebAssembly and the browsers' WebGPU compute the same.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BROWSERS, serveDist, watchErrors } from './harness.mjs';
import { largestDifference, oracle, TOLERANCES } from './oracle.mjs';

/** Of the patching room: what a browser could do otherwise than the native engine. */
const PATCHING = { deep: ['paths', 'noise', 'set'], mini: ['parts', 'aligned'] };

const MODELS = { deep: '../oracles/deep', untied: '../oracles/untied', half: '../oracles/half', mini: 'mini' };

let server;
before(async () => (server = await serveDist()));
after(() => server?.close());

/** The experiments of a model, in the terms of `patchbay.js`. */
function experiments(cases) {
  const set = ({ clean, corrupted, answer, wrong }) => ({
    version: 2,
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
      const { captures, clean, corrupted, sweeps, metrics, cell } = await engine.run(experiment);
      found[name] = { captures, clean, corrupted, sweeps, metrics, cell };
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
            const request = {
              api: `${server.url}patchbay.js`,
              model: address,
              backend,
              experiments: experiments(cases),
            };
            const answer = JSON.parse(await page.evaluate(compute, request));
            check(context, answer, { cases, array, backend });
          });
        }
        for (const [model, names] of Object.entries(PATCHING)) {
          await context.test(`${model}: the patching room on ${backend}`, { timeout: 900_000 }, async (context) => {
            const { experiments, array } = oracle(`patching-${model}`);
            const chosen = experiments.filter(({ name }) => names.includes(name));
            assert.equal(chosen.length, names.length);
            const asked = Object.fromEntries(chosen.map(({ name, experiment }) => [name, experiment]));
            const request = { api: `${server.url}patchbay.js`, model: MODELS[model], backend, experiments: asked };
            const { found, backend: info } = JSON.parse(await page.evaluate(compute, request));
            assert.equal(info.name, backend);
            for (const expected of chosen) checkPatching(context, found[expected.name], expected, { array, backend });
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
  for (const [mode, it] of [
    ['denoising', first],
    ['noising', second],
  ]) {
    const { sweeps, metrics } = found[mode];
    const [grid] = sweeps[0].values;
    const expected = array(it.arrays[`${mode}.resid_pre`]);
    assert.deepEqual([grid.length, grid[0].length], expected.shape);
    differences[mode] = [largestDifference(grid.flat(), expected.values), tolerance.sweep];
    for (const run of ['clean', 'corrupted']) {
      const difference = largestDifference([metrics[0][run]], [it[run].logit_difference]);
      differences[`${mode}, ${run} metric`] = [difference, tolerance.sweep];
      const ids = found[mode][run].top.slice(0, it[run].top_clear).map((token) => token.id);
      assert.deepEqual(
        ids,
        it[run].top
          .slice(0, it[run].top_clear)
          .map((token) => token.id)
          .slice(0, ids.length),
      );
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

/** One experiment of the patching room: its runs, every sweep, and the cell looked at. */
function checkPatching(context, found, expected, { array, backend }) {
  const { metrics: asked, sweeps: grids } = expected.experiment;
  const tolerance = TOLERANCES[backend];
  const differences = {};
  const compare = (what, values, about, cells, allowed) => {
    const { values: wanted } = array(about.values);
    assert.equal(values.length, wanted.length, `${expected.name}, ${what}`);
    // Where there is no cell, there is no number either.
    assert.deepEqual(
      values.map((v) => v === null),
      Array.from(wanted, Number.isNaN),
      `${expected.name}, ${what}`,
    );
    const isRank = (i) => asked[Math.floor(i / cells) % asked.length].kind === 'rank';
    const kept = values.flatMap((v, i) => (v === null || isRank(i) ? [] : [[v, wanted[i]]]));
    differences[what] = [
      largestDifference(
        kept.map(([v]) => v),
        kept.map(([, w]) => w),
      ),
      allowed,
    ];
    const ranks = values.filter((_, i) => isRank(i));
    if (ranks.length === 0) return;
    const range = array(about.ranks).values;
    assert.equal(range.length, 2 * ranks.length);
    for (const [i, rank] of ranks.entries()) {
      // Means of whole numbers. NaN, where there is no cell, is on neither side.
      assert.ok(
        !(rank < range[i] - 1e-3 || rank > range[ranks.length + i] + 1e-3),
        `${expected.name}, ${what}: rank ${rank}`,
      );
    }
  };
  assert.equal(found.sweeps.length, grids.length);
  const ends = [...found.metrics.map((m) => m.clean), ...found.metrics.map((m) => m.corrupted)];
  compare('both runs', ends, expected.metrics, 1, tolerance.sweep);
  for (const [i, { values, rows, columns }] of found.sweeps.entries()) {
    const what = `sweep ${i}, ${JSON.stringify(grids[i])}`;
    compare(what, values.flat(2), expected.sweeps[i], rows.labels.length * columns.labels.length, tolerance.sweep);
  }
  const { metrics, look } = found.cell;
  compare('the cell', metrics, expected.cell, 1, tolerance.sweep);
  const lens = look.lens.flatMap(({ clean, corrupted, patched }) => [clean, corrupted, patched]);
  compare(
    'lens',
    lens.flatMap((run) => run.metrics),
    expected.cell.lens,
    1,
    tolerance.logits,
  );
  const close = (what, values, key) => {
    differences[what] = [largestDifference(values.flat(), array(key).values), tolerance.logits];
  };
  close('head attribution', look.head_attribution, expected.cell.head_attribution);
  close('MLP attribution', look.mlp_attribution, expected.cell.mlp_attribution);
  if (look.patterns) close('patched pattern', look.patterns.patched, expected.cell['pattern.patched']);
  const worst = Math.max(...Object.values(differences).map(([found]) => found));
  context.diagnostic(`${expected.name}: ${found.sweeps.length} sweeps, largest difference ${worst.toExponential(1)}`);
  for (const [what, [found, allowed]] of Object.entries(differences)) {
    assert.ok(found <= allowed, `${expected.name}, ${what}: ${found} is more than ${allowed}`);
  }
}
