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
  /** `auto` (the default): whichever is faster in a short trial with the model's sizes. */
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
  /** Writes a direction, or activations of the two runs, to a file. */
  export(experiment: Experiment, what: Export, options?: { signal?: AbortSignal; agreed?: Agreed }): Promise<NamedFile>;
  /** Reads a direction from a safetensors, GGUF (control vector) or JSON file. */
  readDirection(bytes: Uint8Array, options?: ReadOptions): Promise<Direction>;
  /** Ends the engine and gives its memory back. Whatever runs is rejected. */
  dispose(): void;
}

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

/** What is written to a file. */
export type Export =
  /**
   * A direction, at every layer that it has. In the files a layer's vector is added after that
   * layer, counted from 0; GGUF has none after layer 0, which llama.cpp refuses.
   */
  | { kind: "direction"; direction: number; format: "safetensors" | "gguf" | "json" }
  /** The first pair's runs at all layers and positions: one safetensors file with `clean.blocks.0.hook_resid_pre` and so on. */
  | { kind: "activations"; sites: Site[] }
  /** One site of one run as a NumPy array, `[layer, position, ...]`. */
  | { kind: "array"; site: Site; run: "clean" | "corrupted" };

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
}

// What goes in.

export interface Experiment {
  /** Version of this format, 2. An experiment of version 1 (one `metric`, one `sweep`) is read, too; so is one without a version. */
  version?: 1 | 2;
  /** The model that is loaded, also when left out; another one is refused. */
  model?: string;
  /** Whether `<|endoftext|>` stands at position 0 of all prompts; true when left out. */
  bos?: boolean;
  /** The prompt whose behaviour is to be explained. */
  clean: Prompt;
  /** The prompt that lacks it, of as many tokens unless positions are aligned. */
  corrupted: Prompt;
  /** `prompt` (the default): the corrupted prompt; or noise on the clean prompt's embeddings. */
  corruption?: "prompt" | { noise: Noise };
  /** Positions that belong together, clean then corrupted, where the lengths differ. */
  alignment?: [clean: number, corrupted: number][] | null;
  /**
   * Positions that belong together by what they are in an IOI-like sentence, found in each
   * pair anew; only these are patched. Not together with `alignment`.
   */
  roles?: ("s1" | "io" | "s2" | "end")[];
  /** Further pairs of prompts: metrics and sweeps are then means over all of them. */
  pairs?: Pair[];
  /** What is measured at the last position. */
  metrics: Metric[];
  sweeps?: Sweep[];
  /** The one patched run to look at closely, of the first pair. */
  cell?: Cell | null;
  /** Greedy continuation of both prompts. */
  generate?: { tokens: number; repetition_penalty?: number } | null;
  /** Activations and logits to hand back as numbers. */
  captures?: Capture[];
  /** Which room runs: two prompts and patches between them (the default), or one prompt and directions. */
  room?: "patching" | "steering";
  /** What the steering room is set up for; its example when left out. */
  steer?: Steer | null;
  /** Which of the patching room's runs the directions of `steer` act on; none when left out. */
  steered?: "clean" | "corrupted" | "both" | null;
}

/** A text that is continued twice, unsteered and steered, with the same luck. */
export interface Steer {
  /** What is continued. */
  prompt: Prompt;
  /** Applied in this order. */
  directions?: Direction[];
  sampling?: Sampling;
  /** Words that the steered text is hoped to hold; texts with one of them are counted. */
  words?: string[];
  map?: SteerMap | null;
}

