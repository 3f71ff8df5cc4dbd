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

// What goes in.

/** Everything a person set up. */
export interface Experiment {
  /** Version of this format, `VERSION` when written by this code. */
  version: number;
  /** The prompt whose behaviour is to be explained. */
  clean: Prompt;
  /** The prompt that lacks it. */
  corrupted: Prompt;
  /** What is measured at the last position; the first is shown first. */
  metrics: Metric[];
  /**
   * Which positions of the two prompts belong together, clean then
   * corrupted, where they are not simply the same ones.
   */
  alignment?: [number, number][] | null;
  /**
   * Whether `<|endoftext|>` stands at position 0 of both prompts.
   * `true` when left out.
   */
  bos?: boolean;
  /** Activations and logits to hand back as numbers. */
  captures?: Capture[];
  /** The one patched run to look at closely, if one is chosen. */
  cell?: Cell | null;
  /**
   * A circuit, where one is to be found: of runs that are not steered, whose prompts have
   * one length in each pair.
   */
  circuit?: Circuit | null;
  /** What makes the corrupted run, where it is not the corrupted prompt. */
  corruption?: Corruption;
  /** Greedy continuation of both prompts, if wanted. */
  generate?: Generate | null;
  /**
   * Which model it was set up on: `mini`, or the address of a folder with
   * `config.json`, `tokenizer.json` and `model.safetensors`.
   * `"mini"` when left out.
   */
  model?: string;
  /** Further pairs of prompts: results are then those of the whole set. */
  pairs?: Pair[];
  /**
   * Which positions belong together by what they are in the sentence, found
   * in each pair anew: pairs may then differ in length and in word order.
   * Only these positions are patched. Not together with `alignment`.
   */
  roles?: Role[];
  /** Which room runs; what the other one is set up for is kept. */
  room?: Room;
  /** What the steering room is set up for; that room needs it, and so does `steered`. */
  steer?: Steer | null;
  /**
   * Which of the patching room's runs the directions of `steer` act on, to
   * see what carries their effect; none when left out.
   */
  steered?: Steered | null;
  /** The grids of patched runs that are wanted. */
  sweeps?: Sweep[];
}

/** A prompt, as text or as token ids (which then stand as they are). */
export type Prompt = string | number[];

/** A number computed from the logits at the last position. */
export interface Metric {
  /** What is computed of the logits. */
  kind: MetricKind;
  /** The token, or the set of tokens, that the clean run should predict. */
  answer: Tokens;
  /** What it is compared with; only the differences need it. */
  wrong?: Tokens | null;
}

/**
 * What is computed of the next token's logits, or of their softmax.
 * - `logit_difference`: logit(answer) - logit(wrong), each the mean over its set
 * - `probability`: softmax probability of the answer, 0 to 1, the sum over its set
 * - `log_probability`: natural logarithm of that probability
 * - `probability_difference`: probability(answer) - probability(wrong), each the sum over its set
 *   (Hanna et al., 2023, for greater-than)
 * - `rank`: how many tokens have a larger logit than the answer's best: 0 is the
 *   likeliest
 * - `kl`: Kullback-Leibler divergence of this run's next token from the clean
 *   run's, KL(clean || run), in nats
 * - `cross_entropy`: minus the log probability of the answer, in nats
 */
export type MetricKind =
  "logit_difference" | "probability" | "log_probability" | "probability_difference" | "rank" | "kl" | "cross_entropy";

/** One token, or a set of them. */
export type Tokens = TokenRef | TokenRef[];

/**
 * A token of the vocabulary, as text or as its id; a text of `#` and a number that
 * is not one token itself names the token of that id.
 */
export type TokenRef = number | string;

/** Activations of one run to hand back. */
export interface Capture {
  /** Which of the first pair's runs. */
  run: RunName;
  /** Which activation, or `logits`. */
  site: Site;
  /** Left out for the sites that have no layer. */
  layer?: number | null;
  /** Which positions; all of them when left out. */
  positions?: number[] | null;
}

/**
 * One of a pair's two runs.
 * - `clean`: That of the clean prompt.
 * - `corrupted`: That of the corrupted prompt, or of the clean one with noise.
 */
export type RunName = "clean" | "corrupted";

/**
 * A kind of activation, by TransformerLens's short names, in the order of the
 * forward pass.
 * - `embed`: `hook_embed`, `[n_embd]`: the token's row of `wte`; has no layer
 * - `pos_embed`: `hook_pos_embed`, `[n_embd]`: the position's row of `wpe`; has no layer
 * - `resid_pre`: `blocks.{l}.hook_resid_pre`, `[n_embd]`: the residual stream before the layer
 * - `q`: `blocks.{l}.attn.hook_q`, `[n_head, d_head]`
 * - `k`: `blocks.{l}.attn.hook_k`, `[n_head, d_head]`
 * - `v`: `blocks.{l}.attn.hook_v`, `[n_head, d_head]`
 * - `pattern`: `blocks.{l}.attn.hook_pattern`, `[n_head, key position]`
 * - `z`: `blocks.{l}.attn.hook_z`, `[n_head, d_head]`: the mixed values, before `c_proj`
 * - `attn_out`: `blocks.{l}.hook_attn_out`, `[n_embd]`
 * - `resid_mid`: `blocks.{l}.hook_resid_mid`, `[n_embd]`
 * - `mlp_pre`: `blocks.{l}.mlp.hook_pre`, `[n_inner]`: before the activation function
 * - `mlp_post`: `blocks.{l}.mlp.hook_post`, `[n_inner]`: after it
 * - `mlp_out`: `blocks.{l}.hook_mlp_out`, `[n_embd]`
 * - `resid_post`: `blocks.{l}.hook_resid_post`, `[n_embd]`: the residual stream after the layer
 * - `ln_final`: `ln_final.hook_normalized` times its weight, plus its bias, `[n_embd]`; has no layer
 * - `logits`: The logits, `[vocabulary]`; has no layer
 */
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

/** One cell of a sweep, by its place in the grid. */
export interface Cell {
  /** Which row of its grid, from 0. */
  row: number;
  /** Which column of its grid, from 0. */
  column: number;
  /** Which of the sweeps. */
  sweep?: number;
}

/**
 * A circuit that is wanted: edges are scored by gradients, some of them are kept, and what
 * they keep of the first metric is computed exactly, everything else sending what it sent
 * in the corrupted run.
 */
export interface Circuit {
  /** How edges are scored. */
  method: EdgeMethod;
  /** How many are chosen; those that lead nowhere are then taken out. */
  edges: number;
  /** How edges are chosen by their scores. */
  choice?: EdgeChoice;
}

/**
 * How an edge is scored: by the change of what its sender sends, corrupted less clean, times
 * a gradient at what its receiver reads, summed over positions.
 * - `eap`: The clean run's gradient (edge attribution patching: Syed et al., 2023)
 * - `relp`: The clean run's relevance instead of its gradient (RelP: Jafari et al., 2025)
 * - `eap_ig`: The mean gradient of runs whose embeddings go from the corrupted run's towards the
 *   clean run's, which itself is left out (EAP-IG: Hanna et al., 2024)
 */
export type EdgeMethod =
  | "eap"
  | "relp"
  | {
      eap_ig: {
        /** How many runs, from 1; 5 is usual. */
        points: number;
      };
    };

/**
 * How edges are chosen by their scores.
 * - `strongest`: Those of the largest absolute scores
 * - `greedy`: From the logits up, each time the strongest into a node that is in already
 */
export type EdgeChoice = "strongest" | "greedy";

/**
 * What makes the corrupted run.
 * - `prompt`: The corrupted prompt.
 * - `noise`: The clean prompt with Gaussian noise on the embeddings of some tokens
 *   (Meng et al., 2022).
 */
