#!/usr/bin/env node
// Checks whether a folder on a web server can give a model to Patchbay's page.
//
//   node check-mirror.mjs https://host/folder/ [--origin https://course.example]
//                         [--full] [--sha256 HEX]
//
// `--origin` is the address of the page that will load the model, if not every page
// may. `--full` downloads the weights whole, hashes them, and compares the SHA-256
// with the published one of GPT-2 small, or with `--sha256`.
//
// It asks as a browser does and prints one line a point, with what to do. The exit
// code is 1 if the page could not load the model, else 0. Node 20 or newer, nothing
// to install.

import { createHash } from 'node:crypto';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { parseArgs } from 'node:util';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/** openai-community/gpt2 at 607a30d783dfa663caf39e06633721c8d4cfcd7e, as published. */
const GPT2 = {
  'config.json': '0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4',
  'tokenizer.json': '8414cab924d8b9b33013f0d221c5862f365ee9be39c5c2bfae8a5a9e970478a6',
  'model.safetensors': '248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707',
};
const GPT2_BYTES = 548_105_171;

/** Milliseconds of silence after which a server is given up. */
const PATIENCE = 30_000;
/** What the page refuses, too. */
const LONGEST_HEADER = 100_000_000;
const BYTES = { F32: 4, F16: 2, BF16: 2 };
const UNPACK = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync };

let failures = 0;
const say = (mark, text) => console.log(`${mark.padEnd(5)} ${text}`);
const ok = (text) => say('ok', text);
const note = (text) => say('note', text);
const fail = (text) => {
  failures += 1;
  say('FAIL', text);
};

/** A point that is not met, in a sentence with what to do. */
class Problem extends Error {}

/** Runs a check; one that is not met is a line, and undefined. */
async function check(body) {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    fail(error.message);
    return undefined;
  }
}

// Asking as a browser asks.

/** One request; resolves when the headers are there. `response` is the body's stream. */
const request = (address, headers) =>
  new Promise((resolve, reject) => {
    const get = address.protocol === 'https:' ? getHttps : getHttp;
    const asked = get(address, { headers, timeout: PATIENCE }, resolve);
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${PATIENCE / 1000} s`)));
    asked.on('error', ({ message, code }) =>
      reject(new Problem(`${address} does not answer (${message || code}): check the address and the server`)),
    );
  });

/**
 * Follows redirects, and looks at each step whether a page of `origin` may read it.
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
async function ask(folder, file, origin, headers = {}) {
  let address = new URL(file, folder);
  // What a browser says of where the page is; null once it was sent from one host to another.
  let from = origin;
  for (let steps = 0; steps < 10; steps += 1) {
    const same = address.origin === from;
    const response = await request(address, { 'user-agent': 'patchbay check-mirror', ...headers, ...(!same && { origin: from }) });
    const { statusCode: status, headers: answered } = response;
    const allowed = answered['access-control-allow-origin'];
    if (!same && allowed !== '*' && allowed !== from) {
      response.destroy();
      const found = allowed ? `allows ${allowed}` : 'has no Access-Control-Allow-Origin';
      throw new Problem(
        from === 'null'
          ? `${file}: is redirected to ${address.host}, whose answer ${found}: a browser then reads nothing; that host must send Access-Control-Allow-Origin: *, or serve the file without a redirect`
          : `${file}: the answer (status ${status}) ${found}, so a page of ${origin} may not read it: send Access-Control-Allow-Origin: *`,
      );
    }
    if (status < 300 || status >= 400 || !answered.location) return response;
    response.destroy();
    const next = new URL(answered.location, address);
    if (address.protocol === 'https:' && next.protocol !== 'https:') {
      throw new Problem(`${file}: is redirected from HTTPS to ${next.origin}, which browsers refuse: redirect to HTTPS, or not at all`);
    }
    if (next.origin !== address.origin && address.origin !== origin) from = 'null';
    address = next;
  }
  throw new Problem(`${file}: is redirected again and again: serve it at ${new URL(file, folder)} itself`);
}

/** The body; a file that ends early is a problem. */
async function bodyOf(file, response, onChunk) {
  const chunks = [];
  try {
    for await (const chunk of response) onChunk ? onChunk(chunk) : chunks.push(chunk);
  } catch {
    throw new Problem(`${file}: the connection broke off before the announced length; look into the server's log and limits`);
  }
  return Buffer.concat(chunks);
}

const exposes = (response, name) =>
  (response.headers['access-control-expose-headers'] ?? '')
    .split(',')
    .some((entry) => entry.trim() === '*' || entry.trim().toLowerCase() === name.toLowerCase());

// The points.

