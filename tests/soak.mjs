// node tests/soak.mjs [--quick]: the built page, used for long in Chromium. Two hundred
// sweeps, fifty texts written with a direction, twenty changes of the model: what the page
// and its workers take after the last is what they took after the third. It prints what
// was measured, and fails where something grew.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DIST, openChromium, serveDist } from './browser/harness.mjs';
import { choose, openPage, PATIENCE, settled } from './browser/page.mjs';
import { serveCdn } from './cdn.mjs';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const TIMES = options.quick ? { sweeps: 40, texts: 12, models: 6 } : { sweeps: 200, texts: 50, models: 20 };
/** By then all is there that is made once. */
const FIRST = 3;

/** What may come and go: garbage of JavaScript's that is not collected yet, a line that is said. */
const SLACK = { javascript: 1 << 20, heap: 1 << 20, wasm: 0, nodes: 50, listeners: 50 };

const SMALL = 'course/small';
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * In the page and in each worker, before their code: tells on a channel how many bytes
 * the WebAssembly memories of this realm have.
 */
function tellMemories() {
  const memories = [];
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
      const made = await original.call(WebAssembly, ...given);
      const { memory } = (made.instance ?? made).exports;
      if (memory) memories.push(memory);
      return made;
    };
  }
  const channel = new BroadcastChannel('soak');
  channel.addEventListener('message', ({ data }) => {
    if (data !== 'how much?') return;
    channel.postMessage(memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0));
  });
}

/** In the page: the bytes of each realm, and what JavaScript takes in all of them. */
async function ask() {
  const wasm = [];
  // Another channel of the same name, which hears the page's own answer too.
  const channel = new BroadcastChannel('soak');
  channel.onmessage = ({ data }) => typeof data === 'number' && wasm.push(data);
  channel.postMessage('how much?');
  const { bytes } = await performance.measureUserAgentSpecificMemory();
  await new Promise((done) => setTimeout(done, 500));
  channel.close();
  return { javascript: bytes, realms: wasm.sort((a, b) => a - b), wasm: wasm.reduce((a, b) => a + b, 0) };
}

/** The built page, whose workers tell how much memory they have. */
async function telling(folder) {
  const dist = join(folder, 'dist');
  await cp(DIST, dist, { recursive: true });
  const worker = join(dist, 'engine.js');
  await writeFile(worker, `(${tellMemories})();\n${await readFile(worker, 'utf8')}`);
  return dist;
}

/**
 * Does something that makes the page compute, and waits until it has: until what
 * `status` names has left the state `done` and come back to it.
 */
async function anew(page, status, act) {
  const selector = `[data-testid=${status}]`;
  await page.evaluate((selector) => {
    globalThis.left = false;
    const observer = new MutationObserver(() => {
      if (document.querySelector(selector)?.dataset.state === 'done') return;
      globalThis.left = true;
      observer.disconnect();
    });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true });
  }, selector);
  await act();
  await page.waitForFunction(
    (selector) => globalThis.left && document.querySelector(selector)?.dataset.state === 'done',
    selector,
    { timeout: PATIENCE },
  );
}

const MB = (bytes) => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
const told = ({ javascript, heap, wasm, realms, nodes, listeners }) =>
  `JavaScript ${MB(javascript)} (the page's ${MB(heap)}), WebAssembly ${MB(wasm)} (${realms.map(MB).join(' + ')}), ` +
  `${nodes} nodes, ${listeners} listeners`;

