// What an expectation speaks of, found in the reports of its check's experiments.
// README.md in this folder describes the kinds.

const READINGS = {
  first_token: (reports, { of = 0, run = "clean" }) => reports[of][run].top[0],
  first_logit: (reports, { of = 0, run = "clean" }) => reports[of][run].top[0].logit,
  top: (reports, { of = 0, run = "clean", token }) => probability(reports[of][run].top, token),
  metric: (reports, { of = 0, run = "clean", metric = 0 }) => reports[of][run].metrics?.[metric],
  mean_metric: (reports, { of = 0, run = "clean", metric = 0 }) => reports[of].metrics?.[metric]?.[run],
  mean_loss: (reports, { of = 0 }) => meanLoss(reports[of]),
  continuation: (reports, { of = 0, run = "clean" }) => reports[of][run].continuation,
  sweep: (reports, expectation) => sweep(reports[expectation.of ?? 0], expectation),
  capture: (reports, { of = 0, capture }) => reports[of].captures?.[capture]?.values,
  head_attribution: (reports) => mean(reports.map((report) => report.cell?.look?.head_attribution)),
  mlp_attribution: (reports) => mean(reports.map((report) => report.cell?.look?.mlp_attribution)),
  steered_top: (reports, { of = 0, token }) => probability(reports[of].steer?.samples[0]?.steered[0]?.top, token),
};

/**
 * What was found of an expectation: a number, a grid of numbers, a token or a list of tokens.
 * @throws {Error} where the reports do not hold it, with a sentence
 */
export function read(reports, expectation) {
  const reading = READINGS[expectation.read];
  if (!reading) throw new Error(`This page knows no reading called ${expectation.read}.`);
  const found = reading(reports, expectation);
  if (found === undefined || found === null || Number.isNaN(found)) throw new Error(absence(reports));
  return found;
}

/** Why something is not there, in the engine's own words where it has any. */
function absence(reports) {
  const problems = reports.flatMap((report) => report.reading.problems.filter(({ fatal }) => fatal));
  return problems[0]?.message ?? "The report does not hold this value.";
}

/** Of a token, by its text or its id, among the likeliest ten; 0 where it is not one of them. */
function probability(top, token) {
  const found = top?.find(({ id, text }) => (typeof token === "number" ? id === token : text === token));
  return top && (found?.probability ?? 0);
}

function sweep(report, { sweep = 0, metric = 0, normalised = false, row, column }) {
  const grid = report.sweeps?.[sweep]?.values?.[metric];
  const { clean, corrupted } = report.metrics?.[metric] ?? {};
  if (!grid || clean === undefined) return undefined;
  const value = (x) => (x === null || !normalised ? x : (x - corrupted) / (clean - corrupted));
  return row === undefined ? grid.map((cells) => cells.map(value)) : value(grid[row]?.[column] ?? NaN);
}

/** Mean of minus the log probability of each next token, in nats. */
function meanLoss(report) {
  const captured = report.captures?.find(({ site, run }) => site === "logits" && run === "clean");
  if (!captured) return undefined;
  const [positions, vocabulary] = captured.shape;
  const tokens = report.reading.clean;
  let sum = 0;
  for (let position = 0; position + 1 < positions; position++) {
    const logits = captured.values.slice(position * vocabulary, (position + 1) * vocabulary);
    const largest = logits.reduce((a, b) => Math.max(a, b));
    const total = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
    sum += largest + Math.log(total) - logits[tokens[position + 1].id];
  }
  return sum / (positions - 1);
}

/** Of numbers or of grids of one shape; nothing where one is missing. */
function mean(all) {
  if (all.some((one) => one === undefined)) return undefined;
  if (!Array.isArray(all[0])) return all.reduce((a, b) => a + b, 0) / all.length;
  return all[0].map((_, i) => mean(all.map((one) => one?.[i])));
}
