// The engine's Web Worker: loads worker.js and its WebAssembly, which answer
// the messages. It says `ready` when it listens.

// What fails inside a promise must reach the page like any other fault.
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  self.reportError(event.reason);
});

// The CPU's kernels with relaxed SIMD, which has fused multiply-add. Where the
// browser does not have it, or the file does not arrive, the engine's own are used.
async function relaxedKernels() {
  try {
    const file = await fetch(new URL("engine_kernels.wasm", import.meta.url));
    return await WebAssembly.compile(await file.arrayBuffer());
  } catch {
    return undefined;
  }
}

const [{ default: init, take_kernels }, kernels] = await Promise.all([import("./worker.js"), relaxedKernels()]);
await init();
// No message has been served yet: that waits for a turn of the event loop.
if (kernels) take_kernels(kernels);
