// node tests/bench/embeds.mjs [dist] [--quick]: what an experiment costs in somebody
// else's page. From the click to the first map, and what twenty posters take of the page's
// main thread. Also a part of main.mjs.
//
// The main thread's time is the CPU time of its tasks, out of a trace that Chromium writes
// from its start: with a debugger at the page, each frame has a second context, which takes
// a third of the time. Empty frames take some, too, which is Chromium's own: the bar is for
// what the posters take beside that.

import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { serveHosts } from '../browser/embed-host.mjs';
import { DIST, chromiumPath, openChromium, serveDist } from '../browser/harness.mjs';
import { allGolden, golden } from '../link.mjs';
import { median, printTable, tableOf, time, times } from './numbers.mjs';

const POSTERS = 20;
/** Seconds from the click to the first map, and of the main thread for all posters. */
const BARS = { map: 3, posters: 0.1 };
/** Milliseconds in which twenty frames have come to rest; Chromium's first are its own. */
const REST = 4_000;
const BEFORE = 1_500;
/** Seconds after which the trace ends. */
const TRACED = 12;

/** Seconds from the click on Run to the map, in a profile where nothing is kept. */
async function firstMap(browser, url) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(url);
    const handle = await page.waitForSelector('iframe');
    const frame = await handle.contentFrame();
    await frame.waitForSelector('.poster-run:not([hidden])');
    return await frame.evaluate(
      () =>
        new Promise((found) => {
          const began = performance.now();
          const look = () => {
            const map = document.querySelector('[data-testid=heatmap] td[data-value]');
            // Once it is drawn.
            if (map) requestAnimationFrame(() => setTimeout(() => found((performance.now() - began) / 1_000)));
            else requestAnimationFrame(look);
          };
          document.querySelector('.poster-run').click();
          look();
        }),
    );
  } finally {
    await context.close();
  }
}

/** A page that puts `html` into itself once it is at rest, and marks when all of it should be there. */
const measured = (html) => `<main></main>
<script>
  const drawn = new Set();
  addEventListener('message', ({ source, data }) => data.type === 'height' && drawn.add(source));
  addEventListener('load', () => setTimeout(() => {
    performance.mark('begin');
    document.querySelector('main').innerHTML = ${JSON.stringify(html).replaceAll('</', '<\\/')};
    setTimeout(() => performance.mark('end ' + drawn.size), ${REST});
  }, ${BEFORE}));
</script>`;

/** Seconds of the main thread that such a page took, and how many posters were drawn in it. */
async function mainThread(url) {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-bench-'));
  const file = join(folder, 'trace.json');
  const flags = ['--headless=new', '--no-sandbox', '--no-first-run', '--window-size=1200,900'];
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const trace = [
    '--trace-startup=toplevel,blink.user_timing',
    `--trace-startup-file=${file}`,
    `--trace-startup-duration=${TRACED}`,
    '--trace-startup-format=json',
  ];
  const chromium = spawn(chromiumPath(), [...flags, ...quiet, ...trace, `--user-data-dir=${folder}`, url], {
    stdio: 'ignore',
  });
  const gone = new Promise((resolve, reject) => {
    chromium.once('exit', resolve);
    chromium.once('error', reject);
  });
  try {
    const { traceEvents } = await written(file, gone);
    const mark = (name) => traceEvents.find((event) => event.cat?.includes('user_timing') && name.test(event.name));
    const [begin, end] = [mark(/^begin$/), mark(/^end \d+$/)];
    if (!begin || !end) throw new Error('the page was not through when the trace ended');
    const tasks = traceEvents.filter(
      ({ ph, name, pid, tid, ts, dur }) =>
        ph === 'X' &&
        /RunTask$/.test(name) &&
        pid === begin.pid &&
        tid === begin.tid &&
        ts + dur >= begin.ts &&
        ts < end.ts,
    );
    const took = tasks.reduce((sum, { tdur = 0 }) => sum + tdur, 0) / 1e6;
    if (!(took > 0)) throw new Error('the trace has no CPU times');
    return { took, drawn: Number(end.name.slice(4)) };
  } finally {
    chromium.kill();
    await gone.catch(() => {});
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The trace, once it is whole. */
async function written(file, gone) {
  let ended = false;
  gone.finally(() => (ended = true)).catch(() => {});
  for (let i = 0; i < 60 && !ended; i += 1) {
    await pause(1_000);
    try {
      return JSON.parse(await readFile(file, 'utf8'));
    } catch {
      // Not yet there, or not yet all of it.
    }
  }
  throw new Error('Chromium wrote no trace');
}

/**
 * @param {{ server: { url: string }, rounds: number }} options
 * @returns rows of the table
 */
export async function embeds({ server, rounds }) {
  const hosts = await serveHosts();
  const rows = [];
  try {
    const { link } = await golden('packed-seed');
    const src = (link) => `${server.url}embed.html#${link}`;
    const browser = await openChromium();
    try {
      const url = hosts.add(`<iframe src="${src(link)}" title="One" width="700" height="450"></iframe>`);
      const seconds = [];
      for (let i = 0; i < 2 * rounds; i += 1) seconds.push(await firstMap(browser, url));
      const notes = 'mini, nothing kept by the browser';
      rows.push({
        what: 'embed: click to first map',
        ours: times(seconds),
        took: median(seconds),
        most: BARS.map,
        notes,
      });
    } finally {
      await browser.close();
    }
    const links = (await allGolden()).filter((it) => it.name.startsWith('packed') && !it.show).map((it) => it.link);
    const all = (make) => Array.from({ length: POSTERS }, (_, i) => make(i)).join('\n');
    const frames = (src) => all((i) => `<iframe src="${src(i)}" title="${i}" width="340" height="200"></iframe>`);
    const blank = hosts.add('<p>Nothing</p>');
    const pages = {
      empty: frames(() => blank),
      posters: frames((i) => src(links[i % links.length])),
      lesson: all((i) => `<p>Text.</p><patchbay-experiment link="${links[i % links.length]}"></patchbay-experiment>`),
    };
    const script = `<script src="${server.url}embed.js"></script>`;
    const took = { empty: [], posters: [], lesson: [] };
    let opened = 0;
    for (let i = 0; i < rounds; i += 1) {
      for (const [name, html] of Object.entries(pages)) {
        const found = await mainThread(hosts.add((name === 'lesson' ? script : '') + measured(html)));
        if (name === 'posters' && found.drawn !== POSTERS) throw new Error(`${found.drawn} posters were drawn`);
        if (name === 'lesson') opened = found.drawn;
        took[name].push(found.took);
      }
    }
    const empty = median(took.empty);
    const own = took.posters.map((seconds) => seconds - empty);
    const what = `${POSTERS} posters: main thread`;
    rows.push(
      {
        what: `${what}, all drawn at once`,
        ours: times(own),
        took: median(own),
        most: BARS.posters,
        notes: `beside ${time(empty)} that ${POSTERS} empty frames take; CPU time of its tasks`,
      },
      {
        what: `${what}, a lesson as it opens`,
        ours: times(took.lesson),
        took: median(took.lesson),
        most: BARS.posters,
        notes: `with the frames themselves; ${opened} are near what is in view, the others load later`,
      },
    );
    return rows;
  } finally {
    await hosts.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    options: { quick: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const server = await serveDist({ dist: positionals[0] ? resolve(positionals[0]) : DIST });
  try {
    printTable(tableOf(await embeds({ server, rounds: values.quick ? 1 : 3 })));
  } finally {
    await server.close();
  }
}
