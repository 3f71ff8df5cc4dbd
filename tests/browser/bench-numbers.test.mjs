// Numbers that nobody can misread: what was pasted is what is measured, a remark is
// right where it is made, and no fact stands under another thing's name. In Chromium.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { openChromium, serveDist } from './harness.mjs';
import { choose, computed, example, link, openPage, PATIENCE, parse, settled, values } from './page.mjs';

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

const onPage = (what, body, hash) =>
  test(what, { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server, hash);
    try {
      await it.page.getByTestId('status').waitFor();
      await body(it.page);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

/** An experiment as an address holds it. */
const hash = (experiment) => `#v1=${Buffer.from(JSON.stringify(experiment)).toString('base64url')}`;

const NAMES = ['Mary', 'Alice', 'Sarah', 'Tom', 'James', 'Paul'];

/** So many pairs, with what stands in front of each answer. */
const rows = (count, space) =>
  Array.from({ length: count }, (_, i) => {
    const [a, b] = [NAMES[i % 6], NAMES[(Math.floor(i / 6) + i + 1) % 6]];
    const text = (giver) => `When ${a} and ${b} went to the store, ${giver} gave a bottle to`;
    return [text(b), text(a), space + a, space + b];
  });

const table = (list) => list.map((row) => row.join('\t')).join('\n');

/** Pastes a text into what has the focus, as a person does with Ctrl+V. */
const paste = (page, text) =>
  page.evaluate((text) => {
    const data = new DataTransfer();
    data.setData('text/plain', text);
    const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
    document.activeElement.dispatchEvent(event);
  }, text);

const open = (page) => page.locator('[data-testid=pairs-box] > summary').click();
const cell = (page, row, column) => page.getByTestId(`pair-${row}-${column}`);

async function pasted(page, text) {
  await open(page);
  await cell(page, 0, 'clean').focus();
  await paste(page, text);
}

describe('the table of pairs', () => {
  onPage('thirty pasted pairs take the example’s place: results are of thirty', async (page) => {
    await settled(page);
    await pasted(page, table(rows(30, ' ')));
    const { experiment } = await link(page);
    await settled(page);
    assert.equal(experiment.pairs.length, 29);
    assert.equal(experiment.clean, rows(1, ' ')[0][0]);
    assert.equal(await page.getByTestId('clean-prompt').inputValue(), rows(1, ' ')[0][0]);
    assert.equal(await page.getByTestId('answer').inputValue(), ' Mary');
    const report = await computed(page, server, experiment);
    assert.equal(report.reading.cases, 30);
    assert.match(await page.getByTestId('first-of').textContent(), /first of 30/);
    const box = await page.locator('.pair-table').boundingBox();
    assert.ok(box.height < 400, `${box.height} px high`);
  });

  onPage('answers without their space are told of, and all are mended by one click', async (page) => {
    await settled(page);
    await pasted(page, table(rows(30, '')));
    const button = page.getByTestId('put-spaces-in');
    await button.getByText('60 answers').waitFor();
    assert.equal(await cell(page, 3, 'answer').getAttribute('aria-invalid'), 'true');
    assert.match(await cell(page, 3, 'answer').getAttribute('title'), /no space in front/);
    assert.equal(await cell(page, 3, 'clean').getAttribute('aria-invalid'), 'false');
    assert.match(await page.getByTestId('problems-pairs').textContent(), /Answers of 29 further pairs/);
    const without = await computed(page, server, (await link(page)).experiment);
    await button.click();
    const { experiment } = await link(page);
    await settled(page);
    assert.equal(experiment.metrics[0].answer, ' Mary');
    assert.ok(experiment.pairs.every((pair) => pair.answer.startsWith(' ') && pair.wrong.startsWith(' ')));
    await button.waitFor({ state: 'hidden' });
    assert.equal(await page.getByTestId('problems-pairs').textContent(), '');
    const report = await computed(page, server, experiment);
    assert.ok(report.metrics[0].clean > without.metrics[0].clean + 1, `${report.metrics[0].clean}`);
  });

  onPage('each cell is looked at as the single fields are', async (page) => {
    await settled(page);
    const list = rows(4, ' ');
    list[1][2] = 'Zzyzx';
    list[2][0] += ' ';
    list[3][0] = list[3][0].replace('bottle', '☃');
    list[3][1] = list[3][1].replace('bottle', '☃');
    await pasted(page, table(list));
    const told = page.getByTestId('pair-remarks');
    await told.getByText('Row 2: an answer that is not one token').waitFor();
    assert.match(await told.textContent(), /Row 3: a space at the prompt’s end/);
    assert.match(await told.textContent(), /Row 4: words that are new/);
    await page.getByTestId('trim-pairs').click();
    await page.getByTestId('trim-pairs').waitFor({ state: 'hidden' });
    assert.equal(await cell(page, 2, 'clean').inputValue(), rows(4, ' ')[2][0]);
  });

  onPage('it is read as it is typed, and walked with the keys', async (page) => {
    await settled(page);
    await open(page);
    await page.getByTestId('add-pair').click();
    assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'pair-1-clean');
    await page.keyboard.type('When Bob and Mary went to the store, Mary gave a bottle to');
    await page.keyboard.press('Tab');
    await page.keyboard.type('When Bob and Mary went to the store, Bob gave a bottle to');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.type(' Bob');
    await page.keyboard.press('ArrowRight');
    // Nothing was left: the last cell still has the focus.
    await page.keyboard.type(' Mary');
    const { experiment } = await link(page);
    assert.deepEqual(experiment.pairs, [
      {
        clean: 'When Bob and Mary went to the store, Mary gave a bottle to',
        corrupted: 'When Bob and Mary went to the store, Bob gave a bottle to',
        answer: ' Bob',
        wrong: ' Mary',
      },
    ]);
    await settled(page);
    assert.match(await page.getByTestId('first-of').textContent(), /first of 2/);
    await page.keyboard.press('ArrowUp');
    assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'pair-0-wrong');
    // The first row is the editors': without it the next one is.
    await page.getByTestId('remove-pair-0').click();
    assert.equal((await link(page)).experiment.clean, experiment.pairs[0].clean);
    assert.equal(await page.getByTestId('answer').inputValue(), ' Bob');
  });

  onPage('a block is written from its cell on, and one that does not fit is refused', async (page) => {
    await settled(page);
    await pasted(page, table(rows(3, ' ')));
    await cell(page, 1, 'answer').focus();
    await paste(page, ' x\t y\n z\t w');
    assert.equal(await cell(page, 2, 'wrong').inputValue(), ' w');
    await paste(page, 'a\tb\tc');
    await page.getByText('Line 1 has 5 columns').waitFor();
    assert.equal(await cell(page, 1, 'answer').inputValue(), ' x');
    // Prose is text, and commas in it are commas.
    await cell(page, 0, 'clean').focus();
    await paste(page, 'one column\nof a, b');
    assert.equal(await cell(page, 1, 'clean').inputValue(), 'of a, b');
  });

  onPage('a thousand pairs are shown fifty at a time', async (page) => {
    await settled(page);
    await page.getByTestId('automatic').uncheck();
    await open(page);
    await cell(page, 0, 'clean').focus();
    const started = Date.now();
    await paste(page, table(rows(1000, ' ')));
    await page.getByTestId('pairs-shown').getByText('rows 1 to 50 of 1000').waitFor();
    assert.ok(Date.now() - started < 5000, `${Date.now() - started} ms`);
    await page.getByTestId('pairs-after').click();
    assert.equal(await cell(page, 0, 'clean').inputValue(), rows(51, ' ')[50][0]);
    // Down from the last row of a page is the first of the next.
    await cell(page, 49, 'answer').focus();
    await page.keyboard.press('ArrowDown');
    await page.getByTestId('pairs-shown').getByText('rows 101 to 150').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'pair-0-answer');
    const typed = Date.now();
    await page.keyboard.type('x');
    assert.ok(Date.now() - typed < 2000, `${Date.now() - typed} ms for a key`);
    assert.ok((await page.locator('.pair-table').boundingBox()).height < 400);
  });
});

