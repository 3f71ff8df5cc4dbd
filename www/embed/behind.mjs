// An experiment that is a file on some server, `#from=https://...`. Nothing is asked there
// before a person agreed to the host. The engine asks, with its limits: the frame's policy
// lets the frame itself ask nobody but its own server.

import { LinkFault } from "./link.mjs";
import { TEXT } from "./text.mjs";

/** @typedef {{ host: string, url: string }} File */

/**
 * The file that a link leads to, as the engine reads it (engine/src/source/address.rs): the
 * host that is shown is the one that a browser asks, which can be written in one way only.
 *
 * @param {string} fragment without `#`
 * @returns {File | null} null where it is another kind of link
 */
export function behind(fragment) {
  const [, text] = /^from=(.*)$/s.exec(fragment) ?? [];
  if (text === undefined) return null;
  const address = text.includes("://") ? text : plain(text);
  const [, scheme, authority] = /^(https?):\/\/([^/?]*)/i.exec(address) ?? [];
  if (!scheme || !authority || /[^!-~]|[\\#]/.test(address)) throw new LinkFault(TEXT.address);
  let url;
  try {
    url = new URL(address);
  } catch {
    throw new LinkFault(TEXT.address);
  }
  const own = scheme.toLowerCase() === "https" ? /:443$/ : /:80$/;
  if (url.host !== authority.toLowerCase().replace(own, "")) throw new LinkFault(TEXT.address);
  const isLocal = /^(localhost|127\.0\.0\.1|\[::1\]|.+\.localhost)$/.test(url.hostname);
  if (url.protocol !== "https:" && !isLocal) throw new LinkFault(TEXT.insecure);
  return { host: url.host, url: address };
}

/** @param {string} text with what stands in it escaped, as programs that make links like to */
function plain(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * What the file says, by an engine that ends with it.
 *
 * @param {File} file
 * @param {() => Worker} start starts an engine
 * @param {AbortSignal} signal that it is not waited for any more
 * @returns {Promise<string>}
 */
export async function fetched({ url }, start, signal) {
  const engine = start();
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new LinkFault(TEXT.left)));
      engine.addEventListener("error", (event) => {
        event.preventDefault();
        reject(new Error(event.message || "the engine did not start"));
      });
      engine.addEventListener("message", ({ data }) => {
        if (data.type === "ready") engine.postMessage({ type: "open", id: 1, url });
        if (data.type === "opened") resolve(data.text);
        if (data.type === "failed") reject(new LinkFault(sentence(data.failure.message)));
      });
    });
  } finally {
    engine.terminate();
  }
}

/** @param {string} message of the engine's, which begins small and has no full stop */
const sentence = (message) => `${message.charAt(0).toUpperCase()}${message.slice(1)}`.replace(/[^.?!]$/, "$&.");

/**
 * The link of what such a file holds: what a link packs, or an experiment alone.
 *
 * @param {string} text
 * @returns {Promise<string>} its end, without `#`
 */
export async function linked(text) {
  let whole;
  try {
    whole = JSON.parse(text);
  } catch {
    throw new LinkFault(TEXT.file);
  }
  if (typeof whole !== "object" || whole === null) throw new LinkFault(TEXT.file);
  const json = JSON.stringify("experiment" in whole ? whole : { experiment: whole });
  // Whoever unpacks it puts the dictionary in front, of which it takes nothing.
  const stream = new Blob([json]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8_192) binary += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  return `v2=${btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}
