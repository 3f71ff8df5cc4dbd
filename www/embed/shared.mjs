// One engine for all embeds of a page: the frame that holds a lock runs it, the others
// speak through that one, and the next in the queue takes over when it is closed. To the
// app it is a Worker: `postMessage`, `terminate`, and the events `message` and `error`.
//
// The lock and the channels are those of one site and one build of Patchbay. Where the
// browser has none (a sandboxed frame, an insecure page, storage refused), and where a frame
// wants another model than the others have loaded, a frame has an engine of its own.

/**
 * @typedef {{ type: string, id?: number, [field: string]: unknown }} Message
 * @typedef {{ from: string, data?: Message }} Asked from a frame to the one that leads; without data, a greeting
 * @typedef {{ to: string, data?: Message, says?: "here" | "own" | "failed", message?: string }} Told from that one; to nobody, to all
 * @typedef {{ key: string, number: number, answer: Message | null, waiting: { client: string, id: number }[] }} Loaded
 * @typedef {"leads" | "follows" | "own" | "rests"} State
 */

/** Milliseconds for which an engine out of view, with nothing to do, keeps its memory. */
const REST = 5 * 60_000;

/** Requests of a frame that wait for their answers at most: the app has a handful. */
export const MOST_OPEN = 200;

/** Messages after which a request is done with. */
const ENDS = new Set([
  "described",
  "loaded",
  "kept",
  "done",
  "file",
  "alive",
  "direction",
  "opened",
  "cancelled",
  "failed",
]);

/** What two requests to load have in common where one engine can serve both. */
const wanted = (/** @type {Message} */ { model, place, backend }) => JSON.stringify([model, place, backend]);

/** @param {AbortSignal} signal */
const until = (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined)));

/** The engine itself, and who is served by it: in the frame that leads. */
class Hub {
  #worker;
  #tell;
  #ready = false;
  /** What was asked before it listened. @type {Message[]} */
  #early = [];
  #last = 0;
  /** Whose request has which number. @type {Map<number, { client: string, id: number }>} */
  #asked = new Map();
  /** What is loaded, or being loaded, and who waits for it. */
  /** @type {Loaded | null} */
  #model = null;
  /** @type {Set<string>} */
  #clients = new Set();