function checkAddress(text) {
  let folder;
  try {
    folder = new URL(text);
  } catch {
    throw new Problem(`${text} is not an address: give the folder's, such as https://host/models/gpt2/`);
  }
  if (!folder.pathname.endsWith('/')) folder.pathname += '/';
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(folder.hostname);
  if (folder.protocol !== 'https:' && !local) {
    throw new Problem(`${folder} is not HTTPS, and a page that came over HTTPS may not load it: serve the folder over HTTPS`);
  }
  ok(`${folder}: ${local ? 'an address of this machine, good for a trial' : 'HTTPS'}`);
  return folder;
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** A file of JSON, read. */
async function checkJson(folder, file, origin) {
  const response = await ask(folder, file, origin);
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Problem(`${file}: status ${response.statusCode} instead of 200: put the file into the folder, readable without a login`);
  }
  // Browsers unpack small files by themselves.
  const unpack = UNPACK[response.headers['content-encoding']] ?? ((bytes) => bytes);
  const bytes = unpack(await bodyOf(file, response));
  let value;
  try {
    value = JSON.parse(bytes);
  } catch {
    const html = response.headers['content-type']?.includes('html');
    const what = html ? 'a web page, perhaps one that asks for a login' : 'not JSON';
    throw new Problem(`${file}: is ${what}: serve the file itself at ${new URL(file, folder)}`);
  }
  if (!isObject(value)) throw new Problem(`${file}: is not a JSON object: take the file of the model itself`);
  const known = createHash('sha256').update(bytes).digest('hex') === GPT2[file];
  ok(`${file}: ${bytes.length} bytes, may be read by the page${known ? "; GPT-2 small's, as published" : ''}`);
  return value;
}

/** The sizes of a model, as config.json has them. */
function checkConfig(config) {
  const bad = (text) => new Problem(`config.json: ${text}`);
  if (config.model_type && config.model_type !== 'gpt2') {
    throw bad(`model_type is ${config.model_type}; the page loads models with the GPT-2 architecture only`);
  }
  const sizes = {
    vocab: config.vocab_size,
    layers: config.n_layer ?? config.num_hidden_layers,
    heads: config.n_head ?? config.num_attention_heads,
    width: config.n_embd ?? config.hidden_size,
    positions: config.n_positions ?? config.n_ctx ?? config.max_position_embeddings ?? 1024,
  };
  sizes.inner = config.n_inner ?? 4 * sizes.width;
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(size) || size < 1) throw bad(`the number of ${name} is ${size}: take the file of the model itself`);
  }
  const { layers, heads, width, vocab } = sizes;
  ok(`config.json: GPT-2 with ${layers} layers of ${heads} heads, width ${width}, ${vocab} tokens`);
  return { ...sizes, tied: config.tie_word_embeddings ?? true };
}

function checkTokenizer({ model, added_tokens: added = [] }, vocab) {
  if (!isObject(model?.vocab)) {
    throw new Problem('tokenizer.json: has no vocabulary: take the file that transformers calls the fast tokenizer');
  }
  const largest = [...Object.values(model.vocab), ...added.map(({ id }) => id)].reduce((a, b) => Math.max(a, b), 0);
  if (largest >= vocab) {
    throw new Problem(`tokenizer.json: has a token ${largest}, but config.json says ${vocab} tokens: take both files from one model`);
  }
  ok(`tokenizer.json: ${largest + 1} tokens`);
}

const WEIGHTS = 'model.safetensors';

/** The weights as a whole, of which only the first bytes are taken. */
async function checkWhole(folder, origin) {
  // Offered, to see whether it is taken: of weights it would hide the length.
  const response = await ask(folder, WEIGHTS, origin, { 'accept-encoding': 'gzip, deflate, br, zstd' });
  const { statusCode: status, headers } = response;
  const first = await firstBytes(response, 1024);
  response.destroy();
  if (status !== 200) throw new Problem(`${WEIGHTS}: status ${status} instead of 200: put the file into the folder, readable without a login`);
  if (headers['content-type']?.includes('html')) {
    throw new Problem(`${WEIGHTS}: is a web page, perhaps one that asks for a login: serve the file itself`);
  }
  if (headers['content-encoding']) {
    throw new Problem(`${WEIGHTS}: comes with Content-Encoding ${headers['content-encoding']}: switch compression off for it, because parts of a packed file cannot be asked for`);
  }
  const size = Number(headers['content-length'] ?? NaN);
  if (!Number.isSafeInteger(size)) {
    throw new Problem(`${WEIGHTS}: has no Content-Length, so nobody can tell how much there is to come: serve it as a file, not through a program that streams it`);
  }
  if (size < 8) throw new Problem(`${WEIGHTS}: has only ${size} bytes: upload the file again, whole and in binary mode`);
  ok(`${WEIGHTS}: ${size} bytes, not packed, may be read by the page`);
  return { size, first, etag: headers.etag };
}

