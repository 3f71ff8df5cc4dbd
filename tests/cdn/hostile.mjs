// Files that a careless or malicious host could have: each is one way in which a
// model.safetensors can be wrong while it arrives whole.

import { Content } from './content.mjs';

/** The header of a safetensors file, and where its data begins. */
export async function readHeader(content) {
  const length = Number((await content.slice(0, 8).bytes()).readBigUInt64LE());
  const header = JSON.parse(await content.slice(8, 8 + length).bytes());
  return { header, start: 8 + length };
}

const lengthBytes = (length) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(length));
  return Content.bytes(bytes);
};

/** A file with this text as its header. */
export function withHeader(text, data) {
  const bytes = Buffer.from(text);
  return Content.join(lengthBytes(bytes.length), Content.bytes(bytes), data);
}

/** The file with its header changed by `change(header)`, or replaced by the text it returns. */
const editing = (change) => async (content) => {
  const { header, start } = await readHeader(content);
  return withHeader(change(header) ?? JSON.stringify(header), content.slice(start));
};

/** A tensor of the header, whether or not the file's names begin with `transformer.` */
const tensor = (header, name) => header[name] ?? header[`transformer.${name}`];

/** Only the data of the named tensor changed. */
const inData = (name, change) => async (content) => {
  const { header, start } = await readHeader(content);
  const [from, to] = tensor(header, name).data_offsets;
  return content.overwrite(start + from, change(await content.slice(start + from, start + to).bytes()));
};

const number = (value) => (data) => {
  const bytes = Buffer.from(data);
  // In the middle, so that a look at the first values does not find it.
  bytes.writeFloatLE(value, 4 * Math.floor(bytes.length / 8));
  return bytes;
};

/** By what is wrong: from a sound file of F32 tensors, one that is not. */
export const HOSTILE = {
  'no bytes at all': () => Content.bytes([]),
  'five bytes': (content) => content.slice(0, 5),
  'a header cut off': (content) => content.slice(0, 100),
  'data cut off': (content) => content.slice(0, content.size - 1000),
  'bytes after the data': (content) => Content.join(content, Content.filling(0, 1000)),
  'a header of 2^64 - 1 bytes': (content) => Content.join(Content.filling(0xff, 8), content.slice(8)),
  'a header length beyond the file': (content) => Content.join(lengthBytes(content.size), content.slice(8)),
  'a header of more than 100 MB': async (content) => {
    const { header, start } = await readHeader(content);
    const text = JSON.stringify(header);
    const length = 100_000_001;
    const filled = Content.join(Content.bytes(text), Content.filling(0x20, length - text.length));
    return Content.join(lengthBytes(length), filled, content.slice(start));
  },
  'a header that is not JSON': async (content) => {
    const { start } = await readHeader(content);
    return withHeader('{"wte.weight": {"dtype": "F32", ', content.slice(start));
  },
  'a header that is not UTF-8': async (content) => {
    const { start } = await readHeader(content);
    return Content.join(lengthBytes(start - 8), Content.filling(0xc3, start - 8), content.slice(start));
  },
  'a header that is a list': async (content) => {
    const { start } = await readHeader(content);
    return withHeader('[]', content.slice(start));
  },
  'tensors that overlap': editing((header) => {
    tensor(header, 'ln_f.bias').data_offsets = tensor(header, 'ln_f.weight').data_offsets;
  }),
  'a hole between tensors': async (content) => {
    const { header, start } = await readHeader(content);
    const last = lastTensor(header);
    header[last].data_offsets = header[last].data_offsets.map((offset) => offset + 64);
    const at = start + header[last].data_offsets[0] - 64;
    const data = Content.join(content.slice(start, at), Content.filling(0, 64), content.slice(at));
    return withHeader(JSON.stringify(header), data);
  },
  'offsets beyond the file': editing((header) => {
    const last = lastTensor(header);
    header[last].data_offsets[1] += 4096;
  }),
  'offsets that overflow': editing((header) => {
    // As text, because JavaScript cannot hold the numbers.
    const offsets = JSON.stringify(header[lastTensor(header)].data_offsets);
    return JSON.stringify(header).replace(offsets, '[18446744073709551000,18446744073709551615]');
  }),
  'offsets that run backwards': editing((header) => {
    tensor(header, 'ln_f.bias').data_offsets.reverse();
  }),
  'negative offsets': editing((header) => {
    tensor(header, 'ln_f.bias').data_offsets = [-84, 0];
  }),
  'a shape that overflows': editing((header) => {
    tensor(header, 'wte.weight').shape = [2 ** 40, 2 ** 40];
  }),
  'a tensor of whole numbers': editing((header) => {
    tensor(header, 'ln_f.weight').dtype = 'I32';
  }),
  'a type that is none': editing((header) => {
    tensor(header, 'ln_f.weight').dtype = 'F33';
  }),
  'a shape the wrong way round': editing((header) => {
    tensor(header, 'wte.weight').shape.reverse();
  }),
  'a tensor missing': async (content) => {
    const { header, start } = await readHeader(content);
    const last = lastTensor(header);
    const [from] = header[last].data_offsets;
    delete header[last];
    return withHeader(JSON.stringify(header), content.slice(start, start + from));
  },
  'a value that is not a number': inData('h.0.mlp.c_fc.weight', number(NaN)),
  'a value that is infinite': inData('wte.weight', number(-Infinity)),
};

/** The tensor whose data are at the end. */
const lastTensor = (header) =>
  Object.keys(header).reduce((a, b) => {
    const end = (name) => header[name].data_offsets?.[1] ?? 0;
    return end(b) > end(a) ? b : a;
  });
