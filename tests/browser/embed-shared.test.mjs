// Many embeds on one page: one engine for all, another takes over when its frame goes, and
// out of view for long its memory is given back.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { golden, packed } from '../link.mjs';
import { serveHosts } from './embed-host.mjs';
import { openChromium, openFirefox, serveDist } from './harness.mjs';
import { PATIENCE, settled, values } from './page.mjs';

const { experiment } = await golden('packed-seed');
const other = { ...experiment, clean: 'When Tom and Mary went to the store, Tom gave a bottle to' };

let server;
let hosts;
let browser;
before(async () => {
  server = await serveDist();
  hosts = await serveHosts();
  browser = await openChromium();
});
after(async () => {
  await browser?.close();
  await hosts?.close();
  await server?.close();
});

const iframe = (held, more = '') =>
  `<iframe src="${server.url}embed.html${packed(held)}" width="700" height="450" ${more}></iframe>`;

/** A page of another origin with frames in it. */
async function host(frames, { context: of } = {}) {
  const context = of ?? (await browser.newContext());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(hosts.add(frames.join('\n')));
  const frame = (n) => page.frameLocator('iframe').nth(n);
  return {
    page,
    frame,
    /** How a frame has its engine. */
    engine: (n) => frame(n).locator('html').getAttribute('data-engine'),
    has: (n, state) => frame(n).locator(`html[data-engine=${state}]`).waitFor(),
    run: (n) => frame(n).getByRole('button', { name: 'Run', exact: true }).first().click(),
    close: () => context.close(),
  };
}

