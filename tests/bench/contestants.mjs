// Who takes part in the full-size benchmarks: Patchbay and onnxruntime-web in a
// page, Patchbay on the command line, TransformerLens in Python. Each times itself,
// in seconds, without what it takes to load.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** In the page: loads the engine and keeps it as `contestant`. */
async function loadPatchbay({ api, options }) {
  const { load } = await import(api);
  const started = performance.now();
  const engine = await load(options);
  window.contestant = engine;
  return { seconds: (performance.now() - started) / 1000, backend: engine.backend };
}

/** In the page: runs an experiment from the call to the report. */
async function runPatchbay(experiment) {
  let multiplications = 0;
  const onProgress = ({ stage, total }) => stage === 'runs' && (multiplications = total);
  const started = performance.now();
  const report = await window.contestant.run(experiment, { onProgress });
  return { seconds: (performance.now() - started) / 1000, multiplications, report };
}

/** The engine in a page of its own. */
export async function openPatchbay(browser, { server, ...options }) {
  const page = await browser.newPage();
  await page.goto(`${server.url}pages/blank.html`);
  const request = { api: `${server.url}patchbay.js`, options: { model: `${server.url}random-gpt2/`, ...options } };
  const loaded = await page.evaluate(loadPatchbay, request);
  return {
    ...loaded,
    run: (experiment) => page.evaluate(runPatchbay, experiment),
    close: () => page.close(),
  };
}

/** In the page: opens a session of onnxruntime-web and keeps it as `contestant`. */
async function loadOnnx({ dist, folder, graph, provider }) {
  const ort = await import(`${dist}ort.${provider}.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = dist;
  const started = performance.now();
  const weights = new Uint8Array(await (await fetch(`${folder}weights.bin`)).arrayBuffer());
  const session = await ort.InferenceSession.create(`${folder}${graph}`, {
    executionProviders: [provider],
    externalData: [{ path: 'weights.bin', data: weights }],
    graphOptimizationLevel: 'all',
  });
  window.contestant = { ort, session };
  return { seconds: (performance.now() - started) / 1000 };
}

/** In the page: one pass over all of `tokens`; the likeliest next token. */
async function passOnnx(tokens) {
  const { ort, session } = window.contestant;
  const n = tokens.length;
  const started = performance.now();
  const mask = Float32Array.from({ length: n * n }, (_, i) => (i % n > Math.floor(i / n) ? -1e9 : 0));
  const { logits } = await session.run({
    ids: new ort.Tensor('int64', BigInt64Array.from(tokens, BigInt), [n]),
    positions: new ort.Tensor(
      'int64',
      BigInt64Array.from(tokens, (_, i) => BigInt(i)),
      [n],
    ),
    mask: new ort.Tensor('float32', mask, [n, n]),
  });
  const values = await logits.getData();
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return { seconds: (performance.now() - started) / 1000, best, logit: values[best] };
}

/** In the page: greedy continuation with the keys and values kept; times the steps after the first. */
async function generateOnnx({ tokens, count, layers, heads, width }) {
  const { ort, session } = window.contestant;
  const empty = { k: [heads, width, 0], v: [heads, 0, width] };
  let past = {};
  for (let layer = 0; layer < layers; layer++) {
    for (const part of 'kv') past[`past.${layer}.${part}`] = new ort.Tensor('float32', [], empty[part]);
  }
  const written = [];
  let given = tokens;
  let position = 0;
  let started;
  while (written.length < count) {
    const n = given.length;
    const keys = position + n;
    const mask = Float32Array.from({ length: n * keys }, (_, i) =>
      i % keys > position + Math.floor(i / keys) ? -1e9 : 0,
    );
    const found = await session.run({
      ids: new ort.Tensor('int64', BigInt64Array.from(given, BigInt), [n]),
      positions: new ort.Tensor(
        'int64',
        BigInt64Array.from(given, (_, i) => BigInt(position + i)),
        [n],
      ),
      mask: new ort.Tensor('float32', mask, [n, keys]),
      ...past,
    });
    const values = found.logits.data;
    let best = 0;
    for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
    written.push(best);
    past = Object.fromEntries(Object.keys(past).map((name) => [name, found[name.replace('past', 'present')]]));
    position = keys;
    given = [best];
    started ??= performance.now();
  }
  return { seconds: (performance.now() - started) / 1000, written };
}

/** onnxruntime-web in a page of its own; `provider` is `wasm` (one thread) or `webgpu`. */
export async function openOnnx(browser, { server, provider, graph }) {
  const page = await browser.newPage();
  await page.goto(`${server.url}pages/blank.html`);
  const request = { dist: `${server.url}onnxruntime/`, folder: `${server.url}onnx/`, graph, provider };
  const loaded = await page.evaluate(loadOnnx, request);
  return {
    ...loaded,
    pass: (tokens) => page.evaluate(passOnnx, tokens),
    generate: (request) => page.evaluate(generateOnnx, request),
    close: () => page.close(),
  };
}

/** Runs an experiment with `patchbay run`; the report. */
export async function runNative(native, model, experiment) {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-bench-'));
  try {
    const [asked, found] = ['experiment.json', 'report.json'].map((name) => join(folder, name));
    await writeFile(asked, JSON.stringify({ version: 1, ...experiment }));
    const child = spawn(native, ['run', asked, '--model', model, '--out', found], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const status = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
    if (status !== 0) throw new Error(`${native} run ended with ${status}`);
    return JSON.parse(await readFile(found, 'utf8'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** TransformerLens, loaded once. */
export async function openLens(python, model) {
  const script = new URL('lens.py', import.meta.url).pathname;
  const child = spawn(python, [script, model], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${python} ${script} ${model} ended early; run it by hand to see why`);
    return JSON.parse(value);
  };
  const { threads } = await answer();
  return {
    threads,
    sweep: ({ clean, corrupted, metrics: [{ answer: right, wrong }], pairs = [], sweeps }) => {
      const all = [{ clean, corrupted, answer: right, wrong }, ...pairs];
      child.stdin.write(`${JSON.stringify({ pairs: all, sites: sweeps.map(({ site }) => site) })}\n`);
      return answer();
    },
    close: () => child.stdin.end(),
  };
}
