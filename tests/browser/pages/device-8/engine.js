// The engine in a browser that tells this of its device, in GiB.
Object.defineProperty(WorkerNavigator.prototype, "deviceMemory", { get: () => 8 });
await import("../../engine.js");
