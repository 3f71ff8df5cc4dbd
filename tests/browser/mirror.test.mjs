// www/check-mirror.mjs finds a sound mirror sound, and names what is wrong with any
// other, against the stand-in CDN.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Content, FAULTS, serveCdn } from '../cdn.mjs';
import { HOSTILE, readHeader, withHeader } from '../cdn/hostile.mjs';
import { writeModel } from '../cdn/model.mjs';

const SCRIPT = fileURLToPath(new URL('../../www/check-mirror.mjs', import.meta.url));
const MODEL = 'course/model';

let cdn;
let folder;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-mirror-'));
  await writeModel(folder, { n_layer: 2, n_head: 2, n_embd: 32 });
  cdn = await serveCdn({ models: { [MODEL]: folder } });
});
afterEach(() => {
  cdn.clear();
  cdn.add(MODEL, folder);
});
after(async () => {
  await cdn?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the script; resolves with its exit code and its lines, by their mark. */
const check = (...args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SCRIPT, ...args]);
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.stderr.on('data', (chunk) => (text += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const lines = (mark) =>
        text
          .split('\n')
          .filter((line) => line.startsWith(mark))
          .map((line) => line.slice(6));
      resolve({ code, text, failed: lines('FAIL'), notes: lines('note'), passed: lines('ok') });
    });
  });

describe('a sound mirror', () => {
  test('passes every point, and is hashed whole', async () => {
    const weights = await readFile(join(folder, 'model.safetensors'));
    const sha256 = createHash('sha256').update(weights).digest('hex');
    const { code, text, passed, notes } = await check(cdn.mirror(MODEL), '--full', '--sha256', sha256);
    assert.equal(code, 0, text);
    assert.equal(passed.length, 12, text);
    assert.deepEqual(notes, []);
    assert.match(text, new RegExp(`SHA-256 ${sha256}, as it should be`));
    assert.deepEqual(cdn.preflights, []);
  });

  test('the hub itself is one, redirects included', async () => {
    const { code, text } = await check(`${cdn.url}/${MODEL}/resolve/main/`, '--origin', 'https://course.example');
    assert.equal(code, 0, text);
    assert.ok(
      cdn.requests.some(({ via }) => via === 'storage'),
      'it followed the redirect',
    );
  });

  test('one wrong bit is found by the hash', async () => {
    const { lfs } = (await (await fetch(`${cdn.url}/api/models/${MODEL}/revision/main`)).json()).siblings.find(
      ({ lfs }) => lfs,
    );
    cdn.fault('flipped', { byte: lfs.size - 5 });
    const { code, failed } = await check(cdn.mirror(MODEL), '--full', '--sha256', lfs.sha256);
    assert.equal(code, 1);
    assert.match(failed.join('\n'), /^model\.safetensors: SHA-256 [0-9a-f]{64} instead of [0-9a-f]{64}: upload/);
  });
});

describe('a folder that the command line wrote', () => {
  test('is checked by the hashes in its config.json', async () => {
    const names = ['config.json', 'tokenizer.json', 'model.safetensors'];
    const [config, tokenizer, weights] = await Promise.all(names.map((name) => readFile(join(folder, name))));
    const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
    const serve = (noted) => {
      const own = { ...JSON.parse(config), patchbay_sha256: noted, patchbay_half: 0.001 };
      cdn.put(MODEL, 'config.json', Content.bytes(JSON.stringify(own)));
      return cdn.mirror(MODEL);
    };
    const noted = { 'tokenizer.json': sha256(tokenizer), 'model.safetensors': sha256(weights) };
    const good = await check(serve(noted), '--full');
    assert.equal(good.code, 0, good.text);
    assert.match(good.text, /rounded to half precision/);
    assert.match(good.text, /as it should be/);
    for (const name of Object.keys(noted)) {
      const { code, failed } = await check(serve({ ...noted, [name]: '0'.repeat(64) }), '--full');
      assert.equal(code, 1);
      assert.match(
        failed.join('\n'),
        new RegExp(`^${name.replace('.', '\\.')}: SHA-256 [0-9a-f]{64} instead of 0{64}`),
      );
    }
    const { failed } = await check(serve({ 'tokenizer.json': 'x' }));
    assert.match(failed.join('\n'), /field patchbay_sha256 is/);
  });
});