/** A vector at a site, where it comes from, and how it acts. */
export interface Direction {
  name: string;
  source: Source;
  /** Where it is read and acts; `resid_pre` when left out. At `z` it acts on each head by itself. */
  site?: "resid_pre" | "resid_mid" | "resid_post" | "attn_out" | "mlp_out" | "z";
  /** The layers where it acts. Read from activations, it is read at each of them. */
  layers: number[];
  /** The one layer that it is read at, wherever it acts. */
  from?: number | null;
  /** The rows that it acts on; `all` when left out. `aligned_*`: a pair's rows, one by one. */
  positions?:
    | "all"
    | "prompt"
    | "generated"
    | "last"
    | { first: number }
    | { chosen: number[] }
    | "aligned_front"
    | "aligned_back";
  /**
   * On a row x, with the vector v, u = v / |v| and the coefficient c: `add` (the default),
   * x + c v; `subtract`; `project_out`, x - (x . u) u; `set_projection`, the projection
   * becomes c; `cap`, where it is larger.
   */
  operator?: "add" | "subtract" | "project_out" | "set_projection" | "cap";
  coefficient: number;
  /** What a coefficient of 1 means: `absolute` (the default), v as it is; `mean_norm`, at the mean length of the site's activations. */
  unit?: "absolute" | "mean_norm";
}

/** Where a direction comes from. */
export type Source =
  /** Two prompts, position by position, the shorter padded with spaces: activation addition. */
  | { kind: "pair"; positive: string; negative: string }
  /** Two sets of prompts, each read at its last token. */
  | { kind: "contrast"; positive: string[]; negative: string[]; method?: Method }
  /**
   * The `top` heads (5 when left out) whose z tells two sets of prompts apart best, each
   * shifted by a standard deviation along its direction: inference-time intervention. At
   * the site `z`; `method` is `logistic` (the default) or `mean_difference`.
   */
  | { kind: "heads"; positive: string[]; negative: string[]; top?: number; method?: "logistic" | "mean_difference" }
  /** A token's row of a vocabulary matrix, less another's. */
  | { kind: "token"; token: TokenRef; minus?: TokenRef | null; matrix?: "unembedding" | "embedding" }
  /** What a neuron of an MLP writes. */
  | { kind: "neuron"; layer: number; neuron: number }
  /**
   * A feature of a sparse autoencoder: its row of the decoder. `dictionary`:
   * `gpt2-small-res-jb` (the default), a repository of the hub, or the address of a
   * folder, laid out as SAELens writes it; `site` and `layer` are what it was trained
   * on. Its host has to be among `agreed.hosts`. With `activation`, what it reads of the
   * prompt, where `agreed.encoders` holds.
   */
  | { kind: "feature"; dictionary?: string; site?: Site; layer: number; feature: number; activation?: boolean }
  /** Of length 1. */
  | { kind: "random"; seed: number }
  /** Numbers from a file: see `readDirection`. */
  | { kind: "vectors"; origin: string; vectors: LayerVector[] };

export interface LayerVector {
  layer: number;
  /** As many as the model is wide. */
  values: number[];
}

export type Method = "mean_difference" | "pca_diff" | "pca_center" | "logistic";

/** Penalties, temperature, top-k, top-p, then a draw. */
export interface Sampling {
  /** 40 when left out. */
  tokens?: number;
  /** Continuations, each with its own luck; 1 when left out. */
  samples?: number;
  seed?: number;
  /** 0 takes the likeliest token; 1 when left out. */
  temperature?: number;
  top_k?: number | null;
  top_p?: number | null;
  repetition_penalty?: number;
  frequency_penalty?: number;
}

/** One direction at many layers and coefficients, over a set of prompts, beside controls. */
export interface SteerMap {
  /** Which of the directions; the first when left out. */
  direction?: number;
  /** All that it has a vector for when left out. */
  layers?: number[];
  coefficients: number[];
  /** The experiment's prompt when left out. */
  prompts?: Prompt[];
  tokens?: number | null;
  samples?: number | null;
  /** Their probability together at the first new position is an effect. */
  targets?: TokenRef[];
  controls?: {
    /** Random directions of the same length at each layer; 20 when left out. */
    random?: number;
    seed?: number;
    /** The direction found with shuffled labels, where there are labels; true when left out. */
    shuffled?: boolean;
    /** Each layer's best when left out. */
    coefficient?: number | null;
  };
  /** The coherent band: at most so many times the unsteered text's perplexity; 4 when left out. */
  cap?: number;
}

/** Gaussian noise on the embeddings of some tokens, as in causal tracing. */
export interface Noise {
  positions: number[];
  /** Standard deviations of the embedding matrix's entries; 3 when left out. */
  sigma?: number;
  seed?: number;
  /** How many draws results are averaged over; 10 when left out. */
  draws?: number;
}

