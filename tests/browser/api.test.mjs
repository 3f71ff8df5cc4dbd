// patchbay.js, as another page uses it: what it promises, what it refuses, and
// that it talks to nobody but the server it came from.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DIST, openChromium, serveDist, serveFolder, watchErrors } from './harness.mjs';

const PAIR = {
  clean: 'When John and Mary went to the store, John gave a bottle to',
  corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
  metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
};
const SWEEP = { ...PAIR, sweeps: [{ site: 'resid_pre', mode: 'denoising' }] };
// Long enough to be stopped while it runs.
const LONG = {
  ...SWEEP,
  bos: false,
  clean: PAIR.clean.repeat(8),
  corrupted: PAIR.corrupted.repeat(8),
};

let broken;
let server;
let browser;
before(async () => {
  broken = await mkdtemp(join(tmpdir(), 'patchbay-broken-'));
  const whole = fileURLToPath(new URL('../oracles/models/deep', import.meta.url));
  for (const fault of ['config', 'weights', 'tokenizer', 'huge'])
    await cp(whole, join(broken, fault), { recursive: true });
  await writeFile(join(broken, 'config', 'config.json'), '{"model_type": "llama"}');
  await writeFile(join(broken, 'tokenizer', 'tokenizer.json'), '{}');
  const weights = await readFile(join(whole, 'model.safetensors'));
  await writeFile(join(broken, 'weights', 'model.safetensors'), weights.subarray(0, -1000));
  // Of 38 G parameters: no browser has the memory.
  const config = JSON.parse(await readFile(join(whole, 'config.json'), 'utf8'));
  const huge = { ...config, n_layer: 48, n_embd: 8192, n_head: 64 };
  await writeFile(join(broken, 'huge', 'config.json'), JSON.stringify(huge));
  server = await serveDist({ mounts: { 'broken/': broken } });
  browser = await openChromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
  await rm(broken, { recursive: true, force: true });
});

/** A fresh page, whose errors and requests are kept. */
async function open(path = 'pages/blank.html', from = browser) {
  const page = await from.newPage();
  const errors = watchErrors(page);
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(new URL(path, server.url).href);
  return { page, errors, requests };
}

/** What a browser logs of every file that does not arrive. */
const NOT_ARRIVED = /^Failed to load resource: /;

/** Runs `body` in a page that may import patchbay.js, and only that. */
async function inPage(body, { api = `${server.url}patchbay.js`, ...argument } = {}) {
  const { page, errors } = await open();
  try {
    const found = await page.evaluate(body, { api, ...argument });
    assert.deepEqual(
      errors.filter((error) => !NOT_ARRIVED.test(error)),
      [],
    );
    return found;
  } finally {
    await page.close();
  }
}

/** What a rejected promise of patchbay.js says; run in the page. */
const refusal = async ({ api, options, experiment, runOptions }) => {
  const { load, PatchbayError } = await import(api);
  let engine;
  try {
    engine = await load(options);
    const report = await engine.run(experiment, runOptions);
    return { report };
  } catch (error) {
    const { code, field, message, name } = error;
    return { code, field, message, name, typed: error instanceof PatchbayError };
  } finally {
    engine?.dispose();
  }
};

