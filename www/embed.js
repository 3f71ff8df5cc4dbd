// An experiment of Patchbay's in any web page:
//
//   <script src="https://patchbay.example/embed.js" defer></script>
//   <patchbay-experiment link="v2=..." title="Who gets the bottle"></patchbay-experiment>
//
// The element makes a frame, keeps it as high as what is in it, and speaks with it.
// What stands between its tags is shown where no script runs.
//
// Attributes: `link` (the end of a link, or a whole address of Patchbay's), `title`,
// `height` (in pixels, until the frame has told its own), `theme` (`light`, `dark` or
// `auto`), `autorun` (runs once it is in view), `base` (where Patchbay lies, if not beside
// this script), `credentialless` (for a page that sends Cross-Origin-Embedder-Policy).
// Methods: `set(link)`, `run()`, `cancel()`, `resume(handed)`. Property: `link`, the experiment as it is now.
// Events, which bubble, each with the frame's message as its `detail`: `patchbay-ready`,
// `patchbay-state`, `patchbay-result`, `patchbay-workshop`, `patchbay-error`.
//
// Without this script, a page speaks with the frame itself, by postMessage. Every message
// is an object with `patchbay: 1` and a `type`; whatever else arrives is not heard.
//
//   From the frame, to the window around it:
//     { type: "height", height }          what it needs, in CSS pixels
//     { type: "ready", model, backend }   the model is loaded
//     { type: "state", link }             the experiment was changed; the end of its link
//     { type: "result", digest }          something came out, in short
//     { type: "workshop", handed, points, of, done, steps }
//                                         how far somebody is: the text to hand in, points made
//                                         of those there are, steps done of all
//     { type: "error", message }          a sentence
//   To the frame, from the window around it:
//     { type: "set", link }               another experiment
//     { type: "run" }, { type: "cancel" }
//     { type: "resume", handed }          going on with a workshop from what was handed in
//     { type: "theme", theme }            "light", "dark", or "auto" as the reader's system has it
//
// With embed.html?origins=https://a.example,https://b.example the frame speaks with pages
// of these origins only. The height is also told as learning platforms hear it:
// { subject: "lti.frameResize", height } as an object and as JSON text, and
// { subject: "org.imsglobal.lti.frameResize", height, message_id }. Types: embed.d.ts.

