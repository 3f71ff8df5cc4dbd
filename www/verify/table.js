// The page's tables.

import { counts, worstFirst } from "./facts.js";
import { allowed, difference, state } from "./words.js";

const COLUMNS = [
  ["What"],
  ["Outcome"],
  ["Expected"],
  ["Found"],
  ["Difference", "number"],
  ["Allowed", "number"],
  ["Source"],
];

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

export function head(table) {
  const title = (/** @type {string[]} */ [textContent, className = ""]) =>
    element("th", { scope: "col", textContent, className });
  table.tHead.rows[0].replaceChildren(...COLUMNS.map(title));
}

/** All rows again, the worst first. */
export function show(table, rows, own) {
  table.tBodies[0].replaceChildren(...worstFirst(rows).map((row) => tableRow(row, own)));
  table.parentElement.hidden = rows.length === 0;
}

function tableRow(row, own) {
  const [kind, words] = state(row, own);
  const what = element("th", { scope: "row", textContent: row.what });
  for (const remark of [row.place, counts(row) ? undefined : row.expectation.approximate]) {
    if (remark) what.append(element("small", { textContent: remark }));
  }
  const outcome = element("td", { textContent: words });
  outcome.dataset.state = kind;
  return element(
    "tr",
    {},
    what,
    outcome,
    element("td", { textContent: row.expected }),
    element("td", { textContent: row.found }),
    element("td", { className: "number", textContent: difference(row) }),
    element("td", { className: "number", textContent: allowed(row) }),
    element("td", { textContent: row.source }),
  );
}

const STATISTICS = {
  top1: "likeliest token is right",
  logit_difference: "mean logit difference",
  probability_difference: "mean probability difference",
  smaller_probability: "probability of the less likely of two right answers",
};

/** The accuracies of a model's card. */
export function showCard(section, card) {
  const number = (x) => (x === null ? "" : String(Number(x.toFixed(3))));
  const row = ({ name, statistic, bos, prompts, value, at_least }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", textContent: name }),
      element("td", { textContent: STATISTICS[statistic] ?? statistic.replaceAll("_", " ") }),
      element("td", { textContent: bos ? "yes" : "no" }),
      element("td", { className: "number", textContent: prompts }),
      element("td", { className: "number", textContent: number(value) }),
      element("td", { className: "number", textContent: number(at_least) }),
    );
  section.querySelector("tbody").replaceChildren(...card.map(row));
  section.hidden = false;
}