describe('load, run and dispose', () => {
  test('a model is loaded and a sweep computed, told step by step', async (context) => {
    const { kinds, cells, progress, engine, report, after } = await inPage(
      async ({ api, experiment }) => {
        const { load } = await import(api);
        const progress = { load: [], run: [] };
        const started = performance.now();
        const engine = await load({ onProgress: (p) => progress.load.push(p), backend: 'cpu' });
        const loaded = performance.now();
        const kinds = [];
        const cells = [];
        const report = await engine.run(
          { ...experiment, cell: { row: 1, column: 3 } },
          {
            onProgress: (p) => progress.run.push(p),
            onUpdate: (update) => {
              kinds.push(update.kind);
              if (update.kind === 'cells') cells.push(...update.cells);
            },
          },
        );
        engine.dispose();
        const after = await engine.run(experiment).catch(({ code }) => code);
        const { model, backend } = engine;
        const times = { load: loaded - started, sweep: report.sweeps[0].seconds * 1000 };
        return { kinds, cells, progress, engine: { model, backend, times }, report, after };
      },
      { experiment: SWEEP },
    );
    const { model, backend, times } = engine;
    context.diagnostic(
      `mini: loaded in ${times.load.toFixed(0)} ms, one sweep in ${times.sweep.toFixed(0)} ms on the CPU`,
    );
    assert.equal(model.name, 'mini');
    assert.match(model.sha256, /^[0-9a-f]{64}$/);
    assert.equal(backend.name, 'cpu');
    assert.deepEqual(report.model, model);
    assert.deepEqual(report.backend, backend);

    const last = progress.load.at(-1);
    assert.equal(last.stage, 'load');
    assert.equal(last.done, last.total);
    assert.ok(last.total > 1_000_000, `${last.total} bytes`);

    const order = ['reading', 'runs', 'cell', 'frames', 'estimate', 'cells'];
    assert.deepEqual(
      kinds.filter((kind, i) => order.includes(kind) && kinds.indexOf(kind) === i),
      order,
    );
    assert.deepEqual(
      [report.sweeps[0].values[0].length, report.sweeps[0].values[0][0].length],
      [model.n_layer, report.reading.clean.length],
    );
    assert.equal(cells.length, report.sweeps[0].values[0].flat().length);
    for (const { row, column, values } of cells) assert.equal(report.sweeps[0].values[0][row][column], values[0]);
    assert.equal(report.cell.metrics[0].toFixed(3), report.sweeps[0].values[0][1][3].toFixed(3));
    for (const run of [report.clean, report.corrupted, report.cell]) {
      assert.equal(run.top.length, 10);
      assert.ok(run.top.every(({ probability }, i, all) => i === 0 || probability <= all[i - 1].probability));
    }
    assert.equal(report.experiment.version, 4);
    assert.equal(report.reading.clean[0].text, '<|endoftext|>');
    assert.equal(after, 'disposed');
  });

  test('what is asked for together is answered in order, and dispose rejects the rest', async () => {
    const { finished, disposed } = await inPage(
      async ({ api, experiment, long }) => {
        const { load } = await import(api);
        const engine = await load({ backend: 'cpu' });
        const finished = [];
        await Promise.all(
          ['denoising', 'noising', 'denoising'].map(async (mode, i) => {
            const { sweeps } = await engine.run({ ...experiment, sweeps: [{ ...experiment.sweeps[0], mode }] });
            finished.push([i, sweeps[0].values[0][0][1]]);
          }),
        );
        const running = engine.run(long).catch(({ code }) => code);
        engine.dispose();
        return { finished, disposed: await running };
      },
      { experiment: SWEEP, long: LONG },
    );
    assert.deepEqual(
      finished.map(([i]) => i),
      [0, 1, 2],
    );
    assert.equal(finished[0][1], finished[2][1]);
    assert.notEqual(finished[0][1], finished[1][1]);
    assert.equal(disposed, 'disposed');
  });

  test('a preview estimates the sweep and does not run it', async () => {
    const { report } = await inPage(refusal, {
      options: { backend: 'cpu' },
      experiment: SWEEP,
      runOptions: { preview: true },
    });
    assert.equal(report.sweeps, undefined);
    assert.equal(typeof report.metrics[0].clean, 'number');
  });

  test('auto takes the CPU where a trial finds it faster, and says so; WebGPU can be insisted on', async () => {
    const backends = await inPage(async ({ api }) => {
      const { load } = await import(api);
      const backends = {};
      for (const backend of ['auto', 'webgpu', 'cpu']) {
        const engine = await load({ backend });
        backends[backend] = engine.backend;
        engine.dispose();
      }
      return backends;
    });
    assert.equal(backends.auto.name, 'cpu');
    const { trial, reason } = backends.auto;
    assert.match(
      reason,
      /^The CPU, because the GPU was not faster in a trial: (over )?[\d.]+ ms on the GPU \(.*in software\), [\d.]+ ms on the CPU\.$/,
    );
    assert.ok(trial.cpu_ms > 0 && trial.gpu_ms > trial.cpu_ms, JSON.stringify(trial));
    for (const ms of [trial.gpu_ms, trial.cpu_ms]) assert.ok(reason.includes(` ${ms} ms `), `${ms}: ${reason}`);
    assert.equal(backends.webgpu.name, 'webgpu');
    assert.match(backends.webgpu.reason, /asked for.*itself the CPU.*checked against the CPU's/);
    assert.equal(backends.webgpu.trial, undefined);
    assert.equal(backends.cpu.name, 'cpu');
    assert.equal(backends.cpu.reason, undefined);
  });
});

describe('cancelling', () => {
  test('an AbortSignal stops a sweep midway, and the engine can be used again', async () => {
    const { name, cells, expected, waited, updatesAfter, report, again } = await inPage(
      async ({ api, experiment, long }) => {
        const { load } = await import(api);
        const engine = await load({ backend: 'cpu' });
        const control = new AbortController();
        let cells = 0;
        let updates = 0;
        let expected;
        const error = await engine
          .run(long, {
            signal: control.signal,
            onUpdate: (update) => {
              updates += 1;
              if (update.kind === 'estimate') expected = update.plan.runs;
              if (update.kind !== 'cells') return;
              cells += update.cells.length;
              control.abort();
            },
          })
          .catch((error) => error);
        const before = updates;
        const stopped = performance.now();
        const report = await engine.run(experiment);
        const waited = (performance.now() - stopped) / 1000;
        const fresh = await load({ backend: 'cpu' });
        const again = await fresh.run(experiment);
        engine.dispose();
        fresh.dispose();
        return { name: error.name, cells, expected, waited, updatesAfter: updates - before, report, again };
      },
      { experiment: SWEEP, long: LONG },
    );
    assert.equal(name, 'AbortError');
    assert.ok(cells > 0 && cells < expected, `${cells} of ${expected} cells`);
    assert.equal(updatesAfter, 0);
    assert.deepEqual(report.sweeps[0].values[0], again.sweeps[0].values[0]);
    assert.ok(waited < 30, `the next run took ${waited} s`);
  });

  test('the worker itself stops: it says so long before it could have finished', async () => {
    const { answers, cells, expected, waiting } = await inPage(
      ({ api, long }) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(new URL('engine.js', api), { type: 'module' });
          const answers = [];
          let cells = 0;
          let expected;
          const run = (id) => worker.postMessage({ type: 'run', id, experiment: { version: 1, ...long } });
          worker.onerror = (event) => reject(new Error(event.message));
          worker.onmessage = ({ data }) => {
            if (data.type === 'ready') {
              const place = { home: new URL('./', api).href };
              worker.postMessage({ type: 'load', id: 1, model: 'mini', place, backend: 'cpu' });
            } else if (data.type === 'loaded') {
              run(2);
              run(3);
              worker.postMessage({ type: 'cancel', id: 3 });
            } else if (data.type === 'update') {
              if (data.update.kind === 'estimate') expected = data.update.plan.runs;
              if (data.update.kind !== 'cells') return;
              if (cells === 0) worker.postMessage({ type: 'cancel', id: 2 });
              cells += data.update.cells.length;
            } else if (data.type !== 'loading') {
              answers.push([data.type, data.id]);
              if (data.id !== 2) return;
              worker.terminate();
              resolve({ answers, cells, expected });
            }
          };
        }),
      { long: LONG },
    );
    assert.deepEqual(
      answers,
      [
        ['cancelled', 3],
        ['cancelled', 2],
      ],
      JSON.stringify(waiting),
    );
    assert.ok(cells < expected / 2, `${cells} of ${expected} cells`);
  });

  test('a worker that dies rejects what runs and what is asked later', async () => {
    const { page } = await open();
    try {
      const ended = page.evaluate(
        async ({ api, long }) => {
          const { load } = await import(api);
          const engine = await load({ backend: 'cpu' });
          const started = new Promise((resolve) => (globalThis.started = resolve));
          const first = engine.run(long, { onUpdate: () => globalThis.started() });
          const codes = [first.catch(({ code, message }) => `${code}: ${message}`)];
          await started;
          document.title = 'running';
          codes.push(codes[0].then(() => engine.run(long)).catch(({ code }) => code));
          return Promise.all(codes);
        },
        { api: `${server.url}patchbay.js`, long: LONG },
      );
      await page.waitForFunction(() => document.title === 'running');
      await page.workers()[0].evaluate(() =>
        setTimeout(() => {
          throw new Error('struck down');
        }),
      );
      const [running, later] = await ended;
      assert.match(running, /^internal: The engine stopped \(.*struck down\); load it again\.$/);
      assert.equal(later, 'internal');
    } finally {
      await page.close();
    }
  });

  test('a signal that is already aborted, and one that stops the loading', async () => {
    const names = await inPage(async ({ api }) => {
      const { load } = await import(api);
      const control = new AbortController();
      const loading = load({ signal: control.signal, onProgress: () => control.abort() });
      const names = [(await loading.catch((error) => error)).name];
      names.push((await load({ signal: AbortSignal.abort() }).catch((error) => error)).name);
      return names;
    });
    assert.deepEqual(names, ['AbortError', 'AbortError']);
  });
});

