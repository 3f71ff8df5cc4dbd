// What the page says of a comparison, and of all of them together.

import { counts, used, worstFirst } from "./facts.js";

const decimal = new Intl.NumberFormat("en");
const percent = (x) => `${Number((100 * x).toPrecision(2))} %`;
const many = (n, one, several = `${one}s`) => `${decimal.format(n)} ${n === 1 ? one : several}`;

export const difference = (row) => (Number.isFinite(row.difference) ? row.difference.toExponential(1) : "other");

export const allowed = ({ expectation: { tolerance } }) => (tolerance === undefined ? "none" : String(tolerance));

/** The state of a row: a word to look for, and a sentence. */
export function state(row, own) {
  if (row.failed) return ["failed", "could not be run"];
  if (!counts(row)) return ["approximate", "approximate, not counted"];
  if (row.within) return ["agrees", "agrees"];
  return own ? ["differs", "differs"] : ["foreign", "differs, not expected to agree"];
}

/** How much a set of rows agrees. */
export function tally(rows) {
  const counted = worstFirst(rows.filter(counts));
  const values = counted.reduce((sum, row) => sum + row.values, 0);
  return {
    counted: counted.length,
    within: counted.filter((row) => row.within).length,
    failed: counted.filter((row) => row.failed).length,
    values,
    worst: counted[0],
  };
}

/**
 * The overall verdict: a state and a sentence.
 *
 * @returns {[state: string, text: string]}
 */
export function verdict(rows, { own, stopped, facts, model }) {
  const { counted, within, failed, values, worst } = tally(rows);
  const partly = stopped ? `Stopped after ${many(counted, "check")}. ` : "";
  if (!own) {
    return [
      "foreign",
      `${partly}These are not the weights that the values belong to: ${model.name} has SHA-256 ${model.sha256}, and the values are of ${facts.model}, ${facts.sha256}. They are shown, but are not expected to agree; ${within} of ${many(counted, "check")} do.`,
    ];
  }
  if (counted === 0) return ["nothing", `${partly}Nothing was checked.`];
  if (within < counted) {
    const broken = failed > 0 ? ` ${many(failed, "of them", "of them")} could not be run.` : "";
    return [
      "differs",
      `${partly}${decimal.format(counted - within)} of ${many(counted, "check")} ${counted - within === 1 ? "differs" : "differ"}.${broken} The worst is ${worst.what}.`,
    ];
  }
  return [
    "agrees",
    `${partly}${many(counted, "check agrees", "checks agree")}, ${many(values, "value")} in all. The worst uses ${percent(used(worst))} of its tolerance: ${worst.what}.`,
  ];
}

/** One line to pass on. */
export function line(rows, { own, version, model, backend }) {
  const { counted, within, values, worst } = tally(rows);
  const share = worst?.within ? ` (${percent(used(worst))} of its tolerance)` : "";
  return [
    `Patchbay ${version ?? "of unknown version"}`,
    `${model.name}, SHA-256 ${model.sha256}${own ? "" : ", not the weights that the values belong to"}`,
    `${backend.name}, ${backend.device}`,
    `${within} of ${counted} checks agree, ${values} values`,
    worst ? `worst difference ${difference(worst)}${share}: ${worst.what}` : "nothing compared",
  ]
    .join("; ")
    .replaceAll(/\s+/g, " ");
}
