// An expectation beside what was found: how far apart, and in which words.

const SIGNIFICANT = 6;

const show = (x) => (Number.isFinite(x) ? String(Number(x.toPrecision(SIGNIFICANT))) : "nothing");

/**
 * @typedef {object} Comparison
 * @property {string} expected
 * @property {string} found
 * @property {number} difference 0 for tokens that are the same, infinite for others
 * @property {boolean} within whether it is as far apart as is allowed, or less
 * @property {string} [place] where the worst of several values is
 * @property {number} values how many were compared
 */

/** @returns {Comparison} */
export function compare(expectation, found) {
  if (expectation.read === "continuation") return continuations(expectation.value, found);
  if (expectation.read === "first_token") return tokens(expectation.value, found);
  return numbers(expectation, found);
}

function tokens(expected, found) {
  const same = found.id === expected;
  return {
    expected: `token ${expected}`,
    found: `token ${found.id}, “${found.text}”`,
    ...verdict(same),
  };
}

/** As text, of which the expected may be the beginning, or as token ids. */
function continuations(expected, found) {
  const text = found.map((token) => token.text).join("");
  if (typeof expected === "string") {
    return { expected: `“${expected}”`, found: `“${text}”`, ...verdict(text.startsWith(expected)) };
  }
  const apart = expected.findIndex((id, i) => found[i]?.id !== id);
  return {
    expected: `tokens ${expected.join(" ")}`,
    found: `tokens ${found.map(({ id }) => id).join(" ")}, “${text}”`,
    ...(apart >= 0 && { place: `other from token ${apart + 1} on` }),
    ...verdict(apart < 0),
  };
}

const verdict = (same) => ({ difference: same ? 0 : Infinity, within: same, values: 1 });

function numbers({ value, tolerance, axes = [] }, found) {
  const [all, others] = [flat(value), flat(found)];
  const shapes = [shape(value), shape(found)];
  if (shapes[0] !== shapes[1]) {
    return { expected: shapes[0], found: shapes[1], difference: Infinity, within: false, values: all.length };
  }
  const differences = all.map((x, i) => apart(x.value, others[i].value));
  const worst = differences.reduce((worst, x, i) => (x > differences[worst] ? i : worst), 0);
  const place = all[worst].path.map((i, axis) => `${axes[axis] ?? "index"} ${i}`).join(", ");
  return {
    expected: show(all[worst].value),
    found: show(others[worst].value),
    difference: differences[worst],
    within: differences[worst] <= tolerance,
    ...(all.length > 1 && { place: `${all.length} values, the worst at ${place}` }),
    values: all.length,
  };
}

/** How far apart two numbers are; a missing one is as far as can be, two missing ones agree. */
function apart(a, b) {
  if (a === null && b === null) return 0;
  const difference = Math.abs(a - b);
  return a === null || b === null || Number.isNaN(difference) ? Infinity : difference;
}

function flat(value, path = []) {
  return Array.isArray(value) ? value.flatMap((x, i) => flat(x, [...path, i])) : [{ value, path }];
}

function shape(value) {
  const sizes = [];
  for (let x = value; Array.isArray(x); x = x[0]) sizes.push(x.length);
  return sizes.length ? `${sizes.join(" × ")} values` : "one value";
}
