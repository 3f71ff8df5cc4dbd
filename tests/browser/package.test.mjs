// The npm package as those have it who use it: from a CDN of another origin, in a Vite
// project, in a bundle of esbuild's, and under TypeScript.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { build } from 'vite';
import { packed } from '../link.mjs';
import { LEFT_OUT, makePackage } from '../package/make.mjs';
import { serveHosts } from './embed-host.mjs';
import { BROWSERS, DIST, serveDist, serveFolder, watchErrors } from './harness.mjs';
import { PATIENCE, settled } from './page.mjs';

const TIMEOUT = { timeout: 3 * PATIENCE };
const TSC = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
const run = promisify(execFile);
/** What the page shows first. */
const experiment = JSON.parse(await readFile(join(DIST, 'experiments/patching-bottle.json'), 'utf8'));
const link = packed({ experiment });

let work;
let made;
/** The package as npm installs it. */
let installed;
let project;
let cdn;
let server;
let hosts;
const browsers = {};

before(async () => {
  work = await mkdtemp(join(tmpdir(), 'patchbay-package-'));
  made = await makePackage(DIST, join(work, 'made'));
  project = join(work, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  // From the packed file, without a registry: it depends on nothing.
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', made.file], { cwd: project });
  installed = join(project, 'node_modules/patchbay');
  cdn = await serveFolder(installed, {
    base: `/npm/patchbay@${made.version}/`,
    headers: {
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    },
  });
  server = await serveDist();
  hosts = await serveHosts();
  for (const [name, open] of Object.entries(BROWSERS)) browsers[name] = await open();
});
after(async () => {
  for (const browser of Object.values(browsers)) await browser.close();
  for (const it of [hosts, server, cdn]) await it?.close();
  await rm(work, { recursive: true, force: true });
});

const filesIn = async (folder) =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));

/** A module of somebody's that imports `from`, runs the first example, and keeps what came of it. */
const script = (from, options = '{}') => `
  import { load, PatchbayError } from ${JSON.stringify(from)};
  globalThis.outcome = (async () => {
    const engine = await load({ backend: "cpu", engines: 1, ...${options} });
    const { clean, corrupted, sweeps } = await engine.run(${JSON.stringify(experiment)});
    engine.dispose();
    return { numbers: [clean.metrics, corrupted.metrics, sweeps[0].values] };
  })().catch((error) => ({ code: error instanceof PatchbayError && error.code, message: String(error.message) }));`;

/** What a page's script kept. */
async function outcome(browser, url) {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  const errors = watchErrors(page);
  try {
    await page.goto(url);
    await page.waitForFunction(() => globalThis.outcome);
    return { ...(await page.evaluate(() => globalThis.outcome)), errors };
  } finally {
    await page.close();
  }
}

let own;
/** The same from the page's own origin, without the package. */
const expected = () =>
  (own ??= (async () => {
    const page = await browsers.chromium.newPage();
    try {
      await page.goto(`${server.url}pages/blank.html`);
      const numbers = await page.evaluate(
        async ({ api, experiment }) => {
          const { load } = await import(api);
          const engine = await load({ backend: 'cpu', engines: 1 });
          const { clean, corrupted, sweeps } = await engine.run(experiment);
          engine.dispose();
          return [clean.metrics, corrupted.metrics, sweeps[0].values];
        },
        { api: `${server.url}patchbay.js`, experiment },
      );
      assert.ok(numbers[2].flat(2).length > 20);
      return numbers;
    } finally {
      await page.close();
    }
  })());

/** Another browser, or another engine in it, may round otherwise. */
function same(numbers, wanted) {
  const [all, other] = [numbers, wanted].map((it) => it.flat(3));
  assert.equal(all.length, other.length);
  const far = Math.max(...all.map((value, i) => Math.abs(value - other[i])));
  assert.ok(far <= 1e-4, `${far} apart`);
}

