// verify.html replays known values, says which agree, and says so when they do not.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { DIST, openChromium, watchErrors } from './harness.mjs';
import { serveModels, SMALL } from './loading.mjs';

const FACTS = JSON.parse(await readFile(join(DIST, 'verify', 'mini.json'), 'utf8'));
const EXPECTED = FACTS.checks.flatMap(({ expect }) => expect);
const CARD = JSON.parse(await readFile(join(DIST, 'models', 'mini', 'card.json'), 'utf8'));

let models;
let browser;
let context;
before(async () => {
  models = await serveModels();
  browser = await openChromium();
  context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
});
afterEach(() => models.reset());
after(async () => {
  await browser?.close();
  await models?.close();
});

/** The page, with other values in place of the mini model's where `facts` are given. */
async function open({ facts, query = '' } = {}) {
  const page = await context.newPage();
  const errors = watchErrors(page);
  if (facts) await page.route('**/verify/mini.json', (route) => route.fulfill({ json: facts }));
  await page.goto(`${models.server.url}verify.html${query}`);
  await page.getByLabel('CPU', { exact: true }).check();
  return { page, errors };
}

const settled = (page) =>
  page.waitForSelector('#status[data-state=done], #status[data-state=failed]', { timeout: 300_000 });

/** Presses Verify and waits for the end; resolves with the status and the verdict. */
async function verify(page) {
  await page.getByRole('button', { name: 'Verify' }).click();
  await settled(page);
  const verdict = page.locator('#verdict');
  return {
    status: await page.locator('#status').textContent(),
    state: await verdict.getAttribute('data-state'),
    verdict: await verdict.textContent(),
  };
}

/** The rows of the table, by the titles of its columns. */
async function rowsOf(page) {
  const titles = await page.locator('#results thead th').allTextContents();
  const rows = await page
    .locator('#results tbody tr')
    .evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  return rows.map((cells) => Object.fromEntries(titles.map((title, i) => [title, cells[i]])));
}

const copyOf = (value) => JSON.parse(JSON.stringify(value));

