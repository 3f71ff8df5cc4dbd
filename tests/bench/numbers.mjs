// Numbers of a benchmark, and how they are shown.

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const digits = (value, n) => value.toLocaleString('en', { maximumSignificantDigits: n, useGrouping: true });

/** Seconds, as a person reads them. */
export const time = (seconds) => (seconds < 1 ? `${digits(seconds * 1000, 3)} ms` : `${digits(seconds, 3)} s`);

/** A measured length of time: its median, and the least in brackets. */
export const times = (seconds) => `${time(median(seconds))} (${time(Math.min(...seconds))})`;

/** What was planned, and how fast it went: two floating-point operations a multiplication. */
export function planned({ layer_rows, multiplications }, seconds) {
  const parts = [];
  if (layer_rows) parts.push(`${digits(layer_rows, 6)} layer rows`);
  if (multiplications) {
    parts.push(`${digits(multiplications / 1e9, 3)} G multiplications`);
    parts.push(`${digits((2 * multiplications) / 1e9 / median(seconds), 3)} GFLOP/s`);
  }
  return parts.join(', ');
}

/**
 * Prints rows under their headings, each column as wide as it has to be.
 * @param {string[][]} rows the first are the headings
 */
export function printTable(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    );
}
