// The engine's worker as engine.js starts it, but with its memory to be looked at.
import init from "../../worker.js";

const { memory } = await init();
self.memory = memory;
