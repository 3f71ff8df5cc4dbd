// What can be wrong with the delivery of a file. (What can be wrong with a file
// itself is in hostile.mjs.)

import { gzipSync } from 'node:zlib';
import { Content } from './content.mjs';
import { textAnswer } from './answer.mjs';

/**
 * Every fault, by name. `file` changes what is served, `range` what was asked for,
 * `answer` what is answered; each takes the thing and the fault's options, and
 * `answer` also the signed address that was used (`requests` and `bytes` so far).
 */
export const FAULTS = {
  /** A status instead of the file. `retryAfter` in seconds. Options: status, retryAfter, text, cors */
  status: {
    answer: (_, { status, retryAfter, text = `status ${status}, as the test wants it`, cors }) => ({
      ...textAnswer(status, text, retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
      cors,
    }),
  },
  /** A page for people, with status 200, as a network that wants a login answers everything. */
  html: {
    answer: () =>
      textAnswer(200, '<!doctype html><title>Log in</title><form>Your ticket, please.</form>\n', {
        'content-type': 'text/html; charset=utf-8',
      }),
  },
  /** The file compressed on the way. */
  gzip: {
    answer: async (answer) => {
      const body = Content.bytes(gzipSync(await answer.body.bytes()));
      return {
        ...answer,
        body,
        headers: { ...answer.headers, 'content-encoding': 'gzip', 'content-length': body.size },
      };
    },
  },
  /** The whole file, whatever part is asked for. */
  no_ranges: { range: () => undefined, answer: (answer) => without(answer, 'accept-ranges') },
  /** Another part than the one asked for, and said so. Options: by */
  shifted: {
    range: (range, { by = 1 }) => range?.replace(/\d+/g, (n) => Number(n) + by),
  },
  /** A part that is not the one it is said to be: all bytes have moved by so many. Options: by */
  mislabelled: {
    file: ({ content, ...file }, { by = 1 }) => ({
      ...file,
      content: Content.join(content.slice(by), content.slice(0, by)),
    }),
  },
  /** Nothing that a page of another origin may read. */
  no_cors: { answer: (answer) => ({ ...answer, cors: false }) },
  /** No Content-Length. */
  unannounced: { answer: (answer) => without(answer, 'content-length') },
  /** No ETag. */
  no_etag: { answer: (answer) => without(answer, 'etag') },
  /** One bit turned over. Options: byte, where it is in the file */
  flipped: {
    file: async ({ content, ...file }, { byte }) => {
      const [value] = await content.slice(byte, byte + 1).bytes();
      return { ...file, content: content.overwrite(byte, [value ^ 0x10]) };
    },
  },
  /** Only the first `bytes`, with a Content-Length that says so. Options: bytes */
  cut: { file: ({ content, ...file }, { bytes }) => ({ ...file, content: content.slice(0, bytes) }) },
  /** Another file at the same address. Options: content, etag (the old one, if left out) */
  changed: { file: ({ etag, ...file }, { content, etag: other = etag }) => ({ ...file, content, etag: other }) },
  /** Announces all, sends `after` bytes and closes the connection in order. Options: after */
  short: { answer: (answer, { after }) => ({ ...answer, end: { after, how: 'short' } }) },
  /** The connection is torn down after `after` bytes; with -1, before any answer. Options: after */
  lost: { answer: (answer, { after }) => ({ ...answer, end: { after, how: 'lost' } }) },
  /** `after` bytes, and then silence. Options: after */
  stall: { answer: (answer, { after }) => ({ ...answer, end: { after, how: 'stall' } }) },
  /** The signed address holds for so many requests, or until so many bytes went out. Options: requests, bytes */
  expired: {
    answer: (answer, { requests = Infinity, bytes = Infinity }, signed) =>
      signed && (signed.requests >= requests || signed.bytes >= bytes) ? denied() : answer,
  },
};

/** What the storage says of a signature that is not valid, or not any more. */
export const denied = () =>
  textAnswer(
    403,
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
    {
      'content-type': 'application/xml',
    },
  );

function without(answer, header) {
  const { [header]: _, ...headers } = answer.headers;
  return { ...answer, headers };
}

/** The faults that are in force. */
export class Faults {
  #set = [];

  /**
   * @param {string} kind a name in FAULTS
   * @param {object} [options] the fault's own, and
   * @param {string} [options.model] `owner/name`; any, if left out
   * @param {string} [options.file]
   * @param {'bytes' | 'resolve' | 'listing'} [options.at] where: where the file's bytes
   *   come from, where its address does, or the repository's listing
   * @param {number} [options.skip] so many requests pass unharmed first
   * @param {number} [options.times] so many are struck; all, if left out
   * @returns {{ hits: number }} counts what it struck
   */
  add(kind, { model, file = 'model.safetensors', at = 'bytes', skip = 0, times = Infinity, ...options } = {}) {
    const fault = FAULTS[kind];
    if (!fault) throw new Error(`no fault ${kind}; there are ${Object.keys(FAULTS).join(', ')}`);
    const entry = {
      kind,
      fault,
      options,
      model,
      file: at === 'listing' ? undefined : file,
      at,
      skip,
      times,
      seen: 0,
      hits: 0,
    };
    this.#set.push(entry);
    return entry;
  }

  clear() {
    this.#set = [];
  }

  /** The faults that strike this request, and are counted as having done so. */
  striking({ model, file, at }) {
    const matching = this.#set.filter(
      (f) => f.at === at && (!f.model || f.model === model) && (!f.file || f.file === file),
    );
    return matching.filter((f) => {
      f.seen += 1;
      if (f.seen <= f.skip || f.hits >= f.times) return false;
      f.hits += 1;
      return true;
    });
  }
}
