import { load } from "./patchbay.js";

const engine = await load({ model: "mini" });
const report = await engine.run({
  clean: "When John and Mary went to the store, John gave a bottle to",
  corrupted: "When Bob and Mary went to the store, John gave a bottle to",
  metrics: [{ kind: "logit_difference", answer: " Mary", wrong: " Bob" }],
  sweeps: [{ site: "resid_pre", mode: "denoising" }],
});
const [sweep] = report.sweeps ?? [];
if (!sweep) throw new Error(report.reading.problems.map(({ message }) => message).join(" "));
const rows = sweep.values[0].map((row, layer) => [`${layer}`, ...row.map((value) => value?.toFixed(2) ?? "")]);
for (const cells of [["layer", ...report.reading.clean.map((token) => token.text)], ...rows]) {
  const row = /** @type {HTMLTableElement} */ (document.querySelector("table")).insertRow();
  for (const cell of cells) row.insertCell().textContent = cell;
}
