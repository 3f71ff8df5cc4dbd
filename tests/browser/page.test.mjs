// The page, used as a person uses it, in Chromium; that it opens in Firefox too.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openChromium, openFirefox, serveDist, watchErrors } from './harness.mjs';
import { largestDifference, TOLERANCES } from './oracle.mjs';
import { choose, computed, link, openPage, parse, PATIENCE, settled, values } from './page.mjs';
import { changeWorker } from './worker.mjs';

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

/** A test on a fresh page; nothing may go wrong on it unnoticed. */
const onPage = (what, body, { hash, options, tolerate } = {}) =>
  test(what, { timeout: 3 * PATIENCE }, async (context) => {
    const it = await openPage(browser, server, hash, options);
    try {
      await body(it.page, context, it);
      assert.deepEqual(await it.page.evaluate(() => globalThis.violations), []);
      assert.deepEqual(
        it.errors.filter((error) => !tolerate?.test(error)),
        [],
      );
      const elsewhere = it.requests.filter((url) => !url.startsWith(server.url) && !/^(data|blob):/.test(url));
      assert.deepEqual(elsewhere, []);
    } finally {
      await it.close();
    }
  });

const tops = (page, run) => page.getByTestId(`top-${run}`).locator('li');
const metric = async (page, run) => parse(await page.getByTestId(`metric-${run}`).textContent());

describe('opening', () => {
  onPage('the example is computed by itself', async (page, context, { requests }) => {
    await settled(page);
    const seconds = (await page.evaluate(() => performance.now())) / 1000;
    context.diagnostic(`navigation to first sweep: ${seconds.toFixed(2)} s`);
    const found = await values(page);
    assert.ok(found.flat().every((value) => Number.isFinite(value)));
    for (const run of ['clean', 'corrupted']) {
      assert.equal(await tops(page, run).count(), 10);
      assert.ok(Number.isFinite(await metric(page, run)));
    }
    assert.match(await page.getByTestId('model').textContent(), /^mini$/);
    assert.match(await page.getByTestId('backend').textContent(), /CPU/);
    assert.match(
      await page.getByTestId('backend-reason').textContent(),
      /faster in a trial: .* ms on the GPU .* ms on the CPU/,
    );
    assert.equal(await page.getByTestId('pair-0').getAttribute('data-differs'), 'false');
    assert.match(await page.getByTestId('chip-clean-0').textContent(), /endoftext/);
    // Position 0 is the same token in both runs, so patching it changes nothing.
    const corrupted = await metric(page, 'corrupted');
    for (const [first] of found) assert.ok(Math.abs(first - corrupted) < 0.01, `${first}, not ${corrupted}`);
    assert.ok(requests.some((url) => url.endsWith('/worker_bg.wasm')));
  });

  onPage('the strongest cell is there to be chosen as soon as there is a map', async (page) => {
    await settled(page);
    const corrupted = await metric(page, 'corrupted');
    const distance = (await values(page)).map((row) => row.map((value) => Math.abs(value - corrupted)));
    await page.getByTestId('strongest').click();
    const chosen = page.locator('[data-testid=heatmap] td.chosen');
    await chosen.waitFor();
    const [row, column] = (await chosen.getAttribute('data-testid')).split('-').slice(1).map(Number);
    assert.equal(distance[row][column], Math.max(...distance.flat()));
  });

  onPage('the numbers are those of patchbay.js, on the map and in the table', async (page) => {
    await settled(page);
    // The address holds the experiment from the first change on.
    await page.getByTestId('cell-0-1').click();
    const { experiment } = await link(page);
    const report = await computed(page, server, experiment);
    const found = await values(page);
    assert.deepEqual(
      found.map((row) => row.length),
      report.sweeps[0].values[0].map((row) => row.length),
    );
    assert.ok(largestDifference(found.flat(), report.sweeps[0].values[0].flat()) < 1e-6);
    assert.ok(Math.abs((await metric(page, 'clean')) - report.metrics[0].clean) < 0.006);
    assert.ok(Math.abs((await metric(page, 'corrupted')) - report.metrics[0].corrupted) < 0.006);

    await page.locator('details.values > summary').click();
    // The table is made once it is opened.
    const written = page.getByTestId('table').locator('tbody tr');
    await written.nth(found.flat().length - 1).waitFor();
    const rows = await written.evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
    assert.equal(rows.length, found.flat().length);
    const { clean, corrupted } = report.metrics[0];
    for (const [layer, position, , raw, normalised] of rows) {
      const value = report.sweeps[0].values[0][layer][position];
      assert.ok(Math.abs(parse(raw) - value) <= 1e-4, `${raw}, not ${value}`);
      const share = (value - corrupted) / (clean - corrupted);
      assert.ok(
        Math.abs(parse(normalised) - share) <= 1e-4 * Math.max(1, Math.abs(share)),
        `${normalised}, not ${share}`,
      );
    }
  });

  for (const [what, hash, sentence] of [
    ['cut short', '#v1=eyJ2ZXJzaW9uIjox', /cut short|not an experiment/],
    ['of a later form', '#v7=AAAA', /"v7".*newer Patchbay/],
    ['of a later version', `#v1=${Buffer.from('{"version":9}').toString('base64url')}`, /format version 9/],
  ]) {
    onPage(
      `a link ${what} says so, is kept, and the example is shown`,
      async (page) => {
        const notice = page.getByTestId('broken-link');
        assert.match(await notice.textContent(), sentence);
        assert.equal(await notice.locator('input').inputValue(), hash);
        await settled(page);
      },
      { hash },
    );
  }

  test('in Firefox', { timeout: 3 * PATIENCE }, async (context) => {
    const firefox = await openFirefox();
    try {
      const page = await firefox.newPage();
      const errors = watchErrors(page);
      await page.goto(server.url);
      await page.waitForSelector('[data-testid=status][data-state=done]', { timeout: PATIENCE });
      context.diagnostic(
        `navigation to first sweep: ${((await page.evaluate(() => performance.now())) / 1000).toFixed(2)} s`,
      );
      const found = await page.$$eval('[data-testid^=cell-]', (cells) =>
        cells.map((cell) => Number(cell.dataset.value)),
      );
      assert.ok(found.length > 0 && found.every(Number.isFinite));
      assert.deepEqual(errors, []);
    } finally {
      await firefox.close();
    }
  });
});

