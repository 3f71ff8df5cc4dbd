// A folder served over HTTP from a sub-path, as a static host would.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import sirv from 'sirv';

/**
 * Serves `folder` at http://localhost:PORT + `base`, and nothing outside `base`,
 * so that an address that is not relative is a 404.
 *
 * @param {string} folder
 * @param {object} [options]
 * @param {string} [options.base] starts and ends with a slash
 * @param {number} [options.port] 0 (the default) takes a free one
 * @param {Record<string, string>} [options.mounts] further folders, by the path
 *   under `base` at which they are, such as `models/`
 * @param {Record<string, string>} [options.headers] sent with every file
 * @param {(html: string) => string} [options.rewrite] changes the folder's index.html
 *   as it is served
 * @returns {Promise<{ url: string, close: () => Promise<void> }>} `url` ends with a slash
 */
export async function serveFolder(folder, { base = '/', port = 0, mounts = {}, headers = {}, rewrite } = {}) {
  // `dev` reads the folder at each request, so that a rebuilt page is served as it is.
  const at = (path) => sirv(path, { dev: true, etag: true });
  // The longest path first: the folder itself, at '', takes what no mount has.
  const routes = Object.entries({ ...mounts, '': folder })
    .sort(([a], [b]) => b.length - a.length)
    .map(([path, from]) => [base + path, at(from)]);
  const server = createServer(async (request, response) => {
    const notFound = () => response.writeHead(404).end(`no ${request.url}`);
    const [path, files] = routes.find(([path]) => request.url.startsWith(path)) ?? [];
    if (!files) return notFound();
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    request.url = request.url.slice(path.length - 1);
    if (rewrite && path === base && /^\/(index\.html)?(\?|$)/.test(request.url)) {
      const html = await readFile(join(folder, 'index.html'), 'utf8');
      return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(rewrite(html));
    }
    files(request, response, notFound);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', resolve);
  });
  return {
    url: `http://localhost:${server.address().port}${base}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