describe('what is packed', () => {
  test('is the built page without what only measures and shows, and no stray file', async () => {
    const built = (await filesIn(DIST)).filter((path) => !LEFT_OUT.includes(path));
    const wanted = [...built, 'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'package.json'].sort();
    assert.deepEqual(made.files.map(({ path }) => path).sort(), wanted);
    assert.deepEqual((await filesIn(installed)).sort(), wanted);
    for (const path of wanted) assert.doesNotMatch(path, /(^|\/)\.|\.(map|rs|toml|tgz)$|\.test\.|node_modules/);
    const main = ['patchbay.js', 'patchbay.d.ts', 'embed.js', 'embed.d.ts', 'embed.html', 'poster.js', 'index.html'];
    const engine = ['engine.js', 'engine_kernels.wasm', 'worker.js', 'worker_bg.wasm'];
    const mini = ['config.json', 'tokenizer.json', 'model.safetensors'].map((name) => `models/mini/${name}`);
    for (const path of [...main, ...engine, ...mini]) assert.ok(wanted.includes(path), path);
  });

  test('is named in package.json as it is, and runs nothing when it is installed', async () => {
    const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
    assert.match(manifest.version, /^\d+\.\d+\.\d+$/);
    assert.equal(manifest.license, 'MIT OR Apache-2.0');
    for (const field of ['scripts', 'bin', 'dependencies', 'peerDependencies', 'optionalDependencies']) {
      assert.equal(manifest[field], undefined, field);
    }
    const paths = made.files.map(({ path }) => `./${path}`);
    const { exports, sideEffects, main, types } = manifest;
    const named = Object.values(exports).flatMap((to) => (typeof to === 'string' ? to : Object.values(to)));
    for (const name of [...named, ...sideEffects, main, types]) {
      const [start, end] = name.split('*');
      assert.ok(
        paths.some((path) => (end === undefined ? path === name : path.startsWith(start) && path.endsWith(end))),
        name,
      );
    }
    const readme = await readFile(join(installed, 'README.md'), 'utf8');
    assert.doesNotMatch(readme, /\{\{|undefined/);
    assert.ok(readme.includes(`patchbay-${manifest.version}.tgz`));
  });

  test('imports where there is no page, and does nothing there', async () => {
    const text =
      'const { load } = await import("patchbay"); await import("patchbay/embed.js"); console.log(typeof load)';
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', text], { cwd: project });
    assert.equal(stdout.trim(), 'function');
  });

  test('is published under a name of its own only', async () => {
    const other = await makePackage(DIST, join(work, 'named'), { name: '@somebody/patchbay' });
    const [own, named] = await Promise.all(
      [made, other].map(async ({ folder }) => JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))),
    );
    assert.deepEqual([own.private, named.private], [true, undefined]);
    assert.match(await readFile(join(other.folder, 'README.md'), 'utf8'), /from "@somebody\/patchbay"/);
  });
});

describe('TypeScript', () => {
  const consumer = `
    import { load, PatchbayError, type Engine, type Report } from "patchbay";
    import "patchbay/embed.js";
    import type { Digest } from "patchbay/embed.js";

    const engine: Engine = await load({ model: "mini", base: new URL("/patchbay/", location.href) });
    const report: Report = await engine.run({ clean: "a", corrupted: "b", metrics: [] });
    const first: number | null | undefined = report.sweeps?.[0]?.values[0]?.[0]?.[0];
    const element = document.createElement("patchbay-experiment");
    element.set("v2=");
    element.addEventListener("patchbay-result", ({ detail }) => {
      const digest: Digest = detail.digest;
      console.log(digest.of, first);
    });
    try { element.run(); } catch (error) { if (error instanceof PatchbayError) console.log(error.code); }
    // @ts-expect-error a metric is one of a list
    await engine.run({ clean: "a", corrupted: "b", metrics: 3 });
    export {};`;
  const options = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    allowJs: true,
    checkJs: true,
    target: 'es2022',
    lib: ['esnext', 'dom'],
    types: [],
  };
  const resolutions = [
    { module: 'esnext', moduleResolution: 'bundler' },
    { module: 'node16', moduleResolution: 'node16' },
  ];
  for (const resolution of resolutions) {
    test(`finds the types with "${resolution.moduleResolution}"`, async () => {
      const readme = await readFile(join(installed, 'README.md'), 'utf8');
      const examples = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
      assert.equal(examples.length, 3);
      await writeFile(join(project, 'consumer.ts'), consumer);
      await Promise.all(examples.map((text, i) => writeFile(join(project, `readme-${i}.js`), text)));
      await writeFile(
        join(project, 'tsconfig.json'),
        JSON.stringify({
          compilerOptions: { ...options, ...resolution },
          files: ['consumer.ts', ...examples.map((_, i) => `readme-${i}.js`)],
        }),
      );
      const { stdout } = await run(TSC, ['-p', project]).catch((error) => error);
      assert.equal(stdout, '');
    });
  }
});

