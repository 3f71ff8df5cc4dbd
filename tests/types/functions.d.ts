// Types of patchbay.js. Positions, layers and heads count from 0.
//
// Made by `make types`: the functions from tests/types/functions.d.ts, what goes in and
// comes out from the engine's own types. A test compares; nothing is changed here by hand.

/**
 * Starts an engine and loads a model into it.
 *
 * @example
 * import { load } from "./patchbay.js";
 *
 * const stop = new AbortController();
 * const engine = await load({
 *   model: "mini",
 *   backend: "cpu",
 *   signal: stop.signal,
 *   onProgress: ({ done, total, waiting }) => console.log(waiting ?? `${done} of ${total} bytes`),
 * });
 * console.log(engine.model.n_layer, engine.backend.device);
 * engine.dispose();
 */
export function load(options?: LoadOptions): Promise<Engine>;

/**
 * What loading a model would take, before a byte of its weights is fetched.
 *
 * @example
 * import { describe } from "./patchbay.js";
 *
 * const { bytes, licence, host, complete } = await describe({ model: "mini" });
 * console.log(`${bytes} bytes, ${licence}, from ${host ?? "this server"}`, complete);
 */
export function describe(options?: DescribeOptions): Promise<Offer>;

export interface DescribeOptions {
  /**
   * `mini` (the default), `gpt2`, a repository of the hub (`owner/name` or
   * `owner/name@revision`), or the address of a folder with config.json,
   * tokenizer.json and model.safetensors: absolute, or beginning with `./`, `../`
   * or `/` and relative to the page.
   */
  model?: string;
  /** A server with the layout of the Hugging Face hub, in place of it. */
  hub?: string | URL;
  signal?: AbortSignal;
  /** Where Patchbay's files are, if not beside patchbay.js. */
  base?: string | URL;
}

export interface Offer {
  model: string;
  /** Address of the folder that the files come from. */
  folder: string;
  /** The host that sends them; null where it is the page's own. */
  host: string | null;
  licence: string | null;
  /** The commit that is loaded, where the hub says which. */
  revision: string | null;
  /** Bytes of the weights. */
  bytes: number | null;
  parameters: number | null;
  /** Bytes of memory that the model will take. */
  memory: number | null;
  /** SHA-256 of the weights, where it is published. */
  sha256: string | null;
  /** Bytes that this browser has kept already. */
  kept: number;
  /** Whether all of it is kept: loading then asks no host. */
  complete: boolean;
  remarks: string[];
  /** What the remarks say, for other languages, in their order. */
  says: Says[];
}

export interface LoadOptions extends DescribeOptions {
  /** `auto` (the default): whichever is faster in a short trial with the model's sizes. */
  backend?: "auto" | "cpu" | "webgpu";
  /** Workers that share a sweep on the CPU, each with the model; as many as there is room for when left out. */
  engines?: number;
  /**
   * Progress in bytes; `waiting` is a sentence while a broken connection is tried again, and
   * `says` the same for other languages.
   */
  onProgress?: (progress: Progress & { waiting?: string; says?: Says }) => void;
}

/** Where the loaded model came from. */
export interface SourceInfo {
  folder: string;
  revision: string | null;
  /** The published SHA-256 of the weights, which the one found equals; null where none is published. */
  published: string | null;
  /** Whether it stays in the browser for the next time. */
  kept: "bundled" | "kept" | "not_kept";
  remarks: string[];
  /** What the remarks say, for other languages, in their order. */
  says: Says[];
}

export interface Engine {
  readonly model: Readonly<ModelInfo>;
  readonly backend: Readonly<BackendInfo>;
  readonly source: Readonly<SourceInfo>;
  /**
   * Runs an experiment. Runs that are asked for meanwhile wait for it.
   *
   * @example
   * import { load } from "./patchbay.js";
   *
   * const engine = await load();
   * const { steer } = await engine.run(
   *   {
   *     room: "steering",
   *     clean: "",
   *     corrupted: "",
   *     metrics: [],
   *     steer: {
   *       prompt: "I hate you because",
   *       directions: [
   *         {
   *           name: "love",
   *           source: { kind: "pair", positive: "Love", negative: "Hate" },
   *           layers: [1],
   *           coefficient: 2,
   *         },
   *       ],
   *       sampling: { tokens: 5 },
   *     },
   *   },
   *   { onProgress: ({ stage, done, total }) => console.log(stage, done / total) },
   * );
   * for (const { unsteered, steered } of steer?.samples ?? []) {
   *   console.log(unsteered.map((token) => token.text).join(""), steered.map((token) => token.text).join(""));
   * }
   */
  run(experiment: Setup, options?: RunOptions): Promise<Report>;
  /**
   * Writes a direction, or activations of the two runs, to a file.
   *
   * @example
   * import { load } from "./patchbay.js";
   *
   * const engine = await load();
   * const pair = {
   *   clean: "When John and Mary went to the store, John gave a bottle to",
   *   corrupted: "When Bob and Mary went to the store, John gave a bottle to",
   *   metrics: [],
   * };
   * const { name, bytes } = await engine.export(pair, { kind: "array", site: "resid_pre", run: "clean" });
   * console.log(name, bytes.length);
   */
  export(experiment: Setup, what: Export, options?: { signal?: AbortSignal; agreed?: Agreed }): Promise<NamedFile>;
  /**
   * Reads a direction from a safetensors, GGUF (control vector) or JSON file.
   *
   * @example
   * import { load } from "./patchbay.js";
   *
   * const engine = await load();
   * const file = new Blob([JSON.stringify({ "direction.1": Array(engine.model.n_embd).fill(0.1) })]);
   * const bytes = new Uint8Array(await file.arrayBuffer());
   * const direction = await engine.readDirection(bytes, { name: "flat.json" });
   * console.log(direction.name, direction.layers);
   */
  readDirection(bytes: Uint8Array, options?: ReadOptions): Promise<Direction>;
  /** Ends the engine and gives its memory back. Whatever runs is rejected. */
  dispose(): void;
}

/** An experiment; its `version` may be left out. Older versions are read, too. */
export type Setup = Omit<Experiment, "version"> & { version?: number };

export interface RunOptions {
  /** Stops it; `run` then rejects with the signal's reason, an AbortError unless told otherwise. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Hears of the reading, the two runs, the chosen cell, the estimate, cells as they are done. */
  onUpdate?: (update: Update) => void;
  /** Estimate the sweep or the map, do not run it. */
  preview?: boolean;
  agreed?: Agreed;
}

/** What may be fetched for directions that are not in the experiment: nothing when left out. */
export interface Agreed {
  /** Hosts that dictionaries of features may be read from, as `huggingface.co`; the page's own always may. */
  hosts?: string[];
  /** Whether encoders may be, too: half of a dictionary's file, 75 MB for GPT-2 small's. */
  encoders?: boolean;
}

export interface NamedFile {
  name: string;
  bytes: Uint8Array;
}

export interface ReadOptions {
  /** The file's name, for the direction's. */
  name?: string;
  /** The layer of a lone vector that names none; 0 when left out. */
  layer?: number;
  signal?: AbortSignal;
}

export class PatchbayError extends Error {
  readonly code:
    | "experiment"
    | "model"
    | "network"
    | "no_webgpu"
    | "wrong_numbers"
    | "device_lost"
    | "out_of_memory"
    | "disposed"
    | "internal";
  /** The field of the experiment that it is about: its name, or its path. */
  readonly field?: string;
  /** The engine's sentence for other languages. */
  readonly says?: Says;
}