describe('embeds of one page', () => {
  test('share an engine, and one takes over when its frame goes', { timeout: 4 * PATIENCE }, async () => {
    const it = await host([iframe({ experiment }), iframe({ experiment: other }), iframe({ experiment })]);
    try {
      await it.run(0);
      await settled(it.frame(0));
      await it.has(0, 'leads');
      await it.run(1);
      await it.run(2);
      await settled(it.frame(1));
      await settled(it.frame(2));
      assert.deepEqual([await it.engine(1), await it.engine(2)], ['follows', 'follows']);
      // Each has its own numbers.
      const [first, second, third] = await Promise.all([0, 1, 2].map((n) => values(it.frame(n))));
      assert.deepEqual(third, first);
      assert.notDeepEqual(second, first);
      await it.page.evaluate(() => document.querySelector('iframe').remove());
      const led = async () => (await Promise.all([0, 1].map((n) => it.engine(n)))).sort();
      for (let i = 0; i < 200 && (await led()).join() !== 'follows,leads'; i++) await it.page.waitForTimeout(50);
      assert.deepEqual(await led(), ['follows', 'leads']);
      for (const n of [0, 1]) {
        await it
          .frame(n)
          .getByTestId('clean-prompt')
          .fill('When Paul and Mary went to the store, Paul gave a bottle to');
        await it.frame(n).locator('[data-testid=status]:not([data-state=done])').waitFor();
        await settled(it.frame(n));
      }
      assert.deepEqual(await values(it.frame(0)), await values(it.frame(1)));
      for (const n of [0, 1]) assert.equal(await it.frame(n).getByTestId('notice').count(), 0);
    } finally {
      await it.close();
    }
  });

  test('run at once without mixing what comes out', { timeout: 4 * PATIENCE }, async () => {
    const prompts = ['John', 'Tom', 'Paul', 'Mark'].map((name) => ({
      ...experiment,
      clean: `When ${name} and Mary went to the store, ${name} gave a bottle to`,
    }));
    const it = await host(prompts.map((experiment) => iframe({ experiment })));
    try {
      // One after another, as a pointer does it, and none is waited for.
      for (const n of prompts.keys()) await it.run(n);
      const all = [];
      for (const n of prompts.keys()) {
        await settled(it.frame(n));
        all.push(await values(it.frame(n)));
      }
      // As each is by itself.
      for (const n of prompts.keys()) {
        const alone = await host([iframe({ experiment: prompts[n] })]);
        await alone.run(0);
        await settled(alone.frame(0));
        assert.deepEqual(all[n], await values(alone.frame(0)), `frame ${n}`);
        await alone.close();
      }
    } finally {
      await it.close();
    }
  });

  test('one that wants another model has an engine of its own', { timeout: 4 * PATIENCE }, async () => {
    const model = `${server.url}oracles/deep/`;
    const it = await host([iframe({ experiment }), iframe({ experiment: { ...experiment, model } })]);
    try {
      await it.run(0);
      await settled(it.frame(0));
      await it.run(1);
      await it.frame(1).getByTestId('download').click();
      await it.has(1, 'own');
      await it.frame(1).getByText('an engine of its own').waitFor();
      assert.equal(await it.engine(0), 'leads');
    } finally {
      await it.close();
    }
  });

  test('a model that is not there fails in its own frame alone', { timeout: 4 * PATIENCE }, async () => {
    const model = `${server.url}nothing-here/`;
    const it = await host([
      iframe({ experiment: { ...experiment, model } }),
      iframe({ experiment }),
      iframe({ experiment: other }),
    ]);
    try {
      for (const n of [0, 1, 2]) await it.run(n);
      for (const n of [1, 2]) {
        await settled(it.frame(n));
        assert.equal(await it.frame(n).getByTestId('notice').count(), 0);
      }
    } finally {
      await it.close();
    }
  });

  test('out of view for long they give the memory back, and run on when asked', { timeout: 4 * PATIENCE }, async () => {
    const context = await browser.newContext();
    await context.clock.install();
    const it = await host([iframe({ experiment }), '<p style="height: 5000px"></p>'], { context });
    try {
      await it.run(0);
      await settled(it.frame(0));
      const before = await values(it.frame(0));
      await it.page.evaluate(() => scrollTo(0, 5000));
      await it.page.waitForTimeout(500);
      await context.clock.fastForward('04:00');
      assert.equal(await it.engine(0), 'leads');
      await context.clock.fastForward('02:00');
      await it.has(0, 'rests');
      // What came out stays; what is asked then is computed.
      assert.deepEqual(await values(it.frame(0)), before);
      await it.page.evaluate(() => scrollTo(0, 0));
      await it.frame(0).getByTestId('clean-prompt').fill('When Tom and Mary went to the store, Tom gave a bottle to');
      await it.has(0, 'leads');
      await it.frame(0).locator('[data-testid=status]:not([data-state=done])').waitFor();
      await settled(it.frame(0));
      assert.notDeepEqual(await values(it.frame(0)), before);
      assert.equal(await it.frame(0).getByTestId('notice').count(), 0);
    } finally {
      await it.close();
    }
  });

  test('without storage each has its own, and says so', { timeout: 4 * PATIENCE }, async () => {
    const server = await serveDist({ headers: { 'access-control-allow-origin': '*' } });
    const sandboxed = `<iframe src="${server.url}embed.html${packed({ experiment })}" sandbox="allow-scripts" width="700" height="450"></iframe>`;
    const it = await host([sandboxed]);
    try {
      await it.run(0);
      await settled(it.frame(0));
      await it.has(0, 'own');
      await it.frame(0).getByText('an engine of its own').waitFor();
    } finally {
      await it.close();
      await server.close();
    }
  });

  test('have so many requests open and no more: one too many is told so', { timeout: PATIENCE }, async () => {
    const www = fileURLToPath(new URL('../../www', import.meta.url));
    const served = await serveDist({ mounts: { 'www/': www } });
    const page = await browser.newPage();
    try {
      await page.goto(`${served.url}pages/blank.html`);
      const found = await page.evaluate(async (url) => {
        const { MOST_OPEN, SharedEngine } = await import(`${url}www/embed/shared.mjs`);
        // It listens, and answers nothing but what is cancelled.
        const worker = Object.assign(new EventTarget(), { asked: [], terminate() {} });
        const say = (data) => setTimeout(() => worker.dispatchEvent(new MessageEvent('message', { data })));
        worker.postMessage = (message) => {
          worker.asked.push(message);
          if (message.type === 'cancel') say({ type: 'cancelled', id: message.id });
        };
        const engine = new SharedEngine(
          () => worker,
          'test',
          () => {},
        );
        const heard = [];
        const hears = () => new Promise((resolve) => engine.addEventListener('message', resolve, { once: true }));
        engine.addEventListener('message', ({ data }) => heard.push(data));
        const ready = hears();
        setTimeout(() => say({ type: 'ready' }), 200);
        await ready;
        for (let id = 1; id <= MOST_OPEN; id += 1) engine.postMessage({ type: 'describe', id });
        const before = worker.asked.length;
        const refused = hears();
        engine.postMessage({ type: 'describe', id: MOST_OPEN + 1 });
        await refused;
        const after = worker.asked.length;
        // One that is done with leaves room for another.
        const cancelled = hears();
        engine.postMessage({ type: 'cancel', id: 7 });
        await cancelled;
        engine.postMessage({ type: 'describe', id: MOST_OPEN + 2 });
        const last = worker.asked.at(-1).type;
        engine.terminate();
        return { most: MOST_OPEN, before, after, last, heard: heard.slice(1) };
      }, served.url);
      const { most, heard } = found;
      assert.deepEqual([found.before, found.after, found.last], [most, most, 'describe']);
      assert.equal(heard.length, 2);
      assert.deepEqual([heard[0].type, heard[0].id, heard[0].failure.code], ['failed', most + 1, 'internal']);
      assert.match(heard[0].failure.message, /^200 requests wait.*cancel it$/);
      assert.deepEqual(heard[1], { type: 'cancelled', id: 7 });
    } finally {
      await page.close();
      await served.close();
    }
  });

  test('share in Firefox, too', { timeout: 4 * PATIENCE }, async () => {
    const firefox = await openFirefox();
    try {
      const page = await firefox.newPage();
      await page.goto(hosts.add([iframe({ experiment }), iframe({ experiment: other })].join('\n')));
      const frames = async () => page.frames().filter((frame) => frame.url().includes('embed.html'));
      for (const frame of await frames()) {
        await frame.waitForSelector('.poster-run:not([hidden])', { timeout: PATIENCE });
        await frame.click('.poster-run');
      }
      const states = [];
      for (const frame of await frames()) {
        await frame.waitForSelector('[data-testid=status][data-state=done]', { timeout: PATIENCE });
        states.push(await frame.evaluate(() => document.documentElement.dataset.engine));
      }
      assert.deepEqual(states.sort(), ['follows', 'leads']);
    } finally {
      await firefox.close();
    }
  });
});
