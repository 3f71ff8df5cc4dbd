// Sets up what the benchmarks measure and measure against: the full-size random
// model, the native command, and the peers, each at its pinned version. What is
// there already is not made again.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { randomGpt2 } from '../random-gpt2.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ROOT = here('../..');

function run(command, ...args) {
  const done = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} failed (${done.error ?? done.status})`);
}

/** Does `make` unless the file at `stamp` holds the hash of `inputs`. */
function once(stamp, inputs, make) {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(readFileSync(input));
  const wanted = hash.digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  make();
  writeFileSync(stamp, wanted);
}

/** Python with TransformerLens and onnx: `PATCHBAY_ORACLES_VENV`, or tests/.venv. */
function python() {
  const venv = process.env.PATCHBAY_ORACLES_VENV ?? here('../.venv');
  const at = `${venv}/bin/python`;
  if (!existsSync(at)) run('python3', '-m', 'venv', venv);
  const needed = ['requirements.txt', '../oracles/requirements.txt'].map(here);
  once(`${venv}/patchbay-bench`, needed, () => run(at, '-m', 'pip', 'install', '--quiet', '-r', needed[0]));
  return at;
}

/** onnxruntime-web's files, from npm. */
function onnxruntime() {
  const lock = here('package-lock.json');
  const folder = here('node_modules/onnxruntime-web/dist');
  const install = () => run('npm', 'ci', '--prefix', here('.'), '--ignore-scripts', '--no-audit', '--no-fund');
  if (!existsSync(folder)) rmSync(here('node_modules/.patchbay'), { force: true });
  once(here('node_modules/.patchbay'), [lock], install);
  return folder;
}

/** The model as ONNX graphs: pass.onnx, step.onnx and their weights.bin. */
function onnx(python, model) {
  const folder = here('../out/random-gpt2-onnx');
  const graph = here('onnx_graph.py');
  const recorded = here('../random-gpt2.mjs'); // it has the weights' SHA-256
  if (!existsSync(folder)) rmSync(`${folder}.stamp`, { force: true });
  once(`${folder}.stamp`, [graph, recorded], () => {
    rmSync(`${folder}.part`, { recursive: true, force: true });
    run(python, graph, model, `${folder}.part`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(`${folder}.part`, folder);
  });
  return folder;
}

/** The command line, built for speed. */
function native() {
  run('cargo', 'build', '--quiet', '--locked', '--profile', 'native', '--bin', 'patchbay');
  return `${ROOT}/${process.env.CARGO_TARGET_DIR ?? 'target'}/native/patchbay`;
}

/**
 * @param {string[]} parts what is to be measured
 * @returns {Promise<{ model: string, python: string, onnxruntime: string, onnx: string, native?: string }>} paths
 */
export async function setup(parts) {
  const made = {};
  const stage = async (name, make) => {
    const started = performance.now();
    made[name] = await make();
    console.log(`set up ${name.padEnd(12)} ${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`);
  };
  await stage('model', randomGpt2);
  await stage('python', python);
  await stage('onnxruntime', onnxruntime);
  await stage('onnx', () => onnx(made.python, made.model));
  if (parts.includes('sweeps')) await stage('native', native);
  return made;
}
