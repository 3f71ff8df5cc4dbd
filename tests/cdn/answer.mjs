// An answer to a request for a file, first as a careful server gives it, and how
// it is sent.

import { setTimeout as wait } from 'node:timers/promises';
import { Content } from './content.mjs';

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, string | number>} headers
 * @property {Content} body
 * @property {boolean} [cors] whether other origins may read it; yes, if left out
 * @property {{ after: number, how: 'lost' | 'short' | 'stall' }} [end] bytes of the
 *   body after which it does not go on: the connection is torn down, closed in
 *   order, or stays open in silence
 */

/**
 * `Range: bytes=a-b`, `bytes=a-` or `bytes=-n` of a file of `size` bytes: `[from, to]`, `to` not
 * in it. Of several ranges it is the first, as a server may choose.
 */
function readRange(text, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)(?:,|$)/.exec(text ?? '') ?? [];
  if (!first && !last) return undefined;
  if (!first) return [Math.max(size - Number(last), 0), size];
  return [Number(first), last ? Math.min(Number(last) + 1, size) : size];
}

/** @returns {Answer} */
export function fileAnswer({ content, etag, type }, range) {
  const headers = { 'accept-ranges': 'bytes', etag, 'content-type': type };
  const { size } = content;
  const [from, to] = readRange(range, size) ?? [];
  if (from === undefined) {
    return { status: 200, headers: { ...headers, 'content-length': size }, body: content };
  }
  if (from >= to) {
    return textAnswer(416, 'no such range', { 'content-range': `bytes */${size}` });
  }
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${from}-${to - 1}/${size}`, 'content-length': to - from },
    body: content.slice(from, to),
  };
}

/** @returns {Answer} */
export function textAnswer(status, text, headers = {}) {
  const body = Content.bytes(text);
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': body.size, ...headers },
    body,
  };
}

/** @returns {Answer} */
export const jsonAnswer = (status, value, headers = {}) =>
  textAnswer(status, JSON.stringify(value), { 'content-type': 'application/json; charset=utf-8', ...headers });

/** What scripts of other origins may read, as the hub allows it. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag',
};

/**
 * Sends `answer`, at most `slow()` bytes a second, and counts in `record.sent`.
 *
 * @param {Answer} answer
 * @param {import('node:http').ServerResponse} response
 * @param {{ sent: number }} record
 * @param {() => number} slow
 */
export async function send({ status, headers, body, cors = true, end }, response, record, slow) {
  if (end?.how === 'lost' && end.after < 0) return void response.destroy();
  response.writeHead(status, { ...(cors && CORS), ...headers });
  if (response.req.method === 'HEAD') return void response.end();
  response.flushHeaders();
  const rest = end && end.after < body.size ? end : undefined;
  for await (const chunk of body.slice(0, rest?.after).read()) {
    if (Number.isFinite(slow())) await wait((1000 * chunk.length) / slow());
    if (response.destroyed) return;
    await write(response, chunk);
    record.sent += chunk.length;
  }
  if (!rest) response.end();
  else if (rest.how === 'lost') {
    // What a browser has not read by then, it forgets.
    await wait(500);
    response.destroy();
  }
  // The end of the stream and not of the message, which is longer by its own account.
  else if (rest.how === 'short') response.socket?.end();
}

/** Resolves when the bytes have gone out, or will not any more. */
const write = (response, chunk) =>
  new Promise((resolve) => {
    response.once('close', resolve);
    response.write(chunk, () => {
      response.off('close', resolve);
      resolve();
    });
  });
