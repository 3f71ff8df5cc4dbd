// Which values belong to which model, and replaying them on a loaded engine.

import { compare } from "./compare.js";
import { read } from "./readings.js";

const NAMES = ["mini", "gpt2"];

/** Faults after which the engine answers no further experiment. */
const LAST = ["device_lost", "disposed", "internal", "out_of_memory"];

/** The values of a model, as they lie beside this file. */
async function fetchFacts(name, signal) {
  const address = new URL(`${name}.json`, import.meta.url);
  const response = await fetch(address, { signal });
  if (!response.ok) throw new Error(`${address} did not arrive (status ${response.status}); load the page again.`);
  return response.json();
}

/**
 * The values for a loaded model: those of its weights, else those of the model of
 * as large a vocabulary, which then are not expected to agree.
 * @returns {Promise<{ facts: object, own: boolean }>}
 */
export async function factsFor({ sha256, n_vocab }, signal) {
  const all = await Promise.all(NAMES.map((name) => fetchFacts(name, signal)));
  const own = all.find((facts) => facts.sha256 === sha256);
  const [mini, gpt2] = all;
  return { facts: own ?? (n_vocab > 40_000 ? gpt2 : mini), own: own !== undefined };
}

/**
 * Replays one check: a row for each of its expectations.
 * @returns {Promise<{ rows: object[], version?: string }>}
 */
export async function replay(engine, check, { signal, onProgress }) {
  const about = (expectation) => ({
    check,
    expectation,
    what: `${check.name}: ${expectation.what}`,
    source: check.source,
  });
  const reports = [];
  try {
    for (const experiment of check.experiments) {
      reports.push(await engine.run(experiment, { signal, onProgress, preview: check.preview ?? false }));
    }
  } catch (error) {
    if (signal.aborted || LAST.includes(error.code)) throw error;
    return { rows: check.expect.map((expectation) => ({ ...about(expectation), ...failed(expectation, error) })) };
  }
  const row = (expectation) => {
    try {
      return { ...about(expectation), ...compare(expectation, read(reports, expectation)) };
    } catch (error) {
      return { ...about(expectation), ...failed(expectation, error) };
    }
  };
  return { rows: check.expect.map(row), version: reports[0]?.engine };
}

function failed({ value }, { message }) {
  const expected = typeof value === "number" ? String(value) : "see the source";
  return { expected, found: message, difference: Infinity, within: false, failed: true, values: 0 };
}

/** Of the tolerance, how much a row uses up; the worst has the most. */
export const used = (row) => (row.difference === 0 ? 0 : row.difference / (row.expectation.tolerance ?? 0));

/** Whether a row counts: some expectations are approximations by their nature. */
export const counts = (row) => row.expectation.approximate === undefined;

/** Worst first; those that do not count at the end. */
export const worstFirst = (rows) =>
  [...rows].sort((a, b) => Number(counts(b)) - Number(counts(a)) || (used(b) === used(a) ? 0 : used(b) - used(a)));
