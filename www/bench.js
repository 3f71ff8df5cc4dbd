// Measures the engine in this browser, through patchbay.js as any page could.

import { load } from "./patchbay.js";

const PAIR = {
  clean: "When John and Mary went to the store, John gave a bottle to",
  corrupted: "When Bob and Mary went to the store, John gave a bottle to",
};
const TOKENS = 16;

/** What is measured. */
const PARTS = {
  pass: { name: "pass over both prompts" },
  sweep: { name: "resid_pre sweep" },
  tokens: { name: `the pass and ${TOKENS - 1} more tokens of both` },
};

/** Peaks of two kinds of GPU, a second; seconds of a dispatch; and the share of the peaks that COST.md expects. */
const GPUS = {
  integrated: { multiplications: 1e12, bytes: 60e9, dispatch: 8e-6 },
  discrete: { multiplications: 7.5e12, bytes: 400e9, dispatch: 5e-6 },
};
const SHARE = { multiplications: 0.4, bytes: 0.7 };
/** Seconds from the last command to the first number: a submission and a map. */
const ROUND_TRIP = 1e-3;

const COLUMNS = {
  what: "what",
  backend: "where",
  first: "first, ms",
  best: "best, ms",
  multiplications: "multiplications, M",
  gflops: "GFLOP/s",
  dispatches: "dispatches",
  submissions: "submissions",
  buffers: "buffers made",
  written: "KB written",
  read: "KB read",
  integrated: "integrated, ms",
  discrete: "discrete, ms",
};

/** @type {(id: string) => any} */
const $ = (id) => document.getElementById(id);
/** @returns {any} */
const first = (selector) => document.querySelector(selector);
const checked = (name) =>
  [...document.querySelectorAll(`[name=${name}]:checked`)].map((/** @type {any} */ input) => input.value);

/** @type {AbortController} */
let stop;
let lines = [];

const say = (text, state = "") => {
  $("status").textContent = text;
  $("status").dataset.state = state;
};

/** Multiplications of one full pass, from the model's sizes: its MLP is taken to be 4 times as wide. */
const fullPass = ({ n_layer, n_embd }, t) => n_layer * (12 * t * n_embd ** 2 + t * (t + 1) * n_embd);

/** Milliseconds that the cost model expects: reading the weights, or multiplying, and handing over. */
function expected(gpu, { multiplications, weights, dispatches, waits }) {
  const compute = multiplications / (gpu.multiplications * SHARE.multiplications);
  const bytes = (4 * weights) / (gpu.bytes * SHARE.bytes);
  return 1000 * (Math.max(compute, bytes) + dispatches * gpu.dispatch + waits * ROUND_TRIP);
}

/** Runs one part so many times; the milliseconds of each, and the last report. */
async function repeat(engine, part, times, signal) {
  const took = [];
  let report;
  for (let i = 0; i < times; i++) {
    say(`${engine.backend.name}: ${PARTS[part].name}, ${i + 1} of ${times} …`);
    const experiment = {
      ...PAIR,
      // Another metric each time, so that no sweep is one that was done before.
      metrics: [{ kind: i % 2 ? "probability" : "log_probability", answer: " Mary" }],
      ...(part === "sweep" && { sweeps: [{ site: "resid_pre", mode: i % 4 < 2 ? "denoising" : "noising" }] }),
      ...(part === "tokens" && { generate: { tokens: TOKENS } }),
    };
    const started = performance.now();
    report = await engine.run(experiment, { signal });
    took.push(part === "sweep" ? report.sweeps[0].seconds * 1000 : performance.now() - started);
  }
  return { took, report };
}