(() => {
  if (typeof document === "undefined" || customElements.get("patchbay-experiment")) return;

  /** Pixels: before the frame has told its height, and at most. */
  const HEIGHT = 360;
  const HIGHEST = 20_000;
  /** Milliseconds in which a frame that has loaded has said something, and one that is in view. */
  const PATIENCE = 5_000;
  const LONG_PATIENCE = 15_000;
  const TEXT = {
    title: "An experiment in Patchbay",
    unplaced: "No Patchbay is named: give the element a “base”.",
    silent: "The experiment could not be shown in this page.",
    open: "Open it in Patchbay",
  };

  const isThis = (/** @type {HTMLScriptElement} */ { src }) => /\/embed(\.min)?\.js(?:[?#]|$)/.test(src);
  const script = [/** @type {HTMLScriptElement | null} */ (document.currentScript), ...document.scripts].find(
    (it) => it && isThis(it),
  );

  /**
   * The folder of an address of the web; null where it is none.
   *
   * @param {string | null | undefined} text
   */
  function folder(text) {
    try {
      const { href, protocol } = new URL("./", new URL(text ?? "", text ? document.baseURI : undefined));
      return /^https?:$/.test(protocol) ? href : null;
    } catch {
      return null;
    }
  }

  /** @param {string} text the end of a link, or all of it */
  const ending = (text) => text.slice(text.indexOf("#") + 1).trim();

  /**
   * What a frame says, if it says something that is known.
   *
   * @param {any} data
   * @returns {import("./embed").Told | null}
   */
  function told(data) {
    if (typeof data !== "object" || data === null || data.patchbay !== 1) return null;
    const { type, height, model, backend, link, digest, handed, message } = data;
    const texts = (/** @type {unknown[]} */ ...values) => values.every((value) => typeof value === "string");
    switch (type) {
      case "height":
        return Number.isFinite(height) && height > 0 ? { patchbay: 1, type, height: Math.min(height, HIGHEST) } : null;
      case "ready":
        return texts(model, backend) ? { patchbay: 1, type, model, backend } : null;
      case "state":
        return texts(link) && /^v\d+=[\w-]*$/.test(link) ? { patchbay: 1, type, link } : null;
      case "result":
        return typeof digest === "object" && digest !== null ? { patchbay: 1, type, digest } : null;
      case "workshop": {
        const { points, of, done, steps } = data;
        const counts = [points, of, done, steps].every((n) => Number.isInteger(n) && n >= 0);
        return counts && texts(handed) ? { patchbay: 1, type, handed, points, of, done, steps } : null;
      }
      case "error":
        return texts(message) ? { patchbay: 1, type, message } : null;
      default:
        return null;
    }
  }

  /** @typedef {import("./embed").PatchbayExperiment} Typed */

  /** @implements {Typed} */
  class PatchbayExperiment extends HTMLElement {
    static observedAttributes = ["link", "theme", "title"];

    /** @type {HTMLIFrameElement | null} */
    #frame = null;
    #link = "";
    /** Whether the frame has said something, and so hears. */
    #hears = false;
    /** @type {import("./embed").Asked[]} What it is told once it does. */
    #waiting = [];
    #origin = "";
    #shadow = this.attachShadow({ mode: "open" });

    connectedCallback() {
      this.#link ||= ending(this.getAttribute("link") ?? "");
      addEventListener("message", this);
      this.#show();
    }

    disconnectedCallback() {
      removeEventListener("message", this);
      this.#frame = null;
      this.#hears = false;
    }

    /**
     * @param {string} name
     * @param {string | null} _
     * @param {string | null} value
     */
    attributeChangedCallback(name, _, value) {
      if (name === "link") this.set(value ?? "");
      if (!this.#frame) return;
      if (name === "title") this.#frame.title = value || TEXT.title;
      if (name === "theme") {
        const theme = value === "light" || value === "dark" ? value : "auto";
        this.#ask({ patchbay: 1, type: "theme", theme });
      }
    }

    get link() {
      return this.#link;
    }

    set link(link) {
      this.set(link);
    }

    /** @param {string} link */
    set(link) {
      this.#link = ending(String(link));
      if (this.#frame) this.#ask({ patchbay: 1, type: "set", link: this.#link });
    }

    run() {
      // A frame out of view is not loaded yet.
      if (this.#frame) this.#frame.loading = "eager";
      this.#ask({ patchbay: 1, type: "run" });
    }

    cancel() {
      this.#ask({ patchbay: 1, type: "cancel" });
    }

    /** @param {string} handed */
    resume(handed) {
      this.#ask({ patchbay: 1, type: "resume", handed: String(handed) });
    }

    /** @param {MessageEvent} event */
    handleEvent({ source, origin, data }) {
      const frame = this.#frame;
      if (!frame || source !== frame.contentWindow || origin !== this.#origin) return;
      const message = told(data);
      if (!message) return;
      if (!this.#hears) {
        this.#hears = true;
        // What was said of one that was only slow.
        while (frame.nextSibling) frame.nextSibling.remove();
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const asked of waiting) this.#ask(asked);
      }
      if (message.type === "height") {
        frame.style.height = `${message.height}px`;
        return;
      }
      if (message.type === "state") this.#link = message.link;
      this.#tell(message);
    }

    /** @param {import("./embed").Told} message */
    #tell(message) {
      this.dispatchEvent(
        new CustomEvent(`patchbay-${message.type}`, { detail: message, bubbles: true, composed: true }),
      );
    }

    /** @param {import("./embed").Asked} message */
    #ask(message) {
      if (this.#hears) this.#frame?.contentWindow?.postMessage(message, this.#origin);
      else this.#waiting.push(message);
    }

    #show() {
      const given = this.getAttribute("link") ?? "";
      const own = this.getAttribute("base");
      const base =
        own === null
          ? (folder(script?.src) ?? folder(given.includes("#") ? given : null))
          : folder(own.replace(/\/?$/, "/"));
      this.#shadow.replaceChildren();
      if (!base) return this.#fail(TEXT.unplaced, null);
      const address = new URL("embed.html", base);
      const theme = this.getAttribute("theme");
      if (theme) address.searchParams.set("theme", theme);
      if (this.hasAttribute("autorun")) address.searchParams.set("autorun", "");
      // The frame speaks with this page only, where the page has an origin.
      if (/^https?:/.test(self.origin)) address.searchParams.set("origins", self.origin);
      address.hash = this.#link;
      const frame = document.createElement("iframe");
      frame.title = this.getAttribute("title") || TEXT.title;
      frame.loading = "lazy";
      frame.allow = "clipboard-write";
      // Its server sends no headers, without which such a page takes no other frame.
      if (self.crossOriginIsolated || this.hasAttribute("credentialless")) frame.setAttribute("credentialless", "");
      const height = Number(this.getAttribute("height"));
      Object.assign(frame.style, {
        display: "block",
        width: "100%",
        height: `${height > 0 ? Math.min(height, HIGHEST) : HEIGHT}px`,
        border: "0",
      });
      let failed = false;
      const fail = () => {
        if (this.#frame !== frame || this.#hears || failed) return;
        failed = true;
        this.#fail(TEXT.silent, base);
      };
      frame.onload = () => setTimeout(fail, PATIENCE);
      // Firefox tells of no load where the frame was refused.
      const observer = new IntersectionObserver((entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer.disconnect();
        setTimeout(fail, LONG_PATIENCE);
      });
      observer.observe(frame);
      this.#origin = address.origin;
      this.#hears = false;
      this.#frame = frame;
      frame.src = address.href;
      this.#shadow.append(frame);
    }

    /**
     * @param {string} message
     * @param {string | null} base
     */
    #fail(message, base) {
      // What stands between the tags is for this, too.
      this.#shadow.append(document.createElement("slot"));
      if (base && !this.childNodes.length) {
        const open = document.createElement("a");
        Object.assign(open, {
          href: `${base}#${this.#link}`,
          target: "_blank",
          rel: "noopener",
          textContent: TEXT.open,
        });
        this.#shadow.append(open);
      }
      this.#tell({ patchbay: 1, type: "error", message });
    }
  }

  customElements.define("patchbay-experiment", PatchbayExperiment);
})();
