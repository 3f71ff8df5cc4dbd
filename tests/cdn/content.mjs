// What a served file is made of: stretches of files on disk, bytes and filling, so
// that a fault can change a file of half a gigabyte without copying it.

import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';

const CHUNK = 1 << 16;

/** @typedef {{ size: number, slice: (from: number, to: number) => Piece, read: () => AsyncIterable<Buffer> | Iterable<Buffer> }} Piece */

/** @returns {Piece} */
const onDisk = (path, start, size) => ({
  size,
  slice: (from, to) => onDisk(path, start + from, to - from),
  read: () => createReadStream(path, { start, end: start + size - 1, highWaterMark: CHUNK }),
});

/** @returns {Piece} */
const ofBytes = (bytes) => ({
  size: bytes.length,
  slice: (from, to) => ofBytes(bytes.subarray(from, to)),
  read: () => [bytes],
});

/** @returns {Piece} */
const ofFilling = (byte, size) => ({
  size,
  slice: (from, to) => ofFilling(byte, to - from),
  *read() {
    for (let left = size; left > 0; left -= CHUNK) yield Buffer.alloc(Math.min(left, CHUNK), byte);
  },
});

export class Content {
  #pieces;
  #sha256;

  /** @param {Piece[]} pieces */
  constructor(pieces) {
    this.#pieces = pieces.filter(({ size }) => size > 0);
    this.size = this.#pieces.reduce((sum, { size }) => sum + size, 0);
  }

  static file = (path) => new Content([onDisk(path, 0, statSync(path).size)]);
  static bytes = (bytes) => new Content([ofBytes(Buffer.from(bytes))]);
  static filling = (byte, size) => new Content([ofFilling(byte, size)]);

  /** One after the other. */
  static join = (...contents) => new Content(contents.flatMap((content) => content.#pieces));

  /** The bytes from `from` to before `to`. */
  slice(from, to = this.size) {
    const pieces = [];
    let start = 0;
    for (const piece of this.#pieces) {
      const [a, b] = [Math.max(from - start, 0), Math.min(to - start, piece.size)];
      if (a < b) pieces.push(piece.slice(a, b));
      start += piece.size;
    }
    return new Content(pieces);
  }

  /** The same length, with other bytes from `at` on. */
  overwrite(at, bytes) {
    return Content.join(this.slice(0, at), Content.bytes(bytes), this.slice(at + bytes.length));
  }

  async *read() {
    for (const piece of this.#pieces) yield* piece.read();
  }

  /** All of it; for files that fit. */
  async bytes() {
    const chunks = [];
    for await (const chunk of this.read()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** In hex. Read once. */
  sha256() {
    this.#sha256 ??= (async () => {
      const hash = createHash('sha256');
      for await (const chunk of this.read()) hash.update(chunk);
      return hash.digest('hex');
    })();
    return this.#sha256;
  }
}
