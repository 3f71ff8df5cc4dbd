// The engine's Web Worker: loads worker.js and its WebAssembly, which answer
// the messages. It says `ready` when it listens.

// What fails inside a promise must reach the page like any other fault.
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  self.reportError(event.reason);
});

const { default: init } = await import("./worker.js");
await init();
