#!/usr/bin/env node
// Checks whether a folder on a web server can give a model to Patchbay's page.
//
//   node check-mirror.mjs https://host/folder/ [--origin https://course.example]
//                         [--full] [--sha256 HEX]
//
// The folder has config.json, tokenizer.json (or vocab.json and merges.txt) and
// model.safetensors (or model.safetensors.index.json and the files that it names).
//
// `--origin` is the address of the page that will load the model, if not every page
// may. `--full` downloads the weights whole, hashes them, and compares the SHA-256
// with `--sha256`, or the one that `patchbay mirror` noted, or the published one of
// GPT-2 small; of weights in several files that is what
// `sha256sum model-*.safetensors | sha256sum` prints.
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

const CONFIG = 'config.json';
const TOKENIZER = 'tokenizer.json';
const VOCAB = 'vocab.json';
const MERGES = 'merges.txt';
/** The weights, where they are one file; which file has which of them, where they are several. */
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Milliseconds of silence after which a server is given up. */
const PATIENCE = 30_000;

/** What the page refuses, too: bytes of a header and of an index, shards, sizes and token ids. */
const LONGEST_HEADER = 16 << 20;
const LONGEST_INDEX = 16 << 20;
const MOST_SHARDS = 1000;
const MOST_LAYERS = 1024;
const LARGEST = 2 ** 24;

/** Types that tensors of the model may have. */
const FLOATS = ['F32', 'F16', 'BF16'];
/** Bits of a value, of every type that safetensors knows: tensors without a use may have any. */
const BITS = {
  ...{
    F4: 4,
    F6_E2M3: 6,
    F6_E3M2: 6,
    BOOL: 8,
    U8: 8,
    I8: 8,
    F8_E5M2: 8,
    F8_E4M3: 8,
    F8_E8M0: 8,
    F8_E4M3FNUZ: 8,
    F8_E5M2FNUZ: 8,
  },
  ...{ I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32, C64: 64, F64: 64, I64: 64, U64: 64 },
};
const UNPACK = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync };

let failures = 0;
/** One line; what a file brings into it can neither begin another nor steer a terminal. */
const plain = (text) => text.slice(0, 2000).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
const say = (mark, text) => console.log(`${mark.padEnd(5)} ${plain(text)}`);
const ok = (text) => say('ok', text);
const note = (text) => say('note', text);
const fail = (text) => {
  failures += 1;
  say('FAIL', text);
};

/** A point that is not met, in a sentence with what to do. */
class Problem extends Error {}

/** An answer that may say that the folder has no such file. */
class Absent extends Problem {}

/** Nothing came that a page may read. */
class Unreachable extends Problem {}

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

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isWhole = (value) => Number.isSafeInteger(value) && value >= 0;
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Enough of a value to know it by. */
const short = (value) => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)} …` : text;
};

// Asking as a browser asks. A place is the folder's address and the origin of the page.

/** One request; resolves when the headers are there. `response` is the body's stream. */
const request = (address, method, headers) =>
  new Promise((resolve, reject) => {
    const get = address.protocol === 'https:' ? getHttps : getHttp;
    const asked = get(address, { method, headers, timeout: PATIENCE }, resolve);
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${PATIENCE / 1000} s`)));
    asked.on('error', (/** @type {NodeJS.ErrnoException} */ { message, code }) =>
      reject(new Unreachable(`${address} does not answer (${message || code}): check the address and the server`)),
    );
  });

/**
 * Follows redirects, and looks at each step whether a page of `origin` may read it.
 * @returns {Promise<import('node:http').IncomingMessage & { statusCode: number, redirected: boolean }>}
 */
async function ask({ folder, origin }, file, headers = {}, method = 'GET') {
  let address = new URL(file, folder);
  // What a browser says of where the page is; null once it was sent from one host to another.
  let from = origin;
  for (let steps = 0; steps < 10; steps += 1) {
    const same = address.origin === from;
    const response = await request(address, method, {
      'user-agent': 'patchbay check-mirror',
      ...headers,
      ...(!same && { origin: from }),
    });
    const { statusCode: status, headers: answered } = response;
    const allowed = answered['access-control-allow-origin'];
    if (!same && allowed !== '*' && allowed !== from) {
      response.destroy();
      const found = allowed ? `allows ${allowed}` : 'has no Access-Control-Allow-Origin';
      const always = status < 400 ? '' : ', also where it says that there is no such file';
      throw new Unreachable(
        from === 'null'
          ? `${file}: is redirected to ${address.host}, whose answer ${found}: a browser then reads nothing; that host must send Access-Control-Allow-Origin: *, or serve the file without a redirect`
          : `${file}: the answer (status ${status}) ${found}, so a page of ${origin} may not read it: send Access-Control-Allow-Origin: *${always}`,
      );
    }
    if (status < 300 || status >= 400 || !answered.location) return Object.assign(response, { redirected: steps > 0 });
    response.destroy();
    const next = new URL(answered.location, address);
    if (address.protocol === 'https:' && next.protocol !== 'https:') {
      throw new Unreachable(
        `${file}: is redirected from HTTPS to ${next.origin}, which browsers refuse: redirect to HTTPS, or not at all`,
      );
    }
    if (next.origin !== address.origin && address.origin !== origin) from = 'null';
    address = next;
  }
  throw new Unreachable(`${file}: is redirected again and again: serve it at ${new URL(file, folder)} itself`);
}