async function firstBytes(response, wanted) {
  const chunks = [];
  let found = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk);
      found += chunk.length;
      if (found >= wanted) break;
    }
  } catch {
    // What came is looked at; what is missing is found when it is asked for in parts.
  }
  return Buffer.concat(chunks).subarray(0, wanted);
}

/** `bytes=from-` to before `to`, or to the end, asked for as the page asks. */
async function part(folder, origin, { size, etag }, from, to) {
  const range = `bytes=${from}-${to === undefined ? '' : to - 1}`;
  const response = await ask(folder, WEIGHTS, origin, { range });
  const { statusCode: status, headers } = response;
  const found = headers['content-range'];
  const expected = `bytes ${from}-${(to ?? size) - 1}/${size}`;
  const problem =
    status === 200
      ? `is answered with the whole file (200 instead of 206), so an interrupted download begins again: switch on byte ranges (Accept-Ranges: bytes)`
      : status !== 206
        ? `is answered with status ${status} instead of 206: look into the server's log`
        : found !== expected
          ? `is answered with Content-Range ${found} instead of ${expected}: look for a cache or proxy that serves another file or another part`
          : headers.etag !== etag
            ? `comes with ETag ${headers.etag}, the whole file with ${etag}: the servers behind this address do not agree; make the ETag depend on the file's time and size only`
            : undefined;
  if (problem) {
    response.destroy();
    throw new Problem(`${WEIGHTS}: ${range} ${problem}`);
  }
  const bytes = await bodyOf(WEIGHTS, response);
  const length = (to ?? size) - from;
  if (bytes.length !== length) throw new Problem(`${WEIGHTS}: ${range} brought ${bytes.length} bytes instead of ${length}: look for a proxy that cuts answers`);
  return { bytes, response };
}

/** Parts at the beginning, in the middle and at the end, as the page asks for them. */
async function checkRanges(folder, origin, file) {
  const middle = Math.floor(file.size / 2);
  const end = Math.max(file.size - 1000, 0);
  const { bytes, response } = await part(folder, origin, file, 0, Math.min(1024, file.size));
  if (!bytes.equals(file.first.subarray(0, bytes.length))) {
    throw new Problem(`${WEIGHTS}: bytes=0-1023 are other bytes than those the whole file begins with: look for a cache that mixes up files`);
  }
  await part(folder, origin, file, middle, Math.min(middle + 1000, file.size));
  await part(folder, origin, file, end);
  ok(`${WEIGHTS}: parts at the beginning, in the middle and at the end (206), without a preflight`);
  if (!file.etag) {
    note(`${WEIGHTS}: has no ETag, so a file that changes during a download is noticed only by its hash: send one`);
  } else {
    ok(`${WEIGHTS}: the same ETag each time`);
  }
  if (folder.origin === origin) return;
  const hidden = ['ETag', 'Content-Range'].filter((name) => !exposes(response, name));
  if (hidden.length) note(`${WEIGHTS}: the page may not read ${hidden.join(' and ')}: send Access-Control-Expose-Headers: ETag, Content-Range`);
}

/** The header of a safetensors file: its tensors lie one after the other and fill the file. */
async function checkHeader(folder, origin, file) {
  const broken = (text) => new Problem(`${WEIGHTS}: ${text}: upload the file again, whole and in binary mode`);
  const length = (await part(folder, origin, file, 0, 8)).bytes.readBigUInt64LE();
  const start = Number(length) + 8;
  if (length > LONGEST_HEADER) throw broken(`says that its header has ${length} bytes; at most ${LONGEST_HEADER} are allowed`);
  if (start > file.size) throw broken(`says that its header has ${length} bytes, but only ${file.size - 8} follow`);
  let header;
  try {
    const { bytes } = await part(folder, origin, file, 8, start);
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw broken('has a header that is not JSON');
  }
  if (!isObject(header)) throw broken('has a header that is not a JSON object');
  delete header.__metadata__;
  const tensors = Object.entries(header).map(([name, entry]) => {
    const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
    const whole = (list) => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!whole(shape) || !whole(offsets) || offsets.length !== 2) {
      throw broken(`tensor ${name} has no sound shape and data_offsets in the header`);
    }
    return { name, dtype, shape, from: offsets[0], to: offsets[1] };
  });
  let end = 0;
  for (const { name, dtype, shape, from, to } of tensors.sort((a, b) => a.from - b.from)) {
    if (from !== end) throw broken(`tensor ${name} begins at ${from} of the data instead of ${end}`);
    if (!BYTES[dtype]) {
      throw new Problem(`${WEIGHTS}: tensor ${name} is of type ${dtype}; the page reads F32, F16 and BF16: convert it`);
    }
    const bytes = shape.reduce((product, n) => product * n, BYTES[dtype]);
    if (to - from !== bytes) throw broken(`tensor ${name} has ${to - from} bytes, but its shape [${shape}] of ${dtype} needs ${bytes}`);
    end = to;
  }
  if (start + end !== file.size) throw broken(`has ${file.size} bytes, but its tensors end at ${start + end}`);
  ok(`${WEIGHTS}: ${tensors.length} tensors, which fill the file`);
  return header;
}

