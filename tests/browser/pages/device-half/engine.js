// The engine in a browser that tells this of its device, in GiB.
Object.defineProperty(WorkerNavigator.prototype, "deviceMemory", { get: () => 0.5 });
await import("../../engine.js");
