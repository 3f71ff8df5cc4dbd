// The frame of an embed. It draws the poster of its link, and starts the page's code
// when it is asked to. `.ci/embed` makes one classic script of this folder: a module
// does not start in a sandboxed frame unless its server allows it.

import DICTIONARY from "../../engine/src/experiment/link/dictionary.txt";
import { behind, fetched, linked } from "./behind.mjs";
import { element, outside, poster } from "./draw.mjs";
import { LinkFault, unpack } from "./link.mjs";
import { SharedEngine } from "./shared.mjs";
import { originsOf, readTold, talk, tellHeight } from "./talk.mjs";
import { TEXT } from "./text.mjs";

/** The names of the built files, which carry a hash. */
const names = /** @type {HTMLScriptElement} */ (document.currentScript).dataset;
const address = (/** @type {string | undefined} */ name) => new URL(name ?? "", document.baseURI).href;
const query = new URLSearchParams(location.search);
const root = document.documentElement;
const boot = /** @type {HTMLElement} */ (document.getElementById("boot"));

/** @type {"poster" | "starting" | "running"} */
let phase = "poster";
let link = location.hash.slice(1);
/** @type {import("./link.mjs").Link | null} */
let unpacked = null;
/** The file that the link leads to, until it is there. */
/** @type {import("./behind.mjs").File | null} */
let file = null;
/** The link of what that file holds. */
let held = "";
/** Ends the wait for it. */
let leaving = new AbortController();
/** Whether the app could not start when it was asked to. */
let failed = false;
/** Whether the page around asked for a run of what is not drawn yet. */
let wanted = false;
/** Whether the page around chose the colours, and not the link. */
let themed = query.has("theme");
/** What the page around asked before the app could hear it. */
/** @type {import("../embed").Asked[]} */
let waiting = [];
/** Where somebody was in the workshop, as the page around knows. */
/** @type {import("../embed").Asked | null} */
let resumed = null;

const frame = element("main", "poster");
const content = element("div", "poster-content");
const status = element("p", "poster-status");
const run = element("button", "primary poster-run", TEXT.run);
const leads = element("span", "hidden", ` ${TEXT.leads}`);
const open = element("a", "", TEXT.open, leads);
status.setAttribute("role", "status");
run.type = "button";
run.hidden = true;
open.target = "_blank";
open.rel = "noopener";
frame.append(content, status, element("p", "poster-acts", run, open));

const tell = talk(originsOf(query.get("origins")), asked);
run.addEventListener("click", () => void (file ? fetchFile(file) : start()));
addEventListener("hashchange", () => {
  if (phase === "poster") void show(location.hash.slice(1));
});
addEventListener("patchbay:told", (event) => {
  const told = readTold(/** @type {CustomEvent<unknown>} */ (event).detail);
  if (told) tell(told);
});

setTheme(query.get("theme"));
boot.replaceChildren(frame);
// Not of an empty frame.
void show(link).then(() => tellHeight(tell));

/**
 * Draws the poster of a link.
 *
 * @param {string} next
 */
async function show(next) {
  link = next;
  held = "";
  file = null;
  leaving.abort();
  run.removeAttribute("aria-disabled");
  open.href = address(link && `./#${link}`);
  say("");
  try {
    file = behind(link);
    if (file) return offer(file);
    const found = await unpack(link, DICTIONARY);
    if (link !== next || phase !== "poster") return;
    if (!found) throw new LinkFault(TEXT.none);
    draw(found);
  } catch (error) {
    if (link !== next || phase !== "poster") return;
    unpacked = null;
    wanted = false;
    run.hidden = true;
    content.replaceChildren(element("h1", "", TEXT.unknown));
    fail(error instanceof LinkFault ? error.message : TEXT.broken);
  }
}

/** @param {import("./behind.mjs").File} from */
function offer(from, asked = false) {
  unpacked = null;
  document.title = TEXT.title(TEXT.unknown);
  content.replaceChildren(...outside(from, asked));
  run.textContent = TEXT.fetchFrom(from.host);
  run.hidden = false;
}

/**
 * A person agreed to the host. What the page around asks for is no agreement.
 *
 * @param {import("./behind.mjs").File} from
 */
async function fetchFile(from) {
  if (run.hasAttribute("aria-disabled")) return;
  leaving = new AbortController();
  const { signal } = leaving;
  offer(from, true);
  run.setAttribute("aria-disabled", "true");
  say(TEXT.fetching);
  try {
    const found = await linked(await fetched(from, startEngine, signal));
    const opened = await unpack(found, DICTIONARY);
    if (signal.aborted || !opened) return;
    held = found;
    file = null;
    say("");
    run.removeAttribute("aria-disabled");
    draw(opened);
  } catch (error) {
    if (signal.aborted) return;
    run.removeAttribute("aria-disabled");
    run.textContent = TEXT.again;
    fail(error instanceof LinkFault ? error.message : self.origin === "null" ? TEXT.walled : TEXT.failed);
  }
}