/** Every tensor that the model needs, in its shape. */
function checkTensors(header, { vocab, layers, width, positions, inner, tied }) {
  const layer = {
    'ln_1.weight': [width],
    'ln_1.bias': [width],
    'attn.c_attn.weight': [width, 3 * width],
    'attn.c_attn.bias': [3 * width],
    'attn.c_proj.weight': [width, width],
    'attn.c_proj.bias': [width],
    'ln_2.weight': [width],
    'ln_2.bias': [width],
    'mlp.c_fc.weight': [width, inner],
    'mlp.c_fc.bias': [inner],
    'mlp.c_proj.weight': [inner, width],
    'mlp.c_proj.bias': [width],
  };
  const needed = {
    'wte.weight': [vocab, width],
    'wpe.weight': [positions, width],
    'ln_f.weight': [width],
    'ln_f.bias': [width],
    ...(!tied && { 'lm_head.weight': [vocab, width] }),
  };
  for (let l = 0; l < layers; l += 1) {
    for (const [name, shape] of Object.entries(layer)) needed[`h.${l}.${name}`] = shape;
  }
  const prefix = header['wte.weight'] ? '' : 'transformer.';
  for (const [name, shape] of Object.entries(needed)) {
    const found = header[name === 'lm_head.weight' ? name : prefix + name];
    if (!found) throw new Problem(`${WEIGHTS}: has no tensor ${name}: take the weights of the model that config.json describes`);
    if (`${found.shape}` !== `${shape}`) {
      throw new Problem(`${WEIGHTS}: tensor ${name} has shape [${found.shape}] instead of [${shape}]: take config.json and the weights from one model`);
    }
  }
  ok(`${WEIGHTS}: every tensor of config.json's model, in its shape`);
}

/** The whole file's SHA-256, against the one it should have. */
async function checkHash(folder, origin, { size }, expected) {
  const response = await ask(folder, WEIGHTS, origin);
  const hash = createHash('sha256');
  let done = 0;
  let told = 0;
  await bodyOf(WEIGHTS, response, (chunk) => {
    hash.update(chunk);
    done += chunk.length;
    if (process.stderr.isTTY && performance.now() - told > 200) {
      told = performance.now();
      process.stderr.write(`\r      ${Math.floor((100 * done) / size)} % `);
    }
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  const found = hash.digest('hex');
  if (!expected) return note(`${WEIGHTS}: SHA-256 ${found}; there is no published one to compare it with (--sha256)`);
  if (found !== expected) throw new Problem(`${WEIGHTS}: SHA-256 ${found} instead of ${expected}: upload the file again`);
  return ok(`${WEIGHTS}: SHA-256 ${found}, as it should be`);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { origin: { type: 'string' }, full: { type: 'boolean' }, sha256: { type: 'string' } },
  });
  if (positionals.length !== 1) {
    throw new Problem('usage: node check-mirror.mjs https://host/folder/ [--origin https://course.example] [--full] [--sha256 HEX]');
  }
  // Without an origin, that of a page that the server has never heard of.
  const origin = new URL(values.origin ?? 'https://page.invalid').origin;
  const folder = await check(() => checkAddress(positionals[0]));
  if (!folder) return;
  const config = await check(() => checkJson(folder, 'config.json', origin));
  const tokenizer = await check(() => checkJson(folder, 'tokenizer.json', origin));
  const sizes = config && (await check(() => checkConfig(config)));
  if (tokenizer && sizes) await check(() => checkTokenizer(tokenizer, sizes.vocab));
  const file = await check(() => checkWhole(folder, origin));
  if (!file) return;
  await check(() => checkRanges(folder, origin, file));
  const header = await check(() => checkHeader(folder, origin, file));
  if (header && sizes) await check(() => checkTensors(header, sizes));
  const gpt2 = file.size === GPT2_BYTES;
  const expected = values.sha256?.toLowerCase() ?? (gpt2 ? GPT2[WEIGHTS] : undefined);
  if (values.full) await check(() => checkHash(folder, origin, file, expected));
  else if (gpt2) note(`${WEIGHTS}: as long as GPT-2 small's; --full compares its hash, too`);
}

await check(main);
if (failures) say('', `${failures} ${failures === 1 ? 'point' : 'points'} to mend: the page could not load this model.`);
else say('', 'The page can load this model.');
process.exitCode = failures ? 1 : 0;
