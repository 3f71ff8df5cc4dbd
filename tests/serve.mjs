// node tests/serve.mjs FOLDER [--port N]: serves a built page until interrupted.

import { parseArgs } from 'node:util';
import { serveFolder } from './static.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: 'string', default: '8080' } },
});
const { url } = await serveFolder(positionals[0] ?? 'dist', { port: Number(values.port) });
console.log(`Patchbay is at ${url} (Ctrl-C ends it)`);