/** Refuses an answer that is not the file. Servers say in several ways that they have none. */
function expectFile({ folder }, file, response) {
  const { statusCode: status, headers, redirected } = response;
  const html = headers['content-type']?.startsWith('text/html');
  if (status === 200 && !html) return;
  response.destroy();
  if (status === 200) {
    throw new Absent(
      `${file}: is a web page, perhaps one that asks for a login: serve the file itself at ${new URL(file, folder)}`,
    );
  }
  // After a redirect, 403 says that the address has expired.
  const absent = [401, 403, 404, 410].includes(status) && !(status === 403 && redirected);
  const Kind = absent ? Absent : Problem;
  throw new Kind(`${file}: status ${status} instead of 200: put the file into the folder, readable without a login`);
}

/** The body; a file that ends early is a problem. */
async function bodyOf(file, response, onChunk) {
  const chunks = [];
  try {
    for await (const chunk of response) onChunk ? onChunk(chunk) : chunks.push(chunk);
  } catch {
    throw new Problem(
      `${file}: the connection broke off before the announced length; look into the server's log and limits`,
    );
  }
  return Buffer.concat(chunks);
}

const exposes = (response, name) =>
  (response.headers['access-control-expose-headers'] ?? '')
    .split(',')
    .some((entry) => entry.trim() === '*' || entry.trim().toLowerCase() === name.toLowerCase());

// Small files.

/** The whole of a small file; `Absent` where the folder has none of this name. */
async function read(place, file) {
  const response = await ask(place, file);
  expectFile(place, file, response);
  const packed = await bodyOf(file, response);
  const encoding = response.headers['content-encoding'];
  try {
    // Browsers unpack small files by themselves.
    return UNPACK[encoding]?.(packed) ?? packed;
  } catch {
    throw new Problem(
      `${file}: is not packed with ${encoding}, as its Content-Encoding says: switch compression off for it`,
    );
  }
}

/** The same, or undefined where there is none. */
async function readIfThere(place, file) {
  try {
    return await read(place, file);
  } catch (error) {
    if (error instanceof Absent) return undefined;
    throw error;
  }
}

/** Text, without the byte order mark that some editors put first. */
function textOf(file, bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(`${file}: is not text in UTF-8: take the file of the model itself`);
  }
}

function objectOf(file, bytes) {
  let value;
  try {
    value = JSON.parse(textOf(file, bytes));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(`${file}: is not JSON: take the file of the model itself, whole`);
  }
  if (!isObject(value)) throw new Problem(`${file}: is not a JSON object: take the file of the model itself`);
  return value;
}

const arrived = ({ noted }, file, bytes) => {
  const found = sha256(bytes);
  if ((noted[file] ?? found).toLowerCase() !== found) {
    throw new Problem(
      `${file}: SHA-256 ${found} instead of ${noted[file]}, as ${CONFIG} says: upload the folder again`,
    );
  }
  const known = found === GPT2[file];
  ok(`${file}: ${bytes.length} bytes, may be read by the page${known ? "; GPT-2 small's, as published" : ''}`);
};

// Fields, and what the page takes of each.

const OR_NULL = (test) => (value) => value === null || test(value);
const isText = (value) => typeof value === 'string';
const isSize = (most) => (value) => Number.isSafeInteger(value) && value >= 1 && value <= most;
const isToken = (value) => isText(value) || isText(value?.content);
const isNothing = (value) => value === null || (isObject(value) && Object.keys(value).length === 0);
const isEpsilon = (value) => typeof value === 'number' && Math.fround(value) > 0 && Math.fround(value) < 1;

const FLAG = [(value) => typeof value === 'boolean', 'true or false'];
const FALSE = [(value) => value === false || value === null, 'false'];
const NONE = [isNothing, 'none'];
const SIZE = [isSize(LARGEST), `a whole number from 1 to ${LARGEST}`];
const TEXT = [OR_NULL(isText), 'a text, or null'];
const ID = [OR_NULL(Number.isSafeInteger), "a token's id, or null"];
const IDS = [OR_NULL((value) => [value].flat().every(Number.isSafeInteger)), "a token's id, a list of them, or null"];
const TOKEN = [OR_NULL(isToken), 'a token, or null'];
const TOKENS = [
  OR_NULL((value) => (Array.isArray(value) ? value.every(isToken) : isObject(value))),
  'a list of tokens',
];

const ACTIVATIONS = ['gelu_new', 'gelu_pytorch_tanh', 'gelu_fast', 'gelu', 'relu', 'silu', 'swish', 'tanh'];

