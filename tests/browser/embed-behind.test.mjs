// An embed whose experiment is a file on some server: a person is asked before that server
// is, and then it is an experiment like any other.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { behind, linked } from '../../www/embed/behind.mjs';
import { LinkFault, unpack } from '../../www/embed/link.mjs';
import { dictionary, golden } from '../link.mjs';
import { clean as axe } from './axe.mjs';
import { serveHosts } from './embed-host.mjs';
import { BROWSERS, openChromium, serveDist, watchErrors } from './harness.mjs';
import { PATIENCE, settled, values } from './page.mjs';

const TIMEOUT = { timeout: 3 * PATIENCE };
const { experiment } = await golden('packed-seed');
const CLEAN = 'When Tom and Mary went to the store, Tom gave a bottle to';
const other = { ...experiment, clean: CLEAN, corrupted: 'When Bob and Mary went to the store, Tom gave a bottle to' };

/** What the other server answers, by path, and what it was asked. */
const ANSWERS = {
  '/lesson.json?part=2': [200, JSON.stringify(other)],
  '/shown.json': [200, JSON.stringify({ experiment: other, show: { parts: ['map'], autorun: true } })],
  '/nonsense.json': [200, 'nonsense'],
  '/newer.json': [200, '{"version": 99, "clean": "", "corrupted": ""}'],
  '/latin.json': [200, Buffer.from('{"clean": "caf\xe9"}', 'latin1')],
  '/large.json': [200, ' '.repeat(4_000_001)],
};
let asked = [];
const files = createServer((request, response) => {
  asked.push(request.url);
  const headers = { 'access-control-allow-origin': '*', 'content-type': 'application/json' };
  if (request.url === '/moved.json') return response.writeHead(302, { ...headers, location: '/nonsense.json' }).end();
  if (request.url === '/hangs.json') return response.writeHead(200, headers).write('{');
  const [status, body] = ANSWERS[request.url] ?? [404, 'not there'];
  return response.writeHead(status, headers).end(body);
});

let server;
let hosts;
let host;
before(async () => {
  server = await serveDist();
  hosts = await serveHosts();
  await new Promise((resolve) => files.listen(0, 'localhost', resolve));
  host = `localhost:${files.address().port}`;
});
after(async () => {
  await hosts?.close();
  await server?.close();
  files.closeAllConnections();
  await new Promise((resolve) => files.close(resolve));
});
beforeEach(() => {
  asked = [];
});

const address = (path) => `${server.url}embed.html#from=http://${host}${path}`;
const framed = (path) => `<iframe src="${address(path)}" title="One" width="700" height="450"></iframe>`;

describe('the address of a file', () => {
  test('has the host that is shown, or is none', async () => {
    const table = JSON.parse(await readFile(new URL('addresses.json', import.meta.url), 'utf8'));
    let read = 0;
    for (const [text] of table) {
      let found;
      try {
        found = behind(`from=${text}`);
      } catch (error) {
        assert.ok(error instanceof LinkFault, error.stack);
        continue;
      }
      read += 1;
      assert.equal(found.host, new URL(found.url).host, text);
      assert.ok(found.url.toLowerCase().startsWith(`${new URL(text).protocol}//${found.host.split(':')[0]}`), text);
    }
    assert.ok(read > 15 && read < table.length - 40, `${read} of ${table.length}`);
    for (const [text, host] of [
      ['https%3A%2F%2Fa.example%2Fx.json', 'a.example'],
      ['https://a.example/x.json?y=1', 'a.example'],
      ['http://localhost:80/x', 'localhost'],
    ]) {
      assert.equal(behind(`from=${text}`).host, host);
    }
    for (const [text, says] of [
      ['http://a.example/x.json', /begin with https/],
      ['https://b@a.example/x.json', /none that can be asked/],
      ['https://a.example/x#y', /none that can be asked/],
      ['https%3A%2F%2Fa.example%5Cx', /none that can be asked/],
      ['javascript://x', /none that can be asked/],
      ['', /none that can be asked/],
    ]) {
      assert.throws(() => behind(`from=${text}`), says, text);
    }
    for (const none of ['', 'v2=abc', 'main']) assert.equal(behind(none), null);
  });

  test('what it holds is a link like any other', async () => {
    for (const held of [other, { experiment: other }, { experiment: other, show: { theme: 'dark' } }]) {
      const { experiment, show } = await unpack(await linked(JSON.stringify(held)), dictionary.toString());
      assert.deepEqual([experiment, show], [other, held.show ?? {}]);
    }
    for (const none of ['nonsense', '7', 'null']) await assert.rejects(linked(none), /holds no experiment/);
  });
});

