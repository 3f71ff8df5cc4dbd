// The GPT-2-small shape, against the peers: everything that is compared is measured
// in one run, in turns, and must have found the same numbers.

import assert from 'node:assert/strict';
import { largestDifference } from '../browser/oracle.mjs';
import { openLens, openOnnx, openPatchbay, runNative } from './contestants.mjs';
import { continued, EVERY, pass, SET, smallSweep, steered, SWEEPS } from './experiments.mjs';
import { median, planned, time, times } from './numbers.mjs';

const TOLERANCE = 2e-3;
const GPT2 = { layers: 12, heads: 12, width: 64 };

/**
 * A row of the table.
 * @param {string} what
 * @param {{ name: string, seconds: number[] }} ours
 * @param {{ name: string, seconds: number[] } | undefined} theirs
 * @param {number | undefined} bar how many times faster ours has to be
 * @param {string[]} notes
 */
const compared = (what, ours, theirs, bar, notes) => ({
  what,
  ours: `${ours.name} ${times(ours.seconds)}`,
  theirs: theirs ? `${theirs.name} ${times(theirs.seconds)}` : '',
  ratio: theirs && median(theirs.seconds) / median(ours.seconds),
  bar,
  notes: notes.filter(Boolean).join('; '),
  raw: { ours: ours.seconds, theirs: theirs?.seconds },
});

/** What the device did, where the engine counts it. */
function device(counted) {
  if (!counted) return '';
  return Object.entries(counted)
    .map(([name, value]) => `${value.toLocaleString('en')} ${name.replaceAll('_', ' ')}`)
    .join(', ');
}

/** Both found the same next token, with the same logit. */
function agree(report, { best, logit }) {
  const [top] = report.clean.top;
  assert.equal(best, top.id, 'the next token found');
  const difference = largestDifference([top.logit], [logit]);
  assert.ok(difference <= TOLERANCE, `its logit: ${top.logit} and ${logit}`);
}

/** One pass over 15 tokens, on one wasm thread. */
export async function passes({ chromium, server, rounds }) {
  const browser = await chromium();
  try {
    const ours = await openPatchbay(browser, { server, backend: 'cpu', engines: 1 });
    const theirs = await openOnnx(browser, { server, provider: 'wasm', graph: 'pass.onnx' });
    const seconds = { ours: [], theirs: [] };
    let multiplications;
    for (let i = 0; i < 6 * rounds + 2; i++) {
      const experiment = pass(i);
      const found = await ours.run(experiment);
      const other = await theirs.pass(experiment.clean);
      agree(found.report, other);
      ({ multiplications } = found);
      if (i < 2) continue; // warming up
      seconds.ours.push(found.seconds);
      seconds.theirs.push(other.seconds);
    }
    return [
      compared(
        'one 15-token pass, Chromium, one wasm thread',
        { name: ours.backend.device, seconds: seconds.ours },
        { name: 'onnxruntime-web', seconds: seconds.theirs },
        1,
        [planned({ multiplications }, seconds.ours), `loaded in ${time(ours.seconds)}, ${time(theirs.seconds)}`],
      ),
    ];
  } finally {
    await browser.close();
  }
}