const IN_CONFIG = {
  add_cross_attention: FALSE,
  is_encoder_decoder: FALSE,
  per_layer_config: NONE,
  pruned_heads: NONE,
  patchbay_sha256: [
    (value) =>
      isObject(value) &&
      Object.keys(value).length <= 1024 &&
      Object.values(value).every((hash) => isText(hash) && /^[0-9a-f]{64}$/i.test(hash)),
    'an object of SHA-256s in hexadecimal by the names of files, no more than 1024',
  ],
  patchbay_half: [
    (value) => value === null || (typeof value === 'number' && value >= 0),
    'a number from 0 on, or null',
  ],
  quantization_config: [
    (value) => value === null,
    'none (quantised weights are not read, so take the model as it was before)',
  ],
  vocab_size: SIZE,
  n_positions: SIZE,
  n_ctx: SIZE,
  n_embd: SIZE,
  n_layer: [isSize(MOST_LAYERS), `a whole number from 1 to ${MOST_LAYERS}`],
  n_head: SIZE,
  n_inner: [OR_NULL(SIZE[0]), SIZE[1]],
  activation_function: [OR_NULL((value) => ACTIVATIONS.includes(value)), 'gelu_new, gelu, relu, silu or tanh'],
  layer_norm_epsilon: [isEpsilon, 'a number between 0 and 1'],
  scale_attn_weights: FLAG,
  scale_attn_by_inverse_layer_idx: FLAG,
  tie_word_embeddings: FLAG,
  bos_token_id: ID,
  eos_token_id: IDS,
  tokenizer_class: TEXT,
  unseen_tokens: [(value) => Array.isArray(value) && value.every(isWhole), 'a list of token ids'],
};

/** Second names of fields. */
const ALIASES = {
  hidden_size: 'n_embd',
  max_position_embeddings: 'n_positions',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
};

const NAMED_TOKENS = {
  ...{
    bos_token: TOKEN,
    eos_token: TOKEN,
    unk_token: TOKEN,
    sep_token: TOKEN,
    pad_token: TOKEN,
    cls_token: TOKEN,
    mask_token: TOKEN,
  },
  extra_special_tokens: TOKENS,
  additional_special_tokens: TOKENS,
};

const isById = (value) =>
  isObject(value) && Object.entries(value).every(([id, token]) => /^[+-]?\d+$/.test(id) && isToken(token));

/** Files that a folder may have besides, and what is looked at in each. */
const BESIDE = {
  'generation_config.json': () => ({ eos_token_id: IDS }),
  'tokenizer_config.json': () => ({
    ...NAMED_TOKENS,
    add_prefix_space: FLAG,
    split_special_tokens: FLAG,
    added_tokens_decoder: [isById, 'an object of tokens by their ids'],
    init_inputs: [(value) => Array.isArray(value) && value.length === 0, 'an empty list'],
  }),
  'special_tokens_map.json': () => NAMED_TOKENS,
  'added_tokens.json': (tokens) =>
    Object.fromEntries(Object.keys(tokens).map((token) => [token, [Number.isSafeInteger, "a token's id"]])),
};

function checkFields(file, object, rules) {
  for (const [field, [test, expected]] of Object.entries(rules)) {
    if (!Object.hasOwn(object, field) || test(object[field])) continue;
    throw new Problem(
      `${file}: field ${field} is ${short(object[field])}, expected ${expected}: take the file of the model itself, or another model`,
    );
  }
}

// The points: the address, and config.json.

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
    throw new Problem(
      `${folder} is not HTTPS, and a page that came over HTTPS may not load it: serve the folder over HTTPS`,
    );
  }
  ok(`${folder}: ${local ? 'an address of this machine, good for a trial' : 'HTTPS'}`);
  return folder;
}

/** Each field under its first name. */
function unaliased(config) {
  const fields = { ...config };
  for (const [alias, name] of Object.entries(ALIASES)) {
    if (!Object.hasOwn(config, alias)) continue;
    const [one, other] = [config[name], config[alias]];
    if (Object.hasOwn(config, name) && JSON.stringify(one) !== JSON.stringify(other)) {
      throw new Problem(
        `${CONFIG}: field ${name} is ${short(one)}, but ${short(other)} under its other name ${alias}: leave out the wrong one`,
      );
    }
    fields[name] = other;
  }
  return fields;
}

