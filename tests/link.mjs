// Links as they are told apart from what the page makes of them: with Node's own zlib.

import { readFileSync } from 'node:fs';
import { deflateRawSync, inflateRawSync } from 'node:zlib';

const dictionary = readFileSync(new URL('../engine/src/experiment/link/dictionary.txt', import.meta.url));

/** What a link holds: `{ experiment, digest, show }`; undefined where it is none.
 *  @param {string} text an address, or its end */
export function opened(text) {
  const [, form, body] = /(?:^|#)(v[12])=([\w-]+)$/.exec(text) ?? [];
  if (!form) return undefined;
  const bytes = Buffer.from(body, 'base64url');
  return form === 'v1' ? { experiment: JSON.parse(bytes) } : JSON.parse(inflateRawSync(bytes, { dictionary }));
}

/** The end of a link, with `#`.
 *  @param {object} held `{ experiment, digest, show }` */
export const packed = (held) =>
  `#v2=${deflateRawSync(JSON.stringify(held), { dictionary, level: 9 }).toString('base64url')}`;