const WEIGHTS = /^model\.safetensors: /;

/** What the script says of each fault of delivery. Several may apply at once. */
const SAID = {
  status: [{ status: 403 }, /status 403 instead of 200/],
  html: [{}, /is a web page, perhaps one that asks for a login/],
  gzip: [{}, /Content-Encoding gzip: switch compression off/],
  no_ranges: [{}, /bytes=0-1023 is answered with the whole file \(200 instead of 206\)/],
  shifted: [{}, /Content-Range bytes 1-1024\/\d+ instead of bytes 0-1023/],
  mislabelled: [{ skip: 1 }, /other bytes than those the whole file begins with/],
  no_cors: [{}, /has no Access-Control-Allow-Origin, so a page of https:\/\/page\.invalid may not read it/],
  unannounced: [{}, /no Content-Length/],
  flipped: [{ byte: 9 }, /a header that is not JSON/],
  cut: [{ bytes: 20_000 }, /20000 bytes, but its tensors end at/],
  changed: [{ skip: 2, content: Content.filling(0, 111_003), etag: '"new"' }, /Content-Range|ETag "new"/],
  short: [{ after: 500 }, /broke off/],
  lost: [{ after: -1 }, /does not answer/],
};

describe('what is wrong with the delivery is named', () => {
  for (const [kind, [options, message]] of Object.entries(SAID)) {
    test(kind, async () => {
      cdn.fault(kind, options);
      const { code, text, failed } = await check(cdn.mirror(MODEL));
      assert.equal(code, 1, text);
      assert.match(failed.join('\n'), message);
      assert.doesNotMatch(text, /\bat .*check-mirror\.mjs:\d+/, 'it is no crash');
    });
  }

  test('no ETag is a note', async () => {
    cdn.fault('no_etag');
    const { code, notes } = await check(cdn.mirror(MODEL));
    assert.equal(code, 0);
    assert.match(notes.join('\n'), /has no ETag/);
  });

  test('a redirect to a host that other pages may not read', async () => {
    cdn.fault('no_cors');
    const { code, failed } = await check(`${cdn.url}/${MODEL}/resolve/main/`);
    assert.equal(code, 1);
    assert.match(
      failed.join('\n'),
      new RegExp(`is redirected to ${new URL(cdn.storage).host}, whose answer has no Access-Control`),
    );
  });

  test('a missing file, a login page and another model’s config.json', async () => {
    cdn.put(MODEL, 'tokenizer.json', null);
    cdn.put(MODEL, 'config.json', Content.bytes('{"model_type": "llama", "vocab_size": 1}'));
    const { failed } = await check(cdn.mirror(MODEL));
    assert.match(failed.join('\n'), /config\.json: model_type is llama/);
    assert.match(failed.join('\n'), /tokenizer\.json: status 404 instead of 200/);
    cdn.fault('html', { file: 'config.json' });
    const page = await check(cdn.mirror(MODEL));
    assert.match(page.failed.join('\n'), /config\.json: is a web page, perhaps one that asks for a login/);
  });

  test('an address that is none, one that nobody answers, and one without HTTPS', async () => {
    for (const [address, message] of [
      ['my folder', /is not an address/],
      ['http://localhost:9/', /does not answer/],
      ['http://course.example/gpt2/', /is not HTTPS/],
    ]) {
      const { code, failed } = await check(address);
      assert.equal(code, 1);
      assert.match(failed.join('\n'), message);
    }
    assert.match((await check()).failed.join('\n'), /^usage/);
  });

  test('every fault is tried, but for silence and expiry, which a mirror has no use for', () =>
    assert.deepEqual([...Object.keys(SAID), 'expired', 'no_etag', 'stall'].sort(), Object.keys(FAULTS).sort()));
});

