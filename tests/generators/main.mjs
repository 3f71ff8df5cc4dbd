// `make generators`: the snippets that the page writes, in pages of the generators that
// courses are made with. Each site is built by the real tool and served from an origin of
// its own, and the experiment in it is run in Chromium.
//
// Not in `make test`: the tools are some 300 MB of Python. They go to tests/out/generators.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openChromium, serveDist, serveFolder } from '../browser/harness.mjs';
import { choose, openPage, PATIENCE, settled } from '../browser/page.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const OUT = here('../out/generators');
const BIN = join(OUT, 'venv/bin');
const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });

/** The snippets, as a teacher copies them. */
async function snippets(browser, server) {
  const { page, close } = await openPage(browser, server);
  await settled(page);
  await page.getByTestId('share').click();
  await choose(page, 'share-embed');
  const text = () => page.getByTestId('share-text').inputValue();
  const scripts = page.getByTestId('embed-scripts');
  const found = {};
  for (const [name, on] of [
    ['element', true],
    ['frame', false],
  ]) {
    await scripts.setChecked(on);
    await page.waitForFunction(
      (tag) => document.querySelector('[data-testid=share-text]').value.includes(tag),
      on ? '<patchbay-experiment' : '<iframe',
    );
    found[name] = await text();
  }
  await close();
  return { ...found, address: /src="([^"]+embed\.html[^"]*)"/.exec(found.frame)[1] };
}

/** Writes files into a folder of their own, which it gives. */
async function folder(name, files) {
  const path = join(OUT, name);
  await rm(path, { recursive: true, force: true });
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(path, file, '..'), { recursive: true });
    await writeFile(join(path, file), text);
  }
  return path;
}

/**
 * Sites, by name: how many experiments are in one, how it is built of the snippets, which
 * gives the folder to serve, and what is done in it before the experiments are looked for.
 */
const SITES = {
  'MkDocs Material': {
    experiments: 2,
    async build({ element, frame }) {
      const path = await folder('mkdocs', {
        'mkdocs.yml': 'site_name: A course\ntheme:\n  name: material\n  font: false\n',
        'docs/index.md': `# A lesson\n\nWith a script:\n\n${element}\n\nWithout:\n\n${frame}\n\nThe text goes on.\n`,
      });
      run(join(BIN, 'mkdocs'), ['build', '--quiet', '--strict'], path);
      return join(path, 'site');
    },
  },
  'Jupyter Book': {
    experiments: 2,
    async build({ element, frame }) {
      const raw = (html) => `\`\`\`{raw} html\n${html}\n\`\`\`\n`;
      const path = await folder('book', {
        '_config.yml': 'title: A course\nexecute:\n  execute_notebooks: "off"\n',
        '_toc.yml': 'format: jb-book\nroot: index\n',
        'index.md': `# A lesson\n\nWith a script:\n\n${raw(element)}\nWithout:\n\n${raw(frame)}\nThe text goes on.\n`,
      });
      run(join(BIN, 'jupyter-book'), ['build', '--quiet', '.'], path);
      return join(path, '_build/html');
    },
  },
  'Jupyter notebook': {
    experiments: 1,
    async build({ address }) {
      const source = `from IPython.display import IFrame\nIFrame(${JSON.stringify(address)}, "100%", 640)`;
      const cell = { id: 'experiment', cell_type: 'code', metadata: {}, execution_count: null, outputs: [], source };
      const path = await folder('notebook', {
        'index.ipynb': JSON.stringify({ cells: [cell], metadata: {}, nbformat: 4, nbformat_minor: 5 }),
      });
      run(join(BIN, 'jupyter'), ['nbconvert', '--log-level=ERROR', '--execute', '--to', 'html', 'index.ipynb'], path);
      return path;
    },
  },
  'reveal.js': {
    experiments: 1,
    async build({ frame }) {
      const later = frame.replace(' src=', ' data-src=');
      assert.notEqual(later, frame);
      const path = await folder('reveal', {
        'index.html': `<!doctype html><meta charset="utf-8"><title>Slides</title>
<link rel="stylesheet" href="reveal/dist/reveal.css">
<div class="reveal"><div class="slides"><section>First</section><section>${later}</section></div></div>
<script src="reveal/dist/reveal.js"></script><script>Reveal.initialize({ width: 1100, height: 800 });</script>\n`,
      });
      await cp(here('../node_modules/reveal.js/dist'), join(path, 'reveal/dist'), { recursive: true });
      return path;
    },
    async before(page) {
      await page.waitForFunction(() => globalThis.Reveal?.isReady());
      // Nothing is fetched for a slide that nobody looks at.
      assert.equal(embeds(page).length, 0);
      await page.keyboard.press('ArrowRight');
    },
  },
};

const embeds = (page) => page.frames().filter((frame) => frame.url().includes('embed.html'));

/** Opens a site and runs every experiment in it. */
async function visit(browser, name, path, { experiments: expected, before }) {
  const site = await serveFolder(path);
  const context = await browser.newContext({ viewport: { width: 1300, height: 900 } });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    await page.goto(site.url);
    await before?.(page);
    for (let tries = 100; embeds(page).length < expected; tries -= 1) {
      assert.ok(tries, `${name}: ${embeds(page).length} of ${expected} experiments are in the page`);
      await page.waitForTimeout(100);
    }
    for (const [i, frame] of embeds(page).entries()) {
      await frame.getByRole('button', { name: /run/i }).first().click();
      await frame.locator('[data-testid=status][data-state=done]').waitFor();
      const cells = await frame.locator('[data-testid=heatmap] td[data-value]').count();
      const wide = await frame.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(cells > 50 && wide <= 1, `${name}: ${cells} cells, ${wide} pixels too wide`);
      const box = await (await frame.frameElement()).boundingBox();
      console.log(
        `${name}, ${i + 1} of ${expected}: ${cells} cells in ${box.width} x ${Math.round(box.height)} pixels`,
      );
    }
    await page.screenshot({ path: join(OUT, `${name.replace(/\W+/g, '-').toLowerCase()}.png`), fullPage: true });
  } finally {
    await context.close();
    await site.close();
  }
}

const python = process.env.PYTHON ?? 'python3';
await mkdir(OUT, { recursive: true });
run(python, ['-m', 'venv', join(OUT, 'venv')]);
run(join(BIN, 'pip'), ['install', '--quiet', '--disable-pip-version-check', '-r', here('requirements.txt')]);
const server = await serveDist();
const browser = await openChromium();
try {
  const found = await snippets(browser, server);
  for (const [name, site] of Object.entries(SITES)) {
    await visit(browser, name, await site.build(found), site);
  }
} finally {
  await browser.close();
  await server.close();
}
