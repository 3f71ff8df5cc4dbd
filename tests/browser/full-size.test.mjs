// The engine at GPT-2 small's size in the browsers: the random model of
// `make random-gpt2`, served as a static host would, finds what transformers and
// TransformerLens find in its logits and in one sweep of few cells.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { randomGpt2 } from '../random-gpt2.mjs';
import { BROWSERS, serveDist, watchErrors } from './harness.mjs';
import { largestDifference, oracle } from './oracle.mjs';

const TOLERANCE = 2e-3;

let server;
before(async () => (server = await serveDist({ mounts: { 'random-gpt2/': await randomGpt2() } })), {
  timeout: 600_000,
});
after(() => server?.close());

/** In the page: loads, runs, and sends numbers only. */
async function compute({ api, model, backend, experiments, stride }) {
  const { load } = await import(api);
  const started = performance.now();
  const engine = await load({ model, backend });
  const loaded = performance.now();
  try {
    const found = [];
    for (const experiment of experiments) {
      const { captures, clean, corrupted, sweeps, metrics } = await engine.run(experiment);
      const sampled = (captures ?? []).map(({ run, shape: [rows, width], values }) => ({
        run,
        values: Array.from({ length: rows }, (_, row) =>
          values.slice(row * width, (row + 1) * width).filter((_, i) => i % stride === 0),
        ).flat(),
      }));
      found.push({ captures: sampled, clean, corrupted, sweeps, metrics });
    }
    const seconds = { load: (loaded - started) / 1000, run: (performance.now() - loaded) / 1000 };
    // As text: a browser's protocol is slow with long lists.
    return JSON.stringify({ found, backend: engine.backend, model: engine.model, seconds });
  } finally {
    engine.dispose();
  }
}

const values = oracle('random-gpt2');
const short = values.cases.find((it) => it.small);

/**
 * Both sweeps of the short pair, the first with its logits and a continuation. On
 * WebGPU, which is the CPU here, the first and its logits: the native test has the rest.
 */
function experiments(backend) {
  const set = (mode) => ({
    clean: short.clean.tokens,
    corrupted: short.corrupted.tokens,
    metrics: [{ kind: 'logit_difference', answer: short.answer, wrong: short.wrong }],
    sweeps: [{ site: 'resid_pre', mode }],
  });
  const captures = ['clean', 'corrupted'].map((run) => ({ run, site: 'logits', positions: short.logits_positions }));
  const first = { ...set('denoising'), captures };
  if (backend === 'webgpu') return [first];
  return [{ ...first, generate: { tokens: short.greedy.length } }, set('noising')];
}

for (const [name, open] of Object.entries(BROWSERS)) {
  for (const backend of ['cpu', 'webgpu']) {
    test(`${name} on ${backend} finds what the oracles found at full size`, { timeout: 1_800_000 }, async (context) => {
      const browser = await open();
      try {
        const page = await browser.newPage();
        const errors = watchErrors(page);
        await page.goto(`${server.url}pages/blank.html`);
        const answer = await page.evaluate(compute, {
          api: `${server.url}patchbay.js`,
          model: `${server.url}random-gpt2/`,
          backend,
          experiments: experiments(backend),
          stride: short.logits_stride,
        });
        check(context, JSON.parse(answer), backend);
        assert.deepEqual(errors, []);
      } finally {
        await browser.close();
      }
    });
  }
}

function check(context, { found: [first, second], backend: info, model, seconds }, backend) {
  context.diagnostic(`${info.device}: load ${seconds.load.toFixed(1)} s, runs ${seconds.run.toFixed(1)} s`);
  assert.equal(info.name, backend);
  assert.equal(model.sha256, values.weights_sha256);
  const differences = {};
  const compare = (what, found, key) =>
    (differences[what] = largestDifference(found, values.array(short.arrays[key]).values));
  for (const { run, values } of first.captures) compare(`${run} logits`, values, `${run}.logits`);
  compare('denoising', first.sweeps[0].values[0].flat(), 'denoising.resid_pre');
  if (second) compare('noising', second.sweeps[0].values[0].flat(), 'noising.resid_pre');
  for (const run of ['clean', 'corrupted']) {
    differences[`${run} metric`] = largestDifference([first.metrics[0][run]], [short[run].logit_difference]);
    const clear = short[run].top_clear;
    assert.deepEqual(
      first[run].top.slice(0, clear).map((token) => token.id),
      short[run].top.slice(0, clear).map((token) => token.id),
    );
  }
  const told = Object.entries(differences).map(([what, found]) => `${what} ${found.toExponential(1)}`);
  context.diagnostic(`largest differences: ${told.join(', ')}`);
  for (const [what, found] of Object.entries(differences)) {
    assert.ok(found <= TOLERANCE, `${what}: ${found} is more than ${TOLERANCE}`);
  }
  if (second)
    assert.deepEqual(
      first.clean.continuation.map((token) => token.id),
      short.greedy,
    );
}
