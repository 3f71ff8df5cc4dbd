// The declarations of patchbay.js are those of the engine's types, and all JavaScript
// that is shipped holds to them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { examples } from './examples.mjs';
import { DECLARATIONS, declarations } from './generate.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const WWW = at('../../www');
const PROJECTS = ['tsconfig.json', 'pages.tsconfig.json'];

function tsc(project, ...options) {
  const { stdout, status } = spawnSync(at('../node_modules/.bin/tsc'), ['-p', project, ...options], {
    encoding: 'utf8',
  });
  return { stdout, status };
}

test('patchbay.d.ts is what `make types` writes', async () => {
  const [kept, made] = await Promise.all([readFile(DECLARATIONS, 'utf8'), declarations()]);
  assert.ok(kept === made, 'the types changed: run `make types`');
});

describe('tsc finds no fault', () => {
  for (const project of PROJECTS) {
    test(`with ${project}`, () => assert.deepEqual(tsc(at(project)), { stdout: '', status: 0 }));
  }

  test('and leaves no script out', async () => {
    const checked = PROJECTS.flatMap((project) => tsc(at(project), '--listFilesOnly').stdout.split('\n'));
    const names = await readdir(WWW, { recursive: true });
    const scripts = names.filter((name) => /\.m?js$/.test(name));
    assert.ok(scripts.length > 10);
    const left = scripts.filter((name) => !checked.some((path) => relative(WWW, path) === name));
    assert.deepEqual(left, []);
  });

  test('in the examples of the documentation', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchbay-examples-'));
    try {
      const all = await examples();
      assert.ok(all.length >= 7, `only ${all.length} were found`);
      const files = all.map((_, i) => `example-${i}.js`);
      await copyFile(DECLARATIONS, join(folder, 'patchbay.d.ts'));
      await Promise.all(all.map(({ text }, i) => writeFile(join(folder, files[i]), text)));
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ extends: at('tsconfig.json'), files }));
      const { stdout } = tsc(folder);
      assert.equal(
        stdout.replaceAll(/example-(\d+)\.js/g, (_, i) => all[i].name),
        '',
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('but does where there is one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'patchbay-fault-'));
    try {
      await copyFile(DECLARATIONS, join(folder, 'patchbay.d.ts'));
      const fault =
        'import { load } from "./patchbay.js";\n(await load()).run({ clean: "a", corrupted: "b", metric: 3 });\n';
      await writeFile(join(folder, 'fault.js'), fault);
      await writeFile(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ extends: at('tsconfig.json'), files: ['fault.js'] }),
      );
      assert.match(tsc(folder).stdout, /fault\.js.*'metric'/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
