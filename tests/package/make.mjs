// node tests/package/make.mjs DIST OUT [--name NAME]: an npm package of a built page,
// as a folder (OUT/patchbay) and as `npm pack` makes a file of it.

import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * Pages that only measure or show patchbay.js; nothing else of the built page leads there.
 * All else is in: embed.html starts the page's own code, leads to the whole page ("Open in
 * Patchbay", `./` beside it), and that one to mirror.html and verify.html. So the folder of
 * the package is a Patchbay, wherever it is copied to.
 */
export const LEFT_OUT = ['bench.css', 'bench.html', 'bench.js', 'example.html', 'example.js'];
export const LICENCES = ['LICENSE-APACHE', 'LICENSE-MIT'];

/** What an import may name. `types` comes first: conditions hold in their order. */
const EXPORTS = {
  '.': { types: './patchbay.d.ts', default: './patchbay.js' },
  './patchbay.js': { types: './patchbay.d.ts', default: './patchbay.js' },
  './embed.js': { types: './embed.d.ts', default: './embed.js' },
  './embed.html': './embed.html',
  './index.html': './index.html',
  './engine.js': './engine.js',
  './worker.js': './worker.js',
  './worker_bg.wasm': './worker_bg.wasm',
  './engine_kernels.wasm': './engine_kernels.wasm',
  './models/*': './models/*',
  './experiments/*': './experiments/*',
  './experiment.schema.json': './experiment.schema.json',
  './package.json': './package.json',
};

/** The version that all of Patchbay has. */
async function versionOf() {
  const cargo = await readFile(root('Cargo.toml'), 'utf8');
  const [, version] = /^\[workspace\.package\]\n(?:(?!\[).*\n)*?version = "([^"]+)"$/m.exec(cargo) ?? [];
  if (!version) throw new Error('Cargo.toml has no version in [workspace.package]');
  return version;
}

/**
 * @param {string} dist the page as it was built
 * @param {string} out a folder; what an earlier call left in it is replaced
 * @param {{ name?: string }} [options]
 * @returns {Promise<{ folder: string, file: string, name: string, version: string, size: number,
 *   unpackedSize: number, files: { path: string, size: number }[] }>} `file` is the packed one
 */
export async function makePackage(dist, out, { name = 'patchbay' } = {}) {
  const version = await versionOf();
  const folder = join(out, 'patchbay');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });

  const names = (await readdir(dist)).filter((entry) => !LEFT_OUT.includes(entry)).sort();
  for (const entry of names) await cp(join(dist, entry), join(folder, entry), { recursive: true });
  for (const licence of LICENCES) await copyFile(root(licence), join(folder, licence));

  const manifest = {
    name,
    version,
    description:
      'Activation patching and steering on GPT-2, computed in the browser: a module, an element for any page, and the page itself.',
    keywords: ['activation-patching', 'gpt-2', 'mechanistic-interpretability', 'wasm', 'webgpu'],
    license: 'MIT OR Apache-2.0',
    type: 'module',
    main: './patchbay.js',
    types: './patchbay.d.ts',
    exports: EXPORTS,
    // Scripts that are there for what they do; patchbay.js may be dropped where nothing of it is used.
    sideEffects: ['./boot.js', './embed.js', './engine.js', './poster.js'],
    files: [...names, ...LICENCES].sort(),
    // In the registry, `patchbay` is another project's. Under a name of its own it may be published.
    ...(name.startsWith('@') ? { publishConfig: { access: 'public' } } : { private: true }),
  };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const readme = await readFile(new URL('readme.md', import.meta.url), 'utf8');
  const words = { name, version, file: packedName(name, version) };
  await writeFile(
    join(folder, 'README.md'),
    readme.replaceAll(/\{\{(\w+)\}\}/g, (_, word) => words[word]),
  );

  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', resolve(out)],
    { cwd: folder, maxBuffer: 2 ** 24 },
  );
  const [{ filename, size, unpackedSize, files }] = Object.values(JSON.parse(stdout));
  if (filename !== words.file) throw new Error(`npm packed ${filename}, README.md names ${words.file}`);
  return { folder, file: join(out, filename), name, version, size, unpackedSize, files };
}

/** What npm calls the packed file. */
const packedName = (name, version) => `${name.replace(/^@/, '').replace('/', '-')}-${version}.tgz`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { name: { type: 'string' } } });
  const [dist, out] = positionals;
  if (!dist || !out) throw new Error('node tests/package/make.mjs DIST OUT [--name NAME]');
  const made = await makePackage(dist, out, values);
  for (const { path, size } of made.files) console.log(`${String(size).padStart(9)} ${path}`);
  const bytes = (count) => `${count.toLocaleString('en')} bytes`;
  console.log(`${made.name} ${made.version}: ${made.files.length} files, ${bytes(made.unpackedSize)}`);
  console.log(`${made.file}: ${bytes(made.size)}`);
}