export type Corruption = "prompt" | { noise: Noise };

/** Gaussian noise on the embeddings of some tokens. */
export interface Noise {
  /** In the clean prompt of each pair, from 0. */
  positions: number[];
  /**
   * How many draws results are averaged over.
   * `10` when left out.
   */
  draws?: number;
  /** The same seed draws the same noise; 0 when left out. */
  seed?: number;
  /**
   * Standard deviations of the embedding matrix's entries.
   * `3` when left out.
   */
  sigma?: number;
}

/** Greedy continuation. */
export interface Generate {
  /** How many tokens to add at most; the context length ends it too. */
  tokens: number;
  /**
   * Divides the logits of tokens that have occurred (multiplies negative
   * ones), as in Keskar et al., 2019. 1, the default, changes nothing.
   */
  repetition_penalty?: number;
}

/** A further pair of prompts. */
export interface Pair {
  /** The prompt with the behaviour to be explained, as the experiment's own `clean`. */
  clean: Prompt;
  /** The prompt that lacks it; not read where noise makes the corrupted run. */
  corrupted: Prompt;
  /** The metrics' answer for this pair; their own when left out. */
  answer?: Tokens | null;
  /** The metrics' wrong answer for this pair; their own when left out. */
  wrong?: Tokens | null;
}

/**
 * What a token is in a sentence with an indirect object, such as “When John and
 * Mary went to the store, John gave a bottle to” (Wang et al., 2022).
 * - `s1`: The first mention of the subject, the name that is there twice.
 * - `io`: The indirect object: the first name that is not the subject.
 * - `s2`: The second mention of the subject.
 * - `end`: The last token.
 */
export type Role = "s1" | "io" | "s2" | "end";

/**
 * Which of the two rooms the experiment is set up for.
 * - `patching`: Two prompts, and activations copied from one run into the other.
 * - `steering`: One prompt, continued with and without directions.
 */
export type Room = "patching" | "steering";

/** A text that is continued twice, unsteered and steered, with the same luck. */
export interface Steer {
  /** What is continued. */
  prompt: Prompt;
  /** Monitoring: a direction read on held-out prompts, as a detector. */
  detector?: Detector | null;
  /** Vectors, where each comes from and how it acts. Applied in this order. */
  directions?: Direction[];
  /** How much and where: the grid of one direction's layers and coefficients. */
  map?: SteerMap | null;
  /** How tokens are drawn, and how many. */
  sampling?: Sampling;
  /**
   * The words that the steered text is hoped to hold; how many
   * continuations hold one of them is counted.
   */
  words?: string[];
}

/**
 * Monitoring: the last token of each held-out prompt is projected on a
 * direction, and at or above a threshold the prompt counts as positive.
 */
export interface Detector {
  /** Held-out prompts of the kind that is to be detected. */
  positive: string[];
  /** Held-out prompts of the other kind. */
  negative: string[];
  /**
   * Which of the experiment's directions.
   * `0` when left out.
   */
  direction?: number;
  /** The layer read at; the first one that the direction acts at when left out. */
  layer?: number | null;
  /**
   * A projection; midway between the two means of the direction's own
   * prompts when left out.
   */
  threshold?: number | null;
}

/** A vector at a site, where it comes from, and how it acts. */
export interface Direction {
  /** What it is called, on the page and in files. */
  name: string;
  /** What its vectors are made from. */
  source: Source;
  /**
   * The layers where it acts. A direction that is read from activations is
   * read at each of them, unless `from` says otherwise.
   */
  layers: number[];
  /** How strongly: see `Operator` and `Unit`. 0 leaves adding out, exactly. */
  coefficient: number;
  /** The one layer that it is read at, wherever it acts. */
  from?: number | null;
  /**
   * What it does to a row.
   * `"add"` when left out.
   */
  operator?: Operator;
  /**
   * Which rows it acts on.
   * `"all"` when left out.
   */
  positions?: Positions;
  /**
   * Where it is read and acts: a site as wide as the residual stream, or `z`,
   * where it acts on each head by itself with that head's part of it.
   * `"resid_pre"` when left out.
   */
  site?: Site;
  /**
   * What the coefficient counts in.
   * `"absolute"` when left out.
   */
  unit?: Unit;
}

/**
 * Where a direction comes from.
 * - `pair`: The difference of two prompts' activations, position by position, the
 *   shorter padded with spaces: activation addition (Turner et al., 2023).
 * - `contrast`: A direction between two sets of prompts, read at each prompt's last token.
 * - `heads`: A shift of the heads whose outputs best tell two sets of prompts apart:
 *   inference-time intervention (Li et al., 2023). Each chosen head's vector is
 *   `sigma theta`, the direction between the sides in its `z` at each
 *   prompt's last token, by the standard deviation along it; so adding it with
 *   the coefficient `a` is the paper's `a sigma theta`. Read and acts at `z`.
 * - `token`: One token's row of the embedding or unembedding, less another's.
 * - `neuron`: What a neuron of an MLP writes to the residual stream: its row of `c_proj`.
 * - `feature`: A feature of a sparse autoencoder that others published: its row of the
 *   decoder, which is what it adds to the residual stream. Read from where the
 *   dictionary is, which a person has to agree to.
 * - `random`: A random direction of length 1, for comparison.
 * - `vectors`: Numbers from a file, one vector for each layer that it has.
 */
export type Source =
  | {
      kind: "pair";
      /** The prompt that is steered towards. */
      positive: string;
      /** The prompt that is steered away from. */
      negative: string;
    }
  | {
      kind: "contrast";
      /** Prompts that are steered towards. */
      positive: string[];
      /** Prompts that are steered away from. */
      negative: string[];
      /**
       * How the direction between them is found.
       * `"mean_difference"` when left out.
       */
      method?: Method;
    }
  | {
      kind: "heads";
      /** Prompts that are steered towards. */
      positive: string[];
      /** Prompts that are steered away from. */
      negative: string[];
      /**
       * `logistic`: along the probe's normal; `mean_difference`: along the
       * mass mean shift.
       * `"logistic"` when left out.
       */
      method?: Method;
      /**
       * How many heads, the best by held-out accuracy of a logistic probe.
       * `5` when left out.
       */
      top?: number;
    }
  | {
      kind: "token";
      /** The token whose row is taken. */
      token: TokenRef;
      /**
       * Which matrix the rows are of.
       * `"unembedding"` when left out.
       */
      matrix?: Matrix;
      /** The token whose row is taken off it; none when left out. */
      minus?: TokenRef | null;
    }
  | {
      kind: "neuron";
      /** The layer of the MLP, from 0. */
      layer: number;
      /** Which of its hidden layer, from 0. */
      neuron: number;
    }
  | {
      kind: "feature";
      /** Its layer. */
      layer: number;
      /** Its number in the dictionary, from 0. */
      feature: number;
      /**
       * Whether its activation on the prompt is wanted, too: the encoder is half
       * of the file, and a person has to agree to that by itself.
       */
      activation?: boolean;
      /**
       * `gpt2-small-res-jb`, a repository of the hub (`owner/name`), or the address
       * of a folder: laid out as `SAELens` writes dictionaries.
       * `"gpt2-small-res-jb"` when left out.
       */
      dictionary?: string;
      /**
       * The activation that the dictionary was trained on.
       * `"resid_pre"` when left out.
       */
      site?: Site;
    }
  | {
      kind: "random";
      /** The same seed makes the same direction; it is one for all layers. */
      seed: number;
    }
  | {
      kind: "vectors";
      /** Where it came from, as a sentence. */
      origin: string;
      /** No two of one layer. */
      vectors: LayerVector[];
    };