export interface Pair {
  clean: Prompt;
  corrupted: Prompt;
  /** The metrics' own when left out. */
  answer?: Tokens | null;
  wrong?: Tokens | null;
}

/** Text, or token ids, which stand as they are: `bos` puts nothing in front of them. */
export type Prompt = string | number[];

/** A token of the vocabulary, by its text (with the leading space) or its id; `#290`, where it is not one token itself, is the token of id 290. */
export type TokenRef = string | number;

/** One token, or a set of them. */
export type Tokens = TokenRef | TokenRef[];

export interface Metric {
  /**
   * `logit_difference`: logit(answer) - logit(wrong), means over the sets;
   * `probability`: of the answer, 0 to 1, summed over the set; `log_probability`: its
   * natural logarithm; `probability_difference`: probability(answer) -
   * probability(wrong); `rank`: tokens with a larger logit than the answer, 0 is the
   * likeliest; `kl`: KL(clean run || this run), in nats; `cross_entropy`: minus the
   * answer's log probability.
   */
  kind: "logit_difference" | "probability" | "log_probability" | "probability_difference" | "rank" | "kl" | "cross_entropy";
  answer: Tokens;
  /** What it is compared with; only the differences need it. */
  wrong?: Tokens | null;
}

/** TransformerLens's names, without `hook_`. */
export type Site =
  | "embed"
  | "pos_embed"
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
  site: Exclude<Site, "logits">;
  /** `denoising` patches clean into corrupted, `noising` corrupted into clean. */
  mode: "denoising" | "noising";
  /** What a cell patches; layer x position for block sites, layer x head for head sites when left out. */
  axes?: Axes | null;
  /** What is put in the place of the activations; the other run's when left out. */
  bring?:
    | "other"
    | "zero"
    /** Of the corrupted runs of all pairs. */
    | { mean: { over_positions?: boolean } }
    /** Of another pair's corrupted run, of the same length. */
    | { resample: { seed?: number } }
    | { prompt: { prompt: Prompt } };
}

export type Axes =
  /** `[layer, position]`, so many layers at once; one row where the site has no layer. */
  | { layer_position: { window?: number } }
  /** `[layer, head]`, at these positions or at all. */
  | { layer_head: { positions?: number[] | null } }
  /** `[layer and head, position]`; of a `pattern` the destination. */
  | "head_position"
  /** `[destination, source]` of one head's `pattern`. */
  | { destination_source: { layer: number; head: number } }
  /** `[layer, neuron]`, one row, for `mlp_pre` and `mlp_post`. */
  | { neurons: { layer: number; positions?: number[] | null } }
  /** One row: each part alone, then all together. With `others`: everything but the parts, one cell. */
  | { parts: { parts: Part[]; others?: boolean } }
  /** `[layer, head]` of the sender, `z` at all positions. */
  | { paths: { receiver: Receiver; through_mlps?: boolean } };

export interface Part {
  site: Sweep["site"];
  /** 0 where the site has no layer. */
  layer: number;
  head?: number | null;
  neurons?: number[] | null;
  positions?: number[] | null;
}

export type Receiver =
  | "logits"
  | { q: { layer: number; head: number } }
  | { k: { layer: number; head: number } }
  | { v: { layer: number; head: number } }
  | { mlp: { layer: number } };

/** A cell by its place in a sweep's grid. */
export interface Cell {
  /** Which of the sweeps; the first when left out. */
  sweep?: number;
  row: number;
  column: number;
}

export interface Capture {
  run: "clean" | "corrupted";
  site: Site;
  /** Left out for the sites that have no layer: `embed`, `pos_embed`, `ln_final`, `logits`. */
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
  /** In the order of the experiment's; left out where one of them is not usable. */
  metrics?: MetricReport[];
  /** In the order of the experiment's; left out where one of them cannot be run. */
  sweeps?: SweepReport[];
  cell?: Cell & RunReport & { look?: Look };
  captures?: CaptureReport[];
  /** Of the steering room. */
  steer?: SteerReport;
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
  /** Why this backend and not the other, as sentences; what was wrong with a GPU that was refused. */
  reason?: string;
  /**
   * Milliseconds of a pass of one row and one of 32 through layers of the model's sizes, where
   * `auto` tried both. The GPU's are at least so many where it was given up as far slower, and
   * left out where it did not answer.
   */
  trial?: { cpu_ms: number; gpu_ms?: number };
}