/** What only a look at every number can find; the page takes one as it loads. */
const NUMBERS = ['a value that is not a number', 'a value that is infinite'];

describe('a hostile file is found', () => {
  for (const [what, make] of Object.entries(HOSTILE)) {
    test(what, async () => {
      cdn.put(MODEL, 'model.safetensors', await make(Content.file(join(folder, 'model.safetensors'))));
      const { code, text, failed } = await check(cdn.mirror(MODEL));
      assert.doesNotMatch(text, /\bat .*check-mirror\.mjs:\d+/, 'it is no crash');
      if (NUMBERS.includes(what)) return assert.equal(code, 0, text);
      assert.equal(code, 1, text);
      for (const line of failed) assert.match(line, WEIGHTS);
    });
  }
});

describe('a model in other files', () => {
  const FIELDS = fileURLToPath(new URL('../oracles/fields', import.meta.url));
  const INDEX = 'model.safetensors.index.json';
  const SHARDS = [1, 2, 3].map((i) => `model-0000${i}-of-00003.safetensors`);
  const PLAIN = ['config.json', 'tokenizer.json', 'model.safetensors'];
  const SHARDED = ['config.json', 'vocab.json', 'merges.txt', INDEX, ...SHARDS];
  const MARK = Buffer.from([0xef, 0xbb, 0xbf]);
  const own = (name) => Content.file(join(FIELDS, name));
  const json = async (name) => JSON.parse(await own(name).bytes());
  const text = (value) => Content.bytes(typeof value === 'string' ? value : JSON.stringify(value));

  /** The model of these files, with some put in their place; null takes one away. */
  const serve = async (names, changed = {}) => {
    cdn.add(MODEL, { files: new Map(names.map((name) => [name, own(name)])) });
    for (const [name, content] of Object.entries(changed)) cdn.put(MODEL, name, await content);
  };
  const found = (...args) => check(cdn.mirror(MODEL), ...args);
  /** A JSON file, changed by `change`. */
  const edited = async (name, change) => {
    const value = await json(name);
    return text(change(value) ?? value);
  };
  const withFields = (fields) => edited('config.json', (config) => ({ ...config, ...fields }));

  const passes = (what, names, changed = () => ({}), expected = []) =>
    test(what, async () => {
      await serve(names, await changed());
      const { code, text, failed, passed, notes } = await found();
      assert.equal(code, 0, text);
      assert.deepEqual(failed, []);
      for (const line of [expected].flat()) assert.match([...passed, ...notes].join('\n'), line);
    });
  const refuses = (what, names, changed, message) =>
    test(what, async () => {
      await serve(names, await changed());
      const { code, text, failed } = await found();
      assert.equal(code, 1, text);
      assert.doesNotMatch(text, /\bat .*check-mirror\.mjs:\d+/, 'it is no crash');
      assert.match(failed.join('\n'), message);
      for (const line of failed) assert.match(line, /: [^:]+$/, 'it says what to do');
    });

  test('shards and a vocabulary in two files, hashed whole as sha256sum does', async () => {
    const line = async (name) => `${await own(name).sha256()}  ${name}\n`;
    const list = (await Promise.all(SHARDS.map(line))).join('');
    const sha256 = createHash('sha256').update(list).digest('hex');
    await serve(SHARDED);
    const { code, text, notes } = await found('--full', '--sha256', sha256);
    assert.equal(code, 0, text);
    assert.match(text, new RegExp(`all its files: SHA-256 ${sha256}, as it should be`));
    assert.match(text, /index\.json: every tensor of config\.json's model/);
    for (const name of SHARDS) {
      assert.match(text, new RegExp(`${name}: parts at the beginning`));
      assert.match(notes.join('\n'), new RegExp(`${name}: SHA-256 ${await own(name).sha256()}`));
    }
    assert.deepEqual(cdn.preflights, []);
    cdn.fault('flipped', { file: SHARDS[1], byte: 1700 });
    const wrong = await found('--full', '--sha256', sha256);
    assert.match(wrong.failed.join('\n'), /all its files: SHA-256 [0-9a-f]{64} instead of/);
  });

  passes('one file of each', PLAIN);
  passes('byte order marks', SHARDED, async () => {
    const marked = async (name) => [name, Content.join(Content.bytes(MARK), own(name))];
    return Object.fromEntries(await Promise.all(['config.json', 'vocab.json', 'merges.txt', INDEX].map(marked)));
  });
  passes('lines as Windows ends them', SHARDED, async () => ({
    'merges.txt': text(String(await own('merges.txt').bytes()).replaceAll('\n', '\r\n')),
  }));
  passes('other names of fields', PLAIN, async () => ({
    'config.json': edited('config.json', ({ n_embd, n_layer, n_head, n_positions, ...rest }) => ({
      ...rest,
      ...{
        hidden_size: n_embd,
        num_hidden_layers: n_layer,
        num_attention_heads: n_head,
        max_position_embeddings: n_positions,
      },
    })),
  }));
  passes(
    'settings of a tokenizer',
    PLAIN,
    () => ({
      'tokenizer_config.json': text({
        tokenizer_class: 'GPT2TokenizerFast',
        add_prefix_space: false,
        bos_token: { content: '<|endoftext|>' },
      }),
      'special_tokens_map.json': text({ bos_token: '<|endoftext|>' }),
      'generation_config.json': text({ eos_token_id: [1, 2] }),
    }),
    [/tokenizer_config\.json: \d+ bytes/, /special_tokens_map\.json: \d+ bytes/, /generation_config\.json: \d+ bytes/],
  );
  passes(
    'a tokenizer of another kind, which only the page can try',
    PLAIN,
    () => ({
      'tokenizer_config.json': text({ tokenizer_class: 'PreTrainedTokenizerFast' }),
    }),
    /whether the page can read it is seen by loading it there/,
  );
  passes(
    'a token beyond the vocabulary',
    PLAIN,
    () => ({
      'tokenizer.json': edited('tokenizer.json', (tokenizer) => void (tokenizer.model.vocab['far away'] = 300)),
    }),
    /has a token 300, but config\.json says 300 tokens/,
  );

  test('a server that answers everything with a page', async () => {
    await serve(SHARDED, { 'tokenizer.json': text('never seen'), 'generation_config.json': text('never seen') });
    for (const file of ['tokenizer.json', 'generation_config.json']) cdn.fault('html', { file });
    const { code, text: said } = await found();
    assert.equal(code, 0, said);
    cdn.put(MODEL, 'model.safetensors', text('never seen'));
    cdn.fault('html');
    const { failed } = await found();
    assert.match(failed.join('\n'), /is not there, but HEAD is answered with status 200: answer 404/);
  });

  test('a server that says forbidden of what it has not', async () => {
    await serve(SHARDED, { 'model.safetensors': text('never seen') });
    cdn.fault('status', { status: 403 });
    const { code, text: said } = await found();
    assert.equal(code, 0, said);
  });

  test('a file besides that may not be read is left out, and one that is needed is a problem', async () => {
    await serve(PLAIN, { 'generation_config.json': text({}) });
    cdn.fault('no_cors', { file: 'generation_config.json' });
    const { code, notes } = await found();
    assert.equal(code, 0);
    assert.match(
      notes.join('\n'),
      /generation_config\.json: .*no Access-Control-Allow-Origin.* as if the folder had no such file/,
    );
    cdn.fault('status', { file: 'tokenizer.json', status: 404, cors: false });
    const { failed } = await found();
    assert.match(
      failed.join('\n'),
      /tokenizer\.json: the answer \(status 404\) has no .*, also where it says that there is no such file/,
    );
  });

  describe('the output’s matrix', () => {
    const heads = {
      'bare.safetensors': [/in its shape$/m, /no lm_head\.weight, but config\.json says/],
      'head-only.safetensors': [/lm_head\.weight is embedding and output/, /no tensor transformer\.wte\.weight/],
      'bare-head-only.safetensors': [/lm_head\.weight is embedding and output/, /no tensor wte\.weight/],
      'both-equal.safetensors': [/are not the embedding's, it is the output/, undefined],
      'bare-both-differ.safetensors': [/are not the embedding's, it is the output/, undefined],
    };
    for (const [name, [tied, untied]] of Object.entries(heads)) {
      passes(`${name}, tied`, PLAIN, () => ({ 'model.safetensors': own(name) }), tied);
      const changed = () => ({
        'model.safetensors': own(name),
        'config.json': withFields({ tie_word_embeddings: false }),
      });
      if (untied) refuses(`${name}, untied`, PLAIN, changed, untied);
      else passes(`${name}, untied`, PLAIN, changed);
    }
  });

  describe('is refused as the page refuses it', () => {
    const config = (what, fields, message) =>
      refuses(what, PLAIN, () => ({ 'config.json': withFields(fields) }), message);
    config('two names that differ', { hidden_size: 8 }, /n_embd is 6, but 8 under its other name hidden_size/);
    config(
      'an activation of another kind',
      { activation_function: 'mish' },
      /field activation_function is "mish", expected gelu_new, /,
    );
    config(
      'quantised weights',
      { quantization_config: { bits: 4 } },
      /field quantization_config is .*quantised weights are not read/,
    );
    config('pruned heads', { pruned_heads: { 0: [1] } }, /field pruned_heads/);
    config('a number as text', { n_layer: '2' }, /field n_layer is "2", expected a whole number from 1 to 1024/);
    config('heads that do not divide the width', { n_head: 4 }, /n_embd is 6, no multiple of n_head, 4/);
    config('an epsilon of zero', { layer_norm_epsilon: 1e-300 }, /field layer_norm_epsilon/);
    config('a flag that is null', { tie_word_embeddings: null }, /field tie_word_embeddings is null/);

    const tokens = (what, changed, message) => refuses(what, SHARDED, changed, message);
    tokens(
      'no merges',
      () => ({ 'merges.txt': null }),
      /tokenizer\.json: status 404 .*; or put vocab\.json and merges\.txt there, of which merges\.txt is missing/,
    );
    tokens(
      'a merge of three',
      () => ({ 'merges.txt': text('#version: 0.2\na b c\n') }),
      /merges\.txt: line 2 is "a b c"/,
    );
    tokens('an empty line', () => ({ 'merges.txt': text('#version: 0.2\n\n') }), /merges\.txt: line 2 is ""/);
    tokens(
      'a merge to nothing',
      () => ({ 'merges.txt': text('! !\n') }),
      /merges\.txt: the merge of "!" and "!" needs "!!"/,
    );
    tokens(
      'merges that are not UTF-8',
      () => ({ 'merges.txt': Content.bytes([0xff, 0xff]) }),
      /merges\.txt: is not text in UTF-8/,
    );
    tokens(
      'an id that is none',
      () => ({ 'vocab.json': text({ a: 2 ** 24 }) }),
      /vocab\.json: the token "a" has the id 16777216/,
    );
    tokens('a vocabulary in a list', () => ({ 'vocab.json': text(['a']) }), /vocab\.json: is not a JSON object/);
    tokens(
      'settings that are none',
      () => ({ 'tokenizer_config.json': text({ add_prefix_space: 1 }) }),
      /tokenizer_config\.json: field add_prefix_space is 1/,
    );
    tokens(
      'ends that are none',
      () => ({ 'generation_config.json': text({ eos_token_id: 'x' }) }),
      /generation_config\.json: field eos_token_id/,
    );
    refuses(
      'a decoder that may fail',
      PLAIN,
      () => ({
        'tokenizer.json': edited('tokenizer.json', (tokenizer) => ({
          ...tokenizer,
          decoder: { type: 'Sequence', decoders: [{ type: 'BPEDecoder' }] },
        })),
      }),
      /its decoder has "BPEDecoder"/,
    );
    refuses(
      'merges that are no list',
      PLAIN,
      () => ({
        'tokenizer.json': edited('tokenizer.json', ({ model }) => ({
          model: { ...model, type: 'BPE', merges: { map: 1 } },
        })),
      }),
      /its merges are not pairs/,
    );

    const index = (what, value, message) =>
      refuses(
        what,
        SHARDED,
        () => ({ [INDEX]: value instanceof Function ? edited(INDEX, value) : text(value) }),
        message,
      );
    for (const name of [
      '../x.safetensors',
      'a/b.safetensors',
      'https://evil.example/x.safetensors',
      '%2e%2e%2fx.safetensors',
      '.safetensors',
      'x.bin',
      '',
      '\u202ex.safetensors',
    ]) {
      index(
        `the file ${JSON.stringify(name)}`,
        { weight_map: { 'wte.weight': name } },
        /index\.json: names the file .* in the same folder/,
      );
    }
    index('an index that is none', '{', /index\.json: is not JSON/);
    index('an index without files', { weight_map: {} }, /index\.json: has an empty weight_map/);
    index('an index of numbers', { weight_map: { a: 1 } }, /index\.json: has no weight_map/);
    index(
      '1,001 files',
      { weight_map: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`t${i}`, `m-${i}.safetensors`])) },
      /names 1001 files, more than the 1000/,
    );
    index('an index of 17 MB', `{"weight_map": {}${' '.repeat(17 << 20)}}`, /more than the 16777216 that are read/);
    index(
      'a tensor in another file',
      ({ weight_map: map }) => void (map['transformer.ln_f.bias'] = SHARDS[1]),
      /00001-of-00003\.safetensors: has the tensor transformer\.ln_f\.bias, which model\.safetensors\.index\.json puts into model-00002/,
    );
    index(
      'a tensor that is nowhere',
      ({ weight_map: map }) => void delete map['transformer.ln_f.bias'],
      /index\.json: has no tensor transformer\.ln_f\.bias/,
    );
    refuses(
      'a shard that is not there',
      SHARDED,
      () => ({ [SHARDS[2]]: null }),
      /model-00003-of-00003\.safetensors: status 404 instead of 200/,
    );
    refuses(
      'a shard that lacks a tensor',
      SHARDED,
      async () => ({ [SHARDS[2]]: HOSTILE['a tensor missing'](own(SHARDS[2])) }),
      /model-00003-of-00003\.safetensors: has no tensor .*, though/,
    );
    refuses(
      'weights that are in neither',
      ['config.json', 'tokenizer.json'],
      () => ({}),
      /model\.safetensors: status 404 .*; or put model\.safetensors\.index\.json there/,
    );

    test('a name cannot write lines of its own', async () => {
      await serve(SHARDED, {
        [INDEX]: edited(INDEX, ({ weight_map: map }) => void (map['transformer.ln_f.bias'] = SHARDS[1])),
      });
      const { header, start } = await readHeader(own(SHARDS[0]));
      header['x\nok    all is well\u001b[2J'] = { dtype: 'F33', shape: [0], data_offsets: [0, 0] };
      cdn.put(MODEL, SHARDS[0], withHeader(JSON.stringify(header), own(SHARDS[0]).slice(start)));
      const { text: said, failed } = await found();
      assert.match(failed.join('\n'), /tensor x.ok {4}all is well.\[2J is of type "F33"/);
      assert.doesNotMatch(said, /^ok {4}all|\u001b/m);
    });
  });

  describe('a shard’s delivery is checked like a whole file’s', () => {
    for (const [kind, [options, message]] of Object.entries(SAID)) {
      // Those of which the numbers are made for the other model.
      if (['cut', 'changed', 'mislabelled'].includes(kind)) continue;
      test(kind, async () => {
        await serve(SHARDED);
        cdn.fault(kind, { ...options, file: SHARDS[1] });
        const { code, text: said, failed } = await found();
        assert.equal(code, 1, said);
        assert.match(failed.join('\n'), message);
        for (const line of failed) assert.match(line, /model-00002-of-00003\.safetensors/);
      });
    }
  });
});
