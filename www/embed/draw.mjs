// The poster: what a link says of its experiment. Whatever comes from a link becomes text.

import { isPrompt } from "./link.mjs";
import { drawn, readPicture } from "./picture.mjs";
import { TEXT } from "./text.mjs";

/** Characters of a prompt, and of anything else, that a poster shows. */
const LONG = 600;
const SHORT = 120;

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} classes
 * @param {...(Node | string)} content
 */
export function element(name, classes, ...content) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  made.append(...content);
  return made;
}

/**
 * @param {string} text
 * @param {number} most
 */
const cut = (text, most) => (text.length > most ? `${text.slice(0, most).trimEnd()} …` : text);

/** @param {unknown} prompt */
const written = (prompt) =>
  isPrompt(prompt) ? cut(typeof prompt === "string" ? prompt : prompt.map((id) => `#${id}`).join(" "), LONG) : "";

/**
 * @param {unknown} value
 * @returns {unknown[]}
 */
const list = (value) => (Array.isArray(value) ? value : []);

/** @param {unknown} value */
const isText = (value) => typeof value === "string";

/**
 * The poster of a link.
 *
 * @param {import("./link.mjs").Link} link
 * @returns {{ title: string, nodes: Node[] }}
 */
export function poster({ experiment, digest, show, workshop }) {
  const room = experiment.room === "steering" ? "steering" : "patching";
  const model = isText(experiment.model) ? String(experiment.model) : "mini";
  const all = room === "steering" ? steering(experiment) : patching(experiment);
  // What its author hides is not on the poster either.
  const parts = list(show.parts);
  const hides = parts.length > 0 && !parts.includes("prompts");
  const told = all.filter(([, , kind]) => !(hides && `${kind}`.includes("poster-prompt")));
  const about = element("dl", "poster-about");
  for (const [name, value, kind] of [...told, [TEXT.model, model === "mini" ? TEXT.mini : cut(model, SHORT), ""]]) {
    about.append(element("dt", "", `${name}`), element("dd", `${kind}`, `${value}`));
  }
  if (workshop) return exercise(workshop, about, model);
  const nodes = [element("h1", "", TEXT.rooms[room]), about, ...results(digest)];
  if (model !== "mini") nodes.push(element("p", "poster-soft", TEXT.asks));
  return { title: TEXT.title(TEXT.rooms[room]), nodes };
}

/**
 * The poster of a link whose experiment is a file on some server.
 *
 * @param {import("./behind.mjs").File} file
 * @param {boolean} asked whether a person agreed
 */
export function outside({ host, url }, asked) {
  const told = element("p", "", (asked ? TEXT.behindAsked : TEXT.behind)(host));
  return [element("h1", "", TEXT.unknown), told, element("p", "poster-soft poster-prompt", cut(url, LONG))];
}

/**
 * A workshop asks before it tells: what came out is not on its poster.
 *
 * @param {import("./link.mjs").Fields} workshop
 * @param {Node} about
 * @param {string} model
 */
function exercise({ title, steps }, about, model) {
  const name = isText(title) && title ? cut(String(title), SHORT) : TEXT.workshop;
  const nodes = [element("h1", "", name), element("p", "poster-soft", TEXT.steps(list(steps).length)), about];
  if (model !== "mini") nodes.push(element("p", "poster-soft", TEXT.asks));
  return { title: TEXT.title(name), nodes };
}

/** @param {import("./link.mjs").Fields} experiment */
function patching({ clean, corrupted, pairs }) {
  const told = [
    [TEXT.clean, written(clean), "poster-prompt poster-clean"],
    [TEXT.corrupted, written(corrupted), "poster-prompt poster-corrupted"],
  ];
  const more = list(pairs).length;
  return more ? [...told, [TEXT.more, TEXT.pairs(more), ""]] : told;
}

/** @param {import("./link.mjs").Fields} experiment */
function steering({ steer }) {
  const { prompt, directions } = /** @type {Record<string, unknown>} */ (steer ?? {});
  const names = list(directions)
    .map((direction) => /** @type {Record<string, unknown> | null} */ (direction)?.name)
    .filter(isText);
  const told = [[TEXT.prompt, written(prompt), "poster-prompt"]];
  return names.length ? [...told, [TEXT.directions, cut(names.join(", "), SHORT), ""]] : told;
}

/**
 * What the author got, said to be so.
 *
 * @param {import("./link.mjs").Fields} digest
 * @returns {HTMLElement[]}
 */
function results({ picture, texts, backend }) {
  const map = readPicture(picture);
  const said = list(texts).filter(isText).slice(0, 2);
  if (!map && !said.length) return [];
  const figure = element("figure", "poster-author");
  if (map) figure.append(drawn(map, TEXT.picture(map.rows, map.columns)));
  const author = TEXT.author(backend === "cpu" || backend === "webgpu" ? backend : "");
  const caption = element("figcaption", "poster-soft", map ? `${author} ${TEXT.legend}` : author);
  if (said.length) {
    const both = element("dl", "poster-about");
    said.forEach((text, i) => {
      both.append(element("dt", "", i ? TEXT.steered : TEXT.unsteered));
      both.append(element("dd", "poster-prompt", cut(String(text), LONG)));
    });
    figure.append(both);
  }
  figure.append(caption);
  return [figure];
}
