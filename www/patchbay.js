// Patchbay's engine for any web page: activation patching on GPT-2, computed in
// the reader's own browser. A plain ES module; nothing to build or to install.
//
//   import { load } from "./patchbay.js";
//
//   const engine = await load({ model: "mini" });
//   const report = await engine.run({
//     clean: "When John and Mary went to the store, John gave a bottle to",
//     corrupted: "When Bob and Mary went to the store, John gave a bottle to",
//     metrics: [{ kind: "logit_difference", answer: " Mary", wrong: " Bob" }],
//     sweeps: [{ site: "resid_pre", mode: "denoising" }],
//   });
//   // [layer][position], the first metric of each patched run
//   for (const { values } of report.sweeps ?? []) console.table(values[0]);
//   engine.dispose();
//
// More examples, and the fields of an experiment and of a report are in patchbay.d.ts. What the page
// calls "copy link" holds the same experiment as `run` takes.
//
// This file lies beside engine.js, its .wasm files, worker.js and models/, and finds
// them by its own address, so it can be imported from any folder. From another
// origin it works too, if the server that has these files allows it (CORS, as most
// static hosts do) and the importing page's Content-Security-Policy, if it has one,
// names that origin in script-src and connect-src and blob: in worker-src.

/**
 * Why something was not done.
 *
 * `code` is one of
 * - `experiment`: the experiment cannot be run as it stands; `field` names the field
 * - `model`: the model's files are broken, or are not GPT-2
 * - `network`: a file did not arrive
 * - `no_webgpu`: WebGPU was asked for and is not to be had
 * - `wrong_numbers`: the GPU computes wrongly, as a check before its first use found
 * - `device_lost`: the GPU went away; load again
 * - `out_of_memory`: the device has too little memory
 * - `disposed`: `dispose()` was called
 * - `internal`: a fault of Patchbay; load again
 *
 * `says` is the engine's sentence for other languages: its code and arguments.
 */
export class PatchbayError extends Error {
  /**
   * @param {import("./patchbay").PatchbayError["code"]} code
   * @param {string} message
   * @param {string} [field]
   * @param {import("./patchbay").Says} [says]
   */
  constructor(code, message, field, says) {
    super(message);
    this.name = "PatchbayError";
    this.code = code;
    if (field != null) this.field = field;
    if (says != null) this.says = says;
  }
}

/**
 * Starts an engine and loads a model into it.
 *
 * @param {import("./patchbay").LoadOptions} [options]
 *   `model`: `mini` (the default), `gpt2`, a repository of the hub (`owner/name`,
 *   `owner/name@revision`), or the address of a folder with config.json,
 *   a tokenizer and weights (README.md says which): absolute, or beginning with `./`, `../`
 *   or `/` and relative to the page;
 *   `backend`: `auto` (whichever is faster in a short trial), `cpu` or `webgpu`;
 *   `engines`: workers that share a sweep on the CPU, as many as the machine has room
 *   for when left out;
 *   `hub`: a server with the layout of the Hugging Face hub, in place of it;
 *   `onProgress`: called with `{ done, total, seconds_left, waiting }`, in bytes;
 *   `waiting` is a sentence while a broken connection is tried again;
 *   `signal`: an AbortSignal that stops the loading;
 *   `base`: where Patchbay's files are, if not beside this one
 * @returns {Promise<import("./patchbay").Engine>}
 */
export async function load({ model = "mini", backend = "auto", engines, hub, onProgress, signal, base } = {}) {
  signal?.throwIfAborted();
  const place = placeOf(base, hub);
  const wire = new Wire(new URL("engine.js", place.home));
  try {
    await wire.ready;
    const request = { type: "load", model: absolute(model), place, backend, ...(engines && { engines }) };
    const onLoading = (/** @type {Message} */ { progress, waiting }) =>
      onProgress?.({ ...progress, waiting: waiting?.message, says: waiting?.says });
    const loaded = await wire.ask(request, { signal, onLoading });
    return new Engine(wire, loaded);
  } catch (error) {
    wire.end(error);
    throw error;
  }
}

/**
 * What loading a model would take, before a byte of its weights is fetched: where
 * it comes from, its size and licence, the memory it needs, what is kept already.
 *
 * @param {import("./patchbay").DescribeOptions} [options] as for `load`
 * @returns {Promise<import("./patchbay").Offer>}
 */
export async function describe({ model = "mini", hub, signal, base } = {}) {
  signal?.throwIfAborted();
  const place = placeOf(base, hub);
  const wire = new Wire(new URL("engine.js", place.home));
  try {
    await wire.ready;
    const { offer } = await wire.ask({ type: "describe", model: absolute(model), place }, { signal });
    return remarked(offer);
  } finally {
    wire.end(new PatchbayError("disposed", "This engine only described a model."));
  }
}

/**
 * Remarks as sentences and, in the same order, as what they say for other languages.
 *
 * @param {{ remarks: { message: string, says: import("./patchbay").Says }[] }} of
 * @returns {any} the same with both
 */
