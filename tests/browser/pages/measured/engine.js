// The engine's worker as engine.js starts it, but with its memory to be looked at.
const { default: init } = await import("../../worker.js");
const { memory } = await init();
self.memory = memory;