describe('from a CDN', () => {
  for (const name of Object.keys(BROWSERS)) {
    test(`the module runs in a page of another origin, in ${name}`, TIMEOUT, async () => {
      const url = hosts.add(`<script type="module">${script(`${cdn.url}patchbay.js`)}</script>`);
      const { numbers, errors, message } = await outcome(browsers[name], url);
      assert.equal(message, undefined);
      if (name === 'chromium') assert.deepEqual(numbers, await expected());
      else same(numbers, await expected());
      assert.deepEqual(errors, []);
    });
  }

  const element = (more = '') => `<script src="${cdn.url}embed.js" defer></script>
    <patchbay-experiment link="${link.slice(1)}" title="Who gets the bottle" ${more}></patchbay-experiment>
    <script>
      globalThis.told = [];
      for (const type of ["ready", "result", "error"]) {
        addEventListener("patchbay-" + type, ({ detail }) => told.push(detail));
      }
    </script>`;

  test('the element draws its poster, runs, and opens the whole page', TIMEOUT, async () => {
    const page = await browsers.chromium.newPage();
    page.setDefaultTimeout(PATIENCE);
    const errors = watchErrors(page);
    try {
      await page.goto(hosts.add(element()));
      const frame = page.frameLocator('patchbay-experiment iframe');
      await frame.getByRole('button', { name: /run/i }).click();
      await settled(frame);
      await page.waitForFunction(() => globalThis.told.some(({ type }) => type === 'result'));
      const told = await page.evaluate(() => globalThis.told);
      assert.deepEqual(told.map(({ type }) => type).slice(0, 2), ['ready', 'result']);
      const [whole] = await Promise.all([
        page.context().waitForEvent('page'),
        frame.getByTestId('open-in-patchbay').click(),
      ]);
      await settled(whole);
      assert.ok(whole.url().startsWith(`${cdn.url}#`), whole.url());
      await whole.close();
      assert.deepEqual(errors, []);
    } finally {
      await page.close();
    }
  });

  test('in Firefox, too', TIMEOUT, async () => {
    const page = await browsers.firefox.newPage();
    try {
      await page.goto(hosts.add(element()));
      const frame = await (await page.waitForSelector('>>> iframe', { timeout: PATIENCE })).contentFrame();
      await (await frame.waitForSelector('button', { timeout: PATIENCE })).click();
      await frame.waitForSelector('[data-testid=status][data-state=done]', { timeout: PATIENCE });
    } finally {
      await page.close();
    }
  });

  // As jsDelivr sends every .html file. What was written between the tags is then shown.
  test('the element says so where the CDN sends its page as plain text', TIMEOUT, async () => {
    const page = await browsers.chromium.newPage();
    page.setDefaultTimeout(PATIENCE);
    try {
      await page.route('**/embed.html*', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, contentType: 'text/plain; charset=utf-8' });
      });
      await page.goto(hosts.add(element()));
      await page.waitForFunction(() => globalThis.told.length);
      const [{ type, message }] = await page.evaluate(() => globalThis.told);
      assert.deepEqual([type, message], ['error', 'The experiment could not be shown in this page.']);
    } finally {
      await page.close();
    }
  });
});