/**
 * How a direction is found between two sets of activations.
 * - `mean_difference`: Mean of the positive activations minus mean of the negative ones:
 *   contrastive activation addition (Rimsky et al., 2024).
 * - `pca_diff`: First principal component of the paired differences: `repeng`'s `pca_diff`.
 * - `pca_center`: First principal component of the activations, each pair centred on its
 *   middle: `repeng`'s `pca_center`.
 * - `logistic`: The normal of a logistic regression that tells the two sets apart.
 */
export type Method = "mean_difference" | "pca_diff" | "pca_center" | "logistic";

/**
 * Which of the model's two vocabulary matrices.
 * - `embedding`: `wte`, through which tokens come in.
 * - `unembedding`: The one that logits are made with; in GPT-2 it is `wte` again.
 */
export type Matrix = "embedding" | "unembedding";

/** One layer's numbers of a direction from a file. */
export interface LayerVector {
  /** The layer that it is for, from 0. */
  layer: number;
  /** `n_embd` numbers. */
  values: number[];
}

/**
 * What a direction does to a row `x`, with `v` the direction, `u = v / |v|`
 * and `c` the coefficient (in its `Unit`).
 * - `add`: `x + c v`
 * - `subtract`: `x - c v`
 * - `project_out`: `x - (x . u) u`: the direction is taken out; the coefficient is not used.
 * - `set_projection`: `x - (x . u) u + c u`: the projection becomes `c`.
 * - `cap`: The projection becomes `c` where it is larger.
 */
export type Operator = "add" | "subtract" | "project_out" | "set_projection" | "cap";

/**
 * Which rows a direction acts on; decided for each row when it comes to exist.
 * - `all`: Every token of the prompt and of what is written.
 * - `prompt`: The prompt's tokens.
 * - `generated`: What is written.
 * - `last`: The token being read: the prompt's last one, then each one written.
 * - `first`: The first so many tokens.
 * - `chosen`: These positions.
 * - `aligned_front`: The rows of a prompt pair on the prompt's own first tokens, one by one;
 *   BOS on BOS.
 * - `aligned_back`: The rows of a prompt pair on the prompt's last tokens, one by one.
 */
export type Positions =
  "all" | "prompt" | "generated" | "last" | { first: number } | { chosen: number[] } | "aligned_front" | "aligned_back";

/**
 * What a coefficient of 1 means.
 * - `absolute`: Adding the direction as it is; a projection of 1.
 * - `mean_norm`: Adding the direction with the mean norm of the residual stream at that
 *   site and layer over the prompt, position 0 left out; such a projection.
 */
export type Unit = "absolute" | "mean_norm";

/**
 * A grid of layers and coefficients. Each cell is the steering that it names,
 * on its own, over all prompts: the experiment's other directions do not act.
 */
export interface SteerMap {
  /** In the direction's own unit. */
  coefficients: number[];
  /**
   * The coherent band: cells whose text is at most so many times as
   * perplexing to the unsteered model as what that writes itself.
   * `4` when left out.
   */
  cap?: number;
  /** Random directions, and the one of shuffled labels. */
  controls?: Controls;
  /**
   * Which of the experiment's directions.
   * `0` when left out.
   */
  direction?: number;
  /**
   * The effect that directions are compared by; the first that there is,
   * words, target tokens or reading, when left out.
   */
  effect?: Effect | null;
  /** All that the direction has a vector for when left out. */
  layers?: number[];
  /** What is continued; the experiment's prompt when left out. */
  prompts?: Prompt[];
  /** What is written, read along a direction by the unsteered model: a third effect. */
  reading?: MapReading | null;
  /** Continuations of each prompt; as many as the experiment's when left out. */
  samples?: number | null;
  /** The tokens whose probability, together, at the first new position is an effect. */
  targets?: TokenRef[];
  /** New tokens of each continuation; as many as the experiment's when left out. */
  tokens?: number | null;
}

/** What a direction has to do better than. */
export interface Controls {
  /** Where controls act: each layer's best coefficient when left out. */
  coefficient?: number | null;
  /**
   * How many random directions of the same length at each layer.
   * `20` when left out.
   */
  random?: number;
  /**
   * The first one's seed; the others follow it.
   * `0` when left out.
   */
  seed?: number;
  /**
   * Whether the direction found with shuffled labels is tried too, where
   * there are labels.
   * `true` when left out.
   */
  shuffled?: boolean;
}

/**
 * What a map shows, and what its directions are compared by.
 * - `words`: Share of continuations with one of the experiment's words.
 * - `target`: Probability of the target tokens.
 * - `reading`: How the unsteered model reads what was written.
 */
export type Effect = "words" | "target" | "reading";

/**
 * How the unsteered model reads what was written: the projection of each token
 * but `<|endoftext|>` on a direction, on the scale where 0 is midway between
 * the means of the direction's own two sets of prompts and 1 is the positive one.
 */
export interface MapReading {
  /**
   * Which of the experiment's directions: one between two sets of prompts.
   * `0` when left out.
   */
  direction?: number;
  /** The layer read at; the first one that the direction acts at when left out. */
  layer?: number | null;
}

/**
 * How the next token is drawn. The order is penalties, temperature, top-k,
 * top-p, then the largest logit plus Gumbel noise.
 */
export interface Sampling {
  /** Taken from a token's logit for each time that it has been written. */
  frequency_penalty?: number;
  /**
   * Divides the logits of tokens that have occurred, the prompt's included
   * (multiplies negative ones), as in Keskar et al., 2019.
   */
  repetition_penalty?: number;
  /**
   * How many continuations, each with its own luck.
   * `1` when left out.
   */
  samples?: number;
  /**
   * Where luck comes from: the same seed draws the same tokens.
   * `0` when left out.
   */
  seed?: number;
  /**
   * Divides the logits; 0 takes the likeliest token.
   * `1` when left out.
   */
  temperature?: number;
  /**
   * How many tokens to add at most; the context length and
   * `<|endoftext|>` end it too.
   * `40` when left out.
   */
  tokens?: number;
  /** Only the so many likeliest tokens. */
  top_k?: number | null;
  /** Only the likeliest tokens that together have this probability. */
  top_p?: number | null;
}

/**
 * Which runs of the patching room directions act on.
 * - `clean`: The clean run alone.
 * - `corrupted`: The corrupted run alone.
 * - `both`: Both of them, the clean and the corrupted.
 */
export type Steered = "clean" | "corrupted" | "both";

/** A grid of patched runs. */
export interface Sweep {
  /** Which activation is replaced; each part of a set names its own. */
  site: Site;
  /** Which run is patched. */
  mode: Mode;
  /**
   * What a cell of the grid patches; layer x position for block sites and
   * layer x head for head sites when left out.
   */
  axes?: Axes | null;
  /** What is put in the place of the activations. */
  bring?: Bring;
  /**
   * Whether a gradient says what each patch would do, before some or all of them are
   * made. Not of paths.
   */
  estimate?: Attribution | null;
}

/**
 * Which run is patched with the other's activations.
 * - `denoising`: Clean activations into the corrupted run: what is enough to restore the answer?
 * - `noising`: Corrupted activations into the clean run: what is needed for the answer?
 */
export type Mode = "denoising" | "noising";

/**
 * What the rows and columns of a sweep's grid are.
 * - `layer_position`: `[layer, position]`, with one row where the site has no layer. A cell
 *   patches so many layers around its own at once, as in causal tracing
 *   (Meng et al., 2022).
 * - `layer_head`: `[layer, head]`, at these positions or at all of them.
 * - `head_position`: `[layer and head, position]`; the position is the destination of a `pattern`.
 * - `destination_source`: `[destination, source]` of one head's `pattern`. There is no cell above
 *   the diagonal, for a token does not attend to later ones.
 * - `neurons`: `[layer, neuron]` with one row: each neuron of one layer alone, at these
 *   positions or at all of them.
 * - `parts`: One row: each part alone and, in the last column, all of them together.
 *   With `others` there is one column, and what is patched is everything but
 *   the parts: they alone stay as they are (their circuit's faithfulness).
 * - `paths`: `[layer, head]` of the sender: only what its output changes at the
 *   receiver's input is patched, at all positions.
 */
