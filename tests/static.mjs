// A folder served over HTTP from a sub-path, as a static host would.

import { createServer } from 'node:http';
import sirv from 'sirv';

/**
 * Serves `folder` at http://localhost:PORT + `base`, and nothing outside `base`,
 * so that an address that is not relative is a 404.
 *
 * @param {string} folder
 * @param {{ base?: string, port?: number }} [options] port 0 (the default) takes a free one
 * @returns {Promise<{ url: string, close: () => Promise<void> }>} `url` ends with a slash
 */
export async function serveFolder(folder, { base = '/', port = 0 } = {}) {
  // `dev` reads the folder at each request, so that a rebuilt page is served as it is.
  const files = sirv(folder, { dev: true, etag: true });
  const server = createServer((request, response) => {
    const notFound = () => response.writeHead(404).end(`no ${request.url}`);
    if (!request.url.startsWith(base)) return notFound();
    request.url = request.url.slice(base.length - 1);
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