/** @param {import("./link.mjs").Link} found */
function draw(found) {
  unpacked = found;
  const { title, nodes } = poster(found);
  document.title = title;
  content.replaceChildren(...nodes);
  run.textContent = found.workshop ? TEXT.begin : TEXT.run;
  run.hidden = false;
  if (!themed) setTheme(found.show.theme ?? "auto");
  if (wanted) void start();
  if (found.show.autorun === true || query.has("autorun")) startInView();
}

/** Runs as soon as somebody could see it. */
function startInView() {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    void start();
  });
  observer.observe(boot);
}

/** @param {unknown} theme */
function setTheme(theme) {
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  else if (theme === "auto") delete root.dataset.theme;
}

/** @param {string} sentence */
function say(sentence, failed = false) {
  status.textContent = sentence;
  status.classList.toggle("poster-failed", failed);
}

/** @param {string} sentence */
function fail(sentence) {
  say(sentence, true);
  tell({ patchbay: 1, type: "error", message: sentence });
}

/** @param {import("../embed").Asked} message */
function asked(message) {
  if (message.type === "theme") {
    themed = true;
    return setTheme(message.theme);
  }
  if (phase === "poster") {
    if (message.type === "resume") resumed = message;
    // It was asked to run before, and could not.
    wanted = message.type === "run" ? !unpacked : message.type === "set" && failed;
    if (message.type === "set") void show(message.link);
    if (message.type === "run") void start();
    return;
  }
  waiting.push(message);
  if (phase === "running") pass();
}

/** Hands on to the app what it was asked. */
function pass() {
  const messages = waiting;
  waiting = [];
  for (const { patchbay: _, ...message } of messages) {
    dispatchEvent(new CustomEvent("patchbay:asked", { detail: JSON.stringify(message) }));
  }
}

/** Starts the app, which takes the poster away. */
async function start() {
  if (phase !== "poster" || !unpacked) return;
  phase = "starting";
  wanted = false;
  say(TEXT.starting);
  run.setAttribute("aria-disabled", "true");
  // The app reads its link from the address, which is that of the author's.
  if (!held && link !== location.hash.slice(1)) waiting.push({ patchbay: 1, type: "set", link });
  if (resumed) waiting.push(resumed);
  const styles = (names.css ?? "").split(" ").filter(Boolean).map(stylesheet);
  try {
    const { default: init } = await import(address(names.js));
    await (sharing ??= shareEngine());
    await Promise.all(styles.map(({ arrived }) => arrived));
    await reading(held, () => init({ module_or_path: address(names.wasm) }));
    phase = "running";
    failed = false;
    pass();
  } catch (error) {
    console.warn(error);
    for (const { sheet } of styles) sheet.remove();
    phase = "poster";
    failed = true;
    waiting = [];
    run.removeAttribute("aria-disabled");
    run.textContent = TEXT.again;
    if (!boot.isConnected) document.body.prepend(boot);
    fail(self.origin === "null" ? TEXT.walled : TEXT.failed);
  }
}

/**
 * Lets the app read another link than that of the address, to which the frame comes back: a
 * reload asks once more.
 *
 * @param {string} fragment none, where it is that of the address
 * @param {() => Promise<unknown>} init
 */
async function reading(fragment, init) {
  const own = location.href;
  if (fragment) history.replaceState(history.state, "", `#${fragment}`);
  try {
    await init();
  } finally {
    if (fragment) history.replaceState(history.state, "", own);
  }
}

const startEngine = () => new Worker(address("engine.js"), { type: "module", name: "patchbay-engine" });

/** Whether the app shares its engine, once that is known: also at another try. */
/** @type {Promise<void> | null} */
let sharing = null;

/** All embeds of a page have one engine, where the browser lets them. */
async function shareEngine() {
  const say = (/** @type {string} */ state) => {
    root.dataset.engine = state;
    dispatchEvent(new Event("patchbay:engine"));
  };
  if (!(await SharedEngine.isPossible())) return say("own");
  /** @type {SharedEngine | null} */
  let engine = null;
  // The app takes it in the place of a worker.
  Object.assign(globalThis, {
    patchbayEngine: () => (engine = new SharedEngine(startEngine, names.wasm ?? "", say)),
  });
  new IntersectionObserver((entries) => engine?.view(entries.some((entry) => entry.isIntersecting))).observe(root);
}

/** @param {string} name */
function stylesheet(name) {
  const sheet = document.createElement("link");
  sheet.rel = "stylesheet";
  sheet.href = address(name);
  /** @type {Promise<void>} */
  const arrived = new Promise((resolve, reject) => {
    sheet.onload = () => resolve();
    sheet.onerror = () => reject(new Error(`${sheet.href} did not arrive`));
  });
  // Only looked at once the script is there.
  arrived.catch(() => {});
  document.head.append(sheet);
  return { sheet, arrived };
}
