// The CPU's kernels with relaxed SIMD, a module that works in the engine's memory:
// it brings no memory, stack or data of its own, multiplies as plain loops do, is
// used where the browser has the instructions, and is not missed where it is not.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BROWSERS, DIST, openChromium, serveDist, watchErrors } from './harness.mjs';

const FILE = 'engine_kernels.wasm';

let server;
before(async () => (server = await serveDist()));
after(() => server?.close());

/** The sections of a WebAssembly module, by their number. */
function sections(bytes) {
  const found = new Map();
  let at = 8; // after the magic number and the version
  while (at < bytes.length) {
    const id = bytes[at++];
    let size = 0;
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
      byte = bytes[at++];
      size |= (byte & 0x7f) << shift;
    }
    found.set(id, bytes.subarray(at, at + size));
    at += size;
  }
  return found;
}

test('the module has no memory, table, start, element or data, and no global that changes', () => {
  const found = sections(readFileSync(join(DIST, FILE)));
  const names = { 4: 'table', 5: 'memory', 8: 'start', 9: 'element', 11: 'data', 12: 'data count' };
  for (const [id, name] of Object.entries(names)) {
    assert.equal(found.get(Number(id)), undefined, `a ${name} section`);
  }
  // A stack would be a mutable global: type i32 (0x7f), mutable (1).
  const globals = found.get(6) ?? new Uint8Array();
  for (let i = 0; i + 1 < globals.length; i++) {
    assert.ok(globals[i] !== 0x7f || globals[i + 1] !== 1, 'a mutable global: the module uses a stack');
  }
  const text = Buffer.from(found.get(2)).toString('latin1');
  assert.match(text, /^\x01\x03env\x06memory\x02/, 'it imports its memory, and nothing else');
});

/** In the page: the largest difference of the module's products to plain loops, as a part of the sum of the terms' sizes. */
async function multiply(address) {
  const memory = new WebAssembly.Memory({ initial: 512 });
  const module = await WebAssembly.compile(await (await fetch(address)).arrayBuffer()).catch(() => null);
  if (!module) return null;
  const { linear, unembed } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const PANEL = 8; // columns, as in engine/kernels/src/panels.rs
  const [words, floats] = [new Uint32Array(memory.buffer), new Float32Array(memory.buffer)];
  let largest = 0;
  for (const [rows, inner, columns] of [
    [1, 770, 1030],
    [2, 65, 24],
    [3, 66, 33],
    [4, 64, 17],
    [5, 63, 15],
    [15, 130, 70],
    [67, 65, 9],
    [262, 66, 20],
  ]) {
    let top = 1024;
    const take = (n) => (top += n) - n;
    const fill = (n) => {
      const at = take(n);
      for (let i = 0; i < n; i++) floats[at + i] = Math.random() * 2 - 1;
      return at;
    };
    const [x, weight, bias, onto] = [fill(rows * inner), fill(inner * columns), fill(columns), fill(rows * columns)];
    const [out, scratch] = [take(rows * columns), take(300_000)];
    const panels = take(Math.ceil(columns / PANEL) * inner * PANEL);
    floats.fill(0, panels, top);
    for (let k = 0; k < inner; k++) {
      for (let c = 0; c < columns; c++) {
        floats[panels + (Math.floor(c / PANEL) * inner + k) * PANEL + (c % PANEL)] = floats[weight + k * columns + c];
      }
    }
    const compare = (expected) => {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) {
          const { sum, size } = expected(r, c);
          const difference = Math.abs(floats[out + r * columns + c] - sum) / size;
          if (!(difference <= largest)) largest = difference;
        }
      }
    };
    const total = (term, ...more) => {
      const terms = [...Array.from({ length: inner }, (_, k) => term(k)), ...more];
      return { sum: terms.reduce((a, b) => a + b), size: terms.reduce((a, b) => a + Math.abs(b), 2) };
    };
    words.set(
      [rows, inner, columns, 4 * x, inner, 4 * panels, 4 * bias, 4 * onto, columns, 0, 4 * out, columns, 4 * scratch],
      16,
    );
    linear(64);
    compare((r, c) =>
      total(
        (k) => floats[x + r * inner + k] * floats[weight + k * columns + c],
        floats[bias + c],
        floats[onto + r * columns + c],
      ),
    );
    words.set([rows, inner, columns, 4 * x, inner, 4 * weight, inner, 4 * out, columns], 16);
    unembed(64);
    compare((r, c) => total((k) => floats[x + r * inner + k] * floats[weight + c * inner + k]));
  }
  return largest;
}

for (const [name, open] of Object.entries(BROWSERS)) {
  test(`${name} multiplies as plain loops do`, { timeout: 600_000 }, async (context) => {
    const browser = await open();
    try {
      const page = await browser.newPage();
      await page.goto(`${server.url}pages/blank.html`);
      const largest = await page.evaluate(multiply, `${server.url}${FILE}`);
      if (largest === null) return context.skip('this browser has no relaxed SIMD');
      context.diagnostic(`largest difference: ${largest.toExponential(1)}`);
      assert.ok(largest < 5e-7, `${largest}`);
    } finally {
      await browser.close();
    }
  });
}

describe('which kernels run', () => {
  const load = async ({ api, experiment }) => {
    const { load } = await import(api);
    const engine = await load({ backend: 'cpu' });
    const { sweeps } = await engine.run(experiment);
    engine.dispose();
    return { device: engine.backend.device, values: sweeps[0].values[0].flat() };
  };
  const request = () => ({
    api: `${server.url}patchbay.js`,
    experiment: {
      clean: 'When John and Mary went to the store, John gave a bottle to',
      corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
      metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
      sweeps: [{ site: 'resid_pre', mode: 'denoising' }],
    },
  });

  test("the module where it is there, the engine's own where it is not, with the same result", {
    timeout: 600_000,
  }, async (context) => {
    const browser = await openChromium();
    try {
      const page = await browser.newPage();
      const errors = watchErrors(page);
      await page.goto(`${server.url}pages/blank.html`);
      const relaxed = await page.evaluate(load, request());
      assert.equal(relaxed.device, 'WebAssembly, one thread, relaxed SIMD');
      assert.deepEqual(errors, []);
      await page.context().route(`**/${FILE}`, (route) => route.fulfill({ status: 404, body: 'not here' }));
      const plain = await page.evaluate(load, request());
      assert.equal(plain.device, 'WebAssembly, one thread, SIMD 128');
      const largest = Math.max(...plain.values.map((value, i) => Math.abs(value - relaxed.values[i])));
      context.diagnostic(`largest difference: ${largest.toExponential(1)}`);
      assert.ok(largest < 1e-3, `${largest}`);
    } finally {
      await browser.close();
    }
  });
});