describe('bundled', () => {
  const BASE = '/a/course/';
  let site;
  let built;
  before(async () => {
    // As README.md says: the folder is copied to what the site serves.
    await cp(installed, join(project, 'public/patchbay'), { recursive: true, dereference: true });
    // `base` is what the page's address says, so that one build shows all ways.
    const options = `(([base]) => (base ? { base } : {}))(new URLSearchParams(location.search).getAll("base"))`;
    await writeFile(join(project, 'main.js'), `import "patchbay/embed.js";\n${script('patchbay', options)}`);
    const page = (tag, body = '') =>
      `<!doctype html><title>A course</title><link rel="icon" href="data:," />${tag}<body>${body}</body>`;
    const frame = `<patchbay-experiment base="${BASE}patchbay" link="${link.slice(1)}"></patchbay-experiment>`;
    await writeFile(join(project, 'index.html'), page('<script type="module" src="/main.js"></script>'));
    await writeFile(join(project, 'embed.html'), page('<script type="module" src="/main.js"></script>', frame));
    const warnings = [];
    const keep = (text) => warnings.push(text);
    await build({
      root: project,
      base: BASE,
      configFile: false,
      logLevel: 'warn',
      build: { rollupOptions: { input: [join(project, 'index.html'), join(project, 'embed.html')] } },
      customLogger: {
        info() {},
        warn: keep,
        warnOnce: keep,
        error: keep,
        clearScreen() {},
        hasErrorLogged: () => false,
      },
    });
    assert.deepEqual(warnings, []);
    built = join(project, 'dist');
    await esbuild.build({
      absWorkingDir: project,
      entryPoints: ['main.js'],
      outdir: join(built, 'esbuild'),
      bundle: true,
      minify: true,
      // A classic script knows no address of its own, and esbuild says so.
      format: 'iife',
      logOverride: { 'empty-import-meta': 'silent' },
      logLevel: 'warning',
    });
    await writeFile(join(built, 'classic.html'), page('<script src="esbuild/main.js" defer></script>'));
    site = await serveFolder(built, { base: BASE });
  });
  after(() => site?.close());

  test('by Vite, it holds the module and the element, and none of the engine', async () => {
    const scripts = (await filesIn(join(built, 'assets'))).filter((name) => name.endsWith('.js'));
    assert.deepEqual((await filesIn(join(built, 'assets'))).sort(), scripts.sort());
    const text = (await Promise.all(scripts.map((name) => readFile(join(built, 'assets', name), 'utf8')))).join('\n');
    assert.match(text, /patchbay-experiment/);
    assert.doesNotMatch(text, /file:\/\/|wasm_bindgen|wbindgen/);
    assert.ok(text.length < 40_000, `${text.length} characters`);
  });

  const based = (path, base) => `${site.url}${path}?base=${encodeURIComponent(base)}`;
  for (const name of Object.keys(BROWSERS)) {
    test(`by Vite, it runs on copied files, in ${name}`, TIMEOUT, async () => {
      const { numbers, errors, message } = await outcome(browsers[name], based('', `${BASE}patchbay/`));
      assert.equal(message, undefined);
      same(numbers, await expected());
      assert.deepEqual(errors, []);
    });
  }

  test('by Vite, it runs on the files of a CDN', TIMEOUT, async () => {
    const { numbers, errors, message } = await outcome(browsers.chromium, based('', cdn.url));
    assert.equal(message, undefined);
    same(numbers, await expected());
    assert.deepEqual(errors, []);
  });

  test('by esbuild into a classic script, it runs on copied files', TIMEOUT, async () => {
    const { numbers, errors, message } = await outcome(browsers.chromium, based('classic.html', 'patchbay/'));
    assert.equal(message, undefined);
    same(numbers, await expected());
    assert.deepEqual(errors, []);
  });

  test('without a base, it says what is missing', TIMEOUT, async () => {
    const { code, message } = await outcome(browsers.chromium, site.url);
    assert.equal(code, 'network');
    assert.match(message, /assets\/engine\.js cannot be started.*“base”/);
  });

  test('by Vite, the element draws and runs, and leads to the whole page', TIMEOUT, async () => {
    const page = await browsers.chromium.newPage();
    page.setDefaultTimeout(PATIENCE);
    try {
      await page.goto(`${site.url}embed.html`);
      const frame = page.frameLocator('patchbay-experiment iframe');
      await frame.getByRole('button', { name: /run/i }).click();
      await settled(frame);
      await page.goto(
        new URL(await frame.getByTestId('open-in-patchbay').getAttribute('href'), `${site.url}patchbay/`).href,
      );
      await settled(page);
      assert.ok(page.url().startsWith(`${site.url}patchbay/#`), page.url());
    } finally {
      await page.close();
    }
  });
});
