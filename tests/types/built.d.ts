// What the build puts beside www/engine.js.
declare module "*/worker.js" {
  /** Starts the WebAssembly. */
  export default function init(): Promise<unknown>;
  /** The kernels with relaxed SIMD, before any request is served. */
  export function take_kernels(kernels: WebAssembly.Module): void;
}
// What .ci/embed puts into the script of www/embed/ as a string.
declare module "*.txt" {
  const text: string;
  export default text;
}
