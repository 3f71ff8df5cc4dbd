// Types of patchbay.js. Positions, layers and heads count from 0.

/** Starts an engine and loads a model into it. */
export function load(options?: LoadOptions): Promise<Engine>;

/** What loading a model would take, before a byte of its weights is fetched. */
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
}

export interface LoadOptions extends DescribeOptions {
  /** `auto` (the default): a real GPU if there is one, else the CPU. */
  backend?: "auto" | "cpu" | "webgpu";
  /** Workers that share a sweep on the CPU, each with the model; as many as there is room for when left out. */
  engines?: number;
  /** Progress in bytes; `waiting` is a sentence while a broken connection is tried again. */
  onProgress?: (progress: Progress & { waiting?: string }) => void;
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
}

export interface Engine {
  readonly model: Readonly<ModelInfo>;
  readonly backend: Readonly<BackendInfo>;
  readonly source: Readonly<SourceInfo>;
  /** Runs an experiment. Runs that are asked for meanwhile wait for it. */
  run(experiment: Experiment, options?: RunOptions): Promise<Report>;
  /** Ends the engine and gives its memory back. Whatever runs is rejected. */
  dispose(): void;
}

export interface RunOptions {
  /** Stops it; `run` then rejects with the signal's reason, an AbortError unless told otherwise. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Hears of the reading, the two runs, the chosen cell, the estimate, cells as they are done. */
  onUpdate?: (update: Update) => void;
  /** Estimate the sweep, do not run it. */
  preview?: boolean;
}

export class PatchbayError extends Error {
  readonly code:
    | "experiment"
    | "model"
    | "network"
    | "no_webgpu"
    | "device_lost"
    | "out_of_memory"
    | "disposed"
    | "internal";
  /** The field of the experiment that it is about: its name, or its path. */
  readonly field?: string;
}

// What goes in.

export interface Experiment {
  /** Version of this format; 1, also when left out. */
  version?: 1;
  /** The model that is loaded, also when left out; another one is refused. */
  model?: string;
  /** Whether `<|endoftext|>` stands at position 0 of both prompts; true when left out. */
  bos?: boolean;
  /** The prompt whose behaviour is to be explained. */
  clean: Prompt;
  /** The prompt that lacks it, of as many tokens. */
  corrupted: Prompt;
  /** What is measured at the last position. */
  metric: Metric;
  sweep?: Sweep | null;
  /** The one patched run of the sweep to look at closely. */
  cell?: Cell | null;
  /** Greedy continuation of both prompts. */
  generate?: { tokens: number; repetition_penalty?: number } | null;
  /** Activations and logits to hand back as numbers. */
  captures?: Capture[];
}

/** Text, or token ids, which stand as they are: `bos` puts nothing in front of them. */
export type Prompt = string | number[];

/** A token of the vocabulary, by its text (with the leading space) or its id. */
export type TokenRef = string | number;

export interface Metric {
  /**
   * `logit_difference`: logit(answer) - logit(wrong); `probability`: of the answer,
   * 0 to 1; `log_probability`: its natural logarithm.
   */
  kind: "logit_difference" | "probability" | "log_probability";
  answer: TokenRef;
  wrong?: TokenRef | null;
}

/** TransformerLens's names, without `hook_`. */
export type Site =
  | "resid_pre"
  | "q"
  | "k"
  | "v"
  | "pattern"
  | "z"
  | "attn_out"
  | "resid_mid"
  | "mlp_pre"
  | "mlp_post"
  | "mlp_out"
  | "resid_post"
  | "ln_final"
  | "logits";

export interface Sweep {
  /** Block sites give a grid of layer x position, head sites of layer x head. */
  site: "resid_pre" | "attn_out" | "resid_mid" | "mlp_out" | "resid_post" | "z" | "q" | "k" | "v";
  /** `denoising` patches clean into corrupted, `noising` corrupted into clean. */
  mode: "denoising" | "noising";
}