/** Greedy text after 15 tokens, keys and values kept, on one wasm thread. */
export async function generation({ chromium, server, rounds }) {
  const browser = await chromium();
  const count = 24;
  try {
    const ours = await openPatchbay(browser, { server, backend: 'cpu', engines: 1 });
    const theirs = await openOnnx(browser, { server, provider: 'wasm', graph: 'step.onnx' });
    const seconds = { ours: [], theirs: [], steered: [] };
    for (let i = 0; i < rounds + 1; i++) {
      // Both prompts are continued: 2 (count - 1) steps, beside the passes.
      const [before, found] = [await ours.run(continued(2 * i, 1)), await ours.run(continued(2 * i + 1, count))];
      const other = await theirs.generate({ tokens: continued(2 * i + 1).clean, count, ...GPT2 });
      assert.deepEqual(
        found.report.clean.continuation.map((token) => token.id),
        other.written,
        'the text generated',
      );
      const [short, long] = [await ours.run(steered(2 * i, 1)), await ours.run(steered(2 * i + 1, count))];
      if (i === 0) continue;
      seconds.steered.push((long.seconds - short.seconds) / (2 * (count - 1)));
      seconds.ours.push((found.seconds - before.seconds) / (2 * (count - 1)));
      seconds.theirs.push(other.seconds / (count - 1));
    }
    const rate = (all) => `${(1 / median(all)).toFixed(1)} tokens a second`;
    return [
      compared(
        'one generated token, Chromium, one wasm thread',
        { name: ours.backend.device, seconds: seconds.ours },
        { name: 'onnxruntime-web', seconds: seconds.theirs },
        undefined,
        [rate(seconds.ours), `against ${rate(seconds.theirs)}`],
      ),
      compared(
        'one steered token, Chromium, one wasm thread',
        { name: ours.backend.device, seconds: seconds.steered },
        { name: 'unsteered', seconds: seconds.ours },
        0.95,
        [rate(seconds.steered)],
      ),
    ];
  } finally {
    await browser.close();
  }
}

/** Whole residual-stream sweeps, in Chromium and natively, against TransformerLens on all cores. */
export async function sweeps({ chromium, server, rounds, made }) {
  const browser = await chromium();
  const lens = await openLens(made.python, made.model);
  const bars = { 'early pair': { browser: 4, native: 15 }, 'late pair': { browser: 15, native: 50 } };
  try {
    const engine = await openPatchbay(browser, { server, backend: 'cpu', engines: 1 });
    const seen = {};
    for (let i = 0; i < rounds; i++) {
      for (const [name, experiment] of Object.entries(SWEEPS)) {
        const it = (seen[name] ??= { browser: [], native: [], lens: [], worst: 0 });
        const [browser, native, theirs] = [
          (await engine.run(experiment)).report.sweeps[0],
          (await runNative(made.native, made.model, experiment)).sweeps[0],
          await lens.sweep(experiment),
        ];
        for (const found of [browser, native]) {
          const difference = largestDifference(found.values[0].flat(), theirs.values[0].flat());
          assert.ok(difference <= TOLERANCE, `${name}: ${difference} from TransformerLens`);
          it.worst = Math.max(it.worst, difference);
        }
        it.browser.push(browser.seconds);
        it.native.push(native.seconds);
        it.lens.push(theirs.seconds);
        it.plan = browser.plan;
        it.device = browser.device;
      }
    }
    return ['browser', 'native'].flatMap((where) =>
      Object.entries(seen).map(([name, it]) =>
        compared(
          `12 x 15 resid_pre sweep, ${name}, ${where === 'browser' ? 'Chromium, one wasm thread' : 'native'}`,
          { name: where === 'browser' ? engine.backend.device : 'patchbay run', seconds: it[where] },
          { name: `TransformerLens (${lens.threads} threads)`, seconds: it.lens },
          bars[name][where],
          [planned(it.plan, it[where]), `values within ${it.worst.toExponential(1)}`],
        ),
      ),
    );
  } finally {
    lens.close();
    await browser.close();
  }
}

/** Every site at once, and a set of eight pairs, in Chromium, against TransformerLens on all cores. */
export async function patching({ chromium, server, made }) {
  const browser = await chromium();
  const lens = await openLens(made.python, made.model);
  const bars = { 'every site, early pair': 3, 'every site, late pair': 8, 'eight late pairs': 8 };
  try {
    const engine = await openPatchbay(browser, { server, backend: 'cpu', engines: 1 });
    const rows = [];
    // Minutes for TransformerLens, so once.
    for (const [name, experiment] of Object.entries({ ...EVERY, 'eight late pairs': SET })) {
      const { sweeps } = (await engine.run(experiment)).report;
      const theirs = await lens.sweep(experiment);
      const worst = Math.max(
        ...sweeps.map(({ values }, i) => largestDifference(values[0].flat(), theirs.values[i].flat())),
      );
      assert.ok(worst <= TOLERANCE, `${name}: ${worst} from TransformerLens`);
      const sum = (key) => sweeps.reduce((total, { plan }) => total + plan[key], 0);
      const plan = { layer_rows: sum('layer_rows'), multiplications: sum('multiplications') };
      const seconds = [sweeps[0].seconds];
      rows.push(
        compared(
          `${name}, Chromium, one wasm thread`,
          { name: engine.backend.device, seconds },
          { name: `TransformerLens (${lens.threads} threads)`, seconds: [theirs.seconds] },
          bars[name],
          [planned(plan, seconds), `values within ${worst.toExponential(1)}`],
        ),
      );
    }
    return rows;
  } finally {
    lens.close();
    await browser.close();
  }
}