/** The sizes of a model, as config.json has them; GPT-2's where it says nothing. */
async function checkConfig(place) {
  const bytes = await read(place, CONFIG);
  const object = objectOf(CONFIG, bytes);
  arrived(place, CONFIG, bytes);
  if ((object.model_type ?? 'gpt2') !== 'gpt2') {
    throw new Problem(
      `${CONFIG}: model_type is ${object.model_type}; the page loads models with the GPT-2 architecture only: take one`,
    );
  }
  const config = unaliased(object);
  checkFields(CONFIG, config, IN_CONFIG);
  // What `patchbay mirror` noted of the files beside it.
  place.noted = config.patchbay_sha256 ?? {};
  if (Object.hasOwn(config, 'patchbay_half')) note(`${WEIGHTS}: rounded to half precision; the page says so`);
  const { vocab_size: vocab = 50_257, n_layer: layers = 12, n_head: heads = 12, n_embd: width = 768 } = config;
  if (width % heads)
    throw new Problem(
      `${CONFIG}: n_embd is ${width}, no multiple of n_head, ${heads}: take the file of the model itself`,
    );
  const inner = config.n_inner ?? 4 * width;
  if (inner > LARGEST)
    throw new Problem(
      `${CONFIG}: the MLPs' width is ${inner}, more than ${LARGEST}: take the file of the model itself`,
    );
  ok(`${CONFIG}: GPT-2 with ${layers} layers of ${heads} heads, width ${width}, ${vocab} tokens`);
  const positions = config.n_positions ?? config.n_ctx ?? 1024;
  return {
    vocab,
    layers,
    heads,
    width,
    inner,
    positions,
    tied: config.tie_word_embeddings ?? true,
    reader: config.tokenizer_class,
  };
}

// The tokenizer's files.

/** A file that the folder may lack; its object, or an empty one. */
async function checkBeside(place, file) {
  let bytes;
  try {
    bytes = await readIfThere(place, file);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    note(`${error.message}. The page reads the model as if the folder had no such file`);
  }
  if (!bytes) return {};
  const object = objectOf(file, bytes);
  checkFields(file, object, BESIDE[file](object));
  arrived(place, file, bytes);
  return object;
}

/** Both, or one and the other: tokenizer.json, else vocab.json and merges.txt. */
async function checkTokenizer(place, sizes) {
  await check(() => checkBeside(place, 'generation_config.json'));
  const settings = (await check(() => checkBeside(place, 'tokenizer_config.json'))) ?? {};
  // Older folders have in files of their own what newer ones have in that one.
  if (!Object.hasOwn(settings, 'added_tokens_decoder')) {
    await check(() => checkBeside(place, 'special_tokens_map.json'));
    await check(() => checkBeside(place, 'added_tokens.json'));
  }
  let bytes;
  try {
    bytes = await read(place, TOKENIZER);
  } catch (error) {
    if (!(error instanceof Absent)) throw error;
    return checkTwoFiles(place, sizes, error);
  }
  const tokenizer = objectOf(TOKENIZER, bytes);
  arrived(place, TOKENIZER, bytes);
  const named = isText(settings.tokenizer_class) ? settings.tokenizer_class : sizes?.reader;
  return checkOneFile(tokenizer, (named ?? 'GPT2Tokenizer').replace(/Fast$/, ''), sizes);
}

async function checkTwoFiles(place, sizes, { message }) {
  const files = [];
  for (const file of [VOCAB, MERGES]) {
    const bytes = await readIfThere(place, file);
    if (!bytes) throw new Problem(`${message}; or put ${VOCAB} and ${MERGES} there, of which ${file} is missing, too`);
    files.push(bytes);
  }
  const [vocab, merges] = [objectOf(VOCAB, files[0]), mergesOf(textOf(MERGES, files[1]))];
  arrived(place, VOCAB, files[0]);
  arrived(place, MERGES, files[1]);
  checkBpe(vocab, merges, [VOCAB, MERGES]);
  checkIds(VOCAB, Object.values(vocab), sizes);
}

/** A merge a line, two pieces with a space between them. */
function mergesOf(text) {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  if (lines.at(-1) === '') lines.pop();
  return lines.flatMap((line, at) => {
    if (line.startsWith('#version')) return [];
    const pieces = line.split(' ');
    if (pieces.length === 2) return [pieces];
    throw new Problem(
      `${MERGES}: line ${at + 1} is ${short(line)}, but two pieces with a space between them were expected: take the file of the model itself`,
    );
  });
}