  /**
   * @param {() => Worker} start
   * @param {(told: Told) => void} tell
   */
  constructor(start, tell) {
    this.#tell = tell;
    this.#worker = start();
    this.#worker.addEventListener("message", ({ data }) => this.#answered(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const to of this.#clients) tell({ to, says: "failed", message: event.message });
    });
  }

  /** Whether it serves nobody but its own frame. */
  get isAlone() {
    return this.#clients.size <= 1;
  }

  /** @param {string} client */
  join(client) {
    this.#clients.add(client);
    this.#tell({ to: client, says: "here" });
    if (this.#ready) this.#tell({ to: client, data: { type: "ready" } });
  }

  /** @param {string} client */
  leave(client) {
    this.#clients.delete(client);
    for (const [id, asked] of this.#asked) if (asked.client === client) this.#post({ type: "cancel", id });
  }

  /**
   * @param {string} client
   * @param {Message} data
   */
  ask(client, data) {
    const id = data.id ?? 0;
    if (data.type === "cancel") {
      for (const [number, asked] of this.#asked) {
        if (asked.client === client && asked.id === id) this.#post({ type: "cancel", id: number });
      }
      return;
    }
    if (data.type === "load") {
      const key = wanted(data);
      if (this.#model?.key === key) {
        if (this.#model.answer) this.#tell({ to: client, data: { ...this.#model.answer, id } });
        else this.#model.waiting.push({ client, id });
        return;
      }
      if (this.#model && !this.isAlone) return this.#tell({ to: client, says: "own" });
      this.#model = { key, number: this.#last + 1, answer: null, waiting: [] };
    }
    const number = ++this.#last;
    this.#asked.set(number, { client, id });
    this.#post({ ...data, id: number });
  }

  /** @param {Message} message */
  #post(message) {
    if (this.#ready) this.#worker.postMessage(message);
    else this.#early.push(message);
  }

  /** @param {Message} data */
  #answered(data) {
    if (data.type === "ready") {
      this.#ready = true;
      for (const to of this.#clients) this.#tell({ to, data });
      for (const message of this.#early.splice(0)) this.#post(message);
      return;
    }
    const number = data.id ?? 0;
    const asked = this.#asked.get(number);
    // A fault of no request is everybody's.
    if (!asked) return number === 0 ? [...this.#clients].forEach((to) => this.#tell({ to, data })) : undefined;
    if (ENDS.has(data.type)) this.#asked.delete(number);
    this.#tell({ to: asked.client, data: { ...data, id: asked.id } });
    if (this.#model?.number === number && !this.#model.answer) this.#loading(this.#model, data);
  }

  /**
   * Whoever waits for the same model hears of it, too.
   *
   * @param {Loaded} model
   * @param {Message} data
   */
  #loading(model, data) {
    const ended = data.type === "loaded" || data.type === "failed" || data.type === "cancelled";
    if (!ended && data.type !== "loading") return;
    const type = data.type === "cancelled" ? "failed" : data.type;
    for (const { client, id } of model.waiting) this.#tell({ to: client, data: { ...data, type, id } });
    if (!ended) return;
    model.waiting = [];
    if (data.type === "loaded") model.answer = data;
    else this.#model = null;
  }

  close() {
    this.#worker.terminate();
  }
}

/** The engine as one frame has it. */
export class SharedEngine extends EventTarget {
  #start;
  #name;
  #changed;
  /** This frame, until it leaves. */
  #me = "";
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #ended = new AbortController();
  /** @type {Hub | null} Where this frame leads. */
  #hub = null;
  /** @type {Worker | null} Where it has one of its own. */
  #own = null;
  /** Whether an engine hears what this frame asks. */
  #hears = false;
  /** Whether the app heard that there is one. */
  #greeted = false;
  #rests = false;
  /** The load that this frame's model came from. @type {Message | null} */
  #load = null;
  /** What was asked and not answered yet. @type {Map<number, Message>} */
  #open = new Map();
  #inView = true;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => Worker} start starts an engine
   * @param {string} build what tells builds of Patchbay apart
   * @param {(state: State) => void} changed hears how this frame has its engine
   */
  constructor(start, build, changed) {
    super();
    this.#start = start;
    this.#name = `patchbay-engine ${build}`;
    this.#changed = changed;
    this.#join();
  }

  /** Whether this browser can share one, here. */
  static async isPossible() {
    if (self.origin === "null" || !self.isSecureContext || !navigator.locks || !self.BroadcastChannel) return false;
    try {
      // Refused where storage is.
      await navigator.locks.request("patchbay-engine", { mode: "shared", ifAvailable: true }, () => {});
      return true;
    } catch {
      return false;
    }
  }

  #join() {
    this.#me = crypto.randomUUID();
    this.#ended = new AbortController();
    this.#hears = false;
    const { signal } = this.#ended;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#heard(data);
    // Whoever leads hears by this lock that this frame is gone.
    this.#hold(`${this.#name} ${this.#me}`, () => until(signal));
    this.#hold(this.#name, () => {
      if (signal.aborted) return undefined;
      this.#lead();
      return until(signal);
    });
    this.#changed("follows");
    this.#channel.postMessage({ from: this.#me });
  }

  /**
   * @param {string} name
   * @param {() => unknown} held while it lasts
   */
  #hold(name, held, mode = /** @type {LockMode} */ ("exclusive")) {
    // Given up where the frame leaves before.
    navigator.locks.request(name, { mode, signal: this.#ended.signal }, held).catch(() => {});
  }

  #lead() {
    this.#hears = false;
    this.#hub = new Hub(this.#start, (told) => {
      if (told.to === this.#me) this.#told(told);
      else this.#channel?.postMessage(told);
    });
    this.#changed("leads");
    this.#hub.join(this.#me);
    // Those whose engine went greet this one.
    this.#channel?.postMessage({ to: "", says: "here" });
  }

  /** @param {Asked | Told} message from another frame */
  #heard(message) {
    if ("from" in message) {
      const { from, data } = message;
      const hub = this.#hub;
      if (!hub) return;
      if (data) return hub.ask(from, data);
      hub.join(from);
      const gone = () => {
        hub.leave(from);
        this.#idle();
      };
      this.#hold(`${this.#name} ${from}`, gone, "shared");
    } else if (message.to === this.#me) {
      this.#told(message);
    } else if (message.to === "" && !this.#hub) {
      this.#hears = false;
      this.#channel?.postMessage({ from: this.#me });
    }
  }

  /** @param {Told} told to this frame */
  #told({ data, says, message }) {
    if (says === "here" && !this.#hears) this.#repeat();
    if (says === "own") this.#alone();
    if (says === "failed") this.dispatchEvent(new ErrorEvent("error", { message: message ?? "" }));
    if (data) this.#answered(data);
  }

  /** What was loaded and asked before belongs to the engine that hears now. */
  #repeat() {
    this.#hears = true;
    if (this.#load) this.#ask(this.#load);
    for (const asked of this.#open.values()) if (asked !== this.#load) this.#ask(asked);
  }

  /** @param {Message} data */
  #answered(data) {
    if (data.type === "ready") {
      if (this.#greeted) return;
      this.#greeted = true;
    } else if (ENDS.has(data.type)) {
      const id = data.id ?? 0;
      const isKnown = this.#open.delete(id);
      // The model of before, loaded once more: the app has long heard of it.
      if (!isKnown && data.type === "loaded") return;
      this.#idle();
    }
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** The others have another model: this frame goes on by itself. */
  #alone() {
    this.#leave();
    this.#changed("own");
    this.#own = this.#start();
    this.#own.addEventListener("message", ({ data }) => {
      if (data.type === "ready") this.#repeat();
      this.#answered(data);
    });
    this.#own.addEventListener("error", (event) => {
      event.preventDefault();
      this.dispatchEvent(new ErrorEvent("error", { message: event.message }));
    });
  }

  /** @param {Message} message */
  #ask(message) {
    if (!this.#hears) return;
    if (this.#own) this.#own.postMessage(message);
    else if (this.#hub) this.#hub.ask(this.#me, message);
    else this.#channel?.postMessage({ from: this.#me, data: message });
  }

  /** @param {Message} message a request of the app's */
  postMessage(message) {
    clearTimeout(this.#timer);
    if (this.#rests) {
      this.#rests = false;
      this.#join();
    }
    const id = message.id ?? 0;
    if (message.type === "ping" && !this.#hears) {
      // The frame is there; what becomes of its engine is told by who leads.
      queueMicrotask(() => this.dispatchEvent(new MessageEvent("message", { data: { type: "alive", id } })));
      return;
    }
    const isAsked = message.type !== "cancel" && message.type !== "ping";
    if (isAsked && this.#open.size >= MOST_OPEN) return this.#refuse(id);
    if (message.type === "load") this.#load = message;
    if (isAsked) this.#open.set(id, message);
    // What was never asked is stopped here.
    if (message.type === "cancel" && !this.#hears && this.#open.delete(Number(id))) {
      queueMicrotask(() => this.dispatchEvent(new MessageEvent("message", { data: { type: "cancelled", id } })));
    }
    this.#ask(message);
  }

  /** @param {number} id of a request of the app's that is one too many */
  #refuse(id) {
    const message = `${MOST_OPEN} requests wait for their answers already, and this frame may have no more; wait for one of them, or cancel it`;
    const data = { type: "failed", id, failure: { code: "internal", message } };
    queueMicrotask(() => this.dispatchEvent(new MessageEvent("message", { data })));
  }

  /** @param {boolean} inView whether the frame is in view */
  view(inView) {
    this.#inView = inView;
    this.#idle();
  }

  /** Gives the memory back after a while out of view with nothing to do. */
  #idle() {
    clearTimeout(this.#timer);
    if (this.#inView || this.#rests || this.#open.size > 0) return;
    this.#timer = setTimeout(() => {
      // Others need the engine that this frame leads: it looks again when one of them goes.
      if (this.#hub && !this.#hub.isAlone) return;
      this.#leave();
      this.#own?.terminate();
      this.#own = null;
      this.#rests = true;
      this.#changed("rests");
    }, REST);
  }

  #leave() {
    this.#ended.abort();
    this.#hub?.close();
    this.#hub = null;
    this.#hears = false;
    this.#channel?.close();
    this.#channel = null;
  }

  terminate() {
    clearTimeout(this.#timer);
    this.#leave();
    this.#own?.terminate();
    this.#own = null;
  }
}