describe('refusing', () => {
  const refuses = (what, argument, expected) =>
    test(what, async (context) => {
      const { report, ...found } = await inPage(refusal, { options: { backend: 'cpu' }, ...argument });
      assert.equal(report, undefined, 'it was not refused');
      context.diagnostic(`${found.field ?? found.code}: ${found.message}`);
      assert.ok(found.typed, `${found.name}: ${found.message}`);
      assert.equal(found.code, expected.code);
      if ('field' in expected) assert.equal(found.field, expected.field);
      assert.match(found.message, expected.message);
    });

  const experiment = 'experiment';
  refuses(
    'an unknown metric',
    { experiment: { ...PAIR, metrics: [{ ...PAIR.metrics[0], kind: 'logits' }] } },
    {
      code: experiment,
      field: 'metrics.0',
      message: /unknown variant `logits`, expected one of `logit_difference`/,
    },
  );
  refuses(
    'an unknown field',
    { experiment: { ...PAIR, temperature: 1 } },
    {
      code: experiment,
      message: /unknown field `temperature`/,
    },
  );
  refuses(
    'a prompt that is a number',
    { experiment: { ...PAIR, clean: 5 } },
    {
      code: experiment,
      field: 'clean',
      message: /clean/,
    },
  );
  refuses(
    'a missing prompt',
    { experiment: { clean: 'a', metrics: PAIR.metrics } },
    {
      code: experiment,
      message: /missing field `corrupted`/,
    },
  );
  refuses('no experiment at all', {}, { code: experiment, message: /clean, corrupted and metrics/ });
  refuses(
    'a newer format',
    { experiment: { ...PAIR, version: 99 } },
    {
      code: experiment,
      field: 'version',
      message: /version 99/,
    },
  );
  refuses(
    'another model than the one loaded',
    { experiment: { ...PAIR, model: 'gpt2' } },
    {
      code: experiment,
      field: 'model',
      message: /gpt2, but mini is loaded/,
    },
  );
  test('a cell outside the sweep is let go, and the rest is computed', async () => {
    const { report } = await inPage(refusal, {
      options: { backend: 'cpu' },
      experiment: { ...SWEEP, cell: { row: 99, column: 0 } },
    });
    assert.equal(report.cell, undefined);
    assert.ok(report.sweeps[0].values[0].length > 0);
    const [problem] = report.reading.problems.filter(({ field }) => field === 'cell');
    assert.equal(problem.fatal, false);
    assert.match(problem.message, /row 99/);
  });
  refuses(
    'a capture outside the model',
    { experiment: { ...PAIR, captures: [{ run: 'clean', site: 'z', layer: 99 }] } },
    {
      code: experiment,
      message: /layers? 0 to/,
    },
  );
  refuses(
    'a prompt longer than the context',
    { experiment: { ...PAIR, clean: 'word '.repeat(2000) } },
    {
      code: experiment,
      message: /tokens/,
    },
  );
  refuses(
    'a folder that is not there',
    { options: { model: '../nowhere/' } },
    {
      code: 'network',
      message: /nowhere\/(config|tokenizer)\.json is not there \(status 404\)/,
    },
  );
  refuses(
    'a server that is not there',
    { options: { model: 'http://localhost:9/model/' } },
    {
      code: 'network',
      message: /could not be reached/,
    },
  );
  refuses(
    'a folder of Patchbay that is not there',
    { options: { base: '../nowhere/' } },
    {
      code: 'network',
      message: /engine\.js cannot be started/,
    },
  );
  for (const [fault, message] of Object.entries({
    config: /config\.json/,
    tokenizer: /tokenizer/,
    weights: /model\.safetensors/,
  })) {
    refuses(`a broken ${fault}`, { options: { model: `../broken/${fault}` } }, { code: 'model', message });
  }

  // A GPU in software takes the whole machine's memory before it has none left.
  test('a model that the memory has no room for is refused before its weights are fetched', async () => {
    const { page, errors, requests } = await open();
    const told = await page.evaluate(
      async ({ api }) => {
        const { load } = await import(api);
        const refusal = ({ code, message }) => `${code}: ${message}`;
        return load({ model: '../broken/huge', backend: 'cpu' }).then(() => 'loaded', refusal);
      },
      { api: new URL('patchbay.js', server.url).href },
    );
    assert.match(told, /^out_of_memory: its weights take 51721 MB of memory, and the CPU can address 4294 MB/);
    assert.deepEqual(
      requests.filter((url) => url.endsWith('huge/model.safetensors')),
      [],
    );
    // A plain folder lacks files that it is asked for.
    assert.deepEqual(
      errors.filter((error) => !NOT_ARRIVED.test(error)),
      [],
    );
    await page.close();
  });

  test('what cannot be swept is said in the report, and the rest is computed', async () => {
    const { report } = await inPage(refusal, {
      options: { backend: 'cpu' },
      experiment: { ...SWEEP, corrupted: 'When Bob went to' },
    });
    assert.equal(report.sweeps, undefined);
    assert.equal(report.clean.top.length, 10);
    const [problem] = report.reading.problems.filter(({ field }) => field === 'sweep');
    assert.ok(problem.fatal);
    assert.match(problem.message, /same number/);
  });

  test('a folder that fails to arrive leaves the loaded model as it was', async () => {
    const answers = await inPage(
      ({ api, experiment }) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(new URL('engine.js', api), { type: 'module' });
          const answers = [];
          worker.onerror = (event) => reject(new Error(event.message));
          worker.onmessage = ({ data }) => {
            if (data.type === 'ready') {
              const place = { home: new URL('./', api).href };
              const load = (id, model) => worker.postMessage({ type: 'load', id, model, place, backend: 'cpu' });
              const run = (id) => worker.postMessage({ type: 'run', id, experiment });
              run(1);
              load(2, 'mini');
              load(3, 'nowhere');
              run(4);
              load(5, new URL('broken/weights/', api).href);
              run(6);
            } else if (data.id && !['loading', 'update'].includes(data.type)) {
              answers.push([data.id, data.type, data.failure?.code]);
              if (data.id !== 6) return;
              resolve(answers);
              worker.terminate();
            }
          };
        }),
      { experiment: { version: 1, ...PAIR } },
    );
    assert.deepEqual(answers, [
      [1, 'failed', 'model'],
      [2, 'loaded', undefined],
      [3, 'failed', 'network'],
      [4, 'done', undefined],
      [5, 'failed', 'model'],
      [6, 'failed', 'model'],
    ]);
  });
});

