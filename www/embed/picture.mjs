// The author's small picture of the first map, as a link brings it (engine/src/experiment/digest.rs).

import { fill } from "./colours.mjs";

/** From a full colour towards the corrupted run to one towards the clean one; `.` is no cell. */
export const LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
/** Cells of a picture at most. */
export const MOST_PICTURED = 1_600;
const STEPS = (LEVELS.length - 1) / 2;

/** Pixels of a cell, and of the whole at most. */
const CELL = { width: 22, height: 14 };
const MOST_PIXELS = { width: 660, height: 280 };

/**
 * @param {unknown} picture
 * @returns {{ rows: number, columns: number, levels: string } | null} null where it is none
 */
export function readPicture(picture) {
  const { columns, levels } = /** @type {Record<string, unknown>} */ (picture ?? {});
  if (typeof levels !== "string" || typeof columns !== "number" || !Number.isInteger(columns)) return null;
  const fits = columns > 0 && levels.length > 0 && levels.length <= MOST_PICTURED && levels.length % columns === 0;
  if (!fits || ![...levels].every((level) => level === "." || LEVELS.includes(level))) return null;
  return { rows: levels.length / columns, columns, levels };
}

/**
 * @param {string} level
 * @returns {number} its place on the scale of colours
 */
export const placeOf = (level) => Math.fround(Math.fround(LEVELS.indexOf(level) / STEPS) - 1);

/**
 * Cells of one colour are one path: a page may hold many posters.
 *
 * @param {{ rows: number, columns: number, levels: string }} picture
 * @param {string} label
 */
export function drawn({ rows, columns, levels }, label) {
  /** @type {Map<string, string>} */
  const paths = new Map();
  [...levels].forEach((level, i) => {
    if (level === ".") return;
    const cell = `M${i % columns} ${Math.floor(i / columns)}h1v1h-1z`;
    paths.set(level, (paths.get(level) ?? "") + cell);
  });
  const svg = shape("svg", {
    viewBox: `0 0 ${columns} ${rows}`,
    width: `${Math.min(columns * CELL.width, MOST_PIXELS.width)}`,
    height: `${Math.min(rows * CELL.height, MOST_PIXELS.height)}`,
    preserveAspectRatio: "none",
    "shape-rendering": "crispEdges",
    role: "img",
    "aria-label": label,
  });
  for (const [level, d] of paths) svg.append(shape("path", { d, fill: fill(placeOf(level)) }));
  return svg;
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 */
function shape(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
