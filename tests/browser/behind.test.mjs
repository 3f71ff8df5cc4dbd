// A link whose experiment is a file on some server: nothing is asked there before a
// person agreed, and what does not come is told.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { golden } from '../link.mjs';
import { clean as axe } from './axe.mjs';
import { openChromium, openFirefox, serveDist } from './harness.mjs';
import { openInFirefox, openPage, PATIENCE, settled } from './page.mjs';

const { experiment } = await golden('packed-seed');
const CLEAN = 'When Tom and Mary went to the store, Tom gave a bottle to';
const CORRUPTED = 'When Bob and Mary went to the store, Tom gave a bottle to';
const FILE = JSON.stringify({ ...experiment, clean: CLEAN, corrupted: CORRUPTED });

/** What the other server answers, by path, and what it was asked. */
const ANSWERS = {
  '/lesson.json?part=2': [200, FILE],
  '/nonsense.json': [200, 'nonsense'],
  '/newer.json': [200, '{"version": 99}'],
  '/page.html': [200, '<!doctype html><p>Log in', 'text/html'],
  '/secret.json': [403, 'no'],
  '/latin.json': [200, Buffer.from('{"clean": "caf\xe9"}', 'latin1')],
  '/long-name.json': [200, JSON.stringify({ ...experiment, ['k'.repeat(3_000_000)]: 1 })],
};
let asked = [];
let hangs;
const other = createServer((request, response) => {
  asked.push(request.url);
  const cors = request.url === '/kept-to-itself.json' ? {} : { 'access-control-allow-origin': '*' };
  if (request.url === '/hangs.json') {
    hangs = new Promise((resolve) => response.on('close', resolve));
    return response.writeHead(200, { ...cors, 'content-type': 'application/json' }).write('{');
  }
  if (request.url === '/slow.json') {
    setTimeout(() => response.writeHead(200, { ...cors, 'content-type': 'application/json' }).end(FILE), 2_000);
    return undefined;
  }
  if (request.url === '/moved.json') return response.writeHead(302, { ...cors, location: '/lesson.json?part=2' }).end();
  if (request.url === '/endless.json') {
    response.writeHead(200, { ...cors, 'content-type': 'application/json' });
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(100_000)));
    };
    response.on('drain', more);
    return more();
  }
  const [status, body, type = 'application/json'] = ANSWERS[request.url] ?? [404, 'not there'];
  response.writeHead(status, { ...cors, 'content-type': type }).end(body);
});

let server;
let browser;
let host;
before(async () => {
  server = await serveDist();
  browser = await openChromium();
  await new Promise((resolve) => other.listen(0, 'localhost', resolve));
  host = `localhost:${other.address().port}`;
});
after(async () => {
  await browser?.close();
  await server?.close();
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
});
beforeEach(() => {
  asked = [];
});

/** The page, opened at a link to a file of the other server. */
const opened = async (path, body) => {
  const it = await openPage(browser, server, `#from=http://${host}${path}`);
  try {
    await settled(it.page);
    await body(it.page, it);
  } finally {
    await it.close();
  }
};
const clean = (page) => page.getByTestId('clean-prompt').inputValue();