describe('a circuit', () => {
  onPage('is run for its faithfulness: the clean run with all else replaced', async (page) => {
    await settled(page);
    await page.getByTestId('example-patching-circuit.json').click();
    const parts = (await link(page)).experiment.sweeps[0].axes.parts.parts;
    await page.getByTestId('reset').click();
    await settled(page);
    assert.equal(
      await page.getByTestId('axes').locator('option[value=others]').textContent(),
      'faithfulness of a circuit',
    );
    await page.locator('[data-testid=pairs-box] > summary').click();
    await page.getByTestId('fill-ioi').click();
    await page.getByTestId('axes').selectOption('others');
    await page
      .getByTestId('parts')
      .fill(parts.map((p) => (p.site === 'z' ? `${p.layer}.${p.head}` : `mlp ${p.layer}`)).join(', '));
    await page.getByTestId('parts').blur();
    const { experiment } = await link(page);
    await settled(page);
    assert.equal(experiment.sweeps[0].mode, 'noising');
    const share = Number(await page.getByTestId('cell-0-0').textContent());
    assert.ok(share > 0.5, `${share} is left`);
    await page.getByText('is the circuit’s faithfulness').waitFor();
    await choose(page, 'mode-denoising');
    await page.getByText('what everything else brings back').waitFor();
  });
});

