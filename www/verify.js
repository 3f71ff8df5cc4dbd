// Replays what others found, through patchbay.js as any page could.

import { describe, load } from "./patchbay.js";
import { factsFor, replay } from "./verify/facts.js";
import { head, show, showCard } from "./verify/table.js";
import { line, verdict } from "./verify/words.js";

/** @type {(id: string) => any} */
const $ = (id) => document.getElementById(id);
/** @returns {any} */
const first = (selector) => document.querySelector(selector);
const chosen = (name) => first(`[name=${name}]:checked`).value;
// The reader's own choice of a hub, as the model menu keeps it.
const chosenHub = () => {
  try {
    return JSON.parse(localStorage.getItem("patchbay.preferences") ?? "null")?.hub;
  } catch {
    return undefined;
  }
};
const hub = chosenHub() || first('meta[name="patchbay-hub"]')?.content;

/** @type {AbortController} */
let stop;

const say = (text, state = "") => {
  $("status").textContent = text;
  $("status").dataset.state = state;
};

const decided = ([state, text]) => {
  $("verdict").textContent = text;
  $("verdict").dataset.state = state;
};

const megabytes = (bytes) => `${Math.round(bytes / 1e6).toLocaleString("en")} MB`;

/** What a model's host says of it, as sentences. */
function offered({ model, host, bytes, memory, licence, kept, sha256, remarks }) {
  const size = bytes === null ? "of unknown size" : `${megabytes(bytes)} of weights`;
  return [
    `${model}: ${size} from ${host ?? "this page's own host"}, licence ${licence ?? "unknown"}.`,
    memory === null ? "" : `It takes ${megabytes(memory)} of memory.`,
    kept > 0 ? `${megabytes(kept)} of it are kept in this browser already.` : "",
    sha256 === null ? "No SHA-256 is published for it." : "",
    ...remarks,
  ]
    .filter(Boolean)
    .join(" ");
}

/** Resolves with whether the reader agrees to load what is offered; rejects when stopped. */
function agreement(offer, signal) {
  $("offer-text").textContent = offered(offer);
  $("offer").hidden = false;
  $("offer").focus();
  return new Promise((resolve, reject) => {
    const end = (settle) => (value) => {
      $("offer").hidden = true;
      settle(value);
    };
    $("agree").onclick = () => end(resolve)(true);
    $("refuse").onclick = () => end(resolve)(false);
    signal.addEventListener("abort", () => end(reject)(signal.reason), { once: true });
  });
}

/** Whether a model may be loaded: one that is here already asks nobody. */
async function mayLoad(model, signal) {
  if (model === "mini") return true;
  say(`Asking what ${model} is …`);
  const offer = await describe({ model, signal, ...(hub && { hub }) });
  if (offer.host === null || offer.complete) return true;
  say("Waiting for your answer.");
  return agreement(offer, signal);
}

async function open(model, signal) {
  say(`Loading ${model} …`);
  const onProgress = ({ done, total, waiting }) => {
    if (waiting) say(waiting);
    $("progress").value = total > 0 ? done / total : 0;
  };
  return load({ model, backend: chosen("backend"), onProgress, signal, ...(hub && { hub }) });
}

/** All checks on one engine. What is found is kept in `result`, also when it is broken off. */
async function check(engine, checks, result, signal) {
  for (const [i, one] of checks.entries()) {
    const about = `Check ${i + 1} of ${checks.length}: ${one.name}`;
    say(`${about} …`);
    const onProgress = ({ done, total, seconds_left }) => {
      const share = one.long && total > 0 ? done / total : 0;
      $("progress").value = (i + share) / checks.length;
      const minutes = Math.ceil((seconds_left ?? 0) / 60);
      if (minutes > 1) say(`${about}, about ${minutes} minutes left …`);
    };
    const { rows, version } = await replay(engine, one, { signal, onProgress });
    result.rows.push(...rows);
    result.version ??= version;
    $("progress").value = (i + 1) / checks.length;
    show($("results"), result.rows, result.own);
  }
}

function report(result, stopped) {
  decided(verdict(result.rows, { ...result, stopped }));
  $("line").textContent = line(result.rows, result);
  $("copy").disabled = false;
}

function showNotes(facts) {
  $("about").textContent = facts.about;
  const notes = facts.left_out.map((text) => Object.assign(document.createElement("li"), { textContent: text }));
  $("notes")
    .querySelector("ul")
    .replaceChildren(...notes);
  $("notes").hidden = false;
}

/** The accuracies beside; the checks do not depend on them. */
async function card(signal) {
  const response = await fetch("models/mini/card.json", { signal });
  if (response.ok) showCard($("card"), await response.json());
}

async function verify(model, signal) {
  if (!(await mayLoad(model, signal))) return say(`${model} was not loaded.`, "done");
  $("progress").hidden = false;
  const engine = await open(model, signal);
  const result = { rows: [], model: engine.model, backend: engine.backend };
  let broken;
  try {
    Object.assign(result, await factsFor(engine.model, signal));
    const checks = result.facts.checks.filter(({ long }) => !long || $("long").checked);
    showNotes(result.facts);
    if (model === "mini") await card(signal);
    await check(engine, checks, result, signal);
  } catch (error) {
    broken = error;
    throw error;
  } finally {
    engine.dispose();
    if (result.facts) report(result, broken !== undefined);
  }
  say("Done.", "done");
}

function clear() {
  decided(["", ""]);
  $("line").textContent = "";
  $("progress").value = 0;
  for (const id of ["rows", "notes", "card", "offer"]) $(id).hidden = true;
  $("results").tBodies[0].replaceChildren();
}

head($("results"));

$("other").addEventListener("input", () => (first("[value=other]").checked = true));

// A link may choose the model, and only that.
const asked = new URLSearchParams(location.search).get("model");
if (asked) {
  const known = first(`[name=model][value="${CSS.escape(asked)}"]:not([value=other])`);
  (known ?? first("[value=other]")).checked = true;
  if (!known) $("other").value = asked;
}

$("what").addEventListener("submit", async (event) => {
  event.preventDefault();
  const model = chosen("model") === "other" ? $("other").value.trim() : chosen("model");
  if (!model) {
    say("Name a model: a repository as owner/name, or the address of a folder.", "failed");
    return $("other").focus();
  }
  stop = new AbortController();
  clear();
  [$("start").disabled, $("stop").disabled, $("copy").disabled] = [true, false, true];
  try {
    await verify(model, stop.signal);
  } catch (error) {
    say(stop.signal.aborted ? "Stopped." : error.message, "failed");
  } finally {
    [$("start").disabled, $("stop").disabled] = [false, true];
    $("progress").hidden = true;
  }
});

$("stop").addEventListener("click", () => stop?.abort());

$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("line").textContent);
    say("Copied.", "done");
  } catch (error) {
    say(
      `This browser does not let the page copy (${error.message}); select the line above the table instead.`,
      "failed",
    );
  }
});