export interface Token {
  id: number;
  /** Where `bytes` is set, bytes that are no whole character are `\x` and two digits. */
  text: string;
  /** Whether it is, or has, a part of a character: name it by its id then. */
  bytes?: boolean;
  /** Whether the model never met it while it was trained. */
  unseen?: boolean;
}

/** How the tokenizer read the experiment. */
export interface Reading {
  clean: Token[];
  corrupted: Token[];
  /** Positions of the clean prompt whose tokens differ. */
  differing: number[];
  /** Where the lengths differ: positions that seem to belong together. */
  alignment?: [clean: number, corrupted: number][];
  /** Where the experiment's roles are in the first pair. */
  roles?: [clean: number, corrupted: number][];
  /** Pairs of prompts, or draws of noise, where there are several. */
  cases?: number;
  /** Which further pairs cannot be run, counted from 0; the rest can without them. */
  bad_pairs?: number[];
  answer?: { pieces: Token[]; suggestion?: string };
  wrong?: { pieces: Token[]; suggestion?: string };
  /** What is not right; `fatal` ones keep the metric or the sweep out of the report. */
  problems: { field: string; message: string; fatal: boolean }[];
}

export interface RunReport {
  /** The likeliest next tokens, likeliest first. */
  top: (Token & { logit: number; probability: number })[];
  /** In the order of the experiment's metrics. */
  metrics?: number[];
  continuation?: Token[];
}

/** Means, where there are several pairs or draws. */
export interface MetricReport {
  clean: number;
  corrupted: number;
  /** Where the corruption hardly moves the metric: what to measure instead. */
  advice?: { message: string; offers: { metric: Metric; clean: number; corrupted: number }[] };
}

/** One side of a grid. */
export interface Axis {
  name: "layer" | "position" | "head" | "destination" | "source" | "neuron" | "set" | "part";
  labels: string[];
}

/** A grid without its values. */
export interface Frame {
  sweep: Sweep;
  rows: Axis;
  columns: Axis;
}