describe('changing the experiment', () => {
  onPage('an edited prompt gives another map, and its link the same numbers elsewhere', async (page) => {
    await settled(page);
    const before = await values(page);
    const prompt = page.getByTestId('clean-prompt');
    const text = (await prompt.inputValue()).replace('store', 'park');
    await prompt.fill(text);
    await settled(page);
    const edited = await values(page);
    assert.notDeepEqual(edited, before);
    await page.getByTestId('cell-1-2').click();
    await tops(page, 'patched').nth(9).waitFor();
    const { url, experiment } = await link(page);
    assert.equal(experiment.clean, text);
    assert.deepEqual(experiment.cell, { row: 1, column: 2 });

    const other = await openPage(browser, server, new URL(url).hash);
    try {
      await settled(other.page);
      await tops(other.page, 'patched').nth(9).waitFor();
      assert.deepEqual(await values(other.page), edited);
      for (const run of ['clean', 'corrupted', 'patched']) {
        assert.deepEqual(await tops(other.page, run).allTextContents(), await tops(page, run).allTextContents());
        assert.equal(await metric(other.page, run), await metric(page, run));
      }
    } finally {
      await other.close();
    }

    await page.reload();
    await settled(page);
    assert.equal(await page.getByTestId('clean-prompt').inputValue(), text);
    assert.deepEqual(await values(page), edited);
  });

  onPage('a cell shows its run', async (page) => {
    await settled(page);
    await page.getByTestId('cell-2-4').click();
    await tops(page, 'patched').nth(9).waitFor();
    const { experiment } = await link(page);
    assert.deepEqual(experiment.cell, { row: 2, column: 4 });
    const report = await computed(page, server, experiment);
    assert.ok(Math.abs((await metric(page, 'patched')) - report.cell.metrics[0]) < 0.006);
    const shown = await tops(page, 'patched').locator('.tok').allTextContents();
    assert.equal(shown.length, report.cell.top.length);
    for (const [i, { text }] of report.cell.top.entries()) {
      assert.ok(shown[i].includes(text.trim()), `${shown[i]}, not ${text}`);
    }
    assert.equal(await page.getByTestId('cell-2-4').getAttribute('aria-selected'), 'true');
    await page.getByTestId('clear-cell').click();
    assert.equal(await page.getByTestId('cell-2-4').getAttribute('aria-selected'), 'false');
  });

  onPage('without BOS there is a column less', async (page) => {
    await settled(page);
    const before = await values(page);
    await page.getByTestId('bos').uncheck();
    await settled(page);
    const without = await values(page);
    assert.equal(without[0].length, before[0].length - 1);
    assert.doesNotMatch(await page.getByTestId('chip-clean-0').textContent(), /endoftext/);
    assert.equal((await link(page)).experiment.bos, false);
  });

  onPage('noising, and another site', async (page) => {
    await settled(page);
    const denoising = await values(page);
    await choose(page, 'mode-noising');
    await settled(page);
    const noising = await values(page);
    assert.notDeepEqual(noising, denoising);
    // Here what is not patched is the clean run.
    assert.ok(Math.abs(noising[0][0] - (await metric(page, 'clean'))) < 0.01);
    await page.getByTestId('site').selectOption('z');
    await settled(page);
    const heads = await values(page);
    const { experiment } = await link(page);
    assert.deepEqual(experiment.sweeps, [{ site: 'z', mode: 'noising' }]);
    const report = await computed(page, server, experiment);
    assert.equal(heads[0].length, report.model.n_head);
    assert.ok(largestDifference(heads.flat(), report.sweeps[0].values[0].flat()) < 1e-6);
  });

  onPage('an answer of several tokens is explained, and the offer taken', async (page) => {
    await settled(page);
    await page.getByTestId('answer').fill('Mary');
    await page.getByTestId('answer-take').waitFor();
    await page.getByTestId('answer-take').click();
    assert.equal(await page.getByTestId('answer').inputValue(), ' Mary');
    await settled(page);
  });

  onPage('prompts of different lengths: a sentence, and the runs all the same', async (page) => {
    await settled(page);
    const prompt = page.getByTestId('corrupted-prompt');
    await prompt.fill(`${await prompt.inputValue()} the`);
    const problem = page.getByTestId('problems-sweep');
    await problem.getByText(/same number/).waitFor();
    assert.equal(await tops(page, 'corrupted').count(), 10);
  });
});