export type Axes =
  | {
      layer_position: {
        /**
         * How many layers, from 1 to as many as there are.
         * `1` when left out.
         */
        window?: number;
      };
    }
  | {
      layer_head: {
        /** Places in the alignment, from 0; without one, positions. */
        positions?: number[] | null;
      };
    }
  | "head_position"
  | {
      destination_source: {
        /** The head's layer, from 0. */
        layer: number;
        /** Which of the layer's heads, from 0. */
        head: number;
      };
    }
  | {
      neurons: {
        /** The layer of the MLP, from 0. */
        layer: number;
        /** Places in the alignment, from 0; without one, positions. */
        positions?: number[] | null;
      };
    }
  | {
      parts: {
        /** What is chosen, in the order of the columns. */
        parts: Part[];
        /** Whether everything but them is patched. */
        others?: boolean;
      };
    }
  | {
      paths: {
        /** Where the paths end. */
        receiver: Receiver;
        /**
         * What lies between the two: heads stay as they are; MLPs too, unless
         * the path may go through them (Wang et al., 2022).
         */
        through_mlps?: boolean;
      };
    };

/** A part of the model that can be patched with others. */
export interface Part {
  /** Which activation; `z` is a head's output, `mlp_out` an MLP's. */
  site: Site;
  /** 0 where the site has no layer. */
  layer: number;
  /** One head of a per-head site; all of them when left out. */
  head?: number | null;
  /** Some neurons of `mlp_pre` or `mlp_post`; all of them when left out. */
  neurons?: number[] | null;
  /**
   * Places in the alignment, from 0; without one, positions. All of them when left
   * out.
   */
  positions?: number[] | null;
}

/**
 * Where a path ends.
 * - `logits`: The final residual stream, before the last LayerNorm.
 * - `q`: What one head's queries are made from.
 * - `k`: What one head's keys are made from.
 * - `v`: What one head's values are made from.
 * - `mlp`: What a layer's MLP reads.
 */
export type Receiver =
  | "logits"
  | {
      q: {
        /** The head's layer, from 1: a head of layer 0 reads the embeddings alone. */
        layer: number;
        /** Which of the layer's heads, from 0. */
        head: number;
      };
    }
  | {
      k: {
        /** The head's layer, from 1. */
        layer: number;
        /** Which of the layer's heads, from 0. */
        head: number;
      };
    }
  | {
      v: {
        /** The head's layer, from 1. */
        layer: number;
        /** Which of the layer's heads, from 0. */
        head: number;
      };
    }
  | {
      mlp: {
        /** The MLP's layer, from 0. */
        layer: number;
      };
    };

/**
 * What is put in the place of the activations that a cell patches.
 * - `other`: The other run's: the clean run's when denoising, the corrupted one's when noising.
 * - `zero`: Zeros.
 * - `mean`: The mean over the corrupted runs of all pairs, at each position or over
 *   all of them (position 0 left out where it is `<|endoftext|>`).
 * - `resample`: Those of another pair's corrupted run, drawn once a pair.
 * - `prompt`: Those of this prompt's run: an unrelated one shows what patching does by itself.
 */
export type Bring =
  | "other"
  | "zero"
  | {
      mean: {
        /**
         * Whether one mean stands for all positions, as it has to where prompts differ
         * in length.
         */
        over_positions?: boolean;
      };
    }
  | {
      resample: {
        /** Draws the other pair; 0 when left out. */
        seed?: number;
      };
    }
  | {
      prompt: {
        /** It has as many tokens as the run that is patched. */
        prompt: Prompt;
      };
    };

/**
 * An estimate of every cell of a sweep. To first order a patch changes the metric by its
 * gradient at the activation times the change of the activation (attribution patching:
 * Nanda, 2023; Kramár et al., 2024, arXiv 2403.00745).
 */
export interface Attribution {
  /** Whose gradient it is. */
  method: AttributionMethod;
  /**
   * So many cells, those that the estimate of the first metric moves the furthest, are
   * patched, too, to compare it with; all of them when left out.
   */
  most?: number | null;
}

/**
 * Of what an estimate takes the gradient.
 * - `atp`: The run that is patched: attribution patching
 * - `relp`: The same run by relevance instead of the derivative: LayerNorm's deviation is held,
 *   and the activation function is the line through 0 and its value; attention is exact,
 *   as its authors have it for GPT-2 (RelP: Jafari et al., 2025, arXiv 2508.21258)
 * - `integrated_gradients`: The mean over runs in which the site is moved from its own activations towards what
 *   a patch brings, at all positions of one layer at a time, in steps of the same size,
 *   the last of which ends there (Sundararajan et al., 2017; Hanna et al., 2024)
 */
export type AttributionMethod =
  | "atp"
  | "relp"
  | {
      integrated_gradients: {
        /** How many, from 1; 5 is usual. */
        points: number;
      };
    };

/**
 * What is written to a file.
 * - `direction`: A direction of the steering room, at every layer that it has.
 * - `activations`: Activations of the patching room's two runs, of the first pair: these
 *   sites at all layers and positions, in one safetensors file by
 *   TransformerLens's names, as `clean.blocks.0.hook_resid_pre`.
 * - `array`: One site of one run as a NumPy array, `[layer, position, ...]`.
 */
export type Export =
  | {
      kind: "direction";
      /** Which of the experiment's directions, from 0. */
      direction: number;
      /** In what form the file holds it. */
      format: Format;
    }
  | {
      kind: "activations";
      /** Which activations; at least one site. */
      sites: Site[];
    }
  | {
      kind: "array";
      /** Which activation; without a layer the array lacks that dimension. */
      site: Site;
      /** Which of the first pair's runs. */
      run: RunName;
    };

/**
 * How a direction is written.
 * - `safetensors`: A tensor `direction.0`, `direction.1` ... for each layer, of 32-bit floats.
 * - `gguf`: A control vector, as repeng and llama.cpp write it.
 * - `json`: An object of lists of numbers, by layer.
 */
export type Format = "safetensors" | "gguf" | "json";

// What comes out.

/** Everything that came out of an experiment. */
export interface Report {
  /** Version of the engine that computed it. */
  engine: string;
  /** The experiment as it was sent. */
  experiment: Experiment;
  /** The model that it ran on. */
  model: ModelInfo;
  /** The device that computed, and why. */
  backend: BackendInfo;
  /** How its prompts and answers were read, and what is wrong with it. */
  reading: Reading;
  /** The first pair's clean run. */
  clean: RunReport;
  /** The first pair's corrupted run. */
  corrupted: RunReport;
  /** In the order of the experiment's. */
  captures?: CaptureReport[];
  /** The chosen cell, where one is chosen and there is one. */
  cell?: CellReport;
  /** The circuit, where one is wanted. */
  circuit?: CircuitReport;
  /** What a GPU was asked to do for all of it; not there on the CPU. */
  device?: Counters;
  /** In the order of the experiment's; empty where one of them is not usable. */
  metrics?: MetricReport[];
  /** What the steering room found. */
  steer?: SteerReport;
  /** In the order of the experiment's; empty where one of them cannot be run. */
  sweeps?: SweepReport[];
}

/** The model that is loaded. */
export interface ModelInfo {
  /** `mini`, or the address it came from. */
  name: string;
  /** Blocks of attention and MLP; layers are counted from 0. */
  n_layer: number;
  /** Heads of each layer, which share its width evenly. */
  n_head: number;
  /** Width of the residual stream, `d_model` in TransformerLens. */
  n_embd: number;
  /** Context length, in tokens. */
  n_positions: number;
  /** Size of the vocabulary. */
  n_vocab: number;
  /** SHA-256 of `model.safetensors`, in hexadecimal. */
  sha256: string;
  /** Parameters, each counted once (a tied head is not counted again). */
  parameters: number;
}

