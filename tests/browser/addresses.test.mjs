// The hosts that the engine reads from addresses (the Rust tests go through the same
// table) are those that the URL standard finds in them, in node and in a browser.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BROWSERS } from './harness.mjs';

const TABLE = JSON.parse(readFileSync(new URL('addresses.json', import.meta.url), 'utf8'));
const accepted = TABLE.filter(([, host]) => host !== null);

test('an accepted address has the host that is shown: node', () => {
  assert.ok(accepted.length > 20 && TABLE.length - accepted.length > 40);
  for (const [address, host] of accepted) assert.equal(new URL(address).host, host, address);
});

for (const [name, open] of Object.entries(BROWSERS)) {
  test(`an accepted address has the host that is shown: ${name}`, { timeout: 60_000 }, async () => {
    const browser = await open();
    try {
      const page = await browser.newPage();
      const hosts = await page.evaluate(
        (list) => list.map((address) => new URL(address).host),
        accepted.map(([address]) => address),
      );
      assert.deepEqual(
        hosts,
        accepted.map(([, host]) => host),
      );
    } finally {
      await browser.close();
    }
  });
}