for (const [name, launch] of Object.entries(BROWSERS)) {
  test(`in ${name} nothing is asked there before a person agreed; then it runs`, TIMEOUT, async () => {
    const browser = await launch();
    try {
      const page = await browser.newPage();
      const errors = watchErrors(page);
      await page.goto(hosts.add(framed('/lesson.json?part=2')));
      const frame = await (await page.waitForSelector('iframe')).contentFrame();
      await frame.waitForSelector('.poster-run:not([hidden])');
      const text = (of) => frame.evaluate((of) => document.querySelector(of)?.textContent, of);
      assert.match(await text('.poster-content'), new RegExp(`file at ${host}.*Nothing was asked.*part=2`, 's'));
      assert.equal(await text('.poster-run'), `Fetch it from ${host}`);
      // What the page around asks for is no agreement.
      await page.evaluate(() => frames[0].postMessage({ patchbay: 1, type: 'run' }, '*'));
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.deepEqual(asked, []);
      await frame.click('.poster-run');
      // As the page around asked before, it runs at once.
      await frame.waitForSelector('[data-testid=status][data-state=done]', { timeout: PATIENCE });
      assert.equal(await frame.evaluate(() => document.querySelector('[data-testid=clean-prompt]').value), CLEAN);
      assert.deepEqual(asked, ['/lesson.json?part=2']);
      assert.equal(await frame.evaluate(() => location.href), address('/lesson.json?part=2'));
      assert.equal(await frame.evaluate(() => document.querySelectorAll('[data-testid=behind]').length), 0);
      assert.deepEqual(errors, []);
    } finally {
      await browser.close();
    }
  });
}

describe('a file', () => {
  let browser;
  before(async () => {
    browser = await openChromium();
  });
  after(() => browser?.close());

  const opened = async (path, body) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    try {
      await page.goto(hosts.add(framed(path)));
      const frame = page.frameLocator('iframe');
      await frame.locator('.poster-run').waitFor();
      await body(frame, page);
    } finally {
      await context.close();
    }
  };

  test('that says what is shown and that it runs by itself is heard', TIMEOUT, async () => {
    await opened('/shown.json', async (frame, page) => {
      await page.waitForTimeout(500);
      assert.deepEqual(asked, []);
      await frame.locator('.poster-run').click();
      await settled(frame);
      assert.equal((await values(frame)).length, 4);
      assert.equal(await frame.getByTestId('clean-prompt').count(), 0);
    });
  });

  test('is asked about in a way that axe finds nothing in', TIMEOUT, async () => {
    const page = await browser.newPage();
    try {
      await page.goto(address('/shown.json'));
      await page.locator('.poster-run').waitFor();
      await axe(page);
      assert.deepEqual(asked, []);
    } finally {
      await page.close();
    }
  });

  for (const [path, says] of [
    ['/not-there.json', /status 404/],
    ['/nonsense.json', /holds no experiment/],
    ['/newer.json', /version 99/],
    ['/latin.json', /is not UTF-8/],
    ['/large.json', /more than 4000000 bytes/],
    ['/moved.json', /leads on to another address/],
  ]) {
    test(`that brings none says why, and can be asked for again: ${path}`, TIMEOUT, async () => {
      await opened(path, async (frame) => {
        for (const asks of [1, 2]) {
          await frame.locator('.poster-run:not([aria-disabled])').click();
          await frame.locator('.poster-failed').getByText(says).waitFor();
          assert.equal(asked.length, asks);
          assert.equal(await frame.locator('.poster-run').textContent(), 'Try again');
        }
      });
    });
  }

  test('that does not come is left for another experiment', TIMEOUT, async () => {
    await opened('/hangs.json', async (frame, page) => {
      await frame.locator('.poster-run').click();
      while (!asked.length) await page.waitForTimeout(50);
      const link = (await golden('packed-steering')).link;
      await page.evaluate((link) => frames[0].postMessage({ patchbay: 1, type: 'set', link }, '*'), link);
      await frame.getByRole('heading', { name: 'Steering' }).waitFor();
      assert.equal(await frame.locator('.poster-status').textContent(), '');
      assert.equal(await frame.locator('.poster-run').textContent(), 'Run');
    });
  });
});
