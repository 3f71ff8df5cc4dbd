// The end of a link unpacked, as the engine does it (engine/src/experiment/link), with
// the browser's own DEFLATE: a poster is drawn without a byte of WebAssembly.

import { TEXT } from "./text.mjs";

/** Characters of a link that are read, and bytes that it may unpack to. */
export const LONGEST = 1_000_000;
export const LARGEST = 4_000_000;

/** The newest version of an experiment. */
export const NEWEST = 4;

/** Packed bytes that are unpacked at once: DEFLATE makes them a thousand times as many at most. */
const BITE = 4_096;

/**
 * What a link holds, as far as a poster needs it. Its fields are whatever the link says.
 *
 * @typedef {Record<string, unknown>} Fields
 * @typedef {{ experiment: Fields, digest: Fields, show: Fields, workshop: Fields | null }} Link
 */

/** Why a link is none, in a sentence for whoever reads the page. */
export class LinkFault extends Error {}

/**
 * @param {string} fragment with or without `#`
 * @param {string} dictionary what both sides know
 * @returns {Promise<Link | null>} null where it does not claim to be an experiment
 */
export async function unpack(fragment, dictionary) {
  const [, form, body] = /^#*(v\d+)=(.*)$/s.exec(fragment) ?? [];
  if (form === undefined || body === undefined) return null;
  if (form !== "v1" && form !== "v2") throw new LinkFault(TEXT.form(form.slice(0, 12)));
  if (body.length > LONGEST) throw new LinkFault(TEXT.long(body.length, LONGEST));
  // Mail and chat programs like to add a full stop or padding to a link.
  const bytes = decoded(body.replace(/[=.,)>]+$/, ""));
  const whole = parsed(form === "v1" ? bytes : await inflated(bytes, dictionary));
  const { experiment, digest, show, workshop, ...others } =
    form === "v1" ? fields({ experiment: whole }) : fields(whole);
  for (const other of Object.keys(others)) throw new LinkFault(TEXT.newer(other.slice(0, 40)));
  return {
    experiment: known(experiment),
    digest: fields(digest ?? {}),
    show: fields(show ?? {}),
    workshop: workshop ? fields(workshop) : null,
  };
}

/** @param {unknown} value */
function fields(value) {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return /** @type {Fields} */ (value);
  throw new LinkFault(TEXT.what);
}

/** @param {unknown} value */
function known(value) {
  const experiment = fields(value);
  const { version, clean, corrupted } = experiment;
  if (typeof version !== "number") throw new LinkFault(TEXT.what);
  if (version > NEWEST) throw new LinkFault(TEXT.version(version, NEWEST));
  if (![clean, corrupted].every(isPrompt)) throw new LinkFault(TEXT.what);
  return experiment;
}

/**
 * A prompt is a text, or the numbers of its tokens.
 *
 * @param {unknown} value
 * @returns {value is string | number[]}
 */
export const isPrompt = (value) =>
  typeof value === "string" || (Array.isArray(value) && value.every((id) => typeof id === "number"));

/**
 * @param {string} text base64url
 * @returns {Uint8Array<ArrayBuffer>}
 */
function decoded(text) {
  try {
    if (/[^\w-]/.test(text)) throw new LinkFault(TEXT.broken);
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(binary, (c) => c.charCodeAt(0));
  } catch {
    throw new LinkFault(TEXT.broken);
  }
}

/**
 * @param {Uint8Array} bytes
 * @returns {unknown}
 */
function parsed(bytes) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw new LinkFault(TEXT.broken);
  }
}

/**
 * Raw DEFLATE with the dictionary in front, as a stored block that is not the last one.
 *
 * @param {Uint8Array<ArrayBuffer>} packed
 * @param {string} dictionary
 * @returns {Promise<Uint8Array>}
 */
async function inflated(packed, dictionary) {
  const before = new TextEncoder().encode(dictionary);
  const [low, high] = [before.length & 255, before.length >> 8];
  let inflate;
  try {
    inflate = new DecompressionStream("deflate-raw");
  } catch {
    throw new LinkFault(TEXT.old);
  }
  const writer = inflate.writable.getWriter();
  const feed = async () => {
    await writer.write(new Uint8Array([0, low, high, low ^ 255, high ^ 255, ...before]));
    for (let at = 0; at < packed.length; at += BITE) await writer.write(packed.subarray(at, at + BITE));
    await writer.close();
  };
  // What goes wrong is told to the reader too.
  feed().catch(() => {});
  const reader = inflate.readable.getReader();
  const out = [];
  let length = -before.length;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      out.push(value);
      length += value.length;
      if (length > LARGEST) break;
    }
  } catch {
    throw new LinkFault(TEXT.broken);
  }
  if (length > LARGEST) {
    reader.cancel().catch(() => {});
    throw new LinkFault(TEXT.large(LARGEST));
  }
  const whole = new Uint8Array(before.length + length);
  let end = 0;
  for (const part of out) {
    whole.set(part, end);
    end += part.length;
  }
  return whole.subarray(before.length);
}