/** Decoders and normalizers on which the page relies; others may fail on a text. */
const PARTS = {
  decoder: ['ByteFallback', 'ByteLevel', 'CTC', 'Fuse', 'Metaspace', 'Replace', 'Sequence', 'Strip', 'WordPiece'],
  normalizer: ['ByteLevel', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Prepend', 'Replace', 'Sequence'],
};

/** A part, or one within it, that is none of the known ones or replaces nothing by something. */
function unknownPart(part, known) {
  if (!known.includes(part?.type)) return part?.type ?? part;
  if (part.type === 'Replace' && !part.pattern?.String) return part;
  if (part.prepend === '') return part;
  const within = [part.decoders, part.normalizers].filter(Array.isArray).flat();
  return within.map((inner) => unknownPart(inner, known)).find((found) => found !== undefined);
}

function checkParts(tokenizer) {
  for (const [name, known] of Object.entries(PARTS)) {
    const other = (tokenizer[name] ?? null) === null ? undefined : unknownPart(tokenizer[name], known);
    if (other === undefined) continue;
    throw new Problem(
      `${TOKENIZER}: its ${name} has ${short(other)}, which the page does not take: save the tokenizer with ${known.join(', ')} alone`,
    );
  }
}

/** `tokenizer.json`: GPT-2's kind, or any other, which is read as it stands. */
function checkOneFile(tokenizer, reader, sizes) {
  checkParts(tokenizer);
  const { model } = tokenizer;
  const bpe =
    (model?.type ?? null) === null ? isObject(model?.vocab) && Array.isArray(model?.merges) : model.type === 'BPE';
  if (reader !== 'GPT2Tokenizer' || !bpe) {
    if (!isObject(model))
      throw new Problem(`${TOKENIZER}: has no model: take the file that transformers calls the fast tokenizer`);
    return note(
      `${TOKENIZER}: is not of GPT-2's kind (${model.type ?? 'no type'}, read by ${reader}); whether the page can read it is seen by loading it there`,
    );
  }
  if (!isObject(model.vocab)) {
    throw new Problem(`${TOKENIZER}: has no vocabulary: take the file that transformers calls the fast tokenizer`);
  }
  const listed = model.merges ?? [];
  const merges = Array.isArray(listed) && listed.map((merge) => (isText(merge) ? merge.split(/ (.*)/s, 2) : merge));
  const isPair = (merge) => Array.isArray(merge) && merge.length === 2 && merge.every(isText);
  if (!merges || merges.some((merge) => !isPair(merge)))
    throw new Problem(`${TOKENIZER}: its merges are not pairs of pieces: take the file of the model itself`);
  checkBpe(model.vocab, merges, [TOKENIZER, TOKENIZER]);
  const added = tokenizer.added_tokens ?? [];
  if (!Array.isArray(added) || !added.every((token) => isToken(token) && Number.isSafeInteger(token.id))) {
    throw new Problem(`${TOKENIZER}: its added_tokens are not tokens: take the file of the model itself`);
  }
  return checkIds(TOKENIZER, [...Object.values(model.vocab), ...added.map(({ id }) => id)], sizes);
}

/** Ids that are some, and merges that each join two pieces of the vocabulary to a third. */
function checkBpe(vocab, merges, [inVocab, inMerges]) {
  const wrong = Object.entries(vocab).find(([, id]) => !isWhole(id) || id >= LARGEST);
  if (wrong) {
    const [token, id] = wrong.map(short);
    throw new Problem(
      `${inVocab}: the token ${token} has the id ${id}, but ids go from 0 to ${LARGEST - 1}: take the file of the model itself`,
    );
  }
  for (const [a, b] of merges) {
    const lacks = [a, b, a + b].find((piece) => !Object.hasOwn(vocab, piece));
    if (lacks === undefined) continue;
    throw new Problem(
      `${inMerges}: the merge of ${short(a)} and ${short(b)} needs ${short(lacks)}, which is not in the vocabulary: take vocabulary and merges from one model`,
    );
  }
}

function checkIds(file, ids, sizes) {
  const largest = ids.reduce((a, b) => Math.max(a, b), -1);
  ok(`${file}: ${largest + 1} tokens`);
  if (sizes && largest >= sizes.vocab) {
    note(
      `${file}: has a token ${largest}, but ${CONFIG} says ${sizes.vocab} tokens, so texts with it are refused: see whether both files are of one model`,
    );
  }
}

// The weights.

/** Which files they are in: one, or those of an index, with what is known of each by its name. */
async function checkWeights(place) {
  let absent;
  try {
    return { files: [await checkWhole(place, WEIGHTS)] };
  } catch (error) {
    if (!(error instanceof Absent)) throw error;
    absent = error;
  }
  const bytes = await readIfThere(place, INDEX);
  if (!bytes)
    throw new Problem(`${absent.message}; or put ${INDEX} there and the files that it names, which is missing, too`);
  await check(() => checkAbsence(place));
  const index = checkIndex(bytes);
  arrived(place, INDEX, bytes);
  const files = [];
  for (const shard of new Set([...index.values()].sort())) files.push(await check(() => checkWhole(place, shard)));
  return { files, index };
}

/** Before it loads weights, the page asks for their size alone. */
async function checkHead(place) {
  const response = await ask(place, WEIGHTS, {}, 'HEAD');
  response.destroy();
  if (response.statusCode === 200) return ok(`${WEIGHTS}: HEAD is answered, too`);
  throw new Problem(
    `${WEIGHTS}: HEAD is answered with status ${response.statusCode} instead of 200: allow it like GET, because the page asks so for the size`,
  );
}

/** Where weights are in several files, that the one is not there has to be plain. */
async function checkAbsence(place) {
  const response = await ask(place, WEIGHTS, {}, 'HEAD');
  response.destroy();
  if ([401, 403, 404, 410].includes(response.statusCode)) return;
  throw new Problem(
    `${WEIGHTS}: is not there, but HEAD is answered with status ${response.statusCode}: answer 404, or the page does not look for ${INDEX}`,
  );
}

/** The index as a map: a tensor's file by the tensor's name. */
function checkIndex(bytes) {
  const bad = (text) => new Problem(`${INDEX}: ${text}`);
  if (bytes.length > LONGEST_INDEX)
    throw bad(
      `has ${bytes.length} bytes, more than the ${LONGEST_INDEX} that are read: take the file of the model itself`,
    );
  const { weight_map: map, metadata = null } = objectOf(INDEX, bytes);
  if (!isObject(map) || !Object.values(map).every(isText))
    throw bad('has no weight_map of files by tensors: take the file of the model itself');
  if (metadata !== null && !isObject(metadata))
    throw bad('has metadata that are no object: take the file of the model itself');
  const shards = new Set(Object.values(map));
  if (!shards.size) throw bad('has an empty weight_map: take the file of the model itself');
  if (shards.size > MOST_SHARDS)
    throw bad(`names ${shards.size} files, more than the ${MOST_SHARDS} that are read: save the model in larger files`);
  const other = [...shards].find(
    (name) => name.length > 255 || !/^[A-Za-z0-9_-][A-Za-z0-9_.-]*\.safetensors$/.test(name),
  );
  if (other !== undefined) {
    throw bad(
      `names the file ${short(other)}, but a shard is a .safetensors file in the same folder, its name of letters, digits, '-', '_' and '.': rename the file, there and in the folder`,
    );
  }
  return new Map(Object.entries(map));
}

/** A file of weights as a whole, of which only the first bytes are taken. */
async function checkWhole(place, name) {
  // Offered, to see whether it is taken: of weights it would hide the length.
  const response = await ask(place, name, { 'accept-encoding': 'gzip, deflate, br, zstd' });
  expectFile(place, name, response);
  const { headers } = response;
  const first = await firstBytes(response, 1024);
  response.destroy();
  if (headers['content-encoding']) {
    throw new Problem(
      `${name}: comes with Content-Encoding ${headers['content-encoding']}: switch compression off for it, because parts of a packed file cannot be asked for`,
    );
  }
  const size = Number(headers['content-length'] ?? NaN);
  if (!Number.isSafeInteger(size)) {
    throw new Problem(
      `${name}: has no Content-Length, so nobody can tell how much there is to come: serve it as a file, not through a program that streams it`,
    );
  }
  if (size < 8) throw new Problem(`${name}: has only ${size} bytes: upload the file again, whole and in binary mode`);
  ok(`${name}: ${size} bytes, not packed, may be read by the page`);
  return { name, size, first, etag: headers.etag };
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

/** What is wrong with the answer to a range, if anything. */
function wrongPart({ statusCode: status, headers }, expected, etag) {
  const found = headers['content-range'];
  if (status === 200) {
    return 'is answered with the whole file (200 instead of 206), so an interrupted download begins again: switch on byte ranges (Accept-Ranges: bytes)';
  }
  if (status !== 206) return `is answered with status ${status} instead of 206: look into the server's log`;
  if (found !== expected) {
    return `is answered with Content-Range ${found} instead of ${expected}: look for a cache or proxy that serves another file or another part`;
  }
  if (headers.etag === etag) return undefined;
  return `comes with ETag ${headers.etag}, the whole file with ${etag}: the servers behind this address do not agree; make the ETag depend on the file's time and size only`;
}

/** `bytes=from-` to before `to`, or to the end, asked for as the page asks. */
async function part(place, { name, size, etag }, from, to) {
  const range = `bytes=${from}-${to === undefined ? '' : to - 1}`;
  const response = await ask(place, name, { range });
  const problem = wrongPart(response, `bytes ${from}-${(to ?? size) - 1}/${size}`, etag);
  if (problem) {
    response.destroy();
    throw new Problem(`${name}: ${range} ${problem}`);
  }
  const bytes = await bodyOf(name, response);
  const length = (to ?? size) - from;
  if (bytes.length !== length)
    throw new Problem(
      `${name}: ${range} brought ${bytes.length} bytes instead of ${length}: look for a proxy that cuts answers`,
    );
  return { bytes, response };
}

/** Parts at the beginning, in the middle and at the end, as the page asks for them. */
async function checkRanges(place, file) {
  const { name, size, etag } = file;
  const middle = Math.floor(size / 2);
  const { bytes, response } = await part(place, file, 0, Math.min(1024, size));
  if (!bytes.equals(file.first.subarray(0, bytes.length))) {
    throw new Problem(
      `${name}: bytes=0-1023 are other bytes than those the whole file begins with: look for a cache that mixes up files`,
    );
  }
  await part(place, file, middle, Math.min(middle + 1000, size));
  await part(place, file, Math.max(size - 1000, 0));
  ok(`${name}: parts at the beginning, in the middle and at the end (206), without a preflight`);
  if (etag) ok(`${name}: the same ETag each time`);
  else note(`${name}: has no ETag, so a file that changes during a download is noticed only by its hash: send one`);
  if (place.folder.origin === place.origin) return;
  const hidden = ['ETag', 'Content-Range'].filter((header) => !exposes(response, header));
  if (hidden.length)
    note(
      `${name}: the page may not read ${hidden.join(' and ')}: send Access-Control-Expose-Headers: ETag, Content-Range`,
    );
}

/** The header of a safetensors file: its tensors, by name, lie one after the other and fill the file. */
async function checkHeader(place, file) {
  const broken = (text) => new Problem(`${file.name}: ${text}: upload the file again, whole and in binary mode`);
  const length = (await part(place, file, 0, 8)).bytes.readBigUInt64LE();
  const start = Number(length) + 8;
  if (length > LONGEST_HEADER)
    throw broken(`says that its header has ${length} bytes; at most ${LONGEST_HEADER} are read`);
  if (start > file.size) throw broken(`says that its header has ${length} bytes, but only ${file.size - 8} follow`);
  if (length < 2) throw broken(`says that its header has ${length} bytes, which is none`);
  const { bytes } = await part(place, file, 8, start);
  const tensors = tensorsOf(bytes, broken);
  const end = endOf(tensors, broken);
  if (start + end !== file.size) throw broken(`has ${file.size} bytes, but its tensors end at ${start + end}`);
  ok(`${file.name}: ${tensors.length} tensors, which fill the file`);
  return { ...file, tensors };
}

/** The tensors of a header, in the order of their data. */
function tensorsOf(bytes, broken) {
  let header;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw broken('has a header that is not JSON');
  }
  if (!isObject(header)) throw broken('has a header that is not a JSON object');
  const { __metadata__: metadata = null, ...entries } = header;
  if (metadata !== null && !(isObject(metadata) && Object.values(metadata).every(isText)))
    throw broken('has __metadata__ that are not texts');
  const tensors = Object.entries(entries).map(([name, entry]) => {
    const { dtype, shape, data_offsets: offsets } = isObject(entry) ? entry : {};
    const whole = (list) => Array.isArray(list) && list.every(isWhole);
    if (!whole(shape) || !whole(offsets) || offsets.length !== 2) {
      throw broken(`tensor ${name} has no sound shape and data_offsets in the header`);
    }
    return { name, dtype, shape, from: offsets[0], to: offsets[1] };
  });
  return tensors.sort((a, b) => a.from - b.from || a.to - b.to);
}

/** Where the data end, if the tensors leave no hole and have the bytes of their shapes. */
function endOf(tensors, broken) {
  let end = 0;
  for (const { name, dtype, shape, from, to } of tensors) {
    if (from !== end) throw broken(`tensor ${name} begins at ${from} of the data instead of ${end}`);
    if (!Object.hasOwn(BITS, dtype))
      throw broken(`tensor ${name} is of type ${short(dtype)}, which safetensors does not have`);
    const bytes = shape.reduce((product, n) => product * n, BITS[dtype] / 8);
    if (to - from !== bytes)
      throw broken(`tensor ${name} has ${to - from} bytes, but its shape [${shape}] of ${dtype} needs ${bytes}`);
    end = to;
  }
  return end;
}

// What is in the weights.

const EMBEDDING = 'wte.weight';
const HEAD = 'lm_head.weight';

/**
 * Which matrix the output is taken with, by the names that there are: each tensor's name in
 * the files, whether the output has a matrix beside the embedding, and what to say of it.
 */
function headOf(has, { tied }, where) {
  const prefix = has(EMBEDDING) || has('wpe.weight') ? '' : 'transformer.';
  const [embedding, head] = [has(prefix + EMBEDDING), has(HEAD)];
  if (!tied && embedding && !head) {
    throw new Problem(
      `${where}: has no ${HEAD}, but ${CONFIG} says that the output has a matrix of its own (tie_word_embeddings is false): add it, or say true`,
    );
  }
  const only = tied && !embedding && head;
  const nameOf = (name) => (name === HEAD || (only && name === EMBEDDING) ? HEAD : prefix + name);
  const says = only
    ? `; ${HEAD} is embedding and output`
    : tied && head
      ? `; where the values of ${HEAD} are not the embedding's, it is the output`
      : '';
  return { nameOf, own: head && !only, says };
}

/** Shapes of the tensors that a model has, by their names within its transformer. */
function shapesOf({ vocab, layers, width, positions, inner }, own) {
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
  const shapes = {
    [EMBEDDING]: [vocab, width],
    'wpe.weight': [positions, width],
    'ln_f.weight': [width],
    'ln_f.bias': [width],
    ...(own && { [HEAD]: [vocab, width] }),
  };
  for (let l = 0; l < layers; l += 1) {
    for (const [name, shape] of Object.entries(layer)) shapes[`h.${l}.${name}`] = shape;
  }
  return Object.entries(shapes);
}

/** All tensors of all files by name. One that the index puts into another file is a problem. */
function gathered(files, index) {
  const all = new Map();
  for (const { name: file, tensors } of files) {
    for (const tensor of tensors) {
      const expected = index?.get(tensor.name) ?? file;
      if (expected !== file) {
        throw new Problem(
          `${file}: has the tensor ${tensor.name}, which ${INDEX} puts into ${expected}: upload the index and its files from one model`,
        );
      }
      all.set(tensor.name, { file, ...tensor });
    }
  }
  return all;
}

/** Every tensor that the model needs, in its shape, in one of the files. */
function checkTensors(files, index, sizes) {
  const where = index ? INDEX : WEIGHTS;
  const all = gathered(files, index);
  const has = (name) => (index ?? all).has(name);
  const { nameOf, own, says } = headOf(has, sizes, where);
  for (const [within, shape] of shapesOf(sizes, own || !sizes.tied)) {
    const name = nameOf(within);
    const found = all.get(name);
    if (!has(name))
      throw new Problem(`${where}: has no tensor ${name}: take the weights of the model that ${CONFIG} describes`);
    if (!found)
      throw new Problem(
        `${index.get(name)}: has no tensor ${name}, though ${INDEX} says so: upload the index and its files from one model`,
      );
    if (`${found.shape}` !== `${shape}`) {
      throw new Problem(
        `${found.file}: tensor ${name} has shape [${found.shape}] instead of [${shape}]: take ${CONFIG} and the weights from one model`,
      );
    }
    if (!FLOATS.includes(found.dtype)) {
      throw new Problem(
        `${found.file}: tensor ${name} is of type ${found.dtype}; the page reads F32, F16 and BF16: convert it`,
      );
    }
  }
  ok(`${where}: every tensor of ${CONFIG}'s model, in its shape${says}`);
}

/** The SHA-256 of a file, all of which is downloaded. */
async function hashOf(place, { name, size }) {
  const response = await ask(place, name);
  expectFile(place, name, response);
  const hash = createHash('sha256');
  let done = 0;
  let told = 0;
  await bodyOf(name, response, (chunk) => {
    hash.update(chunk);
    done += chunk.length;
    if (process.stderr.isTTY && performance.now() - told > 200) {
      told = performance.now();
      process.stderr.write(`\r      ${Math.floor((100 * done) / size)} % `);
    }
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  return hash.digest('hex');
}

/** The weights' SHA-256, or that of the list of several, against the one it should have. */
async function checkHash(place, files, index, expected) {
  const hashes = [];
  for (const file of files) hashes.push(await hashOf(place, file));
  if (index) files.forEach(({ name }, at) => note(`${name}: SHA-256 ${hashes[at]}`));
  const list = files.map(({ name }, at) => `${hashes[at]}  ${name}\n`).join('');
  const [where, found] = index ? [`${INDEX}: all its files`, sha256(list)] : [WEIGHTS, hashes[0]];
  if (!expected) return note(`${where}: SHA-256 ${found}; there is no published one to compare it with (--sha256)`);
  if (found !== expected) throw new Problem(`${where}: SHA-256 ${found} instead of ${expected}: upload the file again`);
  return ok(`${where}: SHA-256 ${found}, as it should be`);
}

/**
 * The weights, all points.
 *
 * @param {any} place
 * @param {any} sizes
 * @param {{ full?: boolean, sha256?: string }} wanted
 */
async function checkAllWeights(place, sizes, { full, sha256: given }) {
  const weights = await check(() => checkWeights(place));
  if (!weights) return;
  const { files, index } = weights;
  if (!index) await check(() => checkHead(place));
  const read = [];
  for (const file of files.filter(Boolean)) {
    await check(() => checkRanges(place, file));
    const withTensors = await check(() => checkHeader(place, file));
    if (withTensors) read.push(withTensors);
  }
  if (sizes && read.length === files.length) await check(() => checkTensors(read, index, sizes));
  const gpt2 = !index && files[0].size === GPT2_BYTES;
  const published = (!index && place.noted[WEIGHTS]) || (gpt2 ? GPT2[WEIGHTS] : undefined);
  const expected = (given ?? published)?.toLowerCase();
  if (full && files.every(Boolean)) await check(() => checkHash(place, files, index, expected));
  else if (gpt2) note(`${WEIGHTS}: as long as GPT-2 small's; --full compares its hash, too`);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { origin: { type: 'string' }, full: { type: 'boolean' }, sha256: { type: 'string' } },
  });
  if (positionals.length !== 1) {
    throw new Problem(
      'usage: node check-mirror.mjs https://host/folder/ [--origin https://course.example] [--full] [--sha256 HEX]',
    );
  }
  const folder = await check(() => checkAddress(positionals[0]));
  if (!folder) return;
  // Without an origin, that of a page that the server has never heard of.
  const place = { noted: {}, folder, origin: new URL(values.origin ?? 'https://page.invalid').origin };
  const sizes = await check(() => checkConfig(place));
  await check(() => checkTokenizer(place, sizes));
  await checkAllWeights(place, sizes, values);
}

await check(main);
if (failures)
  say('', `${failures} ${failures === 1 ? 'point' : 'points'} to mend: the page could not load this model.`);
else say('', 'The page can load this model.');
process.exitCode = failures ? 1 : 0;
