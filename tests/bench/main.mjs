// node tests/bench/main.mjs [--quick] [--only PART,...]: what the page costs its
// readers, and what the engine does at full size, against its peers on the same
// weights. Sets up what it needs; prints medians, in brackets the least; the table
// is kept in tests/out/bench.json. Parts: page, embeds, passes, generation, sweeps,
// patching, workers, webgpu. --quick measures each once or twice.

import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { openChromium, serveDist } from '../browser/harness.mjs';
import { embeds } from './embeds.mjs';
import * as full from './full.mjs';
import { printTable, tableOf } from './numbers.mjs';
import { measurePage } from './page.mjs';
import { setup } from './setup.mjs';

const PARTS = ['page', 'embeds', 'passes', 'generation', 'sweeps', 'patching', 'workers', 'webgpu'];

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const parts = options.only?.split(',') ?? PARTS;
for (const part of parts) {
  if (!PARTS.includes(part)) throw new Error(`there is no part ${part}; there are ${PARTS.join(', ')}`);
}
const rounds = options.quick ? 1 : 3;

const MINI = ['page', 'embeds'];
const made = parts.some((part) => !MINI.includes(part)) ? await setup(parts) : {};
const server = await serveDist({
  mounts: made.model && { 'random-gpt2/': made.model, 'onnx/': made.onnx, 'onnxruntime/': made.onnxruntime },
});
const rows = [];
try {
  if (parts.includes('page')) {
    const browser = await openChromium();
    await measurePage(browser, server, { rounds: options.quick ? 2 : 5 });
    await browser.close();
  }
  for (const part of parts.filter((part) => part !== 'page')) {
    const started = performance.now();
    rows.push(...(await { ...full, embeds }[part]({ chromium: openChromium, server, rounds, made })));
    console.log(`measured ${part.padEnd(12)} ${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`);
  }
} finally {
  await server.close();
}

if (rows.length) {
  printTable(tableOf(rows));
  const out = new URL('../out/', import.meta.url);
  await mkdir(out, { recursive: true });
  await writeFile(new URL('bench.json', out), `${JSON.stringify(rows, null, 1)}\n`);
}
