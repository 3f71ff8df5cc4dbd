// Reads what the oracles found (tests/oracles/README.md says what is in there).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** What `tests/oracles/README.md` allows, by backend. */
export const TOLERANCES = {
  cpu: { logits: 2e-4, sweep: 1e-3 },
  webgpu: { logits: 2e-4, sweep: 2e-3 },
};

/**
 * The oracles' values for a model.
 * @returns {{ cases: object[], array: (key: string) => { shape: number[], values: Float32Array } }}
 */
export function oracle(model) {
  const file = (kind) => new URL(`../oracles/values/${model}.${kind}`, import.meta.url);
  const arrays = safetensors(readFileSync(file('safetensors')));
  return { ...JSON.parse(readFileSync(file('json'))), array: (key) => arrays(key) };
}

/** Reads a safetensors file of F32 tensors. */
export function safetensors(bytes) {
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, start));
  return (key) => {
    assert.ok(header[key], `no array ${key}`);
    const {
      dtype,
      shape,
      data_offsets: [from, to],
    } = header[key];
    assert.equal(dtype, 'F32');
    // Copied: Float32Array wants an aligned buffer.
    return { shape, values: new Float32Array(Uint8Array.from(bytes.subarray(start + from, start + to)).buffer) };
  };
}

/** The largest |found - expected| / max(1, |expected|). A number that is missing is infinitely far. */
export function largestDifference(found, expected) {
  assert.equal(found.length, expected.length);
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs(found[i] - value) / Math.max(1, Math.abs(value));
    // Not `>`: NaN must count.
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