describe('a patch that changes nothing', () => {
  const said = async (page, cell) => {
    await page.getByTestId(cell).hover();
    return page.getByTestId('detail').textContent();
  };

  onPage('says so beside the map and beside its run, and why', async (page) => {
    await settled(page);
    assert.match(await said(page, 'cell-1-1'), /changes nothing: both runs have read the same up to here/);
    // The name that differs is patched there.
    assert.doesNotMatch(await said(page, 'cell-0-2'), /nothing/);
    await page.getByTestId('cell-1-1').click();
    await page.getByTestId('unchanged').getByText('both runs have read the same').waitFor();
    await page.getByTestId('cell-0-2').click();
    await page.getByTestId('unchanged').getByText('This is the changed word itself').waitFor();
    await page.getByTestId('site').selectOption('mlp_out');
    await link(page);
    await settled(page);
    assert.match(await said(page, 'cell-3-4'), /no later layer brings this position to the last one/);
    await page.getByTestId('corrupted-prompt').fill(await page.getByTestId('clean-prompt').inputValue());
    await link(page);
    await settled(page);
    assert.match(await said(page, 'cell-1-2'), /both prompts are the same/);
  });
});

describe('the steering room', () => {
  const enter = async (page) => {
    await choose(page, 'room-steering');
    await page
      .getByTestId('summary')
      .getByText(/steered/)
      .first()
      .waitFor();
  };

  onPage('no fact of a direction stands under another one’s name', async (page) => {
    await settled(page);
    await enter(page);
    const length = await page.getByTestId('facts-0').textContent();
    assert.match(length, /8 positive and 8 negative/);
    // What it raises directly is not what the two layers after it make of it.
    assert.match(await page.getByTestId('little-0').textContent(), /2 of 4 layers read it before/);
    // GPT-2 has to be agreed to, so nothing of the other is told yet.
    await page.getByTestId('more-examples').click();
    await page.getByTestId('example-gpt2-honesty.json').click();
    await page.getByTestId('direction-0').getByRole('heading').waitFor();
    await page.getByTestId('facts-0').waitFor({ state: 'detached' });
    assert.equal(await page.getByTestId('summary').textContent(), '');
    assert.doesNotMatch(await page.locator('main').textContent(), /I hate you because you/);
  });

  onPage('layers that a model has not are told of once, and the nearest taken by a click', async (page) => {
    await settled(page);
    await enter(page);
    const { experiment } = await link(page);
    experiment.steer.directions[0].layers = [6, 9];
    experiment.steer.map = { coefficients: [0.5, 1], layers: [2, 8] };
    await page.evaluate((hash) => {
      location.hash = hash;
    }, hash(experiment));
    const notice = page.getByTestId('misfit');
    await notice.getByText('it names layers 6, 8, 9, and mini has layers 0 to 3').waitFor();
    await page.waitForTimeout(1000);
    assert.equal(await page.getByText(/There is no layer/).count(), 0);
    await page.getByTestId('use-nearest').getByText('Use the nearest layer (3)').click();
    await notice.waitFor({ state: 'detached' });
    const { steer } = (await link(page)).experiment;
    assert.deepEqual([steer.directions[0].layers, steer.map.layers], [[3], [2, 3]]);
    await page
      .getByTestId('summary')
      .getByText(/steered/)
      .first()
      .waitFor();
  });

  onPage('what carries a word is asked of a word, and of another one that is chosen', async (page) => {
    await settled(page);
    await enter(page);
    const offered = page.locator('#carried option');
    const texts = await offered.allTextContents();
    assert.ok(texts.length > 3, `${texts}`);
    // A word that is counted, and no full stop.
    assert.match(texts[0], /^·[a-z]+ {2}\(\+/);
    const second = texts[1].split(' ')[0].replace('·', ' ');
    await page.locator('#carried').selectOption({ index: 1 });
    await page.getByTestId('carriers').click();
    await page.getByTestId('heatmap').waitFor();
    assert.equal(await page.getByTestId('answer').inputValue(), second);
    assert.equal((await link(page)).experiment.metrics[0].answer, second);
  });

  onPage('a direction is added by saying where it comes from', async (page) => {
    await settled(page);
    await enter(page);
    await page.getByTestId('add-direction').click();
    assert.equal((await link(page)).experiment.steer.directions.length, 1);
    await page.getByTestId('add-token').click();
    await page.getByTestId('token-1').waitFor();
    const [, made] = (await link(page)).experiment.steer.directions;
    assert.equal(made.source.kind, 'token');
    assert.equal(await page.getByTestId('add-token').isVisible(), false);
  });
});

describe('tokens', () => {
  onPage('show the space that they begin with, in files and in tooltips too', async (page) => {
    await settled(page);
    assert.match(await page.getByTestId('chip-clean-2').getAttribute('title'), /^·/);
    assert.match(await page.getByTestId('column-2').getAttribute('title'), /·/);
    await page.getByTestId('answer').fill('Mary John');
    await page.getByTestId('problems-answer').getByText('“·Mary”').waitFor();
    await page.getByTestId('answer').fill(' Mary');
    await link(page);
    await settled(page);
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByTestId('download-csv').click()]);
    const text = await readFile(await file.path(), 'utf8');
    assert.match(text, /,2,·\w+,/);
    assert.doesNotMatch(text, /,[" ]* \w/);
  });
});

describe('hints', () => {
  onPage('no example and no generator of the patching room warns against itself', async (page) => {
    await settled(page);
    await page.getByTestId('examples').locator('[data-testid^=example-]').first().waitFor();
    const names = await page
      .locator('[data-testid=examples] > [data-testid^=example-]')
      .evaluateAll((buttons) => buttons.map((button) => button.dataset.testid));
    assert.ok(names.length > 4, `${names}`);
    const said = [];
    const read = async (name) => {
      await link(page);
      await settled(page);
      const texts = await page.locator('.problem, [data-testid=notice], [data-testid=advice]').allTextContents();
      said.push(...texts.map((text) => `${name}: ${text}`));
    };
    for (const name of names) {
      await page.getByTestId(name).click();
      await read(name);
    }
    await page.getByTestId('reset').click();
    await open(page);
    for (const task of ['fill-ioi', 'fill-greater-than', 'fill-docstring']) {
      await page.getByTestId(task).click();
      await read(task);
    }
    assert.deepEqual(said, []);
  });
});

describe('a number under its own name', () => {
  onPage('an older map keeps its numbers and is still what it was of', async (page) => {
    await settled(page);
    const before = await values(page);
    const shown = await page.getByTestId('cell-3-14').textContent();
    // Ten pairs of which one cannot be run: the map waits.
    const list = rows(10, ' ');
    list[4][1] += ' the very old';
    await pasted(page, table(list));
    await page.locator('[data-testid=status][data-state=barred]').waitFor();
    await page.getByTestId('first-of').waitFor();
    assert.deepEqual(await values(page), before);
    assert.equal(await page.getByTestId('cell-3-14').textContent(), shown);
    assert.match(await page.getByTestId('legend').textContent(), /0\.00corrupted run, no patch1\.00towards clean/);
    // A cell of it has no run, and says why.
    await page.getByTestId('cell-1-3').click();
    await page.getByText('This patch waits until what is marked in red is put right.').waitFor();
  });

  onPage('a patched run of one pair is measured by that pair’s runs, and says of which map it is', async (page) => {
    await example(page, 'patching-heads.json');
    await settled(page);
    await page.getByTestId('strongest').click();
    const patched = page.getByTestId('stage-patched');
    await patched.locator('.share').getByText('of the way to clean').waitFor();
    const number = async (name) => parse(await page.getByTestId(`metric-${name}`).textContent());
    const [clean, corrupted, value] = [await number('clean'), await number('corrupted'), await number('patched')];
    const share = Number(/^(−?\d+) %/.exec(await patched.locator('.share').textContent())[1].replace('−', '-'));
    assert.ok(Math.abs(share - (100 * (value - corrupted)) / (clean - corrupted)) < 1.5, `${share} %`);
    assert.match(await page.getByTestId('first-of').textContent(), /on average clean −?\d.*, corrupted −?\d/);
    // Another map is looked at: the run stays that of the first one.
    await page.getByTestId('grid-1').click();
    await patched.getByText('z, denoising: layer').waitFor();
    assert.match(await patched.locator('.hint').first().textContent(), /^The corrupted run again/);
  });

  onPage('differences have a scale of their own, and are of like with like', async (page) => {
    await settled(page);
    await page.getByTestId('pin').click();
    await choose(page, 'mode-noising');
    await settled(page);
    await page.getByTestId('compare').check();
    const legend = page.getByTestId('legend');
    await legend.getByText('no difference').waitFor();
    const [low, middle, high] = (await legend.locator('.ends > span').allTextContents()).map((text) =>
      Number.parseFloat(text.replace('−', '-')),
    );
    assert.equal(middle, 0);
    assert.equal(low, -high);
  });

  onPage('where both runs are alike nothing can be normalised, and nothing says that it is', async (page) => {
    await settled(page);
    const scale = page.locator('fieldset', { has: page.getByTestId('values-normalised') });
    assert.ok(await scale.isVisible());
    await page.getByTestId('corrupted-prompt').fill(await page.getByTestId('clean-prompt').inputValue());
    await page.getByTestId('legend').getByText('nothing to normalise by').waitFor();
    assert.ok(await scale.isHidden());
  });

  onPage('a wrong answer of the prompts before is told of', async (page) => {
    await settled(page);
    const told = page.getByTestId('wrong-nowhere');
    assert.equal(await told.isVisible(), false);
    await page.getByTestId('corrupted-prompt').fill('When Tom and Mary went to the store, John gave a bottle to');
    await told.getByText('“·Bob” stands in neither prompt').waitFor();
    await page.getByTestId('wrong').fill(' Tom');
    await told.waitFor({ state: 'hidden' });
  });

  onPage('the changed word itself is not taken for a finding', async (page) => {
    await settled(page);
    await page.getByTestId('cell-0-2').hover();
    await page.getByTestId('detail').getByText('This is the changed word itself').waitFor();
    await page.getByTestId('cell-2-14').hover();
    await page.waitForFunction(() => !document.querySelector('[data-testid=detail]').textContent.includes('itself'));
  });

  onPage('noise is told of where it is', async (page) => {
    await example(page, 'patching-noise.json');
    await settled(page);
    assert.match(await page.locator('.under-tokens').textContent(), /noise on position 5/);
    assert.equal(await page.getByTestId('pair-5').getAttribute('data-differs'), 'true');
    assert.match(await page.getByTestId('stage-corrupted').textContent(), /Reads the clean prompt, with noise/);
    assert.match(await page.getByTestId('status').textContent(), /cells, each of 10 pairs or draws/);
  });
});
