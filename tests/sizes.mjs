// node tests/sizes.mjs [FOLDER]: what a reader downloads, compressed, against
// what it may be. Fails if a limit is passed, or if a part is not there at all.

import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** Bytes after brotli, as hosts and CDNs send it to every browser; gzip, which
 *  older or simpler ones send, is printed beside it. */
// What was aimed at are 465,000 for the page, which estimates of sweeps and experiments of format 4
// passed by 6,500; the styles of parts that come with them (3,100) and experiments read by hand
// would bring it back. Builds of one code differ by up to 2,000, with where they are built.
// The page: what is there before the first map. Its parts, each loaded when it is first
// wanted (`later!`), are the steering room, the window in which things are shared, menus,
// boxes that open, and a class; none may be larger than PART.
const LIMITS = { page: 474_000, parts: 294_000, engine: 1_265_000, beside: 60_000 };
const PART = 80_000;
const CODE = new Set(['.html', '.css', '.js', '.wasm']);

const folder = process.argv[2] ?? 'dist';
const index = readFileSync(join(folder, 'index.html'), 'utf8');

/** The worker's files are the engine; all other code that index.html names is the page, and
 *  the script that loads its parts. Pages and modules of their own, which nobody who opens
 *  the page downloads, lie beside it. */
const partOf = (name) => {
  if (/worker|engine/.test(name)) return 'engine';
  if (/-(split|chunk)_\w+\.wasm$/.test(name)) return 'parts';
  if (/^patchbay-app-.*-parts\.js$/.test(name)) return 'page';
  return name === 'index.html' || index.includes(name) ? 'page' : 'beside';
};

const parts = { page: [], parts: [], engine: [], beside: [] };
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !CODE.has(extname(entry.name))) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const bytes = readFileSync(path);
  parts[partOf(entry.name)].push({
    path,
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY },
    }).length,
  });
}

const row = (name, { raw, gzip, brotli }, note = '') =>
  console.log([name.padEnd(48), ...[raw, gzip, brotli].map((n) => String(n).padStart(9)), note].join(' '));
const sum = (files, key) => files.reduce((total, file) => total + file[key], 0);

console.log(['bytes'.padEnd(48), '      raw', '  gzip -9', 'brotli 11'].join(' '));
const failures = [];
for (const [part, limit] of Object.entries(LIMITS)) {
  const files = parts[part];
  for (const file of files) row(file.path, file);
  const total = { raw: sum(files, 'raw'), gzip: sum(files, 'gzip'), brotli: sum(files, 'brotli') };
  row(`${part}, all`, total, `limit ${limit} after brotli`);
  if (part !== 'beside' && !files.some((file) => file.path.endsWith('.wasm'))) {
    failures.push(`the ${part} has no .wasm file in ${folder}: is the page built, or are its files named otherwise?`);
  }
  for (const file of part === 'parts' ? files.filter(({ brotli }) => brotli > PART) : []) {
    failures.push(`${file.path} is ${file.brotli} bytes after brotli, and a part may be ${PART}`);
  }
  if (total.brotli > limit) {
    failures.push(`the ${part} is ${total.brotli} bytes after brotli, ${total.brotli - limit} more than it may be`);
  }
}
for (const failure of failures) console.error(`sizes: ${failure}`);
process.exitCode = failures.length ? 1 : 0;
