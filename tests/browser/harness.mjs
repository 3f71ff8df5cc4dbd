// What every browser test needs: the built page under a sub-path, and browsers
// in which WebGPU works without a GPU.

import { mkdtemp, rm } from 'node:fs/promises';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { serveFolder } from '../static.mjs';

export { serveFolder };

/** The page as `make dist` built it. */
export const DIST = process.env.DIST ?? fileURLToPath(new URL('../../dist', import.meta.url));

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Serves dist/ from a sub-path, as a project page of a static host is. Beside it
 * are the oracles' models, at oracles/<name>/, and pages of the tests, at pages/.
 * @param {object} [options] as `serveFolder` takes them; `mounts` are added
 * @param {string} [options.hub] address of a hub that the page then takes for the hub
 * @param {string} [options.dist] a folder in place of dist/
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export const serveDist = ({ mounts, hub, dist = DIST, ...options } = {}) =>
  serveFolder(dist, {
    base: '/some/sub/',
    mounts: { 'oracles/': here('../oracles/models'), 'pages/': here('pages'), ...mounts },
    rewrite: hub && ((html) => html.replace('<title>', `<meta name="patchbay-hub" content="${hub}" />\n    <title>`)),
    ...options,
  });

/** The first of `names` on PATH, unless the environment variable names another. */
function executable(variable, names) {
  if (process.env[variable]) return process.env[variable];
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // The next folder may have it.
      }
    }
  }
  throw new Error(`no ${names.join(' or ')} on PATH: run .ci/setup test, or set ${variable}`);
}

/** A fixed software WebGPU. */
const WEBGPU_FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Nothing fetched on Chromium's own account. */
const QUIET_FLAGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Where Chromium is. */
export const chromiumPath = () => executable('CHROMIUM', ['chromium', 'chromium-browser', 'google-chrome']);

/**
 * Chromium with WebGPU on SwiftShader.
 * @param {import('playwright-core').LaunchOptions & { webgpu?: boolean }} [options]
 *   `args` are added to the flags; without `webgpu` there is no adapter
 * @returns {Promise<import('playwright-core').Browser>}
 */
export const openChromium = ({ args = [], webgpu = true, ...options } = {}) =>
  chromium.launch({
    executablePath: chromiumPath(),
    // The sandbox needs user namespaces, which a container often lacks.
    chromiumSandbox: false,
    args: [...QUIET_FLAGS, ...(webgpu ? WEBGPU_FLAGS : []), ...args],
    ...options,
  });

/**
 * Firefox with WebGPU, over WebDriver BiDi: a second, independent implementation
 * (wgpu and naga). On a machine without a GPU it runs on Mesa's llvmpipe.
 * @param {Record<string, unknown>} [preferences] beside those that turn WebGPU on
 * @returns {Promise<import('puppeteer-core').Browser>} its close() also removes what it wrote
 */
export async function openFirefox(preferences = {}) {
  // Firefox wants a runtime folder of its own; a container has none.
  const runtime = await mkdtemp(join(tmpdir(), 'patchbay-firefox-'));
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: executable('FIREFOX', ['firefox-esr', 'firefox']),
    headless: true,
    // SwiftShader's driver, chosen for native tests, is not Firefox's.
    env: { ...process.env, XDG_RUNTIME_DIR: runtime, VK_ICD_FILENAMES: undefined },
    extraPrefsFirefox: {
      'dom.webgpu.enabled': true,
      'gfx.webgpu.ignore-blocklist': true,
      'dom.webgpu.workers.enabled': true,
      ...preferences,
    },
  });
  const close = browser.close.bind(browser);
  browser.close = async () => {
    await close();
    await rm(runtime, { recursive: true, force: true, maxRetries: 5 });
  };
  return browser;
}

/** Every browser the tests run in, by name. Both pages have goto, evaluate, close. */
export const BROWSERS = { chromium: openChromium, firefox: openFirefox };

/**
 * Keeps what goes wrong in a page: errors thrown and errors logged.
 * Call it before the page is opened; assert that the list is empty at the end.
 * @returns {string[]} grows as errors come in
 */
export function watchErrors(page) {
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error?.stack ?? error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  return errors;
}
