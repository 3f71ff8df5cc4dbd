// Starts the page's code. The names of the built files are on the script tag,
// because they carry a hash.
const names = /** @type {any} */ (document.querySelector("script[data-js]")).dataset;
const address = (/** @type {string} */ name) => new URL(name, document.baseURI).href;

// The chosen colours, before anything is drawn.
try {
  const { theme } = JSON.parse(localStorage.getItem("patchbay.preferences") ?? "{}");
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden or changed by hand; then the system's colours hold.
}

try {
  const { default: init } = await import(address(names.js));
  await init({ module_or_path: address(names.wasm) });
} catch (error) {
  for (const note of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("#boot [data-boot]"))) {
    note.hidden = note.dataset.boot !== "failed";
  }
  throw error;
}