describe('what the other room and the engine leave alone', () => {
  onPage('the way back to the example goes away with the last change, whatever the other room has', async (page) => {
    await settled(page);
    const back = page.getByTestId('reset');
    assert.ok(await back.isDisabled());
    await choose(page, 'room-steering');
    await page.getByTestId('steer-prompt').fill('The food was');
    await choose(page, 'room-patching');
    await page.getByTestId('clean-prompt').waitFor();
    assert.ok(await back.isDisabled());
    await page.getByTestId('clean-prompt').fill('Another');
    await back.click();
    await page.locator('[data-testid=reset]:disabled').waitFor();
    assert.equal((await link(page)).experiment.steer.prompt, 'The food was');
  });

  onPage(
    'what was typed outlives the engine, sent or not',
    async (page) => {
      await settled(page);
      await choose(page, 'room-steering');
      await page.getByTestId('summary').locator('p').first().waitFor();
      await page.locator('[data-testid=direction-0] details > summary').click();
      await page.getByTestId('layer-0-1').focus();
      await page.getByTestId('steer-words').evaluate((field) => {
        // Not yet left, so not yet part of the experiment.
        field.value = 'half a wor';
      });
      await page.workers()[0].evaluate(() =>
        setTimeout(() => {
          throw new Error('struck down');
        }),
      );
      await page
        .getByTestId('notice')
        .getByText(/struck down/)
        .waitFor();
      await page.getByTestId('backend').getByText(/CPU/).waitFor();
      assert.equal(await page.getByTestId('steer-words').inputValue(), 'half a wor');
      assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'layer-0-1');
    },
    { tolerate: /struck down/ },
  );
});