/** What one part amounts to. A run that writes makes the pass over the prompts first. */
function work(part, report, model) {
  const t = report.reading.clean.length;
  const count = report.clean.continuation?.length ?? 1;
  const device = (part === "sweep" ? report.sweeps[0].device : report.device) ?? {};
  const of = (name) => device[name] ?? 0;
  const steps = 2 * (count - 1);
  const pass = 2 * fullPass(model, t);
  const vocabulary = model.n_vocab * model.n_embd;
  const layers = 12 * model.n_layer * model.n_embd ** 2;
  return {
    multiplications: {
      pass,
      sweep: report.sweeps?.[0]?.plan.multiplications,
      tokens: pass + steps * fullPass(model, 1),
    }[part],
    // Read once a submission; a pass and a token read the unembedding too.
    weights:
      part === "sweep"
        ? layers * Math.max(1, of("submissions"))
        : (layers + vocabulary) * (part === "tokens" ? 1 + steps : 1),
    dispatches: of("dispatches"),
    submissions: of("submissions"),
    waits: of("submissions"),
    buffers: of("buffers_made"),
    written: of("bytes_written") / 1000,
    read: of("bytes_read") / 1000,
  };
}

function show(row) {
  const tr = $("results").tBodies[0].insertRow();
  for (const key of Object.keys(COLUMNS)) {
    const cell = document.createElement(key === "what" ? "th" : "td");
    if (key === "what") cell.scope = "row";
    cell.textContent = row[key] ?? "";
    tr.append(cell);
  }
  lines.push(
    Object.keys(COLUMNS)
      .map((key) => row[key] ?? "")
      .join("\t"),
  );
}

async function measure(backend, model, parts, times, signal) {
  say(`${backend}: loading ${model} …`);
  const started = performance.now();
  const onProgress = ({ done, total }) => say(`${backend}: loading ${model}, ${Math.floor((100 * done) / total)} % …`);
  const engine = await load({ model, backend, onProgress, signal });
  try {
    const { name, device } = engine.backend;
    const loaded = performance.now() - started;
    lines.push(`${engine.model.name} on ${name} (${device}), loaded in ${loaded.toFixed(0)} ms`);
    for (const part of parts) {
      const { took, report } = await repeat(engine, part, times, signal);
      const least = Math.min(...took.slice(took.length > 1 ? 1 : 0));
      const it = work(part, report, engine.model);
      const onGpu = name === "webgpu";
      show({
        what: PARTS[part].name,
        backend: `${name}, ${device}`,
        first: took[0].toFixed(1),
        best: least.toFixed(1),
        multiplications: (it.multiplications / 1e6).toFixed(1),
        gflops: (it.multiplications / 5e5 / least).toFixed(2),
        dispatches: it.dispatches,
        submissions: it.submissions,
        buffers: it.buffers,
        written: it.written.toFixed(1),
        read: it.read.toFixed(1),
        integrated: onGpu ? expected(GPUS.integrated, it).toFixed(1) : "",
        discrete: onGpu ? expected(GPUS.discrete, it).toFixed(1) : "",
      });
    }
  } finally {
    engine.dispose();
  }
}

$("results").tHead.rows[0].append(
  ...Object.values(COLUMNS).map((title) =>
    Object.assign(document.createElement("th"), { scope: "col", textContent: title }),
  ),
);

$("other").addEventListener("input", () => (first("[value=other]").checked = true));

$("what").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [chosen] = checked("model");
  const model = chosen === "other" ? $("other").value.trim() || "mini" : chosen;
  const times = Math.min(50, Math.max(1, $("times").valueAsNumber || 1));
  stop = new AbortController();
  lines = [navigator.userAgent, Object.values(COLUMNS).join("\t")];
  $("results").tBodies[0].replaceChildren();
  [$("start").disabled, $("stop").disabled, $("copy").disabled] = [true, false, true];
  const failures = [];
  for (const backend of checked("backend")) {
    try {
      await measure(backend, model, ["pass", ...checked("part")], times, stop.signal);
    } catch (error) {
      failures.push(`${backend}: ${stop.signal.aborted ? "stopped" : error.message}`);
      lines.push(failures.at(-1));
      if (stop.signal.aborted) break;
    }
  }
  say(failures.join(" · ") || "Done.", failures.length ? "failed" : "done");
  [$("start").disabled, $("stop").disabled, $("copy").disabled] = [false, true, false];
});

$("stop").addEventListener("click", () => stop?.abort());

$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(lines.join("\n"));
    say("Copied.", "done");
  } catch (error) {
    say(`This browser does not let the page copy (${error.message}); select the table instead.`, "failed");
  }
});
