// Pages of other people in which experiments stand: of another origin than the built
// page's, each made for its test.

import { createServer } from 'node:http';

const page = (body) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<link rel="icon" href="data:," />
<title>Somebody’s page</title>
<script>
  globalThis.heard = [];
  addEventListener('message', ({ origin, data }) => heard.push({ origin, data }));
</script>
</head>
<body>${body}</body>
</html>`;

/**
 * @returns {Promise<{ origin: string, add: (body: string, headers?: Record<string, string>) => string, close: () => Promise<void> }>}
 *   `add` gives a page's address; the page keeps the messages that it gets in `heard`
 */
export async function serveHosts() {
  const pages = new Map();
  const server = createServer(({ url }, response) => {
    const found = pages.get(url);
    if (!found) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...found.headers }).end(page(found.body));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, 'localhost', resolve);
  });
  const origin = `http://localhost:${server.address().port}`;
  return {
    origin,
    add(body, headers = {}) {
      const path = `/${pages.size}`;
      pages.set(path, { body, headers });
      return origin + path;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
