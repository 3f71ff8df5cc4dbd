// What the frame says to the page around it, and hears from there. The messages are
// told of in embed.js and typed in embed.d.ts.

import { LONGEST } from "./link.mjs";

/** Characters of a message of the app's that are passed on. */
const MOST_TOLD = 4_000_000;
const TOLD = new Set(["ready", "state", "result", "workshop", "error"]);
const THEMES = new Set(["light", "dark", "auto"]);

/**
 * The origins that an embed speaks with.
 *
 * @param {string | null} text separated by commas; null for any
 * @returns {string[] | null} null for any
 */
export const originsOf = (text) => (text === null ? null : text.split(",").filter(isOrigin).slice(0, 50));

/** @param {string} text */
function isOrigin(text) {
  try {
    const { origin, protocol } = new URL(text);
    return origin === text && /^https?:$/.test(protocol);
  } catch {
    return false;
  }
}

/**
 * What another page asks; null where it is nothing that can be asked.
 *
 * @param {any} data
 * @returns {import("../embed").Asked | null}
 */
export function readAsked(data) {
  if (typeof data !== "object" || data === null || data.patchbay !== 1) return null;
  const { type, link, theme, handed } = data;
  if (type === "run" || type === "cancel") return { patchbay: 1, type };
  if (type === "theme" && THEMES.has(theme)) return { patchbay: 1, type, theme };
  const isHanded = typeof handed === "string" && handed.length <= LONGEST + 16 && /^handed\d+=/.test(handed);
  if (type === "resume") return isHanded ? { patchbay: 1, type, handed } : null;
  const isLink = typeof link === "string" && link.length <= LONGEST + 16 && /^#?v\d+=/.test(link);
  return type === "set" && isLink ? { patchbay: 1, type, link: link.replace("#", "") } : null;
}

/**
 * What the app tells; null where it is nothing that is passed on.
 *
 * @param {unknown} text
 * @returns {import("../embed").Told | null}
 */
export function readTold(text) {
  if (typeof text !== "string" || text.length > MOST_TOLD) return null;
  try {
    const message = JSON.parse(text);
    return TOLD.has(message.type) ? { ...message, patchbay: 1 } : null;
  } catch {
    return null;
  }
}

/**
 * Speaks with the page around this one, if there is one.
 *
 * @param {string[] | null} origins of pages that are spoken with; null for any
 * @param {(asked: import("../embed").Asked) => void} onAsked
 * @returns {(message: import("../embed").Told) => void} tells it something
 */
export function talk(origins, onAsked) {
  const host = window.parent;
  if (host === window) return () => {};
  // Known before it speaks in some browsers only.
  let around = location.ancestorOrigins?.[0];
  const post = (/** @type {unknown} */ message) => {
    const to = origins?.filter((origin) => !around || origin === around) ?? ["*"];
    for (const origin of to) host.postMessage(message, origin);
  };
  addEventListener("message", ({ source, origin, data }) => {
    if (source !== host || (origins && !origins.includes(origin))) return;
    around = origin;
    const asked = readAsked(data);
    if (asked) onAsked(asked);
  });
  return (message) => {
    post(message);
    if (message.type !== "height") return;
    // As learning platforms hear it: Canvas, Moodle and those after the standard's text.
    const { height } = message;
    const resize = { subject: "lti.frameResize", height };
    post(resize);
    post(JSON.stringify(resize));
    post({ subject: "org.imsglobal.lti.frameResize", height, message_id: "patchbay" });
  };
}

/**
 * Tells the height of all that is in the frame, now and whenever it is another.
 *
 * @param {(message: import("../embed").Told) => void} tell
 */
export function tellHeight(tell) {
  const root = document.documentElement;
  let last = 0;
  const look = () => {
    const height = Math.ceil(root.getBoundingClientRect().height);
    if (height !== last) tell({ patchbay: 1, type: "height", height: (last = height) });
  };
  // Now: no observer is called in a frame that is out of view.
  look();
  new ResizeObserver(look).observe(root);
}