/** Where the numbers are computed. */
export interface BackendInfo {
  /** `cpu` or `webgpu`. */
  name: "cpu" | "webgpu";
  /** The adapter or instruction set, for people. */
  device: string;
  /** Why this backend and not the other, as sentences. */
  reason?: string;
  /** The same for other languages. */
  says?: Says;
  /** How fast both were, where `auto` tried them. */
  trial?: Trial;
}

/** What a sentence says, in no language. */
export interface Says {
  /**
   * Which sentence it is: the part of the engine that says it, and its name there, as
   * in `patching.window`. It stays the same where the English is said better.
   */
  code: string;
  /**
   * What stands in it, by name. A sentence within the sentence is an object of its
   * `message` and what it `says`.
   */
  args?: { [k: string]: unknown };
}

/**
 * Milliseconds of a pass of one row and one of 32 through layers of the model's
 * sizes, on both devices.
 */
export interface Trial {
  /** Of the two passes together, to a tenth. */
  cpu_ms: number;
  /**
   * At least so many where the GPU was given up as far slower; none where it did
   * not answer.
   */
  gpu_ms?: number;
}

/** How the tokenizer read the experiment. */
export interface Reading {
  /** The clean prompt of the first pair, BOS included. Empty in the steering room. */
  clean: Token[];
  /** The corrupted prompt of the first pair; where noise corrupts, the clean one again. */
  corrupted: Token[];
  /**
   * Whether BOS was put in front of texts: as the experiment has it, but never where
   * the model has no such token.
   * `false` when left out.
   */
  bos: boolean;
  /**
   * Positions of the clean prompt whose tokens differ from the corrupted one's
   * there, where both have the same length or are aligned.
   */
  differing: number[];
  /** What keeps something from running, and what is likely not meant. */
  problems: Problem[];
  /**
   * Where the lengths differ: which positions seem to belong together, clean
   * then corrupted, to be taken as the experiment's `alignment`.
   */
  alignment?: [number, number][];
  /**
   * How the first metric's answer was read; of a set, `pieces` are those of all its
   * tokens.
   */
  answer?: Choice;
  /**
   * Which of the experiment's further pairs cannot be run, counted from 0: the
   * rest can be run without them.
   */
  bad_pairs?: number[];
  /** Pairs of prompts, or draws of noise, that results are of. */
  cases?: number;
  /** What is probably to be mended in the table of pairs, cell by cell. */
  cells?: CellRemark[];
  /** The positions of the experiment's roles in the first pair, clean then corrupted. */
  roles?: [number, number][];
  /** How its wrong answer was read, where it has one. */
  wrong?: Choice;
}

/** One token of a prompt. */
export interface Token {
  /** In the model's vocabulary, from 0. */
  id: number;
  /**
   * The token as text, leading space included. Where `bytes` is set it has bytes
   * that are no whole character, each as `\x` and two hexadecimal digits.
   */
  text: string;
  /**
   * Whether the token is only a part of a character, or has such a part: `text`
   * then shows it and is not read as it, so it is named by its id.
   */
  bytes?: boolean;
  /** Whether the model never met this token while it was trained. */
  unseen?: boolean;
}

/**
 * A part of the experiment that cannot be run as it stands, or that is likely
 * not what was meant.
 */
export interface Problem {
  /** The part of the experiment, by its path: `clean`, `steer.directions.2` ... */
  field: string;
  /** What is wrong, what was expected and found, and what to do, as a sentence. */
  message: string;
  /** The same for other languages. */
  says: Says;
  /** Whether it keeps the experiment (or its sweep) from running. */
  fatal: boolean;
}

/** How an answer field was read. */
export interface Choice {
  /** The tokens that the text splits into: one, or the choice is not usable. */
  pieces: Token[];
  /**
   * What to write instead, where the text is not one token or lacks the
   * leading space that the prompt asks for.
   */
  suggestion?: string;
}

/** What is probably to be mended in one cell of the table of pairs. */
export interface CellRemark {
  /**
   * Which of the pairs: 0 is the experiment's own prompts and answers, 1 the first
   * of its further pairs.
   */
  pair: number;
  /** `clean`, `corrupted`, `answer` or `wrong` */
  field: string;
  /** What is to be mended. */
  fault: CellFault;
  /** What to write instead, where that is known. */
  instead?: Tokens;
}

/**
 * What may be wrong with a cell of the table of pairs.
 * - `no_space`: An answer has no space in front, and the clean run finds it likelier with one.
 * - `not_one_token`: An answer is not one token.
 * - `unseen`: It holds tokens that the model never met in training.
 * - `ends_in_space`: A prompt ends with a space, which the next word brings itself.
 */
export type CellFault = "no_space" | "not_one_token" | "unseen" | "ends_in_space";

/** One run, read at its last position. Empty in the steering room. */
export interface RunReport {
  /** The ten likeliest next tokens, likeliest first. */
  top: TopToken[];
  /** Greedy continuation, where asked for. */
  continuation?: Token[];
  /** The metrics, in the experiment's order, where its answers are usable. */
  metrics?: number[];
}

/** A next token and how likely it is. */
export interface TopToken {
  /** In the model's vocabulary, from 0. */
  id: number;
  /**
   * The token as text, leading space included. Where `bytes` is set it has bytes
   * that are no whole character, each as `\x` and two hexadecimal digits.
   */
  text: string;
  /** Before the softmax. */
  logit: number;
  /** 0 to 1 */
  probability: number;
  /**
   * Whether the token is only a part of a character, or has such a part: `text`
   * then shows it and is not read as it, so it is named by its id.
   */
  bytes?: boolean;
  /** Whether the model never met this token while it was trained. */
  unseen?: boolean;
}

/** Activations or logits, row-major. */
export interface CaptureReport {
  /** Which of the first pair's runs. */
  run: RunName;
  /** Which activation, or `logits`. */
  site: Site;
  /**
   * `[positions, width]`
   *
   * @minItems 2
   * @maxItems 2
   */
  shape: [number, number];
  /** Position by position; of a site of heads, head by head within one. */
  values: number[];
  /** Left out for the sites that have no layer. */
  layer?: number;
  /** Which positions; all of them when left out. */
  positions?: number[];
}

/** One patched run, seen closely. */
export interface CellReport {
  /** Which row of its grid, from 0. */
  row: number;
  /** Which column of its grid, from 0. */
  column: number;
  /** The ten likeliest next tokens, likeliest first. */
  top: TopToken[];
  /** Greedy continuation, where asked for. */
  continuation?: Token[];
  /** What goes on inside the three runs. */
  look?: Look;
  /** The metrics, in the experiment's order, where its answers are usable. */
  metrics?: number[];
  /** Which of the sweeps. */
  sweep?: number;
}

/** The insides of the clean, the corrupted and the patched run. */
export interface Look {
  /** What the last position would predict if the model ended after a layer. */
  lens: LensReport[];
  /**
   * What each head writes in favour of the answer at the last position of
   * the clean run, `[layer][head]`: its output along the difference of the
   * metric's unembedding rows, through the final LayerNorm with its scale
   * held (direct logit attribution). Empty where the metric has no answer.
   */
  head_attribution?: number[][];
  /** The same of each layer's MLP. */
  mlp_attribution?: number[];
  /** Where the cell is one head's: its attention patterns. */
  patterns?: PatternReport;
}

/**
 * The logit lens after one layer (nostalgebraist, 2020): `resid_post` through
 * the final LayerNorm and the unembedding.
 */