describe('a link to a file', { timeout: 20 * PATIENCE }, () => {
  test('is asked for after a person agreed, and not before', async () => {
    await opened('/lesson.json?part=2', async (page, { requests, errors }) => {
      const notice = page.getByTestId('behind');
      assert.match(await notice.textContent(), new RegExp(`file at ${host}.*lesson\\.json\\?part=2`));
      assert.match(await clean(page), /^When John/);
      assert.deepEqual([asked, requests.filter((url) => url.includes(host))], [[], []]);
      await axe(page);
      await page.getByTestId('behind-fetch').click();
      await notice.waitFor({ state: 'detached' });
      assert.equal(await clean(page), CLEAN);
      assert.deepEqual(asked, ['/lesson.json?part=2']);
      await settled(page);
      // It is a change like any other, with an address of its own.
      await page.waitForFunction(() => location.hash.startsWith('#v2='));
      await page.getByTestId('undo').click();
      await page.waitForFunction(() => document.querySelector('#clean-prompt').value.startsWith('When John'));
      assert.deepEqual(errors, []);
    });
  });

  test('can be left where it is, also while it comes', async () => {
    await opened('/hangs.json', async (page) => {
      await page.getByTestId('behind-fetch').click();
      while (!asked.length) await page.waitForTimeout(50);
      assert.ok(await page.getByTestId('behind-fetch').isDisabled());
      await page.getByTestId('behind-leave').click();
      await page.getByTestId('behind').waitFor({ state: 'detached' });
      await hangs;
      assert.match(await clean(page), /^When John/);
      // The engine hears as before.
      await page.getByTestId('cell-0-0').click();
      await page.getByTestId('clear-cell').waitFor();
    });
  });

  test('that is left for another address brings nothing there', async () => {
    await opened('/slow.json', async (page) => {
      const go = (path) =>
        page.evaluate((hash) => {
          location.hash = hash;
        }, `from=http://${host}${path}`);
      // Two clicks before the page could follow are one request.
      await page.evaluate(() => {
        const button = document.querySelector('[data-testid=behind-fetch]');
        button.click();
        button.click();
      });
      while (!asked.length) await page.waitForTimeout(50);
      await go('/other.json');
      await page.getByTestId('behind').getByText('/other.json').waitFor();
      await page.waitForTimeout(3_000);
      assert.match(await clean(page), /^When John/);
      assert.match(await page.getByTestId('behind').textContent(), /Nothing was asked there yet.*other\.json/);
      assert.equal(await page.getByTestId('behind-fault').count(), 0);
      assert.deepEqual(asked, ['/slow.json']);
      // The card is that of the address, also on the way back.
      await page.goBack();
      await page.getByTestId('behind').getByText('/slow.json').waitFor();
    });
  });

  for (const [path, says] of [
    ['/not-there.json', /status 404/],
    ['/secret.json', /status 403/],
    ['/nonsense.json', /not an experiment/],
    ['/newer.json', /format version 99/],
    ['/page.html', /is a web page/],
    ['/kept-to-itself.json', /must allow it \(CORS\)/],
    ['/endless.json', /more than 4000000 bytes/],
    // The person agreed to this host, and not to where it may lead.
    ['/moved.json', /leads on to another address/],
    ['/latin.json', /is not UTF-8/],
    ['/long-name.json', /^.{20,1600}$/],
  ]) {
    test(`that brings none says why: ${path}`, async () => {
      await opened(path, async (page) => {
        await page.getByTestId('behind-fetch').click();
        const fault = page.getByTestId('behind-fault');
        await fault.waitFor();
        assert.match(await fault.textContent(), says);
        assert.match(await clean(page), /^When John/);
        // Another try is a click away.
        const before = asked.length;
        await page.getByTestId('behind-fetch').click();
        while (asked.length === before) await page.waitForTimeout(50);
      });
    });
  }

  test('whose address hides its host, or is not safe, is none', async () => {
    for (const [address, says] of [
      ['http://example.org/x.json', /should begin with https/],
      ['https://localhost@example.org/x.json', /before @/],
      ['javascript://x', /should begin with https/],
      ['https%3A%2F%2Fexample.org%5Cx', /backslash/],
    ]) {
      const it = await openPage(browser, server, `#from=${address}`);
      try {
        const broken = it.page.getByTestId('broken-link');
        await broken.waitFor();
        assert.match(await broken.textContent(), says);
        assert.equal(await it.page.getByTestId('behind').count(), 0);
      } finally {
        await it.close();
      }
    }
  });

  test('works in Firefox, and typed into the address of an open page', async () => {
    const firefox = await openFirefox();
    try {
      const { page, errors } = await openInFirefox(firefox, server);
      await page.evaluate(
        (hash) => {
          location.hash = hash;
        },
        `from=${encodeURIComponent(`http://${host}/lesson.json?part=2`)}`,
      );
      await page.waitForSelector('[data-testid=behind-fetch]:not(:disabled)', { timeout: PATIENCE });
      assert.deepEqual(asked, []);
      await page.click('[data-testid=behind-fetch]');
      await page.waitForFunction(
        (clean) => document.querySelector('#clean-prompt').value === clean,
        { timeout: PATIENCE },
        CLEAN,
      );
      assert.deepEqual(errors, []);
    } finally {
      await firefox.close();
    }
  });
});
