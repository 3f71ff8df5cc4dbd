// A stand-in for the Hugging Face hub and its storage: the same layout of addresses,
// redirects, ranges and CORS headers over folders of models, and faults on demand.
//
//   node tests/cdn.mjs owner/name=FOLDER... [--port N] [--slow BYTES_PER_SECOND]
//
// In a test, `serveCdn` gives a handle on it. From elsewhere, the address /_control
// takes the same as JSON: POST {"fault": "lost", "after": 1000000}, {"slow": 50000}
// or {"clear": true}; GET tells what was asked of it.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fileAnswer, jsonAnswer, send, textAnswer } from './cdn/answer.mjs';
import { denied, Faults } from './cdn/faults.mjs';
import { isLarge, Repository } from './cdn/repository.mjs';

export { Content } from './cdn/content.mjs';
export { FAULTS } from './cdn/faults.mjs';

/**
 * What the hub's storage says of headers: those that a page may send (`Range` is not among
 * them) and those that it may read.
 * Source: <https://github.com/huggingface/datasets/issues/7931>
 */
const STORAGE_ALLOWS = 'Content-Range, Content-Type, Content-Disposition, ETag';
const STORAGE_EXPOSES = 'Accept-Ranges, Content-Range, Content-Type, Content-Disposition, ETag, X-Cache';

/**
 * A request as it was answered. `at` is `listing`, `resolve`, `bytes` or null,
 * `range` the header as it came, `sent` bytes of the body, `via` `hub`, `storage`
 * (a signed address) or `mirror` (a plain folder).
 * @typedef {{ via: string, at: string | null, method: string, path: string, model?: string,
 *   file?: string, range?: string, status?: number, sent: number, faults: string[] }} Seen
 */

/**
 * Serves models as the hub does: `url` is its address, with the paths
 * - `/api/models/{owner}/{name}/revision/{revision}`: the listing
 * - `/{owner}/{name}/resolve/{revision}/{file}`: a redirect, for weights to a signed
 *   address on `storage`, another origin; small files stay with the hub
 * and `storage` has besides `/mirror/{owner}/{name}/{file}`, a plain folder of the
 * newest files, as a course would serve them.
 *
 * @param {object} options
 * @param {Record<string, string | object>} options.models by `owner/name`: a folder, or
 *   what `Repository` takes
 * @param {number} [options.slow] bytes a second of each answer
 * @param {number} [options.expires] seconds for which a signed address holds
 * @param {number} [options.port] of the hub; 0 takes a free one
 */