export interface LensReport {
  /** The layer after which it is read, from 0. */
  layer: number;
  /**
   * The likeliest token and the first metric in the clean, the corrupted and
   * the patched run.
   */
  clean: RunReport;
  /** The same of the corrupted run. */
  corrupted: RunReport;
  /** The same of the patched run. */
  patched: RunReport;
}

/** One head's attention patterns, `[destination][source]`. */
export interface PatternReport {
  /** The head's layer, from 0. */
  layer: number;
  /** Which of the layer's heads, from 0. */
  head: number;
  /**
   * In the clean run; each row sums to 1, and is 0 where a source comes after its
   * destination.
   */
  clean: number[][];
  /** In the corrupted run. */
  corrupted: number[][];
  /**
   * In the patched run; where nothing was patched that reaches it, as in the run that
   * is patched.
   */
  patched: number[][];
}

/** A circuit that was found. */
export interface CircuitReport {
  /** How many edges the graph has. */
  total: number;
  /** The circuit: edges that are kept, in the order of the pass. */
  edges: ScoredEdge[];
  /**
   * Scores of all edges, in the order of `EAP-IG`'s files: stage by stage (the heads of a
   * layer, its MLP, at last the logits), for each sender before it the stage's inputs, of
   * heads `q`, `k` and `v` head by head.
   */
  scores: number[];
  /** The first metric of the circuit, and what share of it that is; means over the pairs. */
  whole: Kept;
  /** The same of as many edges drawn at random, the mean of `CircuitReport::DRAWS` draws. */
  random: Kept;
  /** The same of circuits of other sizes, by the same scores, from none to all. */
  curve: Kept[];
  /**
   * The area under the curve of faithfulness over the share of the edges (CPR of the MIB
   * benchmark: Mueller et al., 2025), at its ten sizes. The larger the better.
   */
  cpr: number | null;
  /** The area between that curve and 1 (MIB's CMD). The smaller the better. */
  cmd: number | null;
}

/** An edge and its score. */
export interface ScoredEdge {
  /** As in `a5.h1->a9.h9<q>`. */
  edge: string;
  /** How far the metric would fall if the edge carried the corrupted run's, as estimated. */
  score: number;
}

/** What some edges keep. */
export interface Kept {
  /** How many they are, those that lead nowhere taken out. */
  edges: number;
  /** The metric, raw. */
  value: number;
  /** 0 is the corrupted run and 1 the clean one; `null` where the two do not differ. */
  faithfulness: number | null;
}

/** What a device was asked to do. Nothing of it is counted on the CPU. */
export interface Counters {
  /** Kernels run. */
  dispatches: number;
  /** Times that the queue was given commands. */
  submissions: number;
  /** Buffers allocated. */
  buffers_made: number;
  /** Kernels compiled. */
  pipelines_made: number;
  /** Bytes sent to the device. */
  bytes_written: number;
  /** Bytes fetched from the device. */
  bytes_read: number;
}

/**
 * A metric of both runs, its mean where there are several pairs or draws, and
 * whether the pair can show anything.
 */
export interface MetricReport {
  /** Of the clean run. */
  clean: number;
  /** Of the corrupted run. */
  corrupted: number;
  /** Where the corruption hardly moves the metric: why, and what to use instead. */
  advice?: Advice;
}

/** A metric that the corruption does move. */
export interface Advice {
  /** Why the present metric says little, as a sentence. */
  message: string;
  /** The same for other languages. */
  says: Says;
  /** Metrics to offer instead, best first, each with its clean and corrupted value. */
  offers: MetricOffer[];
}

/** Another metric, and what it is of the two runs. */
export interface MetricOffer {
  /** What to measure instead. */
  metric: Metric;
  /** Of the first pair's clean run. */
  clean: number;
  /** Of the first pair's corrupted run. */
  corrupted: number;
}

/** Everything found while steering. */
export interface SteerReport {
  /** The prompt as the tokenizer read it. */
  prompt: Token[];
  /** In the experiment's order. */
  directions: DirectionReport[];
  /** As many as the experiment's sampling asks for, each with its own luck. */
  samples: Sample[];
  /** What the experiment's detector found, where it has one. */
  detector?: DetectorReport;
  /** The layer x coefficient map; not there in a preview. */
  map?: MapReport;
  /** How the two sets of continuations compare. */
  summary?: Summary;
}

/** What a direction is, at the first layer where it acts. */
export interface DirectionReport {
  /** Where it came from, as a sentence. */
  origin: string;
  /** The same for other languages. */
  says: Says;
  /** The layer of the numbers here. */
  layer: number;
  /** Its length there; of a prompt pair, the longest row's. */
  norm: number;
  /**
   * Mean length of the prompt’s activations at the site, layer by layer,
   * position 0 left out.
   */
  mean_norms: number[];
  /**
   * Cosine with each direction of the experiment, itself included. Of a
   * direction at `z`, what its heads write together through `c_proj` is compared.
   */
  cosines: number[];
  /**
   * The tokens whose logits it raises most, through the last LayerNorm's
   * weights and the unembedding, and by how much for a direction of length
   * `sqrt(n_embd)`; at `z` for what its heads write.
   */
  promoted: TokenScore[];
  /**
   * What half of random directions of that length raise some token by: less than this
   * says little.
   * `0` when left out.
   */
  promoted_by_chance: number;
  /** Those that it lowers most. */
  suppressed: TokenScore[];
  /** Share of the variance that a principal component explains, 0 to 1. */
  explained?: number;
  /** Of a dictionary's feature. */
  feature?: FeatureReport;
  /**
   * How well a probe tells the two sets apart, layer by layer; of chosen
   * heads, head by head, the best first.
   */
  probes?: ProbeReport[];
  /**
   * Projection of each of the prompt's tokens on the direction, layer by
   * layer: `[layer][position]`, of the unsteered run.
   */
  projections?: number[][];
}

/** A token and a number about it. */
export interface TokenScore {
  /** In the model's vocabulary, from 0. */
  id: number;
  /**
   * The token as text, leading space included. Where `bytes` is set it has bytes
   * that are no whole character, each as `\x` and two hexadecimal digits.
   */
  text: string;
  /** What the direction adds to its logit; negative where it lowers it. */
  score: number;
  /**
   * Whether the token is only a part of a character, or has such a part: `text`
   * then shows it and is not read as it, so it is named by its id.
   */
  bytes?: boolean;
  /** Whether the model never met this token while it was trained. */
  unseen?: boolean;
}

/** A feature of a dictionary. */
export interface FeatureReport {
  /**
   * Its activation at each of the prompt's tokens, in the unsteered run; not
   * there unless the encoder was fetched.
   */
  activations?: number[];
  /** Where others show what it fires on. */
  page?: string;
}

/** A probe's accuracy at one layer, or at one head of it. */
export interface ProbeReport {
  /** Where activations are read: the direction's site, of chosen heads `z`. */
  site: Site;
  /** The layer that they are read at, from 0. */
  layer: number;
  /** Share of held-out prompts told right, 0 to 1, over the folds. */
  accuracy: number;
  /**
   * The same with the labels shuffled: what luck alone reaches. Of the
   * n-th best head, the n-th best of all heads with shuffled labels.
   */
  shuffled: number;
  /** Of a head that was chosen. */
  head?: number;
}

/** One continuation, without and with the directions, from the same luck. */
export interface Sample {
  /** What the model writes by itself, after the prompt. */
  unsteered: Written[];
  /** What it writes while the directions act. */
  steered: Written[];
}

