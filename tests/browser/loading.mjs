// Loading a model in a browser from the stand-in CDN, and what came of it.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveCdn } from '../cdn.mjs';
import { writeModel } from '../cdn/model.mjs';
import { serveDist } from './harness.mjs';

/** 115 kB, one of the oracles' models. */
export const SMALL = 'course/small';
/** 19 MB: two whole parts of eight MiB, and a third. */
export const LARGE = 'course/large';
/** Another model of the same size to the byte. */
export const OTHER = 'course/other';

/** Bytes of a part in which weights are kept. */
export const PART = 8 << 20;

/** Bytes that may be on their way, or in a browser's hands, when a connection is lost. */
export const IN_FLIGHT = 4 << 20;

const SMALL_FOLDER = fileURLToPath(new URL('../oracles/models/deep', import.meta.url));
const SHAPE = { n_layer: 6, n_head: 4, n_embd: 256 };

/**
 * The page's server and the CDN, with the models above. `plain(model)` is a folder
 * of the page's own server with the same files.
 */
export async function serveModels() {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-models-'));
  const folders = { [SMALL]: SMALL_FOLDER };
  for (const [seed, name] of [LARGE, OTHER].entries()) {
    folders[name] = join(folder, name);
    await writeModel(folders[name], { ...SHAPE, seed: seed + 1 });
  }
  // Readable from a frame that belongs to no site.
  const headers = { 'access-control-allow-origin': '*' };
  const server = await serveDist({ headers, mounts: { 'random/': folder } });
  const cdn = await serveCdn({ models: folders });
  return {
    server,
    cdn,
    folders,
    page: `${server.url}pages/open.html`,
    plain: (model) => `${server.url}${model === SMALL ? 'oracles/deep' : `random/${model}`}/`,
    /** Everything as it was at first. */
    reset() {
      cdn.clear();
      for (const [name, from] of Object.entries(folders)) cdn.add(name, from);
    },
    async close() {
      await Promise.all([server.close(), cdn.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a model is asked for, to tell it from every other. */
export const EXPERIMENT = {
  clean: [0, 34, 79, 66, 260],
  corrupted: [0, 50, 79, 66, 260],
  bos: false,
  metrics: [{ kind: 'logit_difference', answer: 271, wrong: 270 }],
  captures: [{ run: 'clean', site: 'logits', positions: [0, 4] }],
};

/**
 * In a page: loads a model and runs the experiment, or tells why not.
 * @param {{ api: string, experiment: object, options: object, stopAt?: number }} argument
 *   `stopAt`: bytes after which the loading is stopped
 */
export async function loadInPage({ api, experiment, options, stopAt = Infinity }) {
  const { load, PatchbayError } = await import(api);
  const progress = [];
  const control = new AbortController();
  try {
    const engine = await load({
      backend: 'cpu',
      ...options,
      signal: control.signal,
      onProgress: (p) => {
        progress.push(p);
        globalThis.loadedBytes = p.done;
        if (p.done >= stopAt) control.abort();
      },
    });
    try {
      const { captures, metrics } = await engine.run(experiment);
      // As text: a browser's protocol is slow with long lists.
      const numbers = JSON.stringify([captures, metrics[0].clean, metrics[0].corrupted]);
      return { numbers, source: engine.source, model: engine.model, progress };
    } finally {
      engine.dispose();
    }
  } catch (error) {
    const { name, code, message } = error;
    return { refused: { name, code, message, typed: error instanceof PatchbayError }, progress };
  }
}

/** `options` as `load` takes them, in a page that is open. */
export const loadIn = (page, models, options, more = {}) =>
  page.evaluate(loadInPage, {
    api: `${models.server.url}patchbay.js`,
    experiment: EXPERIMENT,
    options,
    ...more,
  });

/** What a model computes that was loaded without any stand-in. */
export async function reference(page, models, model) {
  const { numbers, refused } = await loadIn(page, models, { model: models.plain(model) });
  assert.equal(refused, undefined, JSON.stringify(refused));
  return numbers;
}

/** The first bytes that each request for the weights asked for. */
export const starts = (cdn) => cdn.asked().map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? 'bytes=0-')[1]));