export interface SweepReport extends Frame {
  /**
   * The metrics of each patched run, `[metric][row][column]`, not normalised; means
   * where there are several pairs. On the scale of the page, 0 is
   * `metrics[i].corrupted` and 1 is `metrics[i].clean`. Null where there is no cell.
   */
  values: (number | null)[][][];
  /** Where there are several pairs: 95 % bootstrap intervals of the normalised values. */
  intervals?: ([low: number, high: number] | null)[][][];
  /** Where there are several pairs, and not too many: `[pair][metric][row][column]`. */
  pairs?: (number | null)[][][][];
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

/** Inside the clean, the corrupted and the patched run. */
export interface Look {
  /** Of the cell's head: `[destination][source]`. */
  patterns?: { layer: number; head: number; clean: number[][]; corrupted: number[][]; patched: number[][] };
  /** The likeliest token and the metrics if the model ended after a layer. */
  lens: { layer: number; clean: RunReport; corrupted: RunReport; patched: RunReport }[];
  /** Direct logit attribution on the clean run, `[layer][head]`. */
  head_attribution?: number[][];
  mlp_attribution?: number[];
}

export interface CaptureReport extends Capture {
  /** `[positions, width]` */
  shape: [number, number];
  /** Row-major. */
  values: number[];
}

export interface SteerReport {
  prompt: Token[];
  /** In the experiment's order. */
  directions: DirectionReport[];
  samples: Sample[];
  summary?: { unsteered: Measures; steered: Measures };
  /** Not there in a preview. */
  map?: MapReport;
}

/** What a direction is, at the first layer where it acts. */
export interface DirectionReport {
  /** Where it came from, as a sentence. */
  origin: string;
  layer: number;
  norm: number;
  /** Mean length of the prompt's activations at the site, layer by layer, position 0 left out. */
  mean_norms: number[];
  /** With each direction of the experiment, itself included. */
  cosines: number[];
  /** Share of the variance that a principal component explains. */
  explained?: number;
  /** Layer by layer, or of chosen heads, the best first. */
  probes?: {
    site: Site;
    layer: number;
    head?: number;
    /** Share of held-out prompts told right. */
    accuracy: number;
    /** The same with shuffled labels; of the n-th best head the n-th best of all heads. */
    shuffled: number;
  }[];
  feature?: {
    /** Where others show what it fires on. */
    page?: string;
    /** At each of the prompt's tokens; not there unless the encoder was fetched. */
    activations?: number[];
  };
  /** Tokens whose logits it raises most, at a length of sqrt(n_embd). */
  promoted: (Token & { score: number })[];
  suppressed: (Token & { score: number })[];
  /** Of the unsteered prompt's tokens on the direction, `[layer][position]`. */
  projections?: number[][];
}

export interface Sample {
  unsteered: Written[];
  steered: Written[];
}

export interface Written extends Token {
  /** By the model that wrote it, before any sampling setting. */
  probability: number;
  top: (Token & { logit: number; probability: number })[];
  /** Of steered text: what the unsteered model says of the same text. */
  unsteered?: {
    probability: number;
    /** KL(steered || unsteered), in nats. */
    kl: number;
    top: (Token & { logit: number; probability: number })[];
  };
}

export interface Measures {
  /** Share of texts with one of the words; null or left out where there are none. */
  words?: number | null;
  /** Of what was written, for the unsteered model. */
  perplexity: number;
  /** Mean KL to the unsteered model, in nats a token. */
  kl: number;
  /** Distinct pairs of neighbouring tokens, as a share of all. */
  distinct_2: number;
}

export interface MapReport {
  layers: number[];
  coefficients: number[];
  unsteered: MapNumbers;
  unsteered_texts: string[];
  /** The direction, layer by layer, then the controls. */
  cells: MapCell[];
  /** Of each layer, and of all of them last. */
  verdicts: {
    layer: number;
    overall: boolean;
    /** Whether it does better than the unsteered model and each random direction, in the coherent band. */
    better: boolean;
    coefficient?: number;
    effect: number;
    random?: number;
    shuffled?: number;
    tried: number;
    beaten: number;
    said: string;
  }[];
}

export interface MapCell {
  of: "direction" | { random: number } | "shuffled";
  layer: number;
  coefficient: number;
  /** With the direction itself. */
  cosine: number;
  /** Not there where the push was too strong for 32-bit arithmetic. */
  numbers?: MapNumbers;
  /** Prompt by prompt, each one's samples. */
  texts: string[];
}

export interface MapNumbers {
  /** Probability of the target tokens together, mean over the prompts. */
  target?: number;
  measures: Measures;
}

export type SteerUpdate =
  | { part: "directions"; prompt: Token[]; directions: DirectionReport[] }
  | { part: "written"; sample: number; steered: boolean; from: number; tokens: Written[] }
  | ({ part: "map" } & MapReport)
  | { part: "map_cells"; cells: MapCell[] };

export interface Progress {
  stage: "load" | "fetch" | "runs" | "sweep" | "generate";
  /** Of `total`: bytes while loading, multiplications while computing. */
  done: number;
  total: number;
  seconds_left?: number;
}

export type Update =
  | ({ kind: "reading" } & Reading)
  | { kind: "runs"; clean: RunReport; corrupted: RunReport; metrics: MetricReport[] }
  | ({ kind: "cell" } & Cell & RunReport & { look?: Look })
  | { kind: "frames"; frames: Frame[] }
  | { kind: "estimate"; plan: Plan; seconds: number }
  | ({ kind: "progress" } & Progress)
  | { kind: "metrics"; metrics: MetricReport[] }
  | ({ kind: "steer" } & SteerUpdate)
  | { kind: "cells"; cells: { sweep: number; row: number; column: number; values: number[] }[] };
