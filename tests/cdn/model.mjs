// A random GPT-2 of any size, written as Hugging Face's library writes one, masks
// and odd header length included: what a test downloads when the committed models
// are too small to be worth interrupting.

import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Its tokenizer comes from one of the oracles' models, of 301 tokens. */
const TOKENIZER = fileURLToPath(new URL('../oracles/models/deep/tokenizer.json', import.meta.url));
const VOCAB = 301;

/**
 * Writes config.json, tokenizer.json and model.safetensors into `folder`.
 *
 * @param {string} folder
 * @param {{ n_layer: number, n_head: number, n_embd: number, n_positions?: number, seed?: number }} shape
 */
export async function writeModel(folder, { n_layer, n_head, n_embd, n_positions = 64, seed = 1 }) {
  await mkdir(folder, { recursive: true });
  const config = {
    activation_function: 'gelu_new',
    architectures: ['GPT2LMHeadModel'],
    bos_token_id: 0,
    eos_token_id: 0,
    layer_norm_epsilon: 1e-5,
    model_type: 'gpt2',
    n_ctx: n_positions,
    n_embd,
    n_head,
    n_layer,
    n_positions,
    vocab_size: VOCAB,
  };
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  await copyFile(TOKENIZER, join(folder, 'tokenizer.json'));
  await writeWeights(join(folder, 'model.safetensors'), tensors(config), seed);
}

/** The checkpoint's tensors by name, in the order of the file: shape, and how to fill one. */
function tensors({ n_layer, n_embd: d, n_positions: n, vocab_size }) {
  const weight = (...shape) => ({ shape, fill: (random) => 0.1 * random() });
  const near = (value, ...shape) => ({ shape, fill: (random) => value + 0.02 * random() });
  const mask = { shape: [1, 1, n, n], fill: (_, i) => (i % n <= Math.floor(i / n) ? 1 : 0) };
  const layer = {
    'attn.bias': mask,
    'attn.c_attn.bias': near(0, 3 * d),
    'attn.c_attn.weight': weight(d, 3 * d),
    'attn.c_proj.bias': near(0, d),
    'attn.c_proj.weight': weight(d, d),
    'ln_1.bias': near(0, d),
    'ln_1.weight': near(1, d),
    'ln_2.bias': near(0, d),
    'ln_2.weight': near(1, d),
    'mlp.c_fc.bias': near(0, 4 * d),
    'mlp.c_fc.weight': weight(d, 4 * d),
    'mlp.c_proj.bias': near(0, d),
    'mlp.c_proj.weight': weight(4 * d, d),
  };
  const layers = Array.from({ length: n_layer }, (_, l) =>
    Object.entries(layer).map(([name, tensor]) => [`h.${l}.${name}`, tensor]),
  );
  return [
    ...layers.flat(),
    ['ln_f.bias', near(0, d)],
    ['ln_f.weight', near(1, d)],
    ['wpe.weight', weight(n, d)],
    ['wte.weight', weight(vocab_size, d)],
  ];
}

async function writeWeights(path, tensors, seed) {
  const header = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const [name, { shape }] of tensors) {
    const bytes = 4 * shape.reduce((a, b) => a * b);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  // GPT-2's own header is not a multiple of four long, so no tensor is aligned.
  let text = JSON.stringify(header);
  while (text.length % 4 !== 3) text += ' ';
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));

  const out = createWriteStream(path);
  out.write(length);
  out.write(text);
  const random = noise(seed);
  for (const [, { shape, fill }] of tensors) {
    const values = new Float32Array(shape.reduce((a, b) => a * b));
    for (let i = 0; i < values.length; i += 1) values[i] = fill(random, i);
    if (!out.write(Buffer.from(values.buffer))) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

/** Numbers between -1 and 1, the same for the same seed (xorshift32). */
function noise(seed) {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 0x80000000;
  };
}