describe('working it', () => {
  onPage('a sweep is stopped, and started again', async (page) => {
    await settled(page);
    // Long enough to be stopped; nothing starts before both prompts fit.
    await page.getByTestId('automatic').uncheck();
    for (const side of ['clean', 'corrupted']) {
      const prompt = page.getByTestId(`${side}-prompt`);
      await prompt.fill((await prompt.inputValue()).repeat(4));
    }
    // Past the pause after typing, so that what is run is what was typed.
    const { experiment } = await link(page);
    assert.equal(experiment.corrupted, await page.getByTestId('corrupted-prompt').inputValue());
    await settled(page, 'estimated');
    // Pressed as soon as there is a first value, whatever the machine's speed.
    await page.evaluate(() => {
      const watch = new MutationObserver(() => {
        const some = document.querySelector('[data-testid^=cell-][data-value]');
        const stop = document.querySelector('[data-testid=cancel]');
        const cells = document.querySelectorAll('[data-testid^=cell-]').length;
        if (cells < 200 || !some || stop.disabled) return;
        watch.disconnect();
        stop.click();
      });
      watch.observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    await page.getByTestId('run').click();
    await settled(page, 'stopped');
    const found = (await values(page)).flat();
    const done = found.filter((value) => value !== null).length;
    assert.ok(done > 0 && done < found.length, `${done} of ${found.length} cells`);
    await page.getByTestId('run').click();
    await settled(page);
    assert.ok((await values(page)).flat().every((value) => value !== null));
  });

  onPage('on WebGPU the numbers are the same', async (page) => {
    await settled(page);
    const cpu = await values(page);
    await choose(page, 'backend-webgpu');
    await page
      .getByTestId('backend')
      .getByText(/WebGPU/)
      .waitFor();
    await settled(page);
    const difference = largestDifference((await values(page)).flat(), cpu.flat());
    assert.ok(difference <= TOLERANCES.webgpu.sweep, `${difference}`);
    await choose(page, 'backend-cpu');
    await page.getByTestId('backend').getByText(/CPU/).waitFor();
    await settled(page);
    assert.deepEqual(await values(page), cpu);
  });

  onPage('the map is walked with the keyboard', async (page) => {
    await settled(page);
    const size = [(await values(page)).length, (await values(page))[0].length];
    const at = () => page.evaluate(() => document.activeElement.dataset.testid);
    await page.getByTestId('cell-0-0').focus();
    for (const [key, expected] of [
      ['ArrowRight', 'cell-0-1'],
      ['ArrowDown', 'cell-1-1'],
      ['End', `cell-1-${size[1] - 1}`],
      ['ArrowRight', `cell-1-${size[1] - 1}`],
      ['Home', 'cell-1-0'],
      ['Control+End', `cell-${size[0] - 1}-${size[1] - 1}`],
      ['Control+Home', 'cell-0-0'],
      ['ArrowUp', 'cell-0-0'],
      ['PageDown', `cell-${size[0] - 1}-0`],
    ]) {
      await page.keyboard.press(key);
      assert.equal(await at(), expected, key);
    }
    assert.match(await page.getByTestId('detail').textContent(), /metric −?\d/);
    // One stop for the Tab key, not one for each cell.
    assert.equal(await page.locator('[data-testid^=cell-][tabindex="0"]').count(), 1);
    await page.keyboard.press('Enter');
    await tops(page, 'patched').nth(9).waitFor();
    assert.equal(await at(), `cell-${size[0] - 1}-0`);
  });

  onPage(
    'dark where the system is dark, and where it was chosen',
    async (page) => {
      const brightness = () =>
        page.evaluate(() => {
          const [r, g, b] = getComputedStyle(document.body)
            .backgroundColor.match(/[\d.]+/g)
            .map(Number);
          return (r + g + b) / 765;
        });
      assert.ok((await brightness()) < 0.3, 'dark system');
      await page.getByTestId('theme').selectOption('light');
      assert.ok((await brightness()) > 0.7, 'light chosen');
      await page.emulateMedia({ colorScheme: 'light' });
      await page.getByTestId('theme').selectOption('dark');
      await page.reload();
      assert.ok((await brightness()) < 0.3, 'dark chosen, after a reload');
    },
    { options: { colorScheme: 'dark' } },
  );
});

describe('when the engine fails', () => {
  onPage(
    'a worker that dies is started again, and the experiment is as it was',
    async (page) => {
      await settled(page);
      const before = await values(page);
      const [worker] = page.workers();
      await worker.evaluate(() =>
        setTimeout(() => {
          throw new Error('struck down');
        }),
      );
      await page
        .getByTestId('notice')
        .getByText(/struck down/)
        .waitFor();
      await settled(page);
      assert.notEqual(page.workers()[0], worker);
      await page.getByTestId('bos').uncheck();
      await settled(page);
      await page.getByTestId('bos').check();
      await settled(page);
      assert.deepEqual(await values(page), before);
    },
    { tolerate: /struck down/ },
  );

  describe('a worker that says nothing is found out, said, and started again', () => {
    const clocked = { options: { before: (page) => page.clock.install() } };
    const looks = async (page, number) => {
      for (let i = 0; i < number; i += 1) await page.clock.runFor(5_000);
    };
    /** By now, and not only when the page's own time has come. */
    const found = (page) =>
      page
        .getByTestId('notice')
        .getByText(/said nothing/)
        .waitFor({ timeout: 15_000 });
    const end = (page) => page.workers()[0].evaluate(() => globalThis.close());

    onPage(
      'soon, where it had nothing to do before',
      async (page) => {
        await settled(page);
        const before = await values(page);
        await looks(page, 2);
        await end(page);
        await page.getByTestId('bos').uncheck();
        await settled(page, 'busy');
        assert.ok(await page.getByTestId('old').first().isVisible());
        await looks(page, 2);
        await found(page);
        await settled(page);
        await page.getByTestId('bos').check();
        await settled(page);
        assert.deepEqual(await values(page), before);
      },
      clocked,
    );

    onPage(
      'also after what it did was stopped',
      async (page) => {
        await settled(page);
        await page.getByTestId('automatic').uncheck();
        await end(page);
        await page.getByTestId('run').click();
        await settled(page, 'busy');
        await page.getByTestId('cancel').click();
        await looks(page, 9);
        await found(page);
      },
      clocked,
    );

    onPage(
      'also before its first word',
      async (page) => {
        await settled(page);
        await changeWorker(page, 'await new Promise(() => {});');
        await page.reload();
        await settled(page, 'starting');
        await looks(page, 30);
        await settled(page, 'starting');
        await page.unroute('**/engine.js');
        await looks(page, 6);
        await found(page);
        await settled(page);
      },
      clocked,
    );
  });

  onPage(
    'without the engine’s file there is a sentence and a button, which helps once the file is there',
    async (page) => {
      await settled(page);
      await page.route('**/worker_bg.wasm', (route) => route.abort());
      await page.reload();
      await page.getByTestId('start-again').waitFor();
      assert.equal(await page.getByTestId('status').getAttribute('data-state'), 'failed');
      await page.unroute('**/worker_bg.wasm');
      await page.getByTestId('start-again').click();
      await settled(page);
    },
    { tolerate: /worker_bg\.wasm|Failed to (load|fetch)/i },
  );
});

describe('what is wrong with an experiment is always told', () => {
  const hash = (experiment) => `#v1=${Buffer.from(JSON.stringify(experiment)).toString('base64url')}`;
  const plain = {
    version: 2,
    clean: 'When John and Mary went to the store, John gave a bottle to',
    corrupted: 'When Bob and Mary went to the store, John gave a bottle to',
    metrics: [{ kind: 'logit_difference', answer: ' Mary', wrong: ' Bob' }],
    sweeps: [{ site: 'resid_pre', mode: 'denoising' }],
  };
  const steer = {
    prompt: 'I hate you because',
    directions: [{ name: 'r', source: { kind: 'random', seed: 1 }, layers: [99], coefficient: 1 }],
  };

  onPage(
    'about a part that no room shows, at the top of the page',
    async (page) => {
      await page
        .getByTestId('notice')
        .getByText(/\(generate\)/)
        .waitFor();
    },
    { hash: hash({ ...plain, generate: { tokens: 3, repetition_penalty: 0 } }) },
  );

  onPage(
    'about a direction, in the patching room',
    async (page) => {
      // A layer that the model has not is told of at the top, with the nearest that it has.
      await page.getByTestId('misfit').getByText(/layer/).first().waitFor();
      assert.equal(await page.getByTestId('notice').count(), 0);
    },
    { hash: hash({ ...plain, steer, steered: 'clean' }) },
  );

  onPage(
    'a cell that its grid has not got is let go, and the rest goes on',
    async (page) => {
      await settled(page);
      await page
        .getByTestId('notice')
        .getByText(/\(cell\)/)
        .waitFor();
      assert.equal((await link(page)).experiment.cell, undefined);
    },
    { hash: hash({ ...plain, cell: { row: 99, column: 0 } }) },
  );

  onPage(
    'a link with too many sweeps is refused at once, with its text',
    async (page) => {
      await page
        .getByTestId('broken-link')
        .getByText(/sweeps has 500 entries/)
        .waitFor();
      await settled(page);
    },
    { hash: hash({ ...plain, sweeps: Array(500).fill(plain.sweeps[0]) }) },
  );

  onPage(
    'a pair that cannot be run is named, and left out by a button',
    async (page) => {
      await page.getByTestId('leave-out').waitFor();
      assert.match(await page.getByTestId('problems-pairs').textContent(), /1 of 3 pairs/);
      await page.getByTestId('leave-out').click();
      await settled(page);
      assert.equal((await link(page)).experiment.pairs.length, 1);
    },
    {
      hash: hash({
        ...plain,
        pairs: [
          { clean: 'When Tom and Mary went to the store, Tom gave a bottle to', corrupted: plain.corrupted },
          { clean: 'Tom', corrupted: plain.corrupted },
        ],
      }),
    },
  );

  onPage('results from before a change that cannot be run are marked as old', async (page) => {
    await settled(page);
    assert.equal(await page.getByTestId('old').first().isVisible(), false);
    // With BOS an empty prompt is one token long.
    await page.getByTestId('bos').uncheck();
    await page.getByTestId('clean-prompt').fill('');
    await page.getByTestId('problems-clean').locator('.fatal').waitFor();
    assert.ok(await page.getByTestId('old').first().isVisible());
  });
});
