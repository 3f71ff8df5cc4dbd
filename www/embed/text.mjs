/** What a poster says. */
export const TEXT = Object.freeze({
  rooms: { patching: "Activation patching", steering: "Steering" },
  unknown: "An experiment",
  title: (/** @type {string} */ room) => `${room} · Patchbay`,
  workshop: "Workshop",
  steps: (/** @type {number} */ count) => (count === 1 ? "One step" : `${count} steps`),
  clean: "Clean prompt",
  corrupted: "Corrupted prompt",
  prompt: "Prompt",
  directions: "Directions",
  model: "Model",
  mini: "mini (comes with the page)",
  more: "Pairs",
  pairs: (/** @type {number} */ count) => `${count + 1} in all; this is the first`,
  picture: (/** @type {number} */ rows, /** @type {number} */ columns) =>
    `The author’s map, drawn small: ${rows} × ${columns} cells`,
  author: (/** @type {string} */ backend) =>
    `What the author of this link got${backend ? `, on ${backend}` : ""}. Nothing was computed here yet.`,
  legend: "Blue is towards the clean run, orange towards the corrupted one.",
  unsteered: "Without",
  steered: "With the directions",
  run: "Run",
  begin: "Begin",
  again: "Try again",
  open: "Open in Patchbay",
  leads: "(a new tab)",
  asks: "Before this model is downloaded, you are asked.",
  starting: "Patchbay is starting …",
  behind: (/** @type {string} */ host) =>
    `This experiment is a file at ${host}. Nothing was asked there yet; if you fetch it, ${host} learns that you did, as of any page that you open.`,
  behindAsked: (/** @type {string} */ host) => `This experiment is a file at ${host}.`,
  fetchFrom: (/** @type {string} */ host) => `Fetch it from ${host}`,
  fetching: "Fetching it …",
  left: "It was not waited for.",
  address:
    "This link leads to a file, but its address is none that can be asked: it should begin with https:// and a plain host’s name.",
  insecure:
    "This link leads to a file, but its address should begin with https://; http:// is for this computer alone.",
  file: "The file holds no experiment.",
  none: "The address of this frame holds no experiment.",
  form: (/** @type {string} */ form) =>
    `This link has the form “${form}”, but this page knows v1 and v2; open it with a newer Patchbay.`,
  version: (/** @type {unknown} */ found, /** @type {number} */ newest) =>
    `This experiment has format version ${found}, but this page knows versions 1 to ${newest}; open it with a newer Patchbay.`,
  broken: "This link is cut short or changed: it cannot be unpacked.",
  what: "This link is cut short or changed: it holds no experiment.",
  newer: (/** @type {string} */ field) =>
    `This link holds “${field}”, which this page does not know; open it with a newer Patchbay.`,
  long: (/** @type {number} */ found, /** @type {number} */ most) =>
    `This link has ${found} characters, but at most ${most} are read; share the experiment as a file.`,
  large: (/** @type {number} */ most) =>
    `This link unpacks to more than ${most} bytes, which is more than is read; share the experiment as a file.`,
  old: "This browser cannot unpack the link. It needs to be of 2023 or newer.",
  failed:
    "Patchbay could not start here. It needs a browser of 2023 or newer with WebAssembly, and its files to arrive. Open it in a tab of its own.",
  walled:
    "The page around this frame keeps it apart from its own server, which does not send its files to such frames. Open the experiment in a tab of its own.",
});