/** `column` is a position for block sites and a head for head sites. */
export interface Cell {
  layer: number;
  column: number;
}

export interface Capture {
  run: "clean" | "corrupted";
  site: Site;
  /** Left out for `logits` and `ln_final`. */
  layer?: number | null;
  /** All of them when left out. */
  positions?: number[] | null;
}

// What comes out.

export interface Report {
  /** Version of the engine that computed it. */
  engine: string;
  experiment: Experiment;
  model: ModelInfo;
  backend: BackendInfo;
  reading: Reading;
  clean: RunReport;
  corrupted: RunReport;
  metric?: MetricReport;
  sweep?: SweepReport;
  cell?: Cell & RunReport;
  captures?: CaptureReport[];
  /** What a GPU was asked to do for all of it. */
  device?: Counters;
}

export interface ModelInfo {
  name: string;
  n_layer: number;
  n_head: number;
  n_embd: number;
  n_positions: number;
  n_vocab: number;
  /** Of model.safetensors, in hexadecimal. */
  sha256: string;
  parameters: number;
}

export interface BackendInfo {
  name: "cpu" | "webgpu";
  device: string;
  /** Why this backend and not the other, as a sentence. */
  reason?: string;
}

export interface Token {
  id: number;
  text: string;
  /** Whether the model never met it while it was trained. */
  unseen?: boolean;
}

/** How the tokenizer read the experiment. */
export interface Reading {
  clean: Token[];
  corrupted: Token[];
  /** Positions whose tokens differ. */
  differing: number[];
  answer?: { pieces: Token[]; suggestion?: string };
  wrong?: { pieces: Token[]; suggestion?: string };
  /** What is not right; `fatal` ones keep the metric or the sweep out of the report. */
  problems: { field: string; message: string; fatal: boolean }[];
}

export interface RunReport {
  /** The likeliest next tokens, likeliest first. */
  top: (Token & { logit: number; probability: number })[];
  metric?: number;
  continuation?: Token[];
}

export interface MetricReport {
  clean: number;
  corrupted: number;
  /** Where the corruption hardly moves the metric: what to measure instead. */
  advice?: { message: string; offers: { metric: Metric; clean: number; corrupted: number }[] };
}

export interface SweepReport {
  site: Sweep["site"];
  /**
   * The metric of each patched run, `[layer][column]`, not normalised. On the
   * scale of the page, 0 is `metric.corrupted` and 1 is `metric.clean`.
   */
  values: (number | null)[][];
  plan: Plan;
  seconds: number;
  /** What a GPU was asked to do for it. */
  device?: Counters;
}

/** What a GPU was asked to do: kernels run, times the queue was given commands, what was made, bytes moved. */
export interface Counters {
  dispatches: number;
  submissions: number;
  buffers_made: number;
  pipelines_made: number;
  bytes_written: number;
  bytes_read: number;
}

/** Rows are token positions of a run, summed over layers; `full_` is what whole passes would take. */
export interface Plan {
  runs: number;
  layer_rows: number;
  full_layer_rows: number;
  multiplications: number;
  full_multiplications: number;
}

export interface CaptureReport extends Capture {
  /** `[positions, width]` */
  shape: [number, number];
  /** Row-major. */
  values: number[];
}

export interface Progress {
  stage: "load" | "runs" | "sweep" | "generate";
  /** Of `total`: bytes while loading, multiplications while computing. */
  done: number;
  total: number;
  seconds_left?: number;
}

export type Update =
  | ({ kind: "reading" } & Reading)
  | { kind: "runs"; clean: RunReport; corrupted: RunReport; metric: MetricReport | null }
  | ({ kind: "cell" } & Cell & RunReport)
  | { kind: "estimate"; plan: Plan; seconds: number }
  | ({ kind: "progress" } & Progress)
  | { kind: "cells"; cells: [layer: number, column: number, value: number][] };