/** The same sweep, its cells shared by one and by two workers. */
export async function workers({ chromium, server, rounds }) {
  const browser = await chromium();
  try {
    const one = await openPatchbay(browser, { server, backend: 'cpu', engines: 1 });
    const two = await openPatchbay(browser, { server, backend: 'cpu', engines: 2 });
    const seconds = { one: [], two: [] };
    let plan;
    for (let i = 0; i < 2 * rounds; i++) {
      const experiment = Object.values(SWEEPS)[(i + 1) % 2];
      const [a, b] = [(await one.run(experiment)).report.sweeps[0], (await two.run(experiment)).report.sweeps[0]];
      assert.ok(largestDifference(b.values[0].flat(), a.values[0].flat()) <= 1e-4, 'two workers find what one finds');
      // The early pair is timed; the other warms up, and makes the engine forget it.
      if (i % 2 === 0) continue;
      seconds.one.push(a.seconds);
      seconds.two.push(b.seconds);
      ({ plan } = a);
    }
    return [
      compared(
        '12 x 15 resid_pre sweep, early pair, Chromium, two workers',
        { name: 'two workers', seconds: seconds.two },
        { name: 'one worker', seconds: seconds.one },
        1.7,
        [planned(plan, seconds.two)],
      ),
    ];
  } finally {
    await browser.close();
  }
}

/** One pass over 15 tokens on the same software adapter. The first one compiles shaders: it is told apart. */
export async function webgpu({ chromium, server, rounds }) {
  const seconds = { ours: [], theirs: [] };
  const cold = {};
  let multiplications, name, counted;
  const small = { seconds: [] };
  const browser = await chromium();
  try {
    const ours = await openPatchbay(browser, { server, backend: 'webgpu' });
    const theirs = await openOnnx(browser, { server, provider: 'webgpu', graph: 'pass.onnx' });
    name = ours.backend.device;
    for (let i = 0; i < rounds + 1; i++) {
      const experiment = pass(i);
      const found = await ours.run(experiment);
      const other = await theirs.pass(experiment.clean);
      agree(found.report, other);
      ({ multiplications } = found);
      counted = found.report.device;
      const {
        sweeps: [sweep],
      } = (await ours.run(smallSweep(i))).report;
      small.plan = sweep.plan;
      small.device = sweep.device;
      if (i === 0) Object.assign(cold, { ours: found.seconds, theirs: other.seconds });
      else {
        small.seconds.push(sweep.seconds);
        seconds.ours.push(found.seconds);
        seconds.theirs.push(other.seconds);
      }
    }
  } finally {
    await browser.close();
  }
  return [
    compared(
      'one 15-token pass, Chromium, WebGPU in software',
      { name, seconds: seconds.ours },
      { name: 'onnxruntime-web', seconds: seconds.theirs },
      5,
      [
        planned({ multiplications }, seconds.ours),
        `first pass ${time(cold.ours)}, ${time(cold.theirs)}`,
        device(counted),
      ],
    ),
    compared(
      '12 x 5 resid_pre sweep, Chromium, WebGPU in software',
      { name, seconds: small.seconds },
      undefined,
      undefined,
      [planned(small.plan, small.seconds), device(small.device)],
    ),
  ];
}
