// What embed.js brings to a page: the element <patchbay-experiment>, its events, and the
// messages between a page and the frame of an embed.

/** What the frame says to the page around it, by `postMessage`. */
export type Told = { patchbay: 1 } & (
  | { type: "height"; height: number }
  | { type: "ready"; model: string; backend: string }
  | { type: "state"; link: string }
  | { type: "result"; digest: Digest }
  | { type: "workshop"; handed: string; points: number; of: number; done: number; steps: number }
  | { type: "error"; message: string }
);

/** What the page around it may ask of the frame, by `postMessage`. */
export type Asked = { patchbay: 1 } & (
  | { type: "set"; link: string }
  | { type: "run" }
  | { type: "cancel" }
  | { type: "resume"; handed: string }
  | { type: "theme"; theme: "light" | "dark" | "auto" }
);

/** Results in short, as they travel in a link. */
export interface Digest {
  /** A checksum of the experiment. */
  of: string;
  /** The first sixteen digits of the SHA-256 of the model's weights. */
  model: string;
  backend: string;
  /** The first metric of the clean and of the corrupted run. */
  runs?: [number, number] | null;
  /** The same of the cells of the first map that move it most. */
  cells?: { row: number; column: number; value: number }[];
  picture?: { columns: number; levels: string } | null;
  /** In the steering room, how the first unsteered and steered text begin. */
  texts?: string[];
}

/** The element `<patchbay-experiment>`. */
export interface PatchbayExperiment extends HTMLElement {
  /** The end of a link to the experiment as it is now: `v2=...`. */
  link: string;
  /** Shows another experiment: the end of a link, or a whole address of Patchbay's. */
  set(link: string): void;
  /** Starts Patchbay and runs. */
  run(): void;
  /** Stops what runs. */
  cancel(): void;
  /** Goes on with a workshop from a text that was handed in. */
  resume(handed: string): void;
}

/** The events of the element; each has the frame's message as its `detail`. */
export interface PatchbayEventMap {
  "patchbay-ready": CustomEvent<Extract<Told, { type: "ready" }>>;
  "patchbay-state": CustomEvent<Extract<Told, { type: "state" }>>;
  "patchbay-workshop": CustomEvent<Extract<Told, { type: "workshop" }>>;
  "patchbay-result": CustomEvent<Extract<Told, { type: "result" }>>;
  "patchbay-error": CustomEvent<Extract<Told, { type: "error" }>>;
}

declare global {
  interface HTMLElementTagNameMap {
    "patchbay-experiment": PatchbayExperiment;
  }
  interface HTMLElementEventMap extends PatchbayEventMap {}
}
