// The page as a person finds it: opening it, waiting for it, reading it.

import assert from 'node:assert/strict';
import { opened } from '../link.mjs';
import { watchErrors } from './harness.mjs';

/** Milliseconds that anything on the page may take, on a slow and busy machine. */
export const PATIENCE = 120_000;

/**
 * Opens the page in a browser profile of its own, as another reader has it.
 * @param {import('playwright-core').Browser} browser
 * @param {{ url: string }} server
 * @param {string} [hash] with `#`
 * @param {object} [options] the profile's; `before` is given the page before it opens;
 *   `first` for somebody who was never here: the tour is offered, and the sweep's
 *   settings are folded
 */
export async function openPage(browser, server, hash = '', { before, first = false, ...options } = {}) {
  const context = await browser.newContext(options);
  if (!first) await context.addInitScript(known);
  await context.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.violations.push(`${event.violatedDirective}: ${event.blockedURI}`);
    });
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const errors = watchErrors(page);
  const requests = [];
  context.on('request', (request) => requests.push(request.url()));
  await before?.(page);
  await page.goto(server.url + hash);
  return { page, errors, requests, close: () => context.close() };
}

/**
 * The page in Firefox, once its first map is there.
 * @param {import('puppeteer-core').Browser} firefox
 * @param {{ url: string }} server
 */
export async function openInFirefox(firefox, server) {
  const page = await firefox.newPage();
  const errors = watchErrors(page);
  await page.evaluateOnNewDocument(known);
  await page.goto(server.url);
  await page.waitForSelector('[data-testid=status][data-state=done]', { timeout: PATIENCE });
  return { page, errors };
}

/**
 * In a page: as somebody who has had the tour and keeps the sweep's settings unfolded. What
 * the page keeps itself stays.
 */
export function known() {
  try {
    localStorage['patchbay.preferences'] ??= JSON.stringify({ toured: true, settings: true });
  } catch {
    // A frame without storage has nothing to be kept.
  }
}

/** Waits until the sweep of what is on the page is there. */
export const settled = (page, state = 'done') => page.locator(`[data-testid=status][data-state=${state}]`).waitFor();

/** Takes an example and waits until it is what is on the page. */
export async function example(page, file) {
  await page.getByTestId(`example-${file}`).click();
  await page.locator(`[data-testid="example-${file}"][aria-pressed=true]`).waitFor();
}

/** The raw metrics of the heat map, `[layer][column]`. */
export const values = (page) =>
  page
    .getByTestId('heatmap')
    .evaluate((map) =>
      [...map.querySelectorAll('tbody tr')].map((row) =>
        [...row.querySelectorAll('td')].map((cell) =>
          cell.dataset.value === undefined ? null : Number(cell.dataset.value),
        ),
      ),
    );

/** Clicks what is labelled by a visually hidden radio button. */
export const choose = (page, testid) => page.getByTestId(testid).locator('..').click();

/** The experiment in the page's address, once it is the one on the page. */
export async function link(page) {
  const read = () => opened(new URL(page.url()).hash)?.experiment;
  let last;
  // It is written after a pause in typing.
  for (let i = 0; i < 100; i += 1) {
    await page.waitForTimeout(400);
    const now = page.url();
    if (now === last && read()) return { url: now, experiment: read() };
    last = now;
  }
  return assert.fail(`the address stays ${page.url()}`);
}

/** What patchbay.js finds for an experiment, in this browser. */
export async function computed(page, server, experiment, backend = 'cpu') {
  const text = await page.evaluate(
    async ({ api, experiment, backend }) => {
      const { load } = await import(api);
      const engine = await load({ model: experiment.model, backend });
      try {
        return JSON.stringify(await engine.run(experiment));
      } finally {
        engine.dispose();
      }
    },
    { api: `${server.url}patchbay.js`, experiment, backend },
  );
  return JSON.parse(text);
}

/** Numbers as the page writes them, with a minus sign and not a hyphen. */
export const parse = (text) => Number(text.replace('\u2212', '-'));