/** A token that was written. */
export interface Written {
  /** In the model's vocabulary, from 0. */
  id: number;
  /**
   * The token as text, leading space included. Where `bytes` is set it has bytes
   * that are no whole character, each as `\x` and two hexadecimal digits.
   */
  text: string;
  /** Its probability by the model that wrote it, before any sampling setting. */
  probability: number;
  /** The ten likeliest tokens here by the model that wrote it. */
  top: TopToken[];
  /**
   * Whether the token is only a part of a character, or has such a part: `text`
   * then shows it and is not read as it, so it is named by its id.
   */
  bytes?: boolean;
  /** Whether the model never met this token while it was trained. */
  unseen?: boolean;
  /** Of steered text: what the unsteered model says of the same text. */
  unsteered?: Unsteered;
}

/** The unsteered model's view of a steered token. */
export interface Unsteered {
  /** The probability that it would have given the token. */
  probability: number;
  /** KL(steered || unsteered) of the next-token distributions, in nats. */
  kl: number;
  /** Its ten likeliest tokens there. */
  top: TopToken[];
}

/** What a detector found. */
export interface DetectorReport {
  /** The direction's name. */
  direction: string;
  /** The direction's site, at which prompts are read. */
  site: Site;
  /** The layer read at, from 0. */
  layer: number;
  /** The positive ones, in the experiment's order, then the negative ones. */
  prompts: Detected[];
  /** The ROC curve from (0, 0) to (1, 1), a point for each score, the largest first. */
  roc: RocPoint[];
  /**
   * The area under it: the probability that a positive prompt scores higher
   * than a negative one, ties counted half.
   */
  auc: number;
  /** What directions reach that know nothing of the matter. */
  controls: DetectorControls;
  /** Whether the area is larger than that of each control. */
  better: boolean;
  /** The same as a sentence. */
  said: string;
  /** The sentence for other languages. */
  says: Says;
  /** Of the held-out prompts at the threshold. */
  rates?: Rates;
  /** Not there where none was given and the direction has no prompts of its own. */
  threshold?: number;
  /** The direction's own prompts, where it was found between some. */
  training?: Means;
  /** What to know before believing the numbers, as sentences. */
  warnings?: string[];
  /** The same for other languages, in their order. */
  warnings_say?: Says[];
}

/** A held-out prompt as the detector sees it. */
export interface Detected {
  /** Which side it was given on. */
  positive: boolean;
  /** The prompt as the tokenizer read it, BOS included where it is on. */
  tokens: Token[];
  /** Of each token; the last one is the prompt's score. */
  projections: number[];
}

/** A point of a ROC curve. */
export interface RocPoint {
  /** `null` of the first point: above all scores. */
  threshold: number | null;
  /** What is detected at this threshold. */
  rates: Rates;
}

/** Shares of the positive and of the negative prompts that are detected. */
export interface Rates {
  /** Of the positive prompts, 0 to 1. */
  true_positive: number;
  /** Of the negative prompts, 0 to 1. */
  false_positive: number;
}

/** The area under the curve of directions that know nothing of the matter. */
export interface DetectorControls {
  /**
   * How many random directions were read with, and the largest area of them,
   * each turned the way that suits it.
   */
  random: number;
  /** The largest area of a random one, 0.5 to 1. */
  best_random: number;
  /** The direction that the same method finds with shuffled labels. */
  shuffled?: number;
}

/** Mean projections of a direction's own prompts. */
export interface Means {
  /** Of the prompts that it points towards. */
  positive: number;
  /** Of the prompts that it points away from. */
  negative: number;
}

/** What a map found. */
export interface MapReport {
  /** Its rows: where the direction acts, from 0. */
  layers: number[];
  /** Its columns, in the direction's own unit. */
  coefficients: number[];
  /**
   * The effect that the verdicts are about.
   * `"words"` when left out.
   */
  effect: Effect;
  /**
   * Cells of at most this perplexity are in the coherent band.
   * `0` when left out.
   */
  most_perplexity: number;
  /** What the model writes by itself, over the same prompts from the same luck. */
  unsteered: MapNumbers;
  /** Its texts, without the prompts: prompt by prompt, each one's samples. */
  unsteered_texts: string[];
  /** The direction at each layer and coefficient, layer by layer, then the controls. */
  cells: MapCell[];
  /** What the controls say of each layer, and of all of them last. */
  verdicts: Verdict[];
}

/** Effect and cost over a map's prompts. */
export interface MapNumbers {
  /** Words, and what they cost, over all continuations. */
  measures: Measures;
  /** Mean over the tokens written, as `MapReading` says. */
  reading?: number;
  /**
   * Probability of the target tokens together at the first new position,
   * mean over the prompts.
   */
  target?: number;
}

/** Measures of a set of continuations. */
export interface Measures {
  /** Perplexity of what was written, under the unsteered model. */
  perplexity: number;
  /** Mean KL to the unsteered model over the tokens written, in nats. */
  kl: number;
  /**
   * Distinct pairs of neighbouring tokens, as a share of all: 1 says that
   * none is repeated.
   */
  distinct_2: number;
  /**
   * Share of continuations with one of the experiment's words, 0 to 1;
   * `null` where it has none.
   */
  words?: number;
}

/** One direction at one layer with one coefficient. */
export interface MapCell {
  /** The direction itself, or a control. */
  of: Tried;
  /** Where it acts, from 0. */
  layer: number;
  /** In the direction's own unit. */
  coefficient: number;
  /** Cosine with the direction itself at that layer. */
  cosine: number;
  /** What was written, without the prompts: prompt by prompt, each one's samples. */
  texts: string[];
  /** Not there where the push was too strong for 32-bit arithmetic. */
  numbers?: MapNumbers;
}

/**
 * Which direction was tried.
 * - `direction`: The direction itself.
 * - `random`: A random one of the same length, by its seed.
 * - `shuffled`: The one that the same method finds with the labels shuffled, at the same length.
 */
export type Tried = "direction" | { random: number } | "shuffled";

/** Whether the direction does better than random ones. */
export interface Verdict {
  /** The layer judged; of all layers the one where the direction does best. */
  layer: number;
  /** Whether it is of all layers, and so against the random ones at all of them. */
  overall: boolean;
  /**
   * Whether the direction does better than the unsteered model and than
   * each random one, in the coherent band.
   */
  better: boolean;
  /** The direction's effect there. */
  effect: number;
  /**
   * How many random ones were tried, and how many of them have a smaller
   * effect or are outside the band.
   */
  tried: number;
  /** Those of them with a smaller effect, or outside the band. */
  beaten: number;
  /** The same as a sentence. */
  said: string;
  /** The sentence for other languages. */
  says: Says;
  /**
   * Where the direction was compared; not there where no cell with a push
   * is in the band.
   */
  coefficient?: number;
  /** The largest effect of a random one in the band, if any is. */
  random?: number;
  /** The shuffled-label direction's, if it is in the band. */
  shuffled?: number;
}

/** What steering did to the continuations, and what it cost. */
export interface Summary {
  /** Of what the model writes by itself. */
  unsteered: Measures;
  /** Of what it writes while the directions act. */
  steered: Measures;
}

/** The results of a sweep. */
export interface SweepReport {
  /** The sweep of the experiment that it lays out. */
  sweep: Sweep;
  /**
   * What stands at its left: layers, heads, destinations, or the one row of a site or
   * a set.
   */
  rows: Axis;
  /** What stands above it: positions, heads, sources, neurons or parts. */
  columns: Axis;
  /**
   * Raw metrics of each patched run, `[metric][row][column]`; means where
   * there are several pairs or draws. `null` where there is no such cell.
   */
  values: (number | null)[][][];
  /** What was computed for it, over all pairs or draws. */
  plan: PlanReport;
  /** Wall-clock seconds that all sweeps of the experiment took together. */
  seconds: number;
  /** What a GPU was asked to do for all sweeps; not there on the CPU. */
  device?: Counters;
  /** Engines that shared the work: workers of the page, each on a core of its own. */
  engines?: number;
  /** What a gradient says of the same cells, where the sweep asks for that. */
  estimate?: EstimateReport;
  /**
   * Where there are several pairs or draws: 95 % bootstrap intervals of the
   * normalised values, resampled over pairs, `[metric][row][column]`.
   */
  intervals?: ([number, number] | null)[][][];
  /**
   * Where there are several pairs or draws: the raw metrics of each,
   * `[pair][metric][row][column]`.
   */
  pairs?: (number | null)[][][][];
}