function remarked({ remarks, ...rest }) {
  return { ...rest, remarks: remarks.map(({ message }) => message), says: remarks.map(({ says }) => says) };
}

/**
 * Whatever travels between here and the worker.
 *
 * @typedef {Record<string, any>} Message
 * @typedef {{ signal?: AbortSignal | undefined, onLoading?: (message: Message) => void, onUpdate?: (update: import("./patchbay").Update) => void }} Listening
 */

/**
 * @param {string | URL} [base]
 * @param {string | URL} [hub]
 */
const placeOf = (base, hub) => ({
  home: new URL(base ?? "./", base ? location.href : import.meta.url).href,
  ...(hub && { hub: new URL(hub, location.href).href }),
});

/**
 * A folder's address relative to the page begins with a dot or a slash. Any other is
 * written as browsers understand it, so that its host is the one that is asked.
 *
 * @param {string} model
 */
const absolute = (model) => {
  if (!/^[./]|:\/\//.test(model)) return model;
  try {
    return new URL(model, location.href).href;
  } catch {
    return model; // The engine says what is wrong with it.
  }
};

class Engine {
  #wire;

  /**
   * @param {Wire} wire
   * @param {Message} loaded
   */
  constructor(wire, { model, backend, source }) {
    this.#wire = wire;
    /** The model that is loaded: its name, sizes and the SHA-256 of its weights. */
    this.model = Object.freeze(/** @type {import("./patchbay").ModelInfo} */ (model));
    /** Where it is computed: `name`, `device`, the `reason`, and under `auto` the `trial`. */
    this.backend = Object.freeze(/** @type {import("./patchbay").BackendInfo} */ (backend));
    /** Where its files came from, whether their hash was published, whether they are kept. */
    this.source = Object.freeze(/** @type {import("./patchbay").SourceInfo} */ (remarked(source)));
  }

  /**
   * Runs an experiment. Runs that are asked for meanwhile wait for it.
   *
   * @param {import("./patchbay").Setup} experiment `version` and `model` may be left out
   * @param {import("./patchbay").RunOptions} [options]
   *   `signal`: an AbortSignal that stops it; `onUpdate`: hears each thing as it is
   *   found; `onProgress`: hears how far it has got; `preview`: estimate the sweep
   *   and do not run it; `agreed`: `{ hosts, encoders }`, the hosts that dictionaries of
   *   features may be read from, and whether their encoders may be
   * @returns {Promise<import("./patchbay").Report>}
   */
  async run(experiment, { signal, onProgress, onUpdate, preview = false, agreed } = {}) {
    signal?.throwIfAborted();
    const request = { type: "run", experiment: this.#own(experiment), preview, ...(agreed && { agreed }) };
    const tell = (/** @type {import("./patchbay").Update} */ update) => {
      if (update.kind === "progress") onProgress?.(progress(update));
      onUpdate?.(update);
    };
    const { report } = await this.#wire.ask(request, { signal, onUpdate: tell });
    return report;
  }

  /**
   * Writes something of an experiment to a file.
   *
   * @param {import("./patchbay").Setup} experiment
   * @param {import("./patchbay").Export} what
   *   `{ kind: "direction", direction: 0, format: "gguf" }` (or `safetensors`, `json`);
   *   `{ kind: "activations", sites: ["resid_pre", "z"] }`: both runs in one
   *   safetensors file; `{ kind: "array", site: "resid_pre", run: "clean" }`: .npy
   * @param {{ signal?: AbortSignal, agreed?: import("./patchbay").Agreed }} [options]
   * @returns {Promise<{ name: string, bytes: Uint8Array }>}
   */
  async export(experiment, what, { signal, agreed } = {}) {
    signal?.throwIfAborted();
    const request = { type: "export", experiment: this.#own(experiment), what, ...(agreed && { agreed }) };
    const { name, bytes } = await this.#wire.ask(request, { signal });
    return { name, bytes };
  }

  /**
   * Reads a direction from the bytes of a safetensors, GGUF or JSON file.
   *
   * @param {Uint8Array} bytes
   * @param {{ name?: string, layer?: number, signal?: AbortSignal }} [options]
   *   `layer`: that of a lone vector that names none
   * @returns {Promise<import("./patchbay").Direction>}
   */
  async readDirection(bytes, { name = "direction", layer = 0, signal } = {}) {
    signal?.throwIfAborted();
    const { direction } = await this.#wire.ask({ type: "read", name, bytes, layer }, { signal });
    return direction;
  }

  /**
   * The experiment on the model that is loaded; one of another model is refused.
   *
   * @param {import("./patchbay").Setup} experiment
   */
  #own(experiment) {
    const name = this.model.name;
    if (experiment?.model !== undefined && experiment.model !== name) {
      throw new PatchbayError(
        "experiment",
        `The experiment was set up on the model ${experiment.model}, but ${name} is loaded; load that one, or leave the field out.`,
        "model",
      );
    }
    return { version: 1, ...experiment, model: name };
  }

  /** Ends the engine and gives its memory back. Whatever runs is rejected. */
  dispose() {
    this.#wire.end(new PatchbayError("disposed", "This engine was disposed of; load a new one."));
  }
}

/** @param {import("./patchbay").Progress} update */
const progress = ({ stage, done, total, seconds_left }) => ({
  stage,
  done,
  total,
  ...(seconds_left !== undefined && { seconds_left }),
});

/** The engine's worker and who waits for which of its answers. */
class Wire {
  /** @type {Worker | undefined} */
  #worker;
  #last = 0;
  /** @type {Map<number, Listening & { resolve: (message: Message) => void, reject: (reason: unknown) => void }>} */
  #waiting = new Map();
  /** @type {unknown} Why nothing can be asked any more. */
  #ended;
  /** @type {PromiseWithResolvers<void>} */
  #started = Promise.withResolvers?.() ?? withResolvers();
  #listening = false;

  /** @param {URL} script */
  constructor(script) {
    this.ready = this.#started.promise;
    try {
      this.#worker = start(script);
    } catch (error) {
      this.end(unstarted(script, words(error)));
      return;
    }
    this.#worker.onmessage = ({ data }) => this.#hear(data);
    this.#worker.onmessageerror = () =>
      this.end(new PatchbayError("internal", "An answer of the engine could not be read."));
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.end(
        this.#listening
          ? new PatchbayError("internal", `The engine stopped (${event.message}); load it again.`)
          : unstarted(script, event.message ?? "it did not arrive"),
      );
    };
  }

  /**
   * Sends a request; resolves with its answer.
   *
   * @param {Message} request
   * @param {Listening} listening
   * @returns {Promise<Message>}
   */
  ask(request, { signal, ...listening }) {
    return new Promise((resolve, reject) => {
      const worker = this.#worker;
      if (!worker || this.#ended) return reject(this.#ended);
      const id = ++this.#last;
      const stop = () => {
        worker.postMessage({ type: "cancel", id });
        settle(reject)(signal?.reason);
      };
      /** @type {<T>(end: (value: T) => void) => (value: T) => void} */
      const settle = (end) => (value) => {
        this.#waiting.delete(id);
        signal?.removeEventListener("abort", stop);
        end(value);
      };
      signal?.addEventListener("abort", stop);
      this.#waiting.set(id, { ...listening, resolve: settle(resolve), reject: settle(reject) });
      try {
        worker.postMessage({ ...request, id });
      } catch (error) {
        // It holds something that is not data, such as a function.
        settle(reject)(new PatchbayError("experiment", `The experiment cannot be sent: ${words(error)}`));
      }
    });
  }

  /** @param {Message} message */
  #hear(message) {
    if (message.type === "ready") {
      this.#listening = true;
      this.#started.resolve();
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return; // given up meanwhile
    try {
      switch (message.type) {
        case "loading":
          return waiting.onLoading?.(message);
        case "update":
          return waiting.onUpdate?.(message.update);
        case "loaded":
        case "done":
        case "file":
        case "direction":
        case "described":
          return waiting.resolve(message);
        case "failed": {
          const { code, message: text, field, says } = message.failure;
          return waiting.reject(new PatchbayError(code, text, field, says));
        }
        case "cancelled":
          return waiting.reject(new DOMException("The request was cancelled.", "AbortError"));
      }
    } catch (error) {
      // A callback's own fault belongs to whoever asked.
      this.#worker?.postMessage({ type: "cancel", id: message.id });
      waiting.reject(error);
    }
  }

  /** @param {unknown} reason */
  end(reason) {
    if (this.#ended) return;
    this.#ended = reason;
    this.#worker?.terminate();
    // `load` waits for it, or nobody does any more.
    this.ready.catch(() => {});
    this.#started.reject(reason);
    for (const { reject } of [...this.#waiting.values()]) reject(reason);
  }
}

/**
 * Starts the worker, also from another origin, where a worker may import but not begin.
 *
 * @param {URL} script
 */
function start(script) {
  const name = "patchbay-engine";
  // Not `location.origin`: in a sandboxed frame the page belongs to no origin.
  if (script.origin === self.origin) return new Worker(script, { type: "module", name });
  // Not a module itself: in a sandboxed frame Chromium does not start one of those.
  const text = `import(${JSON.stringify(script.href)}).catch((error) => self.reportError(error));`;
  // Never revoked: the worker starts others from its own address.
  return new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })), { name });
}

/**
 * A bundler moves this file away from the others, and the script is then sought where it is not.
 *
 * @param {URL} script
 * @param {string} why
 */
const unstarted = (script, why) =>
  new PatchbayError(
    "network",
    `${script} cannot be started: ${why} (“base” says in which folder Patchbay’s files are)`,
  );

/** @param {unknown} error */
const words = (error) => (error instanceof Error ? error.message : String(error));

/**
 * `Promise.withResolvers`, for browsers of before 2024.
 *
 * @returns {PromiseWithResolvers<void>}
 */
function withResolvers() {
  const it = /** @type {PromiseWithResolvers<void>} */ ({});
  it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }));
  return it;
}