/** What all takes once what is not needed any more was let go. */
async function measure(page, cdp) {
  for (let i = 0; i < 3; i += 1) await cdp.send('HeapProfiler.collectGarbage');
  const asked = await page.evaluate(ask);
  const { metrics } = await cdp.send('Performance.getMetrics');
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  return { ...asked, heap: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') };
}

/** What grew, as sentences. */
const grown = (what, third, last) =>
  Object.entries(SLACK)
    .filter(([name, slack]) => last[name] > third[name] + slack)
    .map(([name]) => `${what}: ${name} grew from ${third[name]} to ${last[name]}`);

/**
 * Does it `times` times, each time otherwise, and then as the first time; measures after
 * the third and after the last.
 */
async function soak(it, what, times, act) {
  const start = performance.now();
  for (let i = 0; i < FIRST; i += 1) await act(i);
  await act(0);
  const third = await measure(it.page, it.cdp);
  console.log(`after ${FIRST} ${what}: ${told(third)}`);
  for (let i = FIRST; i < times; i += 1) await act(i);
  await act(0);
  const last = await measure(it.page, it.cdp);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`after ${times} ${what}: ${told(last)}; ${seconds} s`);
  assert.ok(third.wasm > 1 << 20, "the engine's memory was found");
  it.grown.push(...grown(what, third, last));
}

const PLACES = ['park', 'school', 'house', 'market', 'office', 'garden', 'shop'];

/** Puts a value into a field. What is typed, the browser keeps to undo it: a node each time. */
const put = (page, testid, value) =>
  page.getByTestId(testid).evaluate((field, value) => {
    field.value = value;
    for (const name of ['input', 'change']) field.dispatchEvent(new Event(name, { bubbles: true }));
  }, value);

/** Another clean prompt each time, of which the engine remembers nothing. */
const sweep = (page) => (i) =>
  anew(page, 'status', () => {
    const at = i === 0 ? 0 : 1 + (i % (PLACES.length - 1));
    return put(page, 'clean-prompt', `When John and Mary went to the ${PLACES[at]}, John gave a bottle to`);
  });

/** Another strength each time. */
const write = (page) => (i) =>
  anew(page, 'steer-status', () => put(page, 'coefficient-number-0', i === 0 ? '0.75' : String(1 + (i % 5) / 8)));

/** One model after the other: the built-in one, of a folder, of a hub. */
function change(page, models) {
  const opened = new Set();
  return (i) =>
    anew(page, 'status', async () => {
      const model = models[i % models.length];
      const experiment = {
        version: 2,
        model,
        bos: false,
        clean: [5, 34, 79, 66, 60],
        corrupted: [5, 50, 79, 66, 60],
        metrics: [{ kind: 'logit_difference', answer: 71, wrong: 70 }],
        sweeps: [{ site: 'resid_pre', mode: 'denoising' }],
      };
      const hash = `#v1=${Buffer.from(JSON.stringify(experiment)).toString('base64url')}`;
      await page.evaluate((hash) => location.assign(hash), hash);
      if (model === 'mini' || opened.has(model)) return;
      if (model === SMALL) await page.getByTestId('ask-host').click();
      await page.getByTestId('download').click();
      opened.add(model);
    });
}

const folder = await mkdtemp(join(tmpdir(), 'patchbay-soak-'));
const cdn = await serveCdn({ models: { [SMALL]: here('oracles/models/deep') } });
// Only a page that is isolated may measure what its workers take.
const headers = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
const server = await serveDist({ dist: await telling(folder), hub: cdn.url, headers });
// Otherwise Chromium measures at the next garbage collection, minutes later.
const browser = await openChromium({ webgpu: false, args: ['--enable-blink-features=ForceEagerMeasureMemory'] });
try {
  const it = await openPage(browser, server, '', { before: (page) => page.addInitScript(tellMemories) });
  it.cdp = await it.page.context().newCDPSession(it.page);
  await it.cdp.send('Performance.enable');
  it.grown = [];
  await settled(it.page);
  await soak(it, 'sweeps', TIMES.sweeps, sweep(it.page));
  await choose(it.page, 'room-steering');
  await it.page.locator('[data-testid=steer-status][data-state=done]').waitFor({ state: 'attached' });
  await soak(it, 'texts', TIMES.texts, write(it.page));
  const models = ['mini', `${server.url}oracles/deep/`, SMALL, `${server.url}oracles/thin/`];
  await soak(it, 'changes of the model', TIMES.models, change(it.page, models));
  assert.deepEqual(it.errors, []);
  assert.deepEqual(it.grown, []);
  console.log('nothing grew');
} finally {
  await browser.close();
  await Promise.all([server.close(), cdn.close()]);
  await rm(folder, { recursive: true, force: true });
}