/** What one side of a grid is. */
export interface Axis {
  /**
   * What it counts; `role`, where positions go by the experiment's roles; `site`,
   * where the site has no layer; `set`, the one row of chosen parts.
   * - `layer`: Layers, from 0.
   * - `site`: The one row of a site that has no layer, under the site's name.
   * - `position`: Token positions of the run that is patched, from 0.
   * - `role`: Positions by the experiment's roles: `S1`, `IO`, `S2`, `END`.
   * - `head`: Heads, from 0; `9.6` is head 6 of layer 9, where a row is a head.
   * - `destination`: Positions that attend, of a `pattern`.
   * - `source`: Positions that are attended to, of a `pattern`.
   * - `neuron`: Neurons of one layer's MLP, from 0.
   * - `set`: The one row of chosen parts.
   * - `part`: Chosen parts: each alone and `together`, or `everything else`.
   */
  name: "layer" | "site" | "position" | "role" | "head" | "destination" | "source" | "neuron" | "set" | "part";
  /** What stands at each row or column: a number, or what was written for it. */
  labels: string[];
}

/** What the planner laid out. */
export interface PlanReport {
  /** Runs in the plan (the cells of a sweep). */
  runs: number;
  /** Rows (token positions of a run) computed, summed over layers. */
  layer_rows: number;
  /** The same if every run were a full pass of its own. */
  full_layer_rows: number;
  /**
   * Multiplications planned in the layers, attention included; the unembedding is not
   * counted.
   */
  multiplications: number;
  /** The same if every run were a full pass of its own. */
  full_multiplications: number;
}

/** What an estimate says of a sweep, and how far it is to be trusted. */
export interface EstimateReport {
  /**
   * Raw metrics as they would be, `[metric][row][column]`: the unpatched run's and the
   * estimated change; means where there are several pairs or draws. `null` where there
   * is no such cell, and for a metric without a derivative.
   */
  values: (number | null)[][][];
  /**
   * By metric, how well that agrees with the cells that were patched; `null` where fewer
   * than two were, or the metric has no derivative.
   */
  agreement: (Agreement | null)[];
}

/** How well estimated cells agree with patched ones. */
export interface Agreement {
  /** How many cells both are known of. */
  cells: number;
  /** Pearson's correlation over them; `null` where either does not vary. */
  pearson: number | null;
  /** Spearman's, of their ranks, equal values sharing the mean of theirs. */
  spearman: number | null;
  /** Where they differ the most. */
  largest_miss: Miss;
}

/** A cell, as it was patched and as it was estimated. */
export interface Miss {
  /** From 0. */
  row: number;
  /** From 0. */
  column: number;
  /** The patched run's metric, raw. */
  exact: number;
  /** What was estimated of it. */
  estimate: number;
}

/**
 * What an experiment tells while it runs, in this order: the reading, the two
 * runs, the grids, the estimate, cells as they are done. The `Report` follows and holds
 * it all again.
 * - `reading`: How its prompts and answers were read; again where the runs show that a space is
 *   missing.
 * - `runs`: The first pair's two runs, without their continuations.
 * - `cell`: The chosen cell's patched run.
 * - `frames`: The grids that are about to be filled.
 * - `estimate`: How long the sweeps or the map will take.
 * - `progress`: How far the present part has got.
 * - `metrics`: The metrics' means over the pairs or draws run so far.
 * - `cells`: Cells just computed; means over the pairs or draws run so far.
 * - `piece`: Of a piece of a sweep that was done for another engine: the items'
 *   numbers, and their raw metrics.
 * - `steer`: Of the steering room.
 */
export type Update =
  | (Reading & { kind: "reading" })
  | {
      kind: "runs";
      /** That of the clean prompt. */
      clean: RunReport;
      /** That of the corrupted prompt, or of the clean one with noise. */
      corrupted: RunReport;
      /** In the order of the experiment's; means over the pairs or draws run so far. */
      metrics: MetricReport[];
    }
  | (CellReport & { kind: "cell" })
  | {
      kind: "frames";
      /** In the order of the experiment's sweeps. */
      frames: Frame[];
    }
  | (Estimate & { kind: "estimate" })
  | (Progress & { kind: "progress" })
  | {
      kind: "metrics";
      /** In the order of the experiment's. */
      metrics: MetricReport[];
    }
  | {
      kind: "cells";
      /** Each with all of the metrics. */
      cells: CellValues[];
    }
  | {
      kind: "piece";
      /**
       * An item is a cell of a sweep for one pair or draw, counted from 0 in its group
       * of pairs.
       */
      cells: [number, number[]][];
    }
  | (SteerUpdate & { kind: "steer" });

/** A grid without its values. */
export interface Frame {
  /** The sweep of the experiment that it lays out. */
  sweep: Sweep;
  /**
   * What stands at its left: layers, heads, destinations, or the one row of a site or
   * a set.
   */
  rows: Axis;
  /** What stands above it: positions, heads, sources, neurons or parts. */
  columns: Axis;
}

/** How long something will take, before it starts. */
export interface Estimate {
  /** What is to be computed. */
  plan: PlanReport;
  /** Seconds, from the speed measured on the runs just made. */
  seconds: number;
}

/** How far something has got. */
export interface Progress {
  /** Which part of the request it is about. */
  stage: Stage;
  /**
   * Units done: bytes while loading, tokens while texts are written, passes where
   * gradients are taken, else multiplications.
   */
  done: number;
  /** The same units in all. */
  total: number;
  /** Seconds left, where they can be told. */
  seconds_left?: number;
}

/**
 * What a request is at work on.
 * - `load`: Bytes of a model's files.
 * - `fetch`: Bytes of a dictionary's encoder.
 * - `runs`: The two runs of the pairs, and those that activations are brought from.
 * - `gradients`: Passes for gradients and of circuits.
 * - `sweep`: The patched runs; in the steering room the texts of a map.
 * - `generate`: Tokens of continuations.
 */
export type Stage = "load" | "fetch" | "runs" | "gradients" | "sweep" | "generate";

/** Raw metrics of one cell. */
export interface CellValues {
  /** Which of the experiment's sweeps, from 0. */
  sweep: number;
  /** Its row in the grid, from 0. */
  row: number;
  /** Its column in the grid, from 0. */
  column: number;
  /** Of the experiment's metrics, in their order. */
  values: number[];
}

/**
 * What is told while steering runs.
 * - `directions`: The prompt's tokens and the directions; nothing is written yet.
 * - `written`: Tokens of one continuation, from its token `from` on.
 * - `detector`: The detector's report, which is whole at once.
 * - `map`: The map that is about to be filled; it has no cells yet.
 * - `map_cells`: Cells of it, just computed.
 */
export type SteerUpdate =
  | {
      part: "directions";
      /** BOS included. */
      prompt: Token[];
      /** In the order of the experiment's. */
      directions: DirectionReport[];
    }
  | {
      part: "written";
      /** Which of the samples, from 0. */
      sample: number;
      /** Whether it is the one that directions act on. */
      steered: boolean;
      /** How many of its tokens were told before. */
      from: number;
      /** The next ones, in order. */
      tokens: Written[];
    }
  | (DetectorReport & { part: "detector" })
  | (MapReport & { part: "map" })
  | {
      part: "map_cells";
      /** Of the direction or of its controls, each once. */
      cells: MapCell[];
    };
