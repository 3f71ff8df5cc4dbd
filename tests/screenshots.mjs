// node tests/screenshots.mjs [FOLDER]: every example of the built-in model as the page
// shows it, in both themes on three screens, and the embed of the first, to be looked at.

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openChromium, serveDist } from './browser/harness.mjs';
import { openPage } from './browser/page.mjs';
import { packed } from './link.mjs';

const folder = process.argv[2] ?? 'tests/out/screenshots';
const WIDTHS = [360, 768, 1300];
const SCHEMES = ['light', 'dark'];

const read = async (file) => JSON.parse(await readFile(new URL(`../www/experiments/${file}`, import.meta.url), 'utf8'));
const { experiments } = await read('index.json');
const shown = experiments.filter(({ kind }) => kind !== 'start');

await mkdir(folder, { recursive: true });
const [server, browser] = [await serveDist(), await openChromium({ webgpu: false })];
try {
  for (const { file, room = 'steering' } of shown) {
    const hash = packed({ experiment: { ...(await read(file)), room } });
    for (const scheme of SCHEMES) {
      for (const width of WIDTHS) {
        const it = await openPage(browser, server, hash, {
          viewport: { width, height: 900 },
          colorScheme: scheme,
          first: true,
          before: (page) =>
            page.addInitScript(() => {
              localStorage['patchbay.preferences'] = JSON.stringify({ toured: true });
            }),
        });
        const done = room === 'patching' ? 'status' : 'steer-status';
        await it.page.locator(`[data-testid=${done}][data-state=done]`).waitFor({ state: 'attached' });
        // Of texts the last is there when their summary is.
        if (room !== 'patching') await it.page.getByTestId('summary').locator('p').first().waitFor();
        const name = `${file.replace('.json', '')}-${width}-${scheme}.png`;
        await it.page.screenshot({ path: join(folder, name), fullPage: true });
        if (it.errors.length) throw new Error(`${name}: ${it.errors.join('\n')}`);
        await it.close();
        console.log(name);
      }
    }
  }
} finally {
  await browser.close();
  await server.close();
}