describe('being imported', () => {
  test('example.html shows the sweep, and nothing is asked of any other server', async () => {
    const { page, errors, requests } = await open('example.html');
    await page.waitForFunction(() => document.querySelectorAll('table tr').length > 1);
    const rows = await page.$$eval('table tr', (rows) => rows.map((row) => [...row.cells].map((c) => c.textContent)));
    assert.deepEqual(rows[0].slice(0, 4), ['layer', '<|endoftext|>', 'When', ' John']);
    for (const [layer, ...values] of rows.slice(1)) {
      assert.match(layer, /^\d+$/);
      assert.equal(values.length, rows[0].length - 1);
      for (const value of values) assert.match(value, /^-?\d+\.\d\d$/);
    }
    // The worker's own requests are among them, so none could have been missed.
    for (const name of ['worker_bg.wasm', 'model.safetensors']) {
      assert.ok(
        requests.some((url) => url.endsWith(name)),
        `${name} in ${requests}`,
      );
    }
    assert.deepEqual(
      requests.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:')),
      [],
    );
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('from another origin, whose server allows it', async () => {
    const elsewhere = await serveFolder(DIST, { headers: { 'access-control-allow-origin': '*' } });
    const { page, errors } = await open('pages/open.html');
    try {
      const { model, values } = await page.evaluate(
        async ({ api, experiment }) => {
          const { load } = await import(api);
          const engine = await load({ backend: 'cpu' });
          const { sweeps } = await engine.run(experiment);
          engine.dispose();
          return { model: engine.model.name, values: sweeps[0].values[0] };
        },
        { api: `${elsewhere.url}patchbay.js`, experiment: SWEEP },
      );
      assert.equal(model, 'mini');
      assert.ok(values.flat().every(Number.isFinite));
      assert.deepEqual(errors, []);
    } finally {
      await page.close();
      await elsewhere.close();
    }
  });

  test('where there is no WebGPU, auto takes the CPU and webgpu is refused', async () => {
    const without = await openChromium({ webgpu: false });
    const { page, errors } = await open('pages/blank.html', without);
    try {
      const found = await page.evaluate(
        async ({ api }) => {
          const { load } = await import(api);
          const gpu = Boolean(navigator.gpu && (await navigator.gpu.requestAdapter()));
          const { backend } = await load();
          const refused = await load({ backend: 'webgpu' }).catch(({ code, message }) => ({ code, message }));
          return { gpu, backend, refused };
        },
        { api: `${server.url}patchbay.js` },
      );
      assert.equal(found.gpu, false, 'this browser has WebGPU after all');
      assert.equal(found.backend.name, 'cpu');
      assert.match(found.backend.reason, /no GPU/);
      assert.equal(found.refused.code, 'no_webgpu');
      assert.match(found.refused.message, /use the CPU/);
      assert.deepEqual(errors, []);
    } finally {
      await without.close();
    }
  });
});
