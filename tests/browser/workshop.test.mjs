// A class: a teacher makes a workshop, students work through it and hand in, the teacher
// looks through it, a learning platform records the score.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { golden, opened, packed, unpackedHanded } from '../link.mjs';
import { clean as axe } from './axe.mjs';
import { openChromium, openFirefox, serveDist, serveFolder } from './harness.mjs';
import { choose, openInFirefox, openPage, PATIENCE, settled, values } from './page.mjs';

const { experiment } = await golden('packed-seed');
/** Read from the mini: the seed's cells that move Mary - Bob most are in its last row. */
const STEPS = [
  { says: 'Read the two prompts.\n\nWhat differs?' },
  { says: 'Which two cells?', ask: { kind: 'cells', most: 2 } },
  { says: 'And next?', ask: { kind: 'token', run: 'clean' } },
  { says: 'Which is it?', ask: { kind: 'choice', choices: ['the first', 'the second', 'none'], right: 1 } },
  { says: 'Why?', ask: { kind: 'words', after: 'Because the name is copied.' } },
];
const workshop = { title: 'Who gets the bottle', steps: STEPS };
const show = { fixed: ['settings', 'metric'] };

let server;
let browser;
before(async () => {
  server = await serveDist({ headers: { 'access-control-allow-origin': '*' } });
  browser = await openChromium();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const onPage = (what, body, { hash = packed({ experiment, workshop, show }), ...options } = {}) =>
  test(what, { timeout: 3 * PATIENCE }, async () => {
    const it = await openPage(browser, server, hash, options);
    try {
      await body(it.page, it);
      assert.deepEqual(it.errors, []);
    } finally {
      await it.close();
    }
  });

const at = (page, step) => page.locator(`[data-testid=workshop][data-at=${step}]`).waitFor();
const press = (page, testid) => page.getByTestId(testid).click();

/** Marks cells `[row, column]` and gives them as the answer. */
async function mark(page, ...cells) {
  for (const [row, column] of cells) await page.getByTestId(`cell-${row}-${column}`).click();
  await press(page, 'workshop-answer');
}

describe('working through a workshop', () => {
  onPage('what comes out is hidden until it was guessed, and then compared', async (page) => {
    await at(page, 'open-0');
    // Steps open one after another.
    assert.equal(await page.locator('.workshop-steps > .locked').count(), 4);
    await axe(page, 'the first step');
    await settled(page);
    assert.ok((await values(page)).flat().every((value) => value !== null));
    await press(page, 'workshop-answer');
    await at(page, 'open-1');
    // The map is there to be marked, without a number in it or under it.
    await page.getByTestId('cell-0-0').waitFor();
    assert.ok((await values(page)).flat().every((value) => value === null));
    assert.equal(await page.getByTestId('strongest').isDisabled(), true);
    for (const testid of ['table', 'download-csv', 'runs']) {
      assert.equal(await page.getByTestId(testid).count(), 0, testid);
    }
    assert.equal(await page.getByTestId('workshop-answer').isDisabled(), true);
    await page.getByTestId('map-hidden').waitFor();
    await press(page, 'workshop-to-map');
    await page.locator('[role=gridcell]:focus').waitFor();
    await page.getByTestId('cell-0-2').click();
    assert.equal(await page.getByTestId('workshop-answer').isDisabled(), true, 'one of two');
    assert.equal(await page.getByTestId('cell-0-2').getAttribute('data-mark'), 'mark');
    assert.match(await page.getByTestId('workshop-marked').textContent(), /1 of 2/);
    // By the keyboard, too; a third takes the place of the first.
    await page.getByTestId('cell-0-2').press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.getByTestId('cell-3-14').click();
    await page.waitForFunction(() => document.querySelectorAll('[data-mark=mark]').length === 2);
    assert.equal(await page.getByTestId('cell-0-2').getAttribute('data-mark'), null);
    await axe(page, 'cells are marked');
    await press(page, 'workshop-answer');
    await at(page, 'done-1');
    const map = await values(page);
    const [clean, corrupted] = await Promise.all(
      ['clean', 'corrupted'].map(async (run) =>
        Number((await page.getByTestId(`metric-${run}`).textContent()).match(/[-−\d.]+/)[0].replace('−', '-')),
      ),
    );
    assert.ok(Number.isFinite(clean) && Number.isFinite(corrupted));
    // Strongest: farthest from the corrupted run, which a denoised one begins as.
    const strongest = map
      .flatMap((row, r) => row.map((value, c) => [Math.abs(value - corrupted), r, c]))
      .sort((a, b) => b[0] - a[0])
      .slice(0, 2)
      .map(([, r, c]) => `${r}-${c}`);
    const right = ['0-3', '3-14'].filter((cell) => strongest.includes(cell)).length;
    assert.match(
      await page.getByTestId('outcome-1').textContent(),
      right === 2 ? /All 2/ : new RegExp(`${right} of your cells`),
    );
    await page.waitForFunction(() => document.querySelector('[data-mark=hit], [data-mark=miss]'));
    assert.equal(await page.locator('[data-mark=hit]').count(), right);
    assert.equal(await page.locator('[data-mark=missed]').count(), 2 - right);
    await axe(page, 'what came out');
  });

  onPage('an answer that still waits is none to the step that opens instead', async (page) => {
    await settled(page);
    await press(page, 'workshop-answer');
    await at(page, 'open-1');
    for (const cell of ['cell-0-0', 'cell-0-1']) await page.getByTestId(cell).click();
    await page.waitForFunction(() => !document.querySelector('[data-testid=workshop-answer]').disabled);
    // Both before the page gets to what came out.
    await page.evaluate(() => {
      for (const id of ['workshop-answer', 'workshop-again']) document.querySelector(`[data-testid=${id}]`).click();
    });
    await at(page, 'open-0');
    await settled(page);
    await page.waitForTimeout(500);
    assert.equal(await page.getByTestId('workshop').getAttribute('data-at'), 'open-0');
  });

  onPage('a token is guessed before the runs are seen; what is fixed stays so', async (page) => {
    await press(page, 'workshop-answer');
    await mark(page, [0, 0], [0, 1]);
    await at(page, 'done-1');
    // With the keyboard a person goes on from what it came to, not from the page's top.
    await page.locator('#workshop-here:focus').waitFor();
    assert.equal(await page.getByTestId('answer').isDisabled(), true);
    // The drawn model chooses what is patched, too, which is a setting.
    assert.equal(await page.getByTestId('picture-z').isDisabled(), true);
    assert.equal(await page.getByTestId('clean-prompt').isDisabled(), false);
    await press(page, 'workshop-next');
    await at(page, 'open-2');
    assert.equal(await page.locator('[data-testid=top-clean] li').count(), 0);
    await page.getByTestId('workshop-token').fill('nobody');
    await press(page, 'workshop-answer');
    await at(page, 'done-2');
    await page.locator('[data-testid=top-clean] li').first().waitFor();
    const likeliest = await page.getByTestId('workshop-likeliest').textContent();
    assert.ok((await page.locator('[data-testid=top-clean] li').first().textContent()).includes(likeliest));
    assert.match(await page.getByTestId('outcome-2').textContent(), /Not so/);
  });

  onPage('a reload goes on where it was, with what was typed and changed', async (page) => {
    await press(page, 'workshop-answer');
    await mark(page, [0, 0], [0, 1]);
    await at(page, 'done-1');
    await press(page, 'workshop-next');
    await page.getByTestId('workshop-token').fill('half a wo');
    await page.getByTestId('clean-prompt').fill('When Tom and Mary went to the store, Tom gave a bottle to');
    await page.waitForFunction(() => localStorage['patchbay.workshops']?.length > 100);
    await page.waitForTimeout(800);
    const address = page.url();
    await page.reload();
    await at(page, 'open-2');
    assert.equal(await page.getByTestId('workshop-token').inputValue(), 'half a wo');
    assert.match(await page.getByTestId('clean-prompt').inputValue(), /Tom and Mary/);
    assert.equal(page.url(), address, 'the address stays that of the workshop');
    // As the step began.
    await press(page, 'workshop-reset');
    assert.match(await page.getByTestId('clean-prompt').inputValue(), /John and Mary/);
    await press(page, 'workshop-again');
    await at(page, 'open-0');
  });

  onPage('it can be left: the page is a whole one, and its link no workshop', async (page) => {
    await at(page, 'open-0');
    assert.equal(await page.getByTestId('runs').count(), 0);
    await press(page, 'workshop-leave');
    await page.getByTestId('runs').waitFor();
    assert.equal(await page.getByTestId('answer').isDisabled(), false);
    await page.waitForFunction(() => location.hash.length > 10);
    await page.waitForTimeout(500);
    assert.equal(opened(page.url()).workshop, undefined);
  });

  for (const [what, broken, sentence] of [
    ['no steps', { steps: [] }, /1 to 30 steps/],
    ['nine cells', { steps: [{ ask: { kind: 'cells', most: 9 } }] }, /9 cells/],
    ['nothing right', { steps: [{ ask: { kind: 'choice', choices: ['a', 'b'], right: 7 } }] }, /number 8/],
    ['an unknown kind', { steps: [{ ask: { kind: 'dance' } }] }, /dance/],
  ])
    onPage(
      `a link with ${what} is refused with a sentence, and the page works on`,
      async (page) => {
        await page.getByTestId('broken-link').waitFor();
        assert.match(await page.getByTestId('broken-link').textContent(), sentence);
        await settled(page);
      },
      { hash: packed({ experiment, workshop: broken }) },
    );

  onPage(
    'nothing of a link reaches the page as HTML',
    async (page) => {
      await at(page, 'open-0');
      assert.ok((await page.getByTestId('workshop').textContent()).includes('<img src=x onerror=alert(1)>'));
      assert.equal(await page.locator('.workshop img').count(), 0);
    },
    {
      hash: packed({
        experiment,
        workshop: { title: '<b>W</b>', steps: [{ says: '<img src=x onerror=alert(1)>' }] },
      }),
    },
  );
});

describe('a class', () => {
  test('a teacher makes a workshop, two students hand in, all comes out again', { timeout: 6 * PATIENCE }, async () => {
    const teacher = await openPage(browser, server);
    const { page } = teacher;
    const folder = await mkdtemp(join(tmpdir(), 'class-'));
    try {
      await settled(page);
      await press(page, 'share');
      await choose(page, 'share-workshop');
      await page.getByTestId('make-title').fill('Bottles');
      await page.getByTestId('make-says-0').fill('Which cell?');
      await page.getByTestId('make-asks-0').selectOption('cells');
      await page.getByTestId('make-most-0').fill('9');
      assert.match(await page.getByTestId('make-fault').textContent(), /Step 1: ask for 1 to 6 cells/);
      await page.getByTestId('make-most-0').fill('3');
      await press(page, 'make-add');
      await page.getByTestId('make-asks-1').selectOption('choice');
      await page.getByTestId('make-choices-1').fill('yes\n* no');
      await press(page, 'make-add');
      await press(page, 'make-remove-2');
      // Closing the window and loading the page again lose nothing.
      await page.reload();
      await settled(page);
      await press(page, 'share');
      await choose(page, 'share-workshop');
      assert.equal(await page.getByTestId('make-title').inputValue(), 'Bottles');
      assert.equal(await page.getByTestId('make-choices-1').inputValue(), 'yes\n* no');
      await axe(page, 'making one');
      const link = await page.getByTestId('make-link').inputValue();
      assert.equal(opened(link).workshop.steps.length, 2);
      const collecting = await page.getByTestId('make-collect').getAttribute('href');
      const hash = `#${link.split('#')[1]}`;
      const texts = [];
      for (const [by, prompt] of [
        ['Ada', undefined],
        ['Bob, 3b', 'When Tom and Mary went to the store, Tom gave a bottle to'],
      ]) {
        const student = await openPage(browser, server, hash);
        await student.page.getByTestId('cell-0-0').waitFor();
        if (prompt) await student.page.getByTestId('clean-prompt').fill(prompt);
        await mark(student.page, [3, 14], [0, 2], [0, 3]);
        await at(student.page, 'done-0');
        await press(student.page, 'workshop-next');
        await student.page.getByTestId('workshop-choice-1').check();
        await press(student.page, 'workshop-answer');
        await press(student.page, 'workshop-next');
        await at(student.page, 'end');
        await student.page.getByTestId('workshop-name').fill(by);
        const text = await student.page.getByTestId('handed').inputValue();
        assert.match(text, /^handed1=[\w-]+$/);
        assert.ok(text.length < 900, `${text.length}`);
        assert.equal(unpackedHanded(text).by, by);
        await axe(student.page, 'handing in');
        texts.push(text);
        await student.close();
      }
      // One who says that more came out than did, one who leaves the strongest out, and one
      // whose experiment cannot be run: nobody waits for that.
      const forge = (by, change) => {
        const forged = unpackedHanded(texts[0]);
        forged.by = by;
        change(forged.answers[0]);
        texts.push(packed(forged).replace('#v2=', 'handed1='));
      };
      forge('Eve', ({ digest }) => (digest.cells[0].value += 3));
      forge('Mallory', ({ digest }) => digest.cells.shift());
      forge('Zed', (answer) => (answer.experiment = { ...opened(link).experiment, clean: 'x y' }));
      await writeFile(join(folder, 'b.txt'), texts[1]);
      await page.goto(collecting);
      await page
        .getByTestId('collect-text')
        .fill(`Ada;${texts[0]}\nAda again ${texts[0]}\n${texts.slice(2).join('\n')}\nlast one: handed1=AAA`);
      await page.getByTestId('collect-files').setInputFiles(join(folder, 'b.txt'));
      await page.locator('[data-testid=collect-table] tbody tr').nth(4).waitFor();
      assert.match(
        await page.getByTestId('collect-found').textContent(),
        /6 found, 1 of them twice, of 5 people.*cut short.*“last one”/,
      );
      await press(page, 'collect-again');
      await page.locator('[data-testid=collect-table] [data-state=same]').first().waitFor();
      await page.waitForFunction(() => !document.querySelector('[data-testid=collect-table] [data-state=claimed]'));
      const rows = await page
        .locator('[data-testid=collect-table] tbody tr')
        .evaluateAll((all) =>
          all.map((row) => [
            row.cells[0].textContent,
            row.querySelector('[data-state]:not([data-state=changed])').dataset.state,
          ]),
        );
      assert.deepEqual(Object.fromEntries(rows), {
        Ada: 'same',
        Eve: 'differs',
        Mallory: 'differs',
        Zed: 'failed',
        'Bob, 3b': 'same',
      });
      await axe(page, 'what was handed in');
      const [saved] = await Promise.all([page.waitForEvent('download'), press(page, 'collect-csv')]);
      const csv = await readFile(await saved.path(), 'utf8');
      // Somebody else's reader of CSV.
      const read = JSON.parse(
        execFileSync('python3', ['-c', 'import csv,json,sys;print(json.dumps(list(csv.DictReader(sys.stdin))))'], {
          input: csv,
        }),
      );
      assert.deepEqual(read.map(({ name }) => name).sort(), ['Ada', 'Bob, 3b', 'Eve', 'Mallory', 'Zed']);
      assert.ok(read.every(({ steps_done, of }) => steps_done === '2' && of === '4'));
      assert.match(read.find(({ name }) => name === 'Eve').step_1_results, /do not come out/);
      // More than can be looked through is left out, and what was there stays.
      const found = () => page.getByTestId('collect-found').textContent();
      const before = await found();
      const length = await page.getByTestId('collect-text').evaluate((field) => {
        field.value += 'x'.repeat(20_000_001);
        field.dispatchEvent(new Event('input', { bubbles: true }));
        return field.value.length;
      });
      await page.getByTestId('collect-problem').getByText('more than 20 million bytes').waitFor();
      assert.ok(length < 1_000_000, `${length} characters are left`);
      assert.equal(await found(), before);
      await press(page, 'collect-clear');
      await page.getByTestId('collect-problem').waitFor({ state: 'hidden' });
      assert.deepEqual(teacher.errors, []);
    } finally {
      await teacher.close();
      await rm(folder, { recursive: true });
    }
  });

  test('a learning platform records the score of the package, and goes on with it', {
    timeout: 4 * PATIENCE,
  }, async () => {
    const teacher = await openPage(browser, server, packed({ experiment, workshop }));
    const folder = await mkdtemp(join(tmpdir(), 'scorm-'));
    let platform;
    try {
      const { page } = teacher;
      await at(page, 'open-0');
      await press(page, 'share');
      await choose(page, 'share-workshop');
      const [saved] = await Promise.all([page.waitForEvent('download'), press(page, 'make-package')]);
      // Python's own reader of zips, which checks the sums.
      execFileSync('python3', [
        '-c',
        'import sys,zipfile;z=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None;z.extractall(sys.argv[2])',
        await saved.path(),
        folder,
      ]);
      const manifest = await readFile(join(folder, 'imsmanifest.xml'), 'utf8');
      execFileSync('python3', [
        '-c',
        'import sys,xml.dom.minidom as m;m.parse(sys.argv[1])',
        join(folder, 'imsmanifest.xml'),
      ]);
      assert.match(manifest, /<schemaversion>1\.2<\/schemaversion>/);
      assert.match(manifest, /adlcp:scormtype="sco" href="index\.html"/);
      for (const [, file] of manifest.matchAll(/<file href="([^"]+)"/g)) await readFile(join(folder, file));
      await writeFile(join(folder, 'platform.html'), PLATFORM);
      platform = await serveFolder(folder, { base: '/course/' });
      const context = await browser.newContext();
      const course = await context.newPage();
      course.setDefaultTimeout(PATIENCE);
      const open = async () => {
        await course.goto(`${platform.url}platform.html`);
        return course.frameLocator('iframe').frameLocator('iframe');
      };
      let frame = await open();
      const kept = () => course.evaluate(() => ({ ...JSON.parse(localStorage.cmi ?? '{}') }));
      await at(frame, 'open-0');
      await press(frame, 'workshop-answer');
      await frame.getByTestId('cell-0-0').waitFor();
      await mark(frame, [0, 0], [0, 1]);
      await at(frame, 'done-1');
      await course.waitForFunction(() => JSON.parse(localStorage.cmi ?? '{}')['cmi.core.score.raw'] !== undefined);
      assert.equal((await kept())['cmi.core.lesson_status'], 'incomplete');
      // Another day, another machine: the platform knows where.
      await context.clearCookies();
      const cmi = await course.evaluate(() => localStorage.cmi);
      await course.goto('about:blank');
      const other = await browser.newContext();
      await other.addInitScript((cmi) => {
        if (location.pathname === '/course/platform.html') localStorage.cmi ??= cmi;
      }, cmi);
      const elsewhere = await other.newPage();
      elsewhere.setDefaultTimeout(PATIENCE);
      await elsewhere.goto(`${platform.url}platform.html`);
      frame = elsewhere.frameLocator('iframe').frameLocator('iframe');
      await at(frame, 'open-2');
      await frame.getByTestId('workshop-token').fill('x');
      await press(frame, 'workshop-answer');
      await at(frame, 'done-2');
      await press(frame, 'workshop-next');
      await frame.getByTestId('workshop-choice-1').check();
      await press(frame, 'workshop-answer');
      await press(frame, 'workshop-next');
      await frame.getByTestId('workshop-words').fill('so');
      await press(frame, 'workshop-answer');
      await press(frame, 'workshop-next');
      await at(frame, 'end');
      await elsewhere.waitForFunction(() => JSON.parse(localStorage.cmi)['cmi.core.lesson_status'] === 'completed');
      const end = await elsewhere.evaluate(() => JSON.parse(localStorage.cmi));
      assert.ok(
        Number(end['cmi.core.score.raw']) >= 25 && Number(end['cmi.core.score.raw']) <= 75,
        JSON.stringify(end),
      );
      await elsewhere.goto(`${platform.url}platform.html?blank`);
      const calls = await elsewhere.evaluate(() => JSON.parse(localStorage.calls));
      assert.equal(calls.at(-1), 'LMSFinish');
      assert.match(
        (await elsewhere.evaluate(() => JSON.parse(localStorage.cmi)))['cmi.core.session_time'],
        /^\d{2}:\d{2}:\d{2}$/,
      );
      await other.close();
      await context.close();
      assert.deepEqual(teacher.errors, []);
    } finally {
      await teacher.close();
      await platform?.close();
      await rm(folder, { recursive: true });
    }
  });
});

/** A small runtime of the standard's calls: what it takes, and in which order. */
const PLATFORM = `<!doctype html><title>A platform</title><script>
const KNOWN = /^cmi\\.(core\\.(score\\.(raw|min|max)|lesson_status|exit|session_time)|suspend_data)$/;
const STATUS = ['passed', 'completed', 'failed', 'incomplete', 'browsed', 'not attempted'];
const cmi = JSON.parse(localStorage.cmi ?? '{}');
const calls = JSON.parse(localStorage.calls ?? '[]');
let open = false, error = '0';
const call = (name) => { calls.push(name); localStorage.calls = JSON.stringify(calls); };
window.API = {
  LMSInitialize(p) { call('LMSInitialize'); if (open || p !== '') return 'false'; open = true; return 'true'; },
  LMSFinish(p) { call('LMSFinish'); if (!open || p !== '') return 'false'; open = false; return 'true'; },
  LMSGetValue(name) { if (!open) { error = '301'; return ''; } error = KNOWN.test(name) ? '0' : '401'; return cmi[name] ?? ''; },
  LMSSetValue(name, value) {
    if (!open) { error = '301'; return 'false'; }
    if (!KNOWN.test(name)) { error = '401'; return 'false'; }
    const ok = typeof value === 'string' && (
      name.includes('score') ? Number(value) >= 0 && Number(value) <= 100 :
      name.endsWith('status') ? STATUS.includes(value) :
      name.endsWith('exit') ? ['time-out', 'suspend', 'logout', ''].includes(value) :
      name.endsWith('time') ? /^\\d{2,4}:\\d{2}:\\d{2}(\\.\\d{1,2})?$/.test(value) : value.length <= 4096);
    if (!ok) { error = '405'; return 'false'; }
    cmi[name] = value; return 'true';
  },
  LMSCommit(p) { if (!open || p !== '') return 'false'; localStorage.cmi = JSON.stringify(cmi); return 'true'; },
  LMSGetLastError: () => error, LMSGetErrorString: () => '', LMSGetDiagnostic: () => '',
};
</script><body><script>
if (!location.search) document.body.innerHTML = '<iframe src="index.html" width="1000" height="900"></iframe>';
</script>`;

describe('an embed', () => {
  test('tells the page around it how far somebody is; Firefox', { timeout: 4 * PATIENCE }, async () => {
    const firefox = await openFirefox();
    try {
      const it = await openInFirefox(firefox, { url: `${server.url}${packed({ experiment, workshop })}` });
      await it.page.waitForSelector('[data-testid=workshop][data-at=open-0]');
      await it.page.click('[data-testid=workshop-answer]');
      await it.page.waitForSelector('[data-testid=workshop][data-at=open-1]');
      await it.page.waitForSelector('[data-testid=cell-0-0]');
      await it.page.click('[data-testid=cell-0-0]');
      await it.page.waitForSelector('[data-testid=cell-0-0][data-mark=mark]');
      await it.page.click('[data-testid=cell-0-1]');
      await it.page.click('[data-testid=workshop-answer]');
      await it.page.waitForSelector('[data-testid=workshop][data-at=done-1]');
      assert.deepEqual(it.errors, []);
    } finally {
      await firefox.close();
    }
  });
});
