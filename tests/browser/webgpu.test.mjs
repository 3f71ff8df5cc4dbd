// The browsers of the harness really compute with WebGPU, on the page and in a
// module worker: without this, a page test would pass on the candle path alone.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BROWSERS, serveFolder, watchErrors } from './harness.mjs';

// x -> x * x + 1, for each of the numbers posted.
const WORKER = `
const SHADER = \`
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < arrayLength(&x)) { x[id.x] = fma(x[id.x], x[id.x], 1.0); }
}\`;

async function square(numbers) {
  if (!navigator.gpu) throw new Error('no navigator.gpu');
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('no adapter');
  const device = await adapter.requestDevice();
  const failed = new Promise((_, reject) => {
    device.addEventListener('uncapturederror', (event) => reject(new Error(event.error.message)));
  });
  const module = device.createShaderModule({ code: SHADER });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const size = numbers.length * 4;
  const storage = device.createBuffer({
    size,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  const read = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  device.queue.writeBuffer(storage, 0, Float32Array.from(numbers));
  const layout = pipeline.getBindGroupLayout(0);
  const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer: storage } }] });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(Math.ceil(numbers.length / 64));
  pass.end();
  encoder.copyBufferToBuffer(storage, 0, read, 0, size);
  device.queue.submit([encoder.finish()]);
  await Promise.race([read.mapAsync(GPUMapMode.READ), failed]);
  const result = Array.from(new Float32Array(read.getMappedRange()));
  const { vendor, architecture, device: name, description } = adapter.info;
  device.destroy();
  return { result, adapter: [vendor, architecture, name, description].filter(Boolean).join(' ') };
}

self.onmessage = ({ data }) =>
  square(data).then(self.postMessage, (error) => self.postMessage({ error: String(error) }));
self.postMessage('ready');
`;

let folder;
let server;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-webgpu-'));
  await writeFile(join(folder, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><title>WebGPU</title>');
  await writeFile(join(folder, 'worker.js'), WORKER);
  server = await serveFolder(folder, { base: '/some/sub/' });
});
after(async () => {
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

test('files come with their MIME types, and only from under the sub-path', async () => {
  const script = await fetch(`${server.url}worker.js`);
  assert.equal(script.status, 200);
  assert.match(script.headers.get('content-type'), /^text\/javascript/);
  assert.equal((await fetch(new URL('/worker.js', server.url))).status, 404);
  await writeFile(join(folder, 'empty.wasm'), Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  // Instantiated as it streams only under this type.
  const wasm = await fetch(`${server.url}empty.wasm`);
  assert.equal(wasm.headers.get('content-type'), 'application/wasm');
});

for (const [name, open] of Object.entries(BROWSERS)) {
  test(`${name} computes with WebGPU in a module worker`, { timeout: 120_000 }, async (context) => {
    const browser = await open();
    try {
      const page = await browser.newPage();
      const errors = watchErrors(page);
      await page.goto(server.url);
      const numbers = Array.from({ length: 1000 }, (_, i) => (i - 500) / 8);
      const { result, adapter, error } = await page.evaluate(
        (numbers) =>
          new Promise((resolve) => {
            const worker = new Worker('worker.js', { type: 'module' });
            worker.onerror = (event) => resolve({ error: event.message });
            worker.onmessage = ({ data }) => (data === 'ready' ? worker.postMessage(numbers) : resolve(data));
          }),
        numbers,
      );
      assert.equal(error, undefined);
      context.diagnostic(`adapter: ${adapter}`);
      // Exact: multiples of 1/8 squared, plus 1, need fewer bits than f32 has.
      assert.deepEqual(
        result,
        numbers.map((x) => x * x + 1),
      );
      assert.deepEqual(errors, []);
    } finally {
      await browser.close();
    }
  });
}
