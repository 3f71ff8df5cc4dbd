// A GPU that computes wrongly is refused before its first number, and the CPU goes on.
// What is wrong is a field of the load request, which only a test can put there.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openChromium, serveDist } from './harness.mjs';
import { choose, openPage, PATIENCE, settled, values } from './page.mjs';

let server;
let browser;
before(async () => {
  server = await serveDist();
  browser = await openChromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Has every engine of a page make that kernel wrong. */
const withFaulty = (kernel) => (page) =>
  page.addInitScript((kernel) => {
    const { postMessage } = Worker.prototype;
    Worker.prototype.postMessage = function (message, ...rest) {
      const faulty = message?.type === 'load' && { faulty: kernel };
      return postMessage.call(this, faulty ? { ...message, ...faulty } : message, ...rest);
    };
  }, kernel);

test('the page refuses it, says what is wrong, and goes on with the CPU', { timeout: 3 * PATIENCE }, async () => {
  const { page, errors, close } = await openPage(browser, server, '', { before: withFaulty('LayerNorm') });
  try {
    await settled(page);
    const right = await values(page);
    await choose(page, 'backend-webgpu');
    const notice = page.getByTestId('notice');
    await notice.getByText(/computes wrongly: its kernel LayerNorm gave \S+ where \S+ is right/).waitFor();
    assert.match(await notice.textContent(), /SwiftShader/i, 'which GPU it was');
    assert.equal(await page.getByTestId('reload-gpu').count(), 0, 'it would be as wrong again');
    await page.getByTestId('continue-cpu').click();
    await page.getByTestId('backend').getByText(/CPU/).waitFor();
    await settled(page);
    assert.deepEqual(await values(page), right);
    const facts = await page.getByTestId('backend-reason').textContent();
    assert.match(facts, /^The CPU; the GPU \(.*SwiftShader.*\) computes wrongly: its kernel LayerNorm/i);
    assert.deepEqual(errors, []);
  } finally {
    await close();
  }
});

test('patchbay.js hears of it by a code of its own', { timeout: PATIENCE }, async () => {
  const { page, close } = await openPage(browser, { url: `${server.url}pages/blank.html` }, '', {
    before: withFaulty('UnembedFewAny'),
  });
  try {
    const found = await page.evaluate(
      async ({ api }) => {
        const { load } = await import(api);
        const refused = await load({ backend: 'webgpu' }).catch(({ code, message }) => ({ code, message }));
        const engine = await load({ backend: 'cpu' });
        const { backend } = await engine.run({
          clean: 'John gave a bottle to',
          corrupted: 'Bob gave a bottle to',
          metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
        });
        engine.dispose();
        return { refused, backend };
      },
      { api: `${server.url}patchbay.js` },
    );
    assert.equal(found.refused.code, 'wrong_numbers');
    assert.match(found.refused.message, /kernel UnembedFewAny/);
    assert.equal(found.backend.name, 'cpu');
  } finally {
    await close();
  }
});

test('no link can make a kernel wrong', { timeout: PATIENCE }, async () => {
  const experiment = { version: 1, clean: 'a', corrupted: 'b', metrics: [], faulty: 'LayerNorm' };
  const hash = `#v1=${Buffer.from(JSON.stringify(experiment)).toString('base64url')}`;
  const { page, close } = await openPage(browser, { url: `${server.url}?faulty=LayerNorm` }, hash);
  try {
    await page.getByTestId('broken-link').waitFor();
    await choose(page, 'backend-webgpu');
    await page
      .getByTestId('backend')
      .getByText(/WebGPU/)
      .waitFor();
    assert.match(await page.getByTestId('backend-reason').textContent(), /checked against the CPU's/);
  } finally {
    await close();
  }
});