export async function serveCdn({ models = {}, slow = Infinity, expires = 3600, port = 0 } = {}) {
  const repositories = new Map();
  const addresses = new Map();
  const faults = new Faults();
  /** @type {Seen[]} */
  const requests = [];
  /** Questions whether a request may be made, and whether that was granted. */
  const preflights = [];

  const add = (name, source) =>
    repositories.set(name, new Repository(name, typeof source === 'string' ? { folder: source } : source));
  for (const [name, source] of Object.entries(models)) add(name, source);

  /** A file, with the faults that strike this request for it. */
  async function serveFile({ content, model, file, signed }, seen, request) {
    Object.assign(seen, { model, file, at: 'bytes' });
    const striking = strike(seen);
    const type = file.endsWith('.json') ? 'application/json; charset=utf-8' : 'application/octet-stream';
    let it = { content, etag: `"${await content.sha256()}"`, type };
    let { range } = request.headers;
    for (const { fault, options } of striking) {
      it = (await fault.file?.(it, options)) ?? it;
      if (fault.range) range = fault.range(range, options);
    }
    const answer = await strikeAnswer(fileAnswer(it, range), striking, signed);
    if (signed) signed.requests += 1;
    return answer;
  }

  function strike(seen) {
    const striking = faults.striking(seen);
    seen.faults = striking.map(({ kind }) => kind);
    return striking;
  }

  async function strikeAnswer(answer, striking, signed) {
    for (const { fault, options } of striking) {
      answer = (await fault.answer?.(answer, options, signed)) ?? answer;
    }
    return answer;
  }

  const refusal = (status, code, text) => textAnswer(status, text, { 'x-error-code': code, 'x-error-message': text });

  /** The repository and its commit, or why not, in the hub's words. */
  function find(model, revision) {
    const repository = repositories.get(model);
    // The hub does not tell who may not see a repository from who asks for none.
    if (!repository) return { refused: refusal(401, 'RepoNotFound', 'Invalid username or password.') };
    const commit = repository.resolve(decodeURIComponent(revision));
    if (!commit) return { refused: refusal(404, 'RevisionNotFound', `Invalid rev id: ${revision}`) };
    return { repository, commit };
  }

  async function listing(seen, [model, revision]) {
    Object.assign(seen, { model, at: 'listing' });
    const striking = strike(seen);
    const { refused, repository, commit } = find(model, revision);
    return strikeAnswer(refused ?? jsonAnswer(200, await repository.listing(commit)), striking);
  }

  async function resolve(seen, [model, revision, file]) {
    Object.assign(seen, { model, file, at: 'resolve' });
    const striking = strike(seen);
    const { refused, repository, commit } = find(model, revision);
    const content = repository?.file(commit, file);
    if (!content) return strikeAnswer(refused ?? refusal(404, 'EntryNotFound', 'Entry not found'), striking);
    const headers = { 'x-repo-commit': commit, 'accept-ranges': 'bytes' };
    if (!isLarge(file)) {
      headers.location = `/api/resolve-cache/models/${model}/${commit}/${file}`;
      return strikeAnswer(textAnswer(307, 'Temporary Redirect', headers), striking);
    }
    const key = randomBytes(16).toString('hex');
    addresses.set(key, { content, model, file, until: Date.now() + 1000 * expires, requests: 0, bytes: 0 });
    headers.location = `${cdn.storage}/${await content.sha256()}?X-Amz-Expires=${expires}&X-Amz-Signature=${key}`;
    headers['x-linked-size'] = content.size;
    headers['x-linked-etag'] = `"${await content.sha256()}"`;
    return strikeAnswer(textAnswer(302, 'Found', headers), striking);
  }

  async function small(seen, [model, commit, file], request) {
    const content = find(model, commit).repository?.file(commit, file);
    if (!content) return refusal(404, 'EntryNotFound', 'Entry not found');
    return serveFile({ content, model, file }, seen, request);
  }

  async function signedFile(seen, _, request) {
    const signed = addresses.get(new URL(request.url, cdn.storage).searchParams.get('X-Amz-Signature'));
    if (!signed || Date.now() > signed.until) return denied();
    // Not part of what is told of the request.
    Object.defineProperty(seen, 'signed', { value: signed });
    const answer = await serveFile({ ...signed, signed }, seen, request);
    // Only where the answer may be read at all.
    const exposes = answer.cors === false ? {} : { 'access-control-expose-headers': STORAGE_EXPOSES };
    return { ...answer, headers: { ...answer.headers, ...exposes } };
  }

  async function mirrored(seen, [model, file], request) {
    const repository = repositories.get(model);
    const content = repository?.file(repository.head, file);
    return content ? serveFile({ content, model, file }, seen, request) : textAnswer(404, 'not found');
  }

  async function control(_, __, request) {
    if (request.method === 'GET') return jsonAnswer(200, { requests, preflights });
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { fault, slow, clear, ...options } = JSON.parse(Buffer.concat(chunks));
    if (clear) cdn.clear();
    if (slow !== undefined) cdn.slow = slow ?? Infinity;
    if (fault) cdn.fault(fault, options);
    return jsonAnswer(200, {});
  }

  const HUB = [
    [/^\/api\/models\/([^/]+\/[^/]+)\/revision\/([^/?]+)/, listing],
    [/^\/api\/resolve-cache\/models\/([^/]+\/[^/]+)\/([^/]+)\/([^?]+)/, small],
    [/^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/([^?]+)/, resolve],
    [/^\/_control$/, control],
  ];
  const STORAGE = [
    [/^\/mirror\/([^/]+\/[^/]+)\/([^?]+)/, mirrored],
    [/^\/[0-9a-f]{64}\?/, signedFile],
  ];

  const listen = (via, routes, port) =>
    new Promise((ready, fail) => {
      const server = createServer(async (request, response) => {
        const { method, url: path, headers } = request;
        const [, take, match] = routes.map(([at, take]) => [at, take, at.exec(path)]).find(([, , m]) => m) ?? [];
        if (method === 'OPTIONS') return preflight(request, response, take === signedFile ? STORAGE_ALLOWS : 'Range');
        const where = take === mirrored ? 'mirror' : via;
        const seen = { via: where, at: null, method, path, range: headers.range, sent: 0, faults: [] };
        if (take !== control) requests.push(seen);
        try {
          const answer = take ? await take(seen, match.slice(1), request) : textAnswer(404, 'not found');
          seen.status = answer.status;
          await send(answer, response, counting(seen), () => cdn.slow);
        } catch (error) {
          console.error(`cdn: ${method} ${path}: ${error.stack}`);
          response.destroy();
        }
      });
      server.once('error', fail);
      server.listen(port, 'localhost', () => ready(server));
    });

  /** Counts what is sent, for the request and for the signed address. */
  const counting = (seen) => ({
    get sent() {
      return seen.sent;
    },
    set sent(bytes) {
      if (seen.signed) seen.signed.bytes += bytes - seen.sent;
      seen.sent = bytes;
    },
  });

  /**
   * Granted for `Range` alone, which most browsers do not even ask about; by the
   * hub's storage not for that either: it answers well, but does not name it.
   */
  function preflight(request, response, allows) {
    const headers = request.headers['access-control-request-headers'] ?? '';
    const names = (text) =>
      text
        .toLowerCase()
        .split(',')
        .map((name) => name.trim());
    const named = names(headers).every((name) => names(allows).includes(name));
    const granted = named && request.headers['access-control-request-method'] === 'GET';
    preflights.push({ path: request.url, headers, granted });
    const allowed = { 'access-control-allow-origin': '*', 'access-control-allow-headers': allows };
    response.writeHead(granted || allows === STORAGE_ALLOWS ? 204 : 403, allowed).end();
  }

  const hub = await listen('hub', HUB, port);
  const storage = await listen('storage', STORAGE, 0);
  const address = (server) => `http://localhost:${server.address().port}`;

  const cdn = {
    /** The hub, without a slash at the end. */
    url: address(hub),
    /** Its storage. */
    storage: address(storage),
    /** Bytes a second of each answer; may be changed at any time. */
    slow,
    requests,
    preflights,
    /** The address of a plain folder with the newest files of a model. */
    mirror: (model) => `${address(storage)}/mirror/${model}/`,
    /** A further model, or the same anew. */
    add,
    /** A new commit of a model, in which `file` has this content, or is gone (null). */
    put: (model, file, content) => repositories.get(model).put(file, content),
    /** The newest commit of a model. */
    head: (model) => repositories.get(model).head,
    /** Sets a fault from tests/cdn/faults.mjs, and counts its `hits`. */
    fault: (kind, options) => faults.add(kind, options),
    /** Requests for the bytes of `file`, in the order in which they came. */
    asked: (file = 'model.safetensors') => requests.filter((seen) => seen.at === 'bytes' && seen.file === file),
    /** Bytes of `file` that were sent, in all. */
    sent: (file) => cdn.asked(file).reduce((sum, { sent }) => sum + sent, 0),
    /** Takes back all faults, the slowness and what was noted. */
    clear() {
      faults.clear();
      cdn.slow = slow;
      requests.length = 0;
      preflights.length = 0;
    },
    close: () =>
      Promise.all(
        [hub, storage].map((server) => {
          server.closeAllConnections();
          return new Promise((closed) => server.close(closed));
        }),
      ),
  };
  return cdn;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { port: { type: 'string', default: '8090' }, slow: { type: 'string', default: 'Infinity' } },
  });
  const models = Object.fromEntries(positionals.map((text) => text.split('=')));
  const { url, storage } = await serveCdn({ models, port: Number(values.port), slow: Number(values.slow) });
  console.log(`The hub is at ${url}, its storage at ${storage} (Ctrl-C ends it)`);
}