describe('the mini model on the CPU', () => {
  test('agrees with every value, by keyboard alone, in one line to copy', { timeout: 400_000 }, async (t) => {
    const { page, errors } = await open();
    await page.getByLabel('mini, which comes with the page').focus();
    await page.keyboard.press('Enter');
    await settled(page);
    assert.equal(await page.locator('#status').textContent(), 'Done.');
    const rows = await rowsOf(page);
    assert.equal(rows.length, EXPECTED.length);
    for (const row of rows) assert.equal(row.Outcome, 'agrees', JSON.stringify(row));
    for (const row of rows) assert.match(row.Source, /^TransformerLens /);
    const differences = rows.map((row) => Number(row.Difference) / (Number(row.Allowed) || 1));
    assert.deepEqual(
      differences,
      differences.toSorted((a, b) => b - a),
      'the worst is first',
    );
    t.diagnostic(`worst: ${rows[0].What}, ${rows[0].Difference}`);
    assert.equal(await page.locator('#verdict').getAttribute('data-state'), 'agrees');
    assert.match(await page.locator('#verdict').textContent(), new RegExp(`^${EXPECTED.length} checks agree, `));
    assert.equal(await page.locator('#card tbody tr').count(), CARD.length);

    await page.getByRole('button', { name: 'Copy' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('#status').textContent === 'Copied.');
    const line = await page.evaluate(() => navigator.clipboard.readText());
    t.diagnostic(line);
    assert.doesNotMatch(line, /\n/);
    assert.match(line, /^Patchbay \d/);
    for (const part of [
      `mini, SHA-256 ${FACTS.sha256};`,
      '; cpu, ',
      `${EXPECTED.length} of ${EXPECTED.length} checks agree`,
      'worst difference ',
    ]) {
      assert.ok(line.includes(part), `${part} in ${line}`);
    }
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('differs from wrong values, and says where', { timeout: 400_000 }, async () => {
    const facts = copyOf(FACTS);
    const wrong = (kind, change) => {
      const check = facts.checks.find(({ expect }) => expect.some(({ read }) => read === kind));
      const expectation = check.expect.find(({ read }) => read === kind);
      change(expectation);
      return `${check.name}: ${expectation.what}`;
    };
    const changed = [
      wrong('first_token', (e) => (e.value += 1)),
      wrong('metric', (e) => (e.value += 0.5)),
      wrong('sweep', (e) => (e.value[1][3] += 2)),
    ];
    const { page, errors } = await open({ facts });
    const { status, state, verdict } = await verify(page);
    assert.deepEqual([status, state], ['Done.', 'differs']);
    assert.match(verdict, new RegExp(`^3 of ${EXPECTED.length} checks differ\\.`));
    const rows = await rowsOf(page);
    assert.deepEqual(
      rows.map(({ Outcome }) => Outcome),
      EXPECTED.map((_, i) => (i < 3 ? 'differs' : 'agrees')),
    );
    assert.ok(rows[0].What.startsWith(changed[0]), rows[0].What);
    assert.equal(rows[0].Difference, 'other');
    const grid = rows.find(({ What }) => What.startsWith(changed[2]));
    assert.match(grid.What, /the worst at layer 1, position 3$/);
    assert.match(
      await page.locator('#line').textContent(),
      new RegExp(`; ${EXPECTED.length - 3} of ${EXPECTED.length} checks agree, `),
    );
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('a check that cannot be run says why, and the others run', { timeout: 400_000 }, async () => {
    const facts = copyOf(FACTS);
    facts.checks = facts.checks.slice(0, 2);
    facts.checks[0].experiments[0].clean = [999_999];
    const { page, errors } = await open({ facts });
    const { state, verdict } = await verify(page);
    assert.equal(state, 'differs');
    assert.match(verdict, /could not be run/);
    const [first] = await rowsOf(page);
    assert.equal(first.Outcome, 'could not be run');
    assert.match(first.Found, /999999|999,999/);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('is stopped', { timeout: 100_000 }, async () => {
    const page = await context.newPage();
    const errors = watchErrors(page);
    await page.route('**/verify/mini.json', () => {}); // never answered
    await page.goto(`${models.server.url}verify.html`);
    const asked = page.waitForRequest('**/verify/mini.json');
    await page.getByRole('button', { name: 'Verify' }).click();
    await asked;
    await page.getByRole('button', { name: 'Stop' }).click();
    await settled(page);
    assert.equal(await page.locator('#status').textContent(), 'Stopped.');
    assert.ok(await page.getByRole('button', { name: 'Verify' }).isEnabled());
    assert.deepEqual(errors, []);
    await page.close();
  });
});

describe('other weights', () => {
  test('are not expected to agree, and their values are shown', { timeout: 400_000 }, async () => {
    const facts = { ...copyOf(FACTS), sha256: '0'.repeat(64) };
    const { page, errors } = await open({ facts });
    const { state, verdict } = await verify(page);
    assert.equal(state, 'foreign');
    assert.match(verdict, /not the weights that the values belong to/);
    assert.ok(verdict.includes(FACTS.sha256) && verdict.includes('0'.repeat(64)), verdict);
    assert.equal((await rowsOf(page)).length, EXPECTED.length);
    assert.match(await page.locator('#line').textContent(), /not the weights that the values belong to/);
    assert.deepEqual(errors, []);
    await page.close();
  });

  test('of another host are loaded only when that is agreed to', { timeout: 400_000 }, async () => {
    const folder = models.cdn.mirror(SMALL);
    const { page, errors } = await open({ query: `?model=${encodeURIComponent(folder)}` });
    assert.ok(await page.locator('[value=other]').isChecked(), 'the link chose it');
    await page.getByRole('button', { name: 'Verify' }).click();
    const offer = page.locator('#offer');
    await offer.waitFor();
    assert.ok((await offer.textContent()).includes(new URL(folder).hostname), 'the host is named');
    assert.ok(await offer.evaluate((it) => it === document.activeElement), 'the offer has the focus');
    await page.getByRole('button', { name: 'Do not load it' }).click();
    await settled(page);
    assert.match(await page.locator('#status').textContent(), /was not loaded/);
    const fetched = models.cdn.asked().filter(({ method }) => method === 'GET');
    assert.deepEqual(fetched, [], 'no weights were asked for');

    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByRole('button', { name: 'Load it and verify' }).click();
    await settled(page);
    assert.equal(await page.locator('#verdict').getAttribute('data-state'), 'foreign');
    assert.equal((await rowsOf(page)).length, EXPECTED.length);
    assert.deepEqual(errors, []);
    await page.close();
  });
});

test('fits a narrow screen, in the light and in the dark', { timeout: 400_000 }, async () => {
  const facts = { ...copyOf(FACTS), checks: FACTS.checks.slice(0, 1) };
  const { page, errors } = await open({ facts });
  await page.setViewportSize({ width: 360, height: 740 });
  await verify(page);
  const colours = [];
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= screen, `${wide} of ${screen} pixels`);
    colours.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
  }
  assert.notEqual(colours[0], colours[1]);
  assert.deepEqual(errors, []);
  await page.close();
});
